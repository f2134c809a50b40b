"""The fetch over real sockets: raw servers on loopback, names answered by an injected resolver."""

import asyncio
import traceback
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gateway import __version__
from gateway.media.fetch.fetcher import MAX_FETCHES, UNREACHABLE
from gateway.media.fetch.remote import Fetched, FetchFailed, FetchLimits
from tests.media.fetch.servers import OK, PNG, Names, Reply, World, reason_of, redirect


async def test_fetches(world: World) -> None:
    server = await world.server(OK)
    fetched = await world.fetcher().fetch(f"http://127.0.0.1:{server.port}/a%20b.png?sig=%2F+x#top")
    assert fetched == Fetched(PNG, "image/png")


async def test_what_is_sent_on_every_hop(world: World) -> None:
    """Nothing but this: no Referer, no Authorization, no cookie, and of a URL no fragment."""
    names = Names(other_test=[["127.0.0.1"]])
    server = await world.server(redirect("/b?sig=2#top"), b"", OK)
    server.replies[1] = redirect(f"http://other.test:{server.port}/c?sig=3")
    await world.fetcher(resolver=names).fetch(f"http://127.0.0.1:{server.port}/a%20b.png?sig=%2F+x#top")
    sent = [request.strip().split("\r\n") for request in server.requests]
    assert [line for line, *_ in sent] == [
        "GET /a%20b.png?sig=%2F+x HTTP/1.1",
        "GET /b?sig=2 HTTP/1.1",
        "GET /c?sig=3 HTTP/1.1",
    ]
    for (_, *headers), host in zip(sent, ("127.0.0.1", "127.0.0.1", "other.test"), strict=True):
        assert sorted(headers) == [
            "Accept-Encoding: identity",
            "Accept: */*",
            "Connection: close",
            f"Host: {host}:{server.port}",
            f"User-Agent: arkway/{__version__}",
        ]


async def test_passwords_of_the_machine_are_not_sent(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login u password p\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    server = await world.server(OK)
    await world.fetcher().fetch(f"http://127.0.0.1:{server.port}/")
    assert "authorization" not in server.requests[0].lower()


async def test_cookies_are_not_kept(world: World) -> None:
    setting = redirect("/b").replace(b"Content-Length", b"Set-Cookie: a=b\r\nContent-Length")
    server = await world.server(setting, OK)
    await world.fetcher().fetch(f"http://127.0.0.1:{server.port}/a")
    assert not any("cookie" in request.lower() for request in server.requests)


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


async def test_the_deadline_is_over_all_hops(world: World) -> None:
    async def slow_redirect(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.15)
        writer.write(redirect("/"))

    server = await world.server(slow_redirect)
    fetcher = world.fetcher(FetchLimits(bytes=1000, time=0.2, redirects=3, parallel=8))
    reason = await reason_of(fetcher.fetch(f"http://127.0.0.1:{server.port}/"))
    assert reason == UNREACHABLE


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


SIGNED = b"http://127.0.0.1/?sig=sesame"


@pytest.mark.parametrize(
    "reply",
    [
        b"SSH-2.0\r\n",
        b"SSH-2.0 " + SIGNED + b"\r\n",
        b"",
        b"HTTP/1.1 302 Moved\r\nLocation: " + SIGNED + b"\r\n",
        b"HTTP/1.1 302 Moved\r\nLocation: " + SIGNED + b"x" * 20_000 + b"\r\n\r\n",
        b"HTTP/1.1 302 Moved\r\nLocation: " + SIGNED + b"\x00\r\n\r\n",
        b"HTTP/1.1 302 Moved\r\nLocation\xff: " + SIGNED + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + SIGNED + b"\r\n",
        OK[:-1],
        redirect("/b?sig=sesame"),
        redirect("http://u:sesame@127.0.0.1/"),
        redirect("http://127.0.0.1:99999/?sig=sesame"),
        redirect("http://127.0.0.2/?sig=sesame"),
        redirect("http://unknown.test/?sig=sesame"),
        redirect("ftp:sesame"),
        redirect("//[sesame"),
        b"HTTP/1.1 404 No\r\n\r\n",
        b"HTTP/1.1 404 sesame\r\n\r\n",
    ],
)
async def test_no_signature_reaches_a_reason_a_log_or_a_traceback(world: World, reply: Reply) -> None:
    server = await world.server(reply)
    url = "http://127.0.0.1:{}/?sig={}".format(server.port, "ses" + "ame")
    with pytest.raises(FetchFailed) as failed:
        await world.fetcher().fetch(url)
    told = f"{failed.value.reason} {failed.value.__cause__!r} {failed.value.__cause__}"
    assert "sesame" not in told + "".join(traceback.format_exception(failed.value))
