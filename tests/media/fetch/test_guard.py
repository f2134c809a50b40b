"""What the parser makes of URLs and of the operator's list. The ways around it stand in test_ssrf_table."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from gateway.media.fetch.guard import (
    METADATA,
    AddressRefused,
    AllowList,
    Refused,
    check_address,
    embedded,
    is_public,
    parse_redirect,
    parse_remote,
    redact,
)

NOBODY = AllowList()

ALLOWED = {
    "public-v6": [
        "http://[2606:4700:4700::1111]/",
        "https://[64:ff9b::808:808]/",
    ],
    "names": [
        "https://example.com",
        "HTTPS://EXAMPLE.COM:443/a.png?b#c",
        "http://my_bucket.r3---sn.example.com./",
    ],
    "chinese": ["https://例子.中国/图片.png?名=值"],
}


@pytest.mark.parametrize("url", [url for urls in ALLOWED.values() for url in urls])
def test_allowed(url: str) -> None:
    remote = parse_remote(url, allow=NOBODY)
    assert remote == parse_remote(remote.url, allow=NOBODY)


def test_too_long() -> None:
    with pytest.raises(Refused, match="has 10019 characters, over the limit of 8192"):
        parse_remote("http://example.com/" + "a" * 10_000, allow=NOBODY)


def test_parts() -> None:
    remote = parse_remote("HTTP://Bücher.Example./a%20b/ü?x=%2F&sig=a|b#top", allow=NOBODY)
    assert (remote.scheme, remote.host, remote.port, remote.address) == (
        "http",
        "xn--bcher-kva.example",
        80,
        None,
    )
    assert remote.target == "/a%20b/%C3%BC?x=%2F&sig=a%7Cb"
    assert "sig" not in repr(remote)


def test_sharp_s_is_one_host_for_check_and_dial() -> None:
    assert parse_remote("http://straße.de/", allow=NOBODY).host == "xn--strae-oqa.de"


PUBLIC = ("8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "2400:3200::1")


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_pass(address: str) -> None:
    check_address(ip_address(address), allow=NOBODY, host="example.com", port=443)


PRIVATE = st.sampled_from(
    [
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "0.0.0.0/8",
    ]
)
FORMS = {
    "compatible": int,
    "mapped": lambda v4: 0xFFFF << 32 | int(v4),
    "translated": lambda v4: 0xFFFF << 48 | int(v4),
    "nat64": lambda v4: 0x64FF9B << 96 | int(v4),
    "nat64-local": lambda v4: 0x64FF9B0001 << 80 | int(v4),
    "6to4": lambda v4: 0x2002 << 112 | int(v4) << 80 | 1,
    "teredo-client": lambda v4: 0x20010000 << 96 | 0x08080808 << 64 | int(v4) ^ 0xFFFFFFFF,
    "teredo-server": lambda v4: 0x20010000 << 96 | int(v4) << 64 | 0x08080808 ^ 0xFFFFFFFF,
    "isatap": lambda v4: 0x26064700 << 96 | 0x5EFE << 32 | int(v4),
    "isatap-universal": lambda v4: 0x26064700 << 96 | 0x2005EFE << 32 | int(v4),
}


@st.composite
def private_v4(draw: st.DrawFn) -> IPv4Address:
    network = IPv4Network(draw(PRIVATE))
    return network[draw(st.integers(0, network.num_addresses - 1))]


@pytest.mark.parametrize("form", FORMS)
@given(v4=private_v4())
def test_a_private_address_is_refused_in_every_embedding(form: str, v4: IPv4Address) -> None:
    address = IPv6Address(FORMS[form](v4))
    with pytest.raises(AddressRefused):
        check_address(address, allow=NOBODY, host="example.com", port=443)
    with pytest.raises(AddressRefused):
        parse_remote(f"https://[{address}]/", allow=NOBODY)


@pytest.mark.parametrize("form", FORMS)
@given(number=st.integers(2, 2**32 - 1))
def test_every_embedding_is_seen(form: str, number: int) -> None:
    assert IPv4Address(number) in set(embedded(IPv6Address(FORMS[form](number))))


@given(st.one_of(st.text(), st.text().map("http://{}".format), st.from_regex(r"https?://[^/]{0,30}/?.*")))
def test_random_text_parses_or_is_refused(text: str) -> None:
    try:
        remote = parse_remote(text, allow=NOBODY)
    except Refused:
        return
    assert remote.url.isascii()
    assert remote.address is None or is_public(remote.address)
    assert parse_remote(remote.url, allow=NOBODY) == remote


@given(st.one_of(st.text().map("http://h.example{}".format), st.from_regex(r"https?://[^/]{0,30}/?.*")))
def test_the_client_dials_what_was_read(text: str) -> None:
    try:
        remote = parse_remote(text, allow=NOBODY)
    except Refused:
        return
    url = URL(remote.url, encoded=True)
    assert (url.scheme, url.raw_host, url.port) == (remote.scheme, remote.host, remote.port)
    assert url.raw_path_qs in (remote.target, remote.target.removesuffix("?"))  # it leaves an empty query out
    assert (url.raw_user, url.raw_password) == (None, None)


HERE = "https://cdn.example.com/a/b.png?sig=1"


@given(st.text() | st.text(alphabet="/\\:@[]?#.a1%;"))
def test_any_location_is_read_or_refused(location: str) -> None:
    here = parse_remote(HERE, allow=NOBODY)
    try:
        following = parse_redirect(here, location, allow=NOBODY)
    except Refused:
        return
    assert following == parse_remote(following.url, allow=NOBODY)
    assert following.scheme == "https"


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("c.png", "https://cdn.example.com:443/a/c.png"),
        ("/c.png", "https://cdn.example.com:443/c.png"),
        ("../c.png", "https://cdn.example.com:443/c.png"),
        ("?sig=2", "https://cdn.example.com:443/a/b.png?sig=2"),
        ("/..//evil.example/x", "https://cdn.example.com:443/evil.example/x"),
        ("//other.example/c", "https://other.example:443/c"),
        ("https://other.example/c", "https://other.example:443/c"),
        ("/图.png", "https://cdn.example.com:443/%E5%9B%BE.png"),
    ],
)
def test_redirect_is_relative_to_its_sender(location: str, url: str) -> None:
    here = parse_remote(HERE, allow=NOBODY)
    assert parse_redirect(here, location, allow=NOBODY).url == url


@pytest.mark.parametrize(
    "location",
    [
        "//169.254.169.254/",
        "http://127.0.0.1/",
        "http://cdn.example.com/",  # from https
        "\\\\127.0.0.1\\",
        "/a\\b",
        "https://u:p@other.example/",
        "file:///etc/passwd",
        "https:c.png",
        "//[/",
        "///etc/passwd",
        "https://other.example:22/",
        "",
    ],
)
def test_redirect_is_read_from_the_top(location: str) -> None:
    here = parse_remote(HERE, allow=NOBODY)
    if location:
        with pytest.raises(Refused):
            parse_redirect(here, location, allow=NOBODY)
    else:
        assert parse_redirect(here, location, allow=NOBODY) == here


def test_listed_name_opens_private_addresses_and_ports() -> None:
    allow = AllowList.parse(["MinIO.corp.", "localhost"])
    remote = parse_remote("http://minio.corp:9000/a.png", allow=allow)
    check_address(ip_address("10.0.0.5"), allow=allow, host=remote.host, port=remote.port)
    check_address(ip_address("::1"), allow=allow, host="localhost", port=8080)
    assert parse_remote("http://localhost:8080/", allow=allow).host == "localhost"
    with pytest.raises(Refused):
        parse_remote("http://10.0.0.5/", allow=allow)
    with pytest.raises(Refused):
        check_address(ip_address("10.0.0.5"), allow=allow, host="other.corp", port=80)


@pytest.mark.parametrize("address", sorted(map(str, METADATA)))
def test_neither_name_nor_range_opens_metadata(address: str) -> None:
    allow = AllowList.parse(["minio.corp", "0.0.0.0/0", "::/0"])
    with pytest.raises(AddressRefused):
        check_address(ip_address(address), allow=allow, host="minio.corp", port=80)
    check_address(ip_address(address), allow=AllowList.parse([address]), host="minio.corp", port=80)


def test_listed_range_opens_its_addresses_only() -> None:
    allow = AllowList.parse(["10.1.0.0/16", "fd12::/16"])
    assert parse_remote("http://10.1.2.3:9000/", allow=allow).address == ip_address("10.1.2.3")
    assert parse_remote("http://[fd12::1]:9000/", allow=allow).port == 9000
    with pytest.raises(Refused):
        parse_remote("http://10.2.0.1/", allow=allow)
    with pytest.raises(Refused):
        parse_remote("http://8.8.8.8:9000/", allow=allow)


def test_odd_port_of_a_name_waits_for_its_address() -> None:
    allow = AllowList.parse(["10.1.0.0/16"])
    remote = parse_remote("http://minio.corp:9000/", allow=allow)
    check_address(ip_address("10.1.2.3"), allow=allow, host=remote.host, port=remote.port)
    with pytest.raises(AddressRefused):
        check_address(ip_address("8.8.8.8"), allow=allow, host=remote.host, port=remote.port)


@pytest.mark.parametrize(
    "entry", ["10.0.0.1/8", "http://minio.corp", "minio:9000", "*.corp", "", "a/b", "127.1"]
)
def test_bad_entry_is_named(entry: str) -> None:
    with pytest.raises(ValueError, match="neither a host name nor a CIDR range"):
        AllowList.parse([entry])


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://host/a.png?X-Amz-Signature=secret", "https://host/a.png?…"),
        ("https://user:secret@host:8080/a.png", "https://host:8080/a.png"),
        ("https://user:secret\\@host/a", "https://host/a"),
        ("https://host/a#secret", "https://host/a?…"),
        ("https://host/x?u=http://secret@h/", "https://host/x?…"),
        ("https://user:sec/ret@host/a", "…"),
        ("https://user:sec?ret@host/a", "…"),
        ("user:secret@host/a", "…"),
        ("https://host/a\nb", "https://host/a\ufffdb"),
        ("http://[::1]:8080/a?b", "http://[::1]:8080/a?…"),
        ("https://host/" + "a" * 300, "https://host/" + "a" * 187 + "…"),
    ],
)
def test_redact(url: str, shown: str) -> None:
    assert redact(url) == shown


@given(st.text())
def test_redact_takes_anything(text: str) -> None:
    assert redact(text).isprintable()
