"""The rows of the table in test_ssrf_table that take a server or a resolver to show; test_ssrf_tls has 65 and 85.

Row 84, a page or a program that calls itself a picture, is decided by its bytes: tests/media/formats.
"""

import asyncio
import socket
import tracemalloc
from collections.abc import Iterator

import pytest
from aiohttp.abc import ResolveResult

from gateway.media.fetch.dial import open_socket
from gateway.media.fetch.fetcher import UNREACHABLE
from gateway.media.fetch.guard import AllowList, parse_remote
from gateway.media.fetch.remote import Fetched, FetchFailed, FetchLimits
from tests.media.fetch.servers import OK, PNG, Names, Reply, World, reason_of, redirect, silence


async def test_row_80_proxies_of_the_environment_are_ignored(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy, server = await world.server(OK), await world.server(OK)
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
    monkeypatch.setenv("NO_PROXY", "example.com")
    await world.fetcher().fetch(f"http://127.0.0.1:{server.port}/")
    assert (len(proxy.requests), len(server.requests)) == (0, 1)


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
async def test_row_56_one_bad_answer_condemns_all(world: World, addresses: list[str]) -> None:
    server = await world.server(OK)
    fetcher = world.fetcher(resolver=Names(mixed_test=[addresses]))
    assert await reason_of(fetcher.fetch(f"http://mixed.test:{server.port}/")) == UNREACHABLE
    assert server.requests == []


async def test_row_59_rebinding(world: World) -> None:
    names = Names(rebind_test=[["127.0.0.1"], ["127.0.0.2"]])
    server = await world.server(OK)
    trap = await world.server(OK, host="127.0.0.2", port=server.port)
    fetcher = world.fetcher(resolver=names)
    assert (await fetcher.fetch(f"http://rebind.test:{server.port}/")).data == PNG
    assert names.asked == ["rebind.test"]
    assert await reason_of(fetcher.fetch(f"http://rebind.test:{server.port}/")) == UNREACHABLE
    assert trap.requests == []


async def test_row_60_a_retry_dials_the_pinned_address(world: World) -> None:
    names = Names(rebind_test=[["127.0.0.1"], ["127.0.0.2"]])
    server = await world.server(b"", OK)
    fetcher = world.fetcher(resolver=names)
    assert (await fetcher.fetch(f"http://rebind.test:{server.port}/")).data == PNG
    assert (names.asked, len(server.requests)) == (["rebind.test"], 2)


def test_row_59_a_socket_is_opened_for_a_checked_address_only() -> None:
    allow = AllowList.parse(["127.0.0.1"])
    remote = parse_remote("http://rebind.test/", allow=allow)
    dialled = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "")
    open_socket(remote, allow, (*dialled, ("127.0.0.1", 80))).close()
    with pytest.raises(PermissionError):
        open_socket(remote, allow, (*dialled, ("127.0.0.2", 80)))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("target", ["http://127.0.0.2:{}/", "//127.0.0.2:{}/", "http://trap.test:{}/"])
async def test_rows_61_62_redirect_to_a_private_address(world: World, status: int, target: str) -> None:
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
async def test_row_62_locations(world: World, location: str, reason: str) -> None:
    server = await world.server(redirect(location))
    assert await reason_of(world.fetcher().fetch(f"http://127.0.0.1:{server.port}/")) == reason
    assert len(server.requests) == 1


async def test_row_64_a_loop_ends(world: World) -> None:
    server = await world.server(redirect("/"))
    reason = await reason_of(world.fetcher().fetch(f"http://127.0.0.1:{server.port}/"))
    assert (reason, len(server.requests)) == ("it redirects more than 3 times", 4)


async def test_row_64_three_redirects_are_followed(world: World) -> None:
    server = await world.server(redirect("b"), redirect("c"), redirect("d"), OK)
    assert (await world.fetcher().fetch(f"http://127.0.0.1:{server.port}/a")).data == PNG


@pytest.mark.parametrize("status", [300, 301, 302, 307, 308, 401, 404, 500])
async def test_row_64_no_body_of_a_refusal_is_taken(world: World, status: int) -> None:
    server = await world.server(f"HTTP/1.1 {status} No\r\nContent-Length: 8\r\n\r\n".encode() + PNG)
    reason = await reason_of(world.fetcher().fetch(f"http://127.0.0.1:{server.port}/"))
    assert reason.startswith(f"the server answered HTTP {status}")


