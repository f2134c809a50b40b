"""The fetch over real sockets: raw servers on loopback, names answered by an injected resolver."""

import asyncio
import datetime
import socket
import ssl
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from gateway import __version__
from gateway.media.fetch import (
    MAX_FETCHES,
    UNREACHABLE,
    Fetched,
    Fetcher,
    FetchFailed,
    FetchLimits,
    SystemResolver,
    open_socket,
)
from gateway.media.guard import AllowList, parse_remote

LIMITS = FetchLimits(bytes=1000, time=5.0, redirects=3, parallel=8)
PNG = b"\x89PNG\r\n\x1a\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 8\r\n\r\n" + PNG

Reply = bytes | Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Server:
    """Answers the n-th request with the n-th reply, the last one for ever, and keeps what it was sent."""

    replies: list[Reply]
    requests: list[str] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    port: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            self.requests.append((await reader.readuntil(b"\r\n\r\n")).decode())
            reply = self.replies[min(len(self.requests), len(self.replies)) - 1]
            self.arrived.set()
            if callable(reply):
                await reply(reader, writer)
            else:
                writer.write(reply)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


class Names(AbstractResolver):
    """Answers the n-th question about a name with its n-th list of addresses, the last one for ever."""

    def __init__(self, **names: list[list[str]]) -> None:
        self.names = {name.replace("_", "."): answers for name, answers in names.items()}
        self.asked: list[str] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked.append(host)
        if host not in self.names:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        answers = self.names[host]
        addresses = answers[min(self.asked.count(host), len(answers)) - 1]
        return [answer(host, port, address) for address in addresses]

    async def close(self) -> None:
        pass


def answer(host: str, port: int, address: str) -> ResolveResult:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=0)


@dataclass
class World:
    stack: AsyncExitStack

    async def server(
        self, *replies: Reply, host: str = "127.0.0.1", port: int = 0, **options: object
    ) -> Server:
        server = Server(list(replies))
        listener = await asyncio.start_server(server.serve, host, port, **options)
        self.stack.push_async_callback(close_listener, listener)
        server.port = listener.sockets[0].getsockname()[1]
        return server

    def fetcher(
        self, limits: FetchLimits = LIMITS, resolver: AbstractResolver | None = None, allow: str = "127.0.0.1"
    ) -> Fetcher:
        fetcher = Fetcher(limits, AllowList.parse(allow.split()), resolver=resolver or Names())
        self.stack.push_async_callback(fetcher.close)
        return fetcher


async def close_listener(listener: asyncio.Server) -> None:
    listener.close()


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        yield World(stack)


def redirect(location: str, status: int = 302) -> bytes:
    return f"HTTP/1.1 {status} Moved\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()


async def reason_of(fetch: Awaitable[Fetched]) -> str:
    with pytest.raises(FetchFailed) as failed:
        await fetch
    assert failed.value.__cause__ is not None or failed.value.reason != UNREACHABLE
    return failed.value.reason


async def test_fetches(world: World) -> None:
    server = await world.server(OK)
    fetched = await world.fetcher().fetch(f"http://127.0.0.1:{server.port}/a%20b.png?sig=%2F+x#top")
    assert fetched == Fetched(PNG, "image/png")


async def test_what_is_sent(world: World) -> None:
    server = await world.server(OK)
    await world.fetcher().fetch(f"http://127.0.0.1:{server.port}/a%20b.png?sig=%2F+x#top")
    line, *headers = server.requests[0].strip().split("\r\n")
    assert line == "GET /a%20b.png?sig=%2F+x HTTP/1.1"
    assert sorted(headers) == [
        "Accept-Encoding: identity",
        "Accept: */*",
        "Connection: close",
        f"Host: 127.0.0.1:{server.port}",
        f"User-Agent: arkway/{__version__}",
    ]


async def test_cookies_are_not_kept(world: World) -> None:
    setting = redirect("/b").replace(b"Content-Length", b"Set-Cookie: a=b\r\nContent-Length")
    server = await world.server(setting, OK)
    await world.fetcher().fetch(f"http://127.0.0.1:{server.port}/a")
    assert not any("cookie" in request.lower() for request in server.requests)


