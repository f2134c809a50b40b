"""What may be fetched: one reading of a URL and one verdict on an address. Pure.

The parser refuses whatever two parsers would read differently. The address policy refuses all that is not plainly
public: `ipaddress` alone calls tunnels to private addresses and some metadata services global.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import quote, urljoin

import idna

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

DEFAULT_PORTS = {"http": 80, "https": 443}
MAX_URL_LENGTH = 8192
MAX_NAME_LENGTH = 253
MAX_SHOWN = 200

# Refused although some releases of `ipaddress` call them, or parts of them, global.
DENIED = tuple(
    map(
        ip_network,
        (
            "100.64.0.0/10",  # shared address space; the metadata of Volcengine and Alibaba
            "168.63.129.16/32",  # Azure's platform service
            "192.0.0.0/24",  # protocol assignments; the metadata of Oracle at .192
            "192.31.196.0/24",  # AS112
            "192.52.193.0/24",  # AMT relays
            "192.88.99.0/24",  # 6to4 relays
            "192.175.48.0/24",  # AS112
            "100:0:0:1::/64",  # dummy prefix
            "2001::/23",  # protocol assignments, Teredo among them
            "2002::/16",  # 6to4, deprecated by RFC 7526
            "2620:4f:8000::/48",  # AS112
            "3fff::/20",  # documentation
            "5f00::/16",  # segment routing
            "fec0::/10",  # site-local
        ),
    )
)
GLOBAL_V6 = (IPv6Network("2000::/3"), IPv6Network("64:ff9b::/96"))

# Credentials live here: neither a listed name nor a listed range opens these, only the very address.
METADATA = frozenset(
    map(
        ip_address,
        (
            "100.96.0.96",
            "100.100.100.200",
            "168.63.129.16",
            "169.254.0.23",
            "169.254.169.254",
            "169.254.170.2",
            "192.0.0.192",
            "fd00:ec2::254",
            "fd20:ce::254",
        ),
    )
)
INTRANET = tuple(
    map(
        ip_network,
        (
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "172.16.0.0/12",
            "192.168.0.0/16",
            "::1/128",
            "fc00::/7",
        ),
    )
)

# An IPv4 address inside an IPv6 one: the prefix, where its last bit stands, whether its bits are inverted.
EMBEDDINGS = (
    (IPv6Network("::/96"), 0, False),  # compatible
    (IPv6Network("::ffff:0:0/96"), 0, False),  # mapped
    (IPv6Network("::ffff:0:0:0/96"), 0, False),  # translated, RFC 2765
    (IPv6Network("64:ff9b::/96"), 0, False),  # NAT64
    (IPv6Network("64:ff9b:1::/48"), 0, False),  # NAT64 of a local network, RFC 8215
    (IPv6Network("2002::/16"), 80, False),  # 6to4
    (IPv6Network("2001::/32"), 64, False),  # Teredo: the server
    (IPv6Network("2001::/32"), 0, True),  # Teredo: the client
)

_FORBIDDEN = re.compile(r"[\x00-\x20\x7f-\x9f\\\s\ud800-\udfff]")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_URL = re.compile(
    r"https?://(?P<authority>[^/?#]*)(?P<path>[^?#]*)(?P<query>\?[^#]*)?(?:#.*)?", re.IGNORECASE
)
_SHOWN = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)(?:[^/?#]*@)?(?P<authority>[^/?#@]*)(?P<path>[^?#]*)(?P<more>[?#])?"
)
_AUTHORITY = re.compile(r"(?:\[(?P<six>[^\[\]]+)\]|(?P<name>[^\[\]:]+))(?::(?P<port>[0-9]{1,5}))?")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_FOREIGN_DOTS = re.compile("[\u3002\uff0e\uff61]")
_URL_CHARACTERS = "%:/?#[]@!$&'()*+,;=-._~"


class Refused(Exception):
    """A URL that is not fetched; `reason` is meant for the caller."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class AddressRefused(Refused):
    """An address that is not dialled; `reason` is meant for the log, as telling it would map the network."""


