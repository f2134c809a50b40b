"""The table of ways around an address check, row by row: what must stop before a lookup, and what after it.

The rows keep the numbers of the published table. Rows that take a server to show stand in test_ssrf_rows.
"""

import sys
from collections.abc import Iterator
from ipaddress import ip_address

import pytest

from gateway.media.fetch.fetcher import UNREACHABLE
from gateway.media.fetch.guard import Refused
from gateway.media.fetch.remote import FetchFailed
from tests.media.fetch.servers import OK, Names, World, reason_of, redirect

PORTS = ("22", "25", "6379", "9200", "0", "65536", "80:80", "", "-1", "99999999", "８０")

# Refused as they are read: nobody is asked about a name, nothing is dialled.
REFUSED: dict[int, list[str]] = {
    1: ["http://127.0.0.1/"],
    2: ["http://127.255.255.254/"],
    3: ["http://0.0.0.0/"],
    4: ["http://0/", "http://00/"],
    5: ["http://127.1/"],
    6: ["http://127.0.1/"],
    7: ["http://2130706433/"],
    8: ["http://0x7f000001/", "http://0X7F000001/"],
    9: ["http://0x7f.0.0.1/", "http://127.0.0.0x1/", "http://127.0.0.0x/"],
    10: ["http://0177.0.0.1/"],
    11: ["http://017700000001/"],
    12: ["http://0177.1/"],
    13: ["http://0000177.0.0.1/"],
    14: ["http://2852039166/"],
    15: ["http://0xa9fea9fe/"],
    16: ["http://0251.0376.0251.0376/"],
    18: ["http://256.256.256.256/", "http://4294967297/"],
    19: ["http://127.0.0.1./", "http://8.8.8.8./"],
    20: ["http://localhost/", "http://LOCALHOST/", "http://localhost./", "http://a.localhost/"],
    22: ["http://127。0。0。1/", "http://8．8．8．8/", "http://example｡com/"],
    23: ["http://⑯⑨｡②⑤④｡⑯⑨｡②⑤④/", "http://⑧.⑧.⑧.⑧/", "http://１２７.0.0.1/"],
    25: ["http://[::1]/"],
    26: ["http://[::]/"],
    27: ["http://[::ffff:127.0.0.1]/", "http://[::ffff:7f00:1]/"],
    28: ["http://[0:0:0:0:0:ffff:169.254.169.254]/"],
    29: ["http://[::127.0.0.1]/"],
    31: ["http://[64:ff9b::a9fe:a9fe]/", "http://[64:ff9b:1::a9fe:a9fe]/"],
    32: ["http://[64:ff9b::6460:60]/"],
    34: ["http://[2002:7f00:1::]/"],
    35: ["http://[2002:6460:60::1]/", "https://[2002:808:808::1]/"],
    36: ["http://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/"],
    37: ["http://[fe80::1]/", "http://[fe80::1%25eth0]/", "http://[fe80::1%eth0]/"],
    38: ["http://[fec0::1]/"],
    39: ["http://[fc00::1]/", "http://[fd00:ec2::254]/", "http://[fd20:ce::254]/"],
    40: ["http://[ff02::1]/", "http://224.0.0.1/", "http://239.255.255.250/"],
    41: [
        "http://[3fff::1]/",
        "http://[5f00::1]/",
        "http://[100::1]/",
        "http://[100:0:0:1::1]/",
        "http://[2001:db8::1]/",
        "http://[2620:4f:8000::1]/",
        "http://[4000::1]/",
    ],
    42: ["http://10.0.0.1/", "http://172.16.0.1", "http://172.31.255.255", "http://192.168.0.1"],
    44: ["http://100.64.0.1/"],
    45: ["http://100.96.0.96/latest"],
    46: ["http://100.100.100.200/"],
    48: ["http://169.254.169.254/"],
    49: ["http://169.254.0.23/", "http://169.254.170.2/"],
    50: ["http://168.63.129.16/", "http://192.0.0.192/"],
    52: ["http://192.88.99.1", "http://192.31.196.1", "http://192.52.193.1", "http://192.175.48.1"],
    53: ["http://198.18.0.1", "http://192.0.2.1", "http://198.51.100.1", "http://203.0.113.1"],
    54: ["http://240.0.0.1", "http://255.255.255.255"],
    67: ["http://example.com@127.0.0.1/", "http://127.0.0.1@example.com/", "http://@example.com/"],
    68: ["http://example.com:80@127.0.0.1:22/"],
    69: ["http://example.com\\@127.0.0.1/", "http://example.com\\\\@127.0.0.1/"],
    70: ["http://127.0.0.1\\@example.com/", "http://example.com/a\\b"],
    71: ["http://127.0.0.1#@example.com/", "http://127.0.0.1?@example.com/"],
    73: ["http://example.com%00.127.0.0.1/", "http://localhost%00.example.com/", "http://%31%32%37.0.0.1/"],
    74: [
        "http://127.0.0.1\r\nX: y/",
        "http://exa\tmple.com/",
        " http://example.com/",
        "http://example.com/\n",
        "http://example.com/a b",
        "http://example.com/\u2028",
        "http://example.com/\udcff",
    ],
    75: [
        "http://[127.0.0.1]/",
        "http://[v1.x]/",
        "http://foo@[::1]@example.com/",
        "http://[::1/",
        "http://a[b]/",
    ],
    76: [
        "http:/127.0.0.1/",
        "http:127.0.0.1",
        "http:///127.0.0.1/",
        "//127.0.0.1/",
        "",
        "http://",
        "http://:80/",
        "http://./",
    ],
    77: [f"http://example.com:{port}/" for port in PORTS],
    79: [
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
    81: [
        f"http://{'a' * 64}.com/",
        f"http://{'a.' * 150}com/",
        "http://xn--a.com/",
        "http://a..b/",
        "http://-a.com/",
        "http://a\u200db.com/",
        "http://a!b.com/",
    ],
}

# Looked up, and refused by the answers.
RESOLVED: dict[int, dict[str, list[str]]] = {
    55: {"inside.test": ["10.0.0.5"], "loopback.test": ["127.0.0.1"]},
    56: {"mixed.test": ["8.8.8.8", "127.0.0.1"], "mixed-first.test": ["127.0.0.1", "8.8.8.8"]},
    57: {"six.test": ["8.8.8.8", "::1"], "nat64.test": ["8.8.8.8", "64:ff9b::7f00:1"]},
    58: {"metadata.google.internal": ["169.254.169.254"], "127.0.0.1.nip.io": ["127.0.0.1"]},
    78: {"gateway.example": ["127.0.0.1"]},
}

# Beside what is refused: dialled.
PUBLIC = {43: ["172.32.0.1", "172.15.255.255"], 47: ["100.63.255.255", "100.128.0.1"]}


class Tripwire:
    """Every connection that this process attempts, told by the interpreter; none leaves the machine."""

    def __init__(self) -> None:
        self.dialled: list[tuple[str, int]] | None = None

    def __call__(self, event: str, arguments: tuple[object, ...]) -> None:
        if event != "socket.connect" or self.dialled is None:
            return
        address = arguments[1]
        assert isinstance(address, tuple)
        self.dialled.append(address[:2])
        if not ip_address(address[0]).is_loopback:
            raise ConnectionRefusedError


@pytest.fixture(scope="module")
def tripwire() -> Tripwire:
    tripwire = Tripwire()
    sys.addaudithook(tripwire)
    return tripwire


@pytest.fixture
def dialled(tripwire: Tripwire) -> Iterator[list[tuple[str, int]]]:
    tripwire.dialled = []
    yield tripwire.dialled
    tripwire.dialled = None


Dialled = list[tuple[str, int]]


def name(row: int, expected: str, text: str) -> str:
    return f"{row:02}-{expected}-{text.encode('ascii', 'backslashreplace').decode()[:60]}"


REFUSED_URLS = [pytest.param(url, id=name(row, "B", url)) for row, urls in REFUSED.items() for url in urls]
# As a Location, text with spaces, tabs or line breaks would be another one by the time that it arrives.
LOCATIONS = [
    pytest.param(url, id=name(62, "R", url))
    for row, urls in REFUSED.items()
    for url in urls
    if row != 74 and url.strip()
]


async def test_the_tripwire_sees_what_is_dialled(world: World, dialled: Dialled) -> None:
    canary = await world.server(OK)
    await world.fetcher().fetch(f"http://127.0.0.1:{canary.port}/")
    assert (dialled, len(canary.requests)) == ([("127.0.0.1", canary.port)], 1)


@pytest.mark.parametrize("url", REFUSED_URLS)
async def test_refused_unasked(world: World, dialled: Dialled, url: str) -> None:
    names = Names()
    with pytest.raises(FetchFailed) as failed:
        await world.fetcher(resolver=names, allow="").fetch(url)
    assert isinstance(failed.value.__cause__, Refused)
    assert (names.asked, dialled) == ([], [])


@pytest.mark.parametrize("location", LOCATIONS)
async def test_refused_as_a_location(world: World, dialled: Dialled, location: str) -> None:
    names = Names(sender_corp=[["127.0.0.9"]])
    server = await world.server(redirect(location), host="127.0.0.9")
    with pytest.raises(FetchFailed) as failed:
        await world.fetcher(resolver=names, allow="sender.corp").fetch(f"http://sender.corp:{server.port}/")
    assert isinstance(failed.value.__cause__, Refused)
    assert (names.asked, dialled) == (["sender.corp"], [("127.0.0.9", server.port)])


@pytest.mark.parametrize(
    "url",
    [pytest.param(url, id=name(row, "B", url)) for row in REFUSED if 4 <= row <= 19 for url in REFUSED[row]],
)
async def test_odd_numbers_stay_refused_for_an_open_list(world: World, dialled: Dialled, url: str) -> None:
    names = Names()
    reason = await reason_of(world.fetcher(resolver=names, allow="0.0.0.0/0 ::/0").fetch(url))
    assert reason == "the host of the URL is a number that is no canonical IPv4 address"
    assert (names.asked, dialled) == ([], [])


@pytest.mark.parametrize(
    ("host", "addresses"),
    [
        pytest.param(host, addresses, id=name(row, "R", host))
        for row, names in RESOLVED.items()
        for host, addresses in names.items()
    ],
)
async def test_refused_by_its_addresses(
    world: World, dialled: Dialled, host: str, addresses: list[str]
) -> None:
    canary = await world.server(OK)
    names = Names()
    names.names[host] = [addresses]
    fetcher = world.fetcher(
        resolver=names, allow="8.8.8.8"
    )  # any listed address has odd ports wait for the lookup
    for port in (80, canary.port):
        assert await reason_of(fetcher.fetch(f"http://{host}:{port}/")) == UNREACHABLE
    assert (names.asked, dialled, canary.requests) == ([host, host], [], [])


@pytest.mark.parametrize(
    "address",
    [pytest.param(address, id=name(row, "OK", address)) for row in PUBLIC for address in PUBLIC[row]],
)
async def test_dialled(world: World, dialled: Dialled, address: str) -> None:
    names = Names()
    names.names["public.test"] = [[address]]
    for host in (address, "public.test"):
        fetch = world.fetcher(resolver=names, allow="").fetch(f"http://{host}/")
        assert await reason_of(fetch) == UNREACHABLE  # the tripwire cut it
    assert dialled == [(address, 80)] * 2