async def test_proxies_of_the_environment_are_ignored(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy, server = await world.server(OK), await world.server(OK)
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
    await world.fetcher().fetch(f"http://127.0.0.1:{server.port}/")
    assert (len(proxy.requests), len(server.requests)) == (0, 1)


async def test_case_55_name_of_a_private_address(world: World) -> None:
    names = Names(inside_test=[["127.0.0.1"]])
    server = await world.server(OK)
    fetcher = world.fetcher(resolver=names, allow="127.0.0.2")
    assert await reason_of(fetcher.fetch(f"http://inside.test:{server.port}/")) == UNREACHABLE
    assert (names.asked, server.requests) == (["inside.test"], [])


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1", "127.0.0.2"],
        ["127.0.0.2", "127.0.0.1"],
        ["127.0.0.1", "::1"],
        ["127.0.0.1", "64:ff9b::a00:1"],
        ["127.0.0.1", "fe80::1%eth0"],
        ["127.0.0.1", "no address"],
        ["127.0.0.1"] * 20 + ["127.0.0.2"],
        [],
    ],
    ids=lambda addresses: ",".join(addresses[-2:]),
)
async def test_case_56_one_bad_answer_condemns_all(world: World, addresses: list[str]) -> None:
    server = await world.server(OK)
    fetcher = world.fetcher(resolver=Names(mixed_test=[addresses]))
    assert await reason_of(fetcher.fetch(f"http://mixed.test:{server.port}/")) == UNREACHABLE
    assert server.requests == []


async def test_case_59_rebinding(world: World) -> None:
    names = Names(rebind_test=[["127.0.0.1"], ["127.0.0.2"]])
    server = await world.server(OK)
    trap = await world.server(OK, host="127.0.0.2", port=server.port)
    fetcher = world.fetcher(resolver=names)
    assert (await fetcher.fetch(f"http://rebind.test:{server.port}/")).data == PNG
    assert names.asked == ["rebind.test"]
    assert await reason_of(fetcher.fetch(f"http://rebind.test:{server.port}/")) == UNREACHABLE
    assert trap.requests == []


async def test_case_60_a_retry_dials_the_pinned_address(world: World) -> None:
    names = Names(rebind_test=[["127.0.0.1"], ["127.0.0.2"]])
    server = await world.server(b"", OK)
    fetcher = world.fetcher(resolver=names)
    assert (await fetcher.fetch(f"http://rebind.test:{server.port}/")).data == PNG
    assert (names.asked, len(server.requests)) == (["rebind.test"], 2)


def test_a_socket_is_opened_for_a_checked_address_only() -> None:
    allow = AllowList.parse(["127.0.0.1"])
    remote = parse_remote("http://rebind.test/", allow=allow)
    dialled = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "")
    open_socket(remote, allow, (*dialled, ("127.0.0.1", 80))).close()
    with pytest.raises(PermissionError):
        open_socket(remote, allow, (*dialled, ("127.0.0.2", 80)))


async def test_every_hop_resolves_once(world: World) -> None:
    names = Names(a_test=[["127.0.0.1"]], b_test=[["127.0.0.1"]])
    server = await world.server(redirect("/2"), b"", OK)
    server.replies[1] = redirect(f"http://b.test:{server.port}/3")
    await world.fetcher(resolver=names).fetch(f"http://a.test:{server.port}/1")
    assert names.asked == ["a.test", "a.test", "b.test"]
    assert [request.split()[1] for request in server.requests] == ["/1", "/2", "/3"]


async def test_a_listed_name_opens_its_private_address(world: World) -> None:
    server = await world.server(OK)
    fetcher = world.fetcher(resolver=Names(store_corp=[["127.0.0.1"]]), allow="store.corp")
    assert (await fetcher.fetch(f"http://store.corp:{server.port}/")).data == PNG
    assert await reason_of(fetcher.fetch("http://127.0.0.1/")) == UNREACHABLE


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("target", ["http://127.0.0.2:{}/", "//127.0.0.2:{}/", "http://trap.test:{}/"])
async def test_cases_61_62_redirect_to_a_private_address(world: World, status: int, target: str) -> None:
    server = await world.server(OK)
    trap = await world.server(OK, host="127.0.0.2")
    server.replies[0] = redirect(target.format(trap.port), status)
    fetcher = world.fetcher(resolver=Names(trap_test=[["127.0.0.2"]]))
    await reason_of(fetcher.fetch(f"http://127.0.0.1:{server.port}/"))
    assert (len(server.requests), trap.requests) == (1, [])


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("http://169.254.169.254/", UNREACHABLE),
        ("//169.254.169.254/", UNREACHABLE),
        ("http://u:p@127.0.0.1/", "the URL holds a user name or password"),
        ("http://127.0.0.1\\@example.com/", "the URL holds a space, a control character or a backslash"),
        ("file:///etc/passwd", "only http and https URLs are fetched"),
        ("http://0x7f.1/", "the host of the URL is a number that is no canonical IPv4 address"),
    ],
)
async def test_case_62_locations(world: World, location: str, reason: str) -> None:
    server = await world.server(redirect(location))
    assert await reason_of(world.fetcher().fetch(f"http://127.0.0.1:{server.port}/")) == reason
    assert len(server.requests) == 1