@dataclass(frozen=True)
class AllowList:
    """Hosts of the operator: names and ranges that may be private and may stand on any port."""

    names: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()

    @classmethod
    def parse(cls, entries: Iterable[str]) -> "AllowList":
        """Read host names, addresses and CIDR ranges; a ValueError names the entry that is none of these."""
        parsed = [_parse_entry(entry) for entry in entries]
        names = frozenset(entry for entry in parsed if isinstance(entry, str))
        return cls(names, tuple(entry for entry in parsed if not isinstance(entry, str)))

    def covers(self, address: Address) -> bool:
        return any(
            address in network and (network.num_addresses == 1 or address not in METADATA)
            for network in self.networks
        )

    def opens(self, address: Address, host: str) -> bool:
        return self.covers(address) or (host in self.names and is_intranet(address))


@dataclass(frozen=True)
class RemoteUrl:
    scheme: str
    host: str
    port: int
    target: str = field(repr=False)  # path and query, which may hold a signature
    address: Address | None = None

    @property
    def origin(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    @property
    def url(self) -> str:
        return self.origin + self.target


def parse_remote(url: str, *, allow: AllowList) -> RemoteUrl:
    """Read an absolute http or https URL; a literal address is checked at once."""
    _check_characters(url)
    match = _URL.fullmatch(url)
    if match is None:
        raise Refused(_grammar_fault(url))
    scheme = "https" if url[4] in "sS" else "http"
    host, address, port = _parse_authority(match["authority"], DEFAULT_PORTS[scheme])
    _check_host(host, address, port, allow)
    target = quote((match["path"] or "/") + (match["query"] or ""), safe=_URL_CHARACTERS)
    return RemoteUrl(scheme, host, port, target, address)


def parse_redirect(current: RemoteUrl, location: str, *, allow: AllowList) -> RemoteUrl:
    """Read a Location relative to the URL that sent it, under the same rules."""
    _check_characters(location)
    if _SCHEME.match(location):
        absolute = location
    elif location.startswith("//"):
        absolute = f"{current.scheme}:{location}"
    else:
        absolute = urljoin(current.url, location)
    following = parse_remote(absolute, allow=allow)
    if current.scheme == "https" and following.scheme == "http":
        raise Refused("it redirects from https to http")
    return following


def check_address(address: Address, *, allow: AllowList, host: str, port: int) -> None:
    """Refuse an address that may not be dialled for `host` on `port`, or that leads to one."""
    for candidate in (address, *embedded(address)):
        if not (allow.opens(candidate, host) or is_public(candidate)):
            raise AddressRefused(f"{candidate} is not a public address")
    if port not in DEFAULT_PORTS.values() and not (host in allow.names or allow.covers(address)):
        raise AddressRefused(f"{address} is not listed for port {port}")


def is_public(address: Address) -> bool:
    if isinstance(address, IPv6Address) and not _is_global_unicast(address):
        return False
    denied = any(address in network for network in DENIED)
    return address.is_global and not address.is_multicast and not denied


def is_intranet(address: Address) -> bool:
    return address not in METADATA and any(address in network for network in INTRANET)


def embedded(address: Address) -> Iterator[IPv4Address]:
    """Yield each IPv4 address that a tunnel or a translator would make of an IPv6 one."""
    if isinstance(address, IPv4Address) or int(address) <= 1:
        return
    for network, shift, inverted in EMBEDDINGS:
        if address in network:
            yield IPv4Address((int(address) >> shift ^ -inverted) & 0xFFFFFFFF)
    if (
        int(address) >> 32 & 0xFDFFFFFF == 0x5EFE
    ):  # ISATAP, RFC 5214: the interface id begins 0000:5efe or 0200:5efe
        yield IPv4Address(int(address) & 0xFFFFFFFF)


def redact(url: str) -> str:
    """Shorten a URL for people: no user name, no query (signatures), no fragment, nothing that breaks a log line."""
    match = _SHOWN.match(url)
    if match is None or not _AUTHORITY.fullmatch(match["authority"]):
        return "…"  # what stands where may be a password
    shown = match["scheme"] + match["authority"] + match["path"]
    printable = "".join(character if character.isprintable() else "\ufffd" for character in shown[:MAX_SHOWN])
    return printable + ("…" if len(shown) > MAX_SHOWN else "") + ("?…" if match["more"] else "")


def _parse_entry(entry: str) -> str | Network:
    try:
        return ip_network(entry)
    except ValueError as error:
        fault = error
    try:
        return _parse_name(entry)[0]
    except Refused:
        raise ValueError(f"{entry!r} is neither a host name nor a CIDR range: {fault}") from None


def _check_characters(url: str) -> None:
    if len(url) > MAX_URL_LENGTH:
        raise Refused(f"the URL has {len(url)} characters, over the limit of {MAX_URL_LENGTH}")
    if _FORBIDDEN.search(url):
        raise Refused("the URL holds a space, a control character or a backslash")


def _grammar_fault(url: str) -> str:
    scheme = _SCHEME.match(url)
    if scheme and scheme[0].lower() not in ("http:", "https:"):
        return "only http and https URLs are fetched"
    return "it is not an absolute http or https URL"


def _parse_authority(authority: str, default_port: int) -> tuple[str, Address | None, int]:
    if "@" in authority:
        raise Refused("the URL holds a user name or password")
    if "%" in authority:
        raise Refused("the host of the URL holds a percent sign")
    match = _AUTHORITY.fullmatch(authority)
    if match is None:
        raise Refused("the URL has no host, or a malformed host or port")
    host, address = _parse_v6(match["six"]) if match["six"] else _parse_name(match["name"])
    return host, address, int(match["port"] or default_port)


def _parse_v6(text: str) -> tuple[str, IPv6Address]:
    try:
        address = IPv6Address(text)
    except ValueError:
        raise Refused("the URL holds a malformed IPv6 address") from None
    return str(address), address


def _parse_name(text: str) -> tuple[str, IPv4Address | None]:
    if _FOREIGN_DOTS.search(text):
        raise Refused("the host of the URL holds a dot that is not ASCII")
    name = ".".join(_ascii_label(label) for label in _remap(text).removesuffix(".").split("."))
    if len(name) > MAX_NAME_LENGTH:
        raise Refused(f"the host of the URL has {len(name)} characters, over the limit of {MAX_NAME_LENGTH}")
    return name, _parse_v4(text) if _NUMBER.fullmatch(name.rpartition(".")[2]) else None


def _remap(text: str) -> str:
    try:
        return idna.uts46_remap(text, std3_rules=False)
    except idna.IDNAError:
        raise Refused("the host of the URL is no valid name") from None


def _ascii_label(label: str) -> str:
    """Encode a label. ASCII ones pass with the underscores and double hyphens that IDNA refuses and buckets have."""
    try:
        ascii_label = label if label.isascii() else idna.alabel(label).decode()
        if ascii_label.startswith("xn--"):
            idna.ulabel(ascii_label)
    except UnicodeError:
        raise Refused("the host of the URL is no valid name") from None
    if not _LABEL.fullmatch(ascii_label):
        raise Refused("the host of the URL is no valid name")
    return ascii_label


def _parse_v4(text: str) -> IPv4Address:
    """Read a canonical dotted quad: C libraries read 0177.1, 0x7f.1 and 2130706433 as addresses too."""
    try:
        return IPv4Address(text)
    except ValueError:
        raise Refused("the host of the URL is a number that is no canonical IPv4 address") from None


def _check_host(host: str, address: Address | None, port: int, allow: AllowList) -> None:
    """Refuse what needs no lookup. An odd port waits for one if a listed range may yet cover the answer."""
    if not 0 < port < 65536:
        raise Refused(f"port {port} does not exist")
    listed = host in allow.names or (allow.covers(address) if address else bool(allow.networks))
    if port not in DEFAULT_PORTS.values() and not listed:
        raise Refused(f"port {port} is not fetched from, only 80 and 443")
    if f".{host}".endswith(".localhost") and host not in allow.names:
        raise AddressRefused(f"{host} is this machine")
    if address:
        check_address(address, allow=allow, host=host, port=port)


def _is_global_unicast(address: IPv6Address) -> bool:
    return address.scope_id is None and any(address in network for network in GLOBAL_V6)
