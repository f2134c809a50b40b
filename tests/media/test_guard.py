"""The published ways around an address check, by name, and properties of the parser."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.media.guard import (
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

REFUSED = {
    "01-loopback": ["http://127.0.0.1/"],
    "02-loopback-end": ["http://127.255.255.254/"],
    "03-unspecified": ["http://0.0.0.0/"],
    "04-zero": ["http://0/", "http://00/"],
    "05-two-parts": ["http://127.1/"],
    "06-three-parts": ["http://127.0.1/"],
    "07-decimal": ["http://2130706433/"],
    "08-hex": ["http://0x7f000001/", "http://0X7F000001/"],
    "09-hex-part": ["http://0x7f.0.0.1/", "http://127.0.0.0x1/", "http://127.0.0.0x/"],
    "10-octal-part": ["http://0177.0.0.1/"],
    "11-octal": ["http://017700000001/"],
    "12-octal-two-parts": ["http://0177.1/"],
    "13-octal-padded": ["http://0000177.0.0.1/"],
    "14-metadata-decimal": ["http://2852039166/"],
    "15-metadata-hex": ["http://0xa9fea9fe/"],
    "16-metadata-octal": ["http://0251.0376.0251.0376/"],
    "18-out-of-range": ["http://256.256.256.256/", "http://4294967297/"],
    "19-trailing-dot": ["http://127.0.0.1./", "http://8.8.8.8./"],
    "20-localhost": ["http://localhost/", "http://LOCALHOST/", "http://localhost./", "http://a.localhost/"],
    "22-ideographic-dots": ["http://127。0。0。1/", "http://8．8．8．8/", "http://example｡com/"],
    "23-circled-digits": ["http://⑯⑨｡②⑤④｡⑯⑨｡②⑤④/", "http://⑧.⑧.⑧.⑧/", "http://１２７.0.0.1/"],
    "25-v6-loopback": ["http://[::1]/"],
    "26-v6-unspecified": ["http://[::]/"],
    "27-mapped": ["http://[::ffff:127.0.0.1]/", "http://[::ffff:7f00:1]/"],
    "28-mapped-long": ["http://[0:0:0:0:0:ffff:169.254.169.254]/"],
    "29-compatible": ["http://[::127.0.0.1]/"],
    "31-nat64": ["http://[64:ff9b::a9fe:a9fe]/", "http://[64:ff9b:1::a9fe:a9fe]/"],
    "32-nat64-volcengine": ["http://[64:ff9b::6460:60]/"],
    "34-6to4": ["http://[2002:7f00:1::]/"],
    "35-6to4-volcengine": ["http://[2002:6460:60::1]/"],
    "35-6to4-public": ["https://[2002:808:808::1]/"],  # so for every release of Python's own tables
    "36-teredo": ["http://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/"],
    "37-link-local": ["http://[fe80::1]/", "http://[fe80::1%25eth0]/", "http://[fe80::1%eth0]/"],
    "38-site-local": ["http://[fec0::1]/"],
    "39-unique-local": ["http://[fc00::1]/", "http://[fd00:ec2::254]/", "http://[fd20:ce::254]/"],
    "40-multicast": ["http://[ff02::1]/", "http://224.0.0.1/", "http://239.255.255.250/"],
    "41-reserved-v6": [
        "http://[3fff::1]/",
        "http://[5f00::1]/",
        "http://[100::1]/",
        "http://[100:0:0:1::1]/",
        "http://[2001:db8::1]/",
        "http://[2620:4f:8000::1]/",
        "http://[4000::1]/",
    ],
    "42-private": ["http://10.0.0.1/", "http://172.16.0.1", "http://172.31.255.255", "http://192.168.0.1"],
    "44-shared": ["http://100.64.0.1/"],
    "45-volcengine": ["http://100.96.0.96/latest"],
    "46-alibaba": ["http://100.100.100.200/"],
    "48-metadata": ["http://169.254.169.254/"],
    "49-metadata-others": ["http://169.254.0.23/", "http://169.254.170.2/"],
    "50-azure": ["http://168.63.129.16/"],
    "oracle": ["http://192.0.0.192/"],
    "52-anycast": ["http://192.88.99.1", "http://192.31.196.1", "http://192.52.193.1", "http://192.175.48.1"],
    "53-documentation": [
        "http://198.18.0.1",
        "http://192.0.2.1",
        "http://198.51.100.1",
        "http://203.0.113.1",
    ],
    "54-reserved-v4": ["http://240.0.0.1", "http://255.255.255.255"],
    "67-userinfo": ["http://example.com@127.0.0.1/", "http://127.0.0.1@example.com/", "http://@example.com/"],
    "68-userinfo-port": ["http://example.com:80@127.0.0.1:22/"],
    "69-backslash": ["http://example.com\\@127.0.0.1/", "http://example.com\\\\@127.0.0.1/"],
    "70-backslash-first": ["http://127.0.0.1\\@example.com/", "http://example.com/a\\b"],
    "71-delimiters": ["http://127.0.0.1#@example.com/", "http://127.0.0.1?@example.com/"],
    "73-percent": [
        "http://example.com%00.127.0.0.1/",
        "http://localhost%00.example.com/",
        "http://%31%32%37.0.0.1/",
    ],
    "74-control": [
        "http://127.0.0.1\r\nX: y/",
        "http://exa\tmple.com/",
        " http://example.com/",
        "http://example.com/\n",
        "http://example.com/a b",
        "http://example.com/\u2028",
        "http://example.com/\udcff",
    ],
    "75-brackets": [
        "http://[127.0.0.1]/",
        "http://[v1.x]/",
        "http://foo@[::1]@example.com/",
        "http://[::1/",
        "http://a[b]/",
    ],
    "76-no-authority": [
        "http:/127.0.0.1/",
        "http:127.0.0.1",
        "http:///127.0.0.1/",
        "//127.0.0.1/",
        "",
        "http://",
        "http://:80/",
        "http://./",
    ],
    "77-ports": [
        f"http://example.com:{port}/"
        for port in ("22", "25", "6379", "9200", "0", "65536", "80:80", "", "-1", "99999999", "８０")
    ],
    "79-schemes": [
        "file:///etc/passwd",
        "FiLe:///etc/passwd",
        "gopher://example.com/",
        "dict://example.com/",
        "ftp://example.com/",
        "ldap://example.com/",
        "jar:http://example.com/!/",
        "ws://example.com/",
        "unix:/run/docker.sock",
        "data:image/png;base64,AAAA",
        "javascript:alert(1)",
        "HTTP+UNIX://%2Frun%2Fdocker.sock/",
    ],
    "81-names": [
        f"http://{'a' * 64}.com/",
        f"http://{'a.' * 150}com/",
        "http://xn--a.com/",
        "http://a..b/",
        "http://-a.com/",
        "http://a\u200db.com/",
        "http://a!b.com/",
    ],
    "length": ["http://example.com/" + "a" * 10_000],
}
ALLOWED = {
    "43-beside-private": ["http://172.32.0.1/", "http://172.15.255.255/"],
    "47-beside-shared": ["http://100.63.255.255/", "http://100.128.0.1/"],
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


def each(cases: dict[str, list[str]]) -> list[object]:
    return [
        pytest.param(url, id=f"case-{name}-{i}") for name, urls in cases.items() for i, url in enumerate(urls)
    ]


@pytest.mark.parametrize("url", each(REFUSED))
def test_refused(url: str) -> None:
    with pytest.raises(Refused):
        parse_remote(url, allow=NOBODY)


@pytest.mark.parametrize("url", each(ALLOWED))
def test_allowed(url: str) -> None:
    remote = parse_remote(url, allow=NOBODY)
    assert remote == parse_remote(remote.url, allow=NOBODY)


ODD_NUMBERS = [name for name in REFUSED if "04" <= name[:2] <= "19" and name[:2] != "14"]


@pytest.mark.parametrize("url", [url for name in ODD_NUMBERS for url in REFUSED[name]])
def test_odd_numbers_stay_refused_for_an_open_list(url: str) -> None:
    with pytest.raises(Refused):
        parse_remote(url, allow=AllowList.parse(["0.0.0.0/0", "::/0"]))


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


HERE = "https://cdn.example.com/a/b.png?sig=1"


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