async def test_case_64_a_loop_ends(world: World) -> None:
    server = await world.server(redirect("/"))
    reason = await reason_of(world.fetcher().fetch(f"http://127.0.0.1:{server.port}/"))
    assert (reason, len(server.requests)) == ("it redirects more than 3 times", 4)


async def test_case_64_three_redirects_are_followed(world: World) -> None:
    server = await world.server(redirect("b"), redirect("c"), redirect("d"), OK)
    assert (await world.fetcher().fetch(f"http://127.0.0.1:{server.port}/a")).data == PNG


@pytest.mark.parametrize("status", [300, 301, 302, 307, 308, 401, 404, 500])
async def test_case_64_no_body_of_a_refusal_is_taken(world: World, status: int) -> None:
    server = await world.server(f"HTTP/1.1 {status} No\r\nContent-Length: 8\r\n\r\n".encode() + PNG)
    reason = await reason_of(world.fetcher().fetch(f"http://127.0.0.1:{server.port}/"))
    assert reason.startswith(f"the server answered HTTP {status}")


async def test_case_66_refresh_is_ignored(world: World) -> None:
    server = await world.server(
        OK.replace(b"Content-Type", b"Refresh: 0; url=/b\r\nLink: </b>\r\nContent-Type")
    )
    await world.fetcher().fetch(f"http://127.0.0.1:{server.port}/")
    assert len(server.requests) == 1