async def test_row_66_refresh_is_ignored(world: World) -> None:
    page = b'<meta http-equiv="refresh" content="0; url=/b">'
    head = (
        b"HTTP/1.1 200 OK\r\nRefresh: 0; url=/b\r\nLink: </b>\r\nContent-Location: /b\r\nLocation: /b\r\n\r\n"
    )
    server = await world.server(head + page)
    assert (await world.fetcher().fetch(f"http://127.0.0.1:{server.port}/")).data == page
    assert len(server.requests) == 1


async def test_row_78_a_fetch_from_the_gateway_itself_starts_no_other(world: World) -> None:
    """Its usual addresses are private. From a public one nothing loops: a GET without a key fetches nothing there."""
    server = await world.server(redirect("/v1/chat/completions", 307), OK)
    fetcher = world.fetcher(resolver=Names(gateway_corp=[["127.0.0.1"]]), allow="gateway.corp")
    await fetcher.fetch(f"http://gateway.corp:{server.port}/v1/chat/completions")
    for request in server.requests:
        assert request.startswith("GET /v1/chat/completions HTTP/1.1\r\n")
        assert "content-length" not in request.lower()
        assert "authorization" not in request.lower()


async def test_row_82_a_promised_size_over_the_limit_is_refused_unread(world: World) -> None:
    server = await world.server(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n")
    reason = await reason_of(world.fetcher().fetch(f"http://127.0.0.1:{server.port}/"))
    assert reason == "it has 10000000000 bytes, over the limit of 1000"


async def test_row_82_a_reply_may_fill_the_limit(world: World) -> None:
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
async def test_row_82_an_endless_body_is_cut(world: World, reply: Reply) -> None:
    server = await world.server(reply)
    reason = await reason_of(world.fetcher().fetch(f"http://127.0.0.1:{server.port}/"))
    assert reason == "it is over the limit of 1000 bytes"


@pytest.fixture
def traced() -> Iterator[None]:
    tracemalloc.start()
    yield
    tracemalloc.stop()


@pytest.mark.usefixtures("traced")
async def test_row_82_memory_stays_near_the_limit(world: World) -> None:
    async def flood(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            writer.write(chunk)
            await writer.drain()

    chunk = b"10000\r\n" + bytes(1 << 16) + b"\r\n"
    limits = FetchLimits(bytes=4 << 20, time=5.0, redirects=3, parallel=8)
    server = await world.server(flood)
    before, _ = tracemalloc.get_traced_memory()
    reason = await reason_of(world.fetcher(limits).fetch(f"http://127.0.0.1:{server.port}/"))
    _, peak = tracemalloc.get_traced_memory()
    assert reason == f"it is over the limit of {4 << 20} bytes"
    assert peak - before < (5 << 20) + (1 << 19)  # a buffer grows by eighths; the server's are here too


async def test_row_82_a_body_shorter_than_promised(world: World) -> None:
    server = await world.server(OK[:-1])
    assert await reason_of(world.fetcher().fetch(f"http://127.0.0.1:{server.port}/")) == "the reply broke off"


async def test_row_82_more_than_promised_is_never_taken(world: World) -> None:
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


@pytest.mark.parametrize(
    ("reply", "expected"), [(drip, "it took longer than 0.2 seconds"), (drip_head, UNREACHABLE)]
)
async def test_row_82_a_drip_ends_at_the_deadline(world: World, reply: Reply, expected: str) -> None:
    server = await world.server(reply)
    fetcher = world.fetcher(FetchLimits(bytes=1000, time=0.2, redirects=3, parallel=8))
    reason = await reason_of(fetcher.fetch(f"http://127.0.0.1:{server.port}/"))
    assert reason == expected


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate", "identity, gzip", "zstd"])
async def test_row_83_a_compressed_reply_is_refused(world: World, coding: str) -> None:
    server = await world.server(
        OK.replace(b"Content-Type", b"Content-Encoding: %b\r\nContent-Type" % coding.encode())
    )
    reason = await reason_of(world.fetcher().fetch(f"http://127.0.0.1:{server.port}/"))
    assert reason == "the reply is compressed, which was not asked for"


async def test_row_83_identity_is_no_compression(world: World) -> None:
    server = await world.server(OK.replace(b"Content-Type", b"Content-Encoding: identity\r\nContent-Type"))
    assert (await world.fetcher().fetch(f"http://127.0.0.1:{server.port}/")).data == PNG


async def test_row_81_the_host_that_was_checked_is_asked_about_and_named(world: World) -> None:
    names = Names()
    names.names["xn--strae-oqa.corp"] = [["127.0.0.1"]]
    server = await world.server(OK)
    await world.fetcher(resolver=names).fetch(f"http://STRA\u00dfE.corp.:{server.port}/")
    assert names.asked == ["xn--strae-oqa.corp"]
    assert f"\r\nHost: xn--strae-oqa.corp:{server.port}\r\n" in server.requests[0]


@pytest.mark.parametrize(
    "reply", [silence, b"SSH-2.0-OpenSSH_9.6\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"]
)
async def test_row_86_outcomes_of_the_network_read_the_same(world: World, reply: Reply) -> None:
    server = await world.server(reply)
    reason = await reason_of(world.fetcher().fetch(f"http://127.0.0.1:{server.port}/"))
    assert reason == UNREACHABLE


async def test_row_86_closed_silent_unknown_and_refused_read_the_same(world: World) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        closed = listener.getsockname()[1]
    with socket.create_server(("127.0.0.1", 0)) as listener:  # takes connections and answers none
        ports = (closed, listener.getsockname()[1])
        urls = [f"http://127.0.0.1:{port}/" for port in ports]
        urls += ["http://unknown.test/", "http://10.0.0.1/", "http://localhost/"]
        fetcher = world.fetcher(FetchLimits(bytes=1000, time=0.2, redirects=3, parallel=8))
        assert {await reason_of(fetcher.fetch(url)) for url in urls} == {UNREACHABLE}


class Hanging(Names):
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        await asyncio.Event().wait()
        return []


async def test_row_87_a_hanging_resolver_is_given_up(world: World) -> None:
    limits = FetchLimits(bytes=1000, time=5.0, redirects=3, parallel=8, dns=0.05)
    assert await reason_of(world.fetcher(limits, Hanging()).fetch("http://a.test/")) == UNREACHABLE


async def test_row_87_of_many_answers_sixteen_are_dialled(world: World) -> None:
    server = await world.server(OK, host="127.0.0.17")
    names = Names(many_test=[[f"127.0.0.{i}" for i in range(1, 18)]])
    fetcher = world.fetcher(resolver=names, allow="127.0.0.0/24")
    assert await reason_of(fetcher.fetch(f"http://many.test:{server.port}/")) == UNREACHABLE
    assert server.requests == []


async def test_row_87_of_two_thousand_answers_the_last_condemns_all(world: World) -> None:
    server = await world.server(OK)
    names = Names(flood_test=[["127.0.0.1"] * 1999 + ["127.0.0.2"]])
    assert (
        await reason_of(world.fetcher(resolver=names).fetch(f"http://flood.test:{server.port}/"))
        == UNREACHABLE
    )
    assert server.requests == []


class Failing(Names):
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        raise socket.gaierror(socket.EAI_AGAIN, "SERVFAIL")


async def test_row_87_a_failing_name_server(world: World) -> None:
    assert await reason_of(world.fetcher(resolver=Failing()).fetch("http://a.test/")) == UNREACHABLE


async def test_row_88_one_flight_for_one_url(world: World) -> None:
    server = await world.server(OK)
    fetcher = world.fetcher()
    url = f"http://127.0.0.1:{server.port}/"
    fetched = await asyncio.gather(*(fetcher.fetch(url) for _ in range(100)))
    assert len(server.requests) == 1
    assert all(one is fetched[0] for one in fetched)
    await fetcher.fetch(url)
    assert len(server.requests) == 2


async def test_row_77_public_names_are_held_to_their_ports(world: World) -> None:
    names = Names()
    fetcher = world.fetcher(resolver=names, allow="")
    for port in (22, 25, 6379, 9200):
        reason = await reason_of(fetcher.fetch(f"http://example.com:{port}/"))
        assert reason == f"port {port} is not fetched from, only 80 and 443"
    assert names.asked == []