async def test_case_82_a_promised_size_over_the_limit_is_refused_unread(world: World) -> None:
    server = await world.server(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n")
    reason = await reason_of(world.fetcher().fetch(f"http://127.0.0.1:{server.port}/"))
    assert reason == "it has 10000000000 bytes, over the limit of 1000"


async def test_case_82_a_reply_may_fill_the_limit(world: World) -> None:
    server = await world.server(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"x" * 1000)
    assert len((await world.fetcher().fetch(f"http://127.0.0.1:{server.port}/")).data) == 1000


async def endless_chunks(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"64\r\n" + b"x" * 100 + b"\r\n")
        await writer.drain()


async def endless_body(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        writer.write(b"x" * 100)
        await writer.drain()


@pytest.mark.parametrize("reply", [endless_chunks, endless_body])
async def test_case_82_an_endless_body_is_cut(world: World, reply: Reply) -> None:
    server = await world.server(reply)
    reason = await reason_of(world.fetcher().fetch(f"http://127.0.0.1:{server.port}/"))
    assert reason == "it is over the limit of 1000 bytes"


async def test_case_82_a_body_shorter_than_promised(world: World) -> None:
    server = await world.server(OK[:-1])
    assert await reason_of(world.fetcher().fetch(f"http://127.0.0.1:{server.port}/")) == "the reply broke off"


async def test_case_82_more_than_promised_is_never_taken(world: World) -> None:
    server = await world.server(OK + b"x" * 500)
    fetch = world.fetcher().fetch(f"http://127.0.0.1:{server.port}/")
    (outcome,) = await asyncio.gather(fetch, return_exceptions=True)
    # What follows is refused if it came in the same segment as the rest, else it is left unread.
    assert isinstance(outcome, FetchFailed) or outcome == Fetched(PNG, "image/png")


async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.02)


async def drip_head(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nX: ")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("reply", [drip, drip_head])
async def test_case_82_a_drip_ends_at_the_deadline(world: World, reply: Reply) -> None:
    server = await world.server(reply)
    fetcher = world.fetcher(FetchLimits(bytes=1000, time=0.2, redirects=3, parallel=8))
    reason = await reason_of(fetcher.fetch(f"http://127.0.0.1:{server.port}/"))
    assert reason == "it took longer than 0.2 seconds"


async def test_the_deadline_is_over_all_hops(world: World) -> None:
    async def slow_redirect(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.15)
        writer.write(redirect("/"))

    server = await world.server(slow_redirect)
    fetcher = world.fetcher(FetchLimits(bytes=1000, time=0.2, redirects=3, parallel=8))
    reason = await reason_of(fetcher.fetch(f"http://127.0.0.1:{server.port}/"))
    assert reason == "it took longer than 0.2 seconds"


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate", "identity, gzip", "zstd"])
async def test_case_83_a_compressed_reply_is_refused(world: World, coding: str) -> None:
    server = await world.server(
        OK.replace(b"Content-Type", b"Content-Encoding: %b\r\nContent-Type" % coding.encode())
    )
    reason = await reason_of(world.fetcher().fetch(f"http://127.0.0.1:{server.port}/"))
    assert reason == "the reply is compressed, which was not asked for"


async def test_case_83_identity_is_no_compression(world: World) -> None:
    server = await world.server(OK.replace(b"Content-Type", b"Content-Encoding: identity\r\nContent-Type"))
    assert (await world.fetcher().fetch(f"http://127.0.0.1:{server.port}/")).data == PNG


@pytest.fixture
def self_signed(tmp_path: Path) -> ssl.SSLContext:
    x509 = pytest.importorskip("cryptography.x509")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + datetime.timedelta(days=1))
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    certificate = builder.add_extension(names, critical=False).sign(key, hashes.SHA256())
    pem, private = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    file = tmp_path / "server.pem"
    file.write_bytes(
        certificate.public_bytes(pem) + key.private_bytes(pem, private, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


async def test_case_85_a_self_signed_certificate_is_refused(
    world: World, self_signed: ssl.SSLContext
) -> None:
    server = await world.server(OK, ssl=self_signed)
    reason = await reason_of(world.fetcher().fetch(f"https://127.0.0.1:{server.port}/"))
    assert (reason, server.requests) == (UNREACHABLE, [])


async def silence(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


@pytest.mark.parametrize(
    "reply", [silence, b"SSH-2.0-OpenSSH_9.6\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"]
)
async def test_case_86_outcomes_of_the_network_read_the_same(world: World, reply: Reply) -> None:
    server = await world.server(reply)
    reason = await reason_of(world.fetcher().fetch(f"http://127.0.0.1:{server.port}/"))
    assert reason == UNREACHABLE


async def test_case_86_a_closed_port_an_unknown_name_and_a_refusal_read_the_same(world: World) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        closed = listener.getsockname()[1]
    urls = [f"http://127.0.0.1:{closed}/", "http://unknown.test/", "http://10.0.0.1/", "http://localhost/"]
    fetcher = world.fetcher()
    assert {await reason_of(fetcher.fetch(url)) for url in urls} == {UNREACHABLE}


class Hanging(Names):
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        await asyncio.Event().wait()
        return []


async def test_case_87_a_hanging_resolver_is_given_up(world: World) -> None:
    limits = FetchLimits(bytes=1000, time=5.0, redirects=3, parallel=8, dns=0.05)
    assert await reason_of(world.fetcher(limits, Hanging()).fetch("http://a.test/")) == UNREACHABLE


async def test_case_87_of_many_answers_sixteen_are_dialled(world: World) -> None:
    server = await world.server(OK, host="127.0.0.17")
    names = Names(many_test=[[f"127.0.0.{i}" for i in range(1, 18)]])
    fetcher = world.fetcher(resolver=names, allow="127.0.0.0/24")
    assert await reason_of(fetcher.fetch(f"http://many.test:{server.port}/")) == UNREACHABLE
    assert server.requests == []


async def test_case_88_one_flight_for_one_url(world: World) -> None:
    server = await world.server(OK)
    fetcher = world.fetcher()
    url = f"http://127.0.0.1:{server.port}/"
    fetched = await asyncio.gather(*(fetcher.fetch(url) for _ in range(100)))
    assert len(server.requests) == 1
    assert all(one is fetched[0] for one in fetched)
    await fetcher.fetch(url)
    assert len(server.requests) == 2


async def test_a_failure_is_told_to_everyone_on_the_flight(world: World) -> None:
    server = await world.server(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n")
    fetcher = world.fetcher()
    url = f"http://127.0.0.1:{server.port}/"
    outcomes = await asyncio.gather(*(fetcher.fetch(url) for _ in range(5)), return_exceptions=True)
    assert [str(outcome) for outcome in outcomes] == ["the server answered HTTP 404"] * 5
    assert len(server.requests) == 1


@dataclass
class Gate:
    """A reply that waits to be let through, and counts those who stand before it."""

    awaited: int = 1
    opened: asyncio.Event = field(default_factory=asyncio.Event)
    full: asyncio.Event = field(default_factory=asyncio.Event)
    waiting: int = 0
    most: int = 0

    async def __call__(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.waiting += 1
        self.most = max(self.most, self.waiting)
        if self.waiting == self.awaited:
            self.full.set()
        await self.opened.wait()
        self.waiting -= 1
        writer.write(OK)


async def test_one_who_leaves_takes_nobody_along(world: World) -> None:
    gate = Gate()
    server = await world.server(gate)
    fetcher = world.fetcher()
    first, second = (asyncio.create_task(fetcher.fetch(f"http://127.0.0.1:{server.port}/")) for _ in range(2))
    await server.arrived.wait()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    gate.opened.set()
    assert (await second).data == PNG
    assert len(server.requests) == 1


async def test_the_last_who_leaves_ends_the_flight(world: World) -> None:
    gone = asyncio.Event()

    async def until_gone(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()
        gone.set()

    server = await world.server(until_gone)
    fetcher = world.fetcher()
    waiters = [asyncio.create_task(fetcher.fetch(f"http://127.0.0.1:{server.port}/")) for _ in range(3)]
    await server.arrived.wait()
    for waiter in waiters:
        waiter.cancel()
    await asyncio.wait_for(gone.wait(), 5)


async def test_fetches_of_the_process_are_bounded(world: World) -> None:
    gate = Gate(awaited=MAX_FETCHES)
    server = await world.server(gate)
    fetcher = world.fetcher()
    urls = [f"http://127.0.0.1:{server.port}/{i}" for i in range(MAX_FETCHES + 20)]
    fetching = asyncio.gather(*map(fetcher.fetch, urls))
    await gate.full.wait()
    gate.opened.set()
    assert len(await fetching) == len(urls)
    assert gate.most == MAX_FETCHES


async def test_after_an_abandoned_flight_a_new_one_starts(world: World) -> None:
    gate = Gate()
    server = await world.server(gate, OK)
    fetcher = world.fetcher()
    url = f"http://127.0.0.1:{server.port}/"
    left = asyncio.create_task(fetcher.fetch(url))
    await server.arrived.wait()
    left.cancel()
    with pytest.raises(asyncio.CancelledError):
        await left
    assert (await fetcher.fetch(url)).data == PNG
    gate.opened.set()


async def test_closing_ends_flights(world: World) -> None:
    gate = Gate()
    server = await world.server(gate)
    fetcher = world.fetcher()
    waiting = asyncio.create_task(fetcher.fetch(f"http://127.0.0.1:{server.port}/"))
    await server.arrived.wait()
    await fetcher.close()
    assert await reason_of(waiting) == "the gateway is closing"
    gate.opened.set()


@pytest.mark.parametrize(
    "reply",
    [
        b"SSH-2.0\r\n",
        b"",
        OK[:-1],
        redirect("/b?sig=sesame"),
        redirect("ftp:sesame"),
        b"HTTP/1.1 404 No\r\n\r\n",
    ],
)
async def test_no_signature_reaches_a_traceback(world: World, reply: Reply) -> None:
    server = await world.server(reply)
    url = "http://127.0.0.1:{}/?sig={}".format(server.port, "ses" + "ame")
    with pytest.raises(FetchFailed) as failed:
        await world.fetcher().fetch(url)
    assert "sesame" not in "".join(traceback.format_exception(failed.value))


async def test_the_system_resolver_answers() -> None:
    resolver = SystemResolver()
    try:
        answers = await resolver.resolve("localhost", 80, socket.AF_UNSPEC)
        assert {answer["host"] for answer in answers} <= {"127.0.0.1", "::1"}
        with pytest.raises(socket.gaierror):
            await resolver.resolve("no-such-name.invalid", 80, socket.AF_UNSPEC)
    finally:
        await resolver.close()


async def test_public_names_are_held_to_their_ports(world: World) -> None:
    names = Names()
    fetcher = world.fetcher(resolver=names, allow="")
    for port in (22, 25, 6379, 9200):
        reason = await reason_of(fetcher.fetch(f"http://example.com:{port}/"))
        assert reason == f"port {port} is not fetched from, only 80 and 443"
    assert names.asked == []
