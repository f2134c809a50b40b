"""The cache of fetched bodies, judged by the visits that a server counts."""

import asyncio
from dataclasses import dataclass

import pytest

from gateway.media.fetch.fetcher import MAX_FETCHES, UNREACHABLE
from gateway.media.fetch.remote import FetchFailed, FetchLimits
from tests.media.fetch.servers import PNG, Names, Reply, Server, World, reason_of, redirect

DATE = "Sun, 06 Nov 1994 08:49:37 GMT"


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


def ok(*headers: str, body: bytes = PNG, status: str = "200 OK") -> bytes:
    lines = "".join(f"{header}\r\n" for header in headers)
    return f"HTTP/1.1 {status}\r\n{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body


def unchanged(*headers: str) -> bytes:
    return "\r\n".join(("HTTP/1.1 304 Not Modified", *headers, "", "")).encode()


class Site:
    """A server, a fetcher with a cache, and the clock of both."""

    def __init__(self, world: World, server: Server, budget: int = 1 << 20) -> None:
        self.clock = Clock()
        self.server = server
        self.names = Names(site_corp=[["127.0.0.1"]])
        limits = FetchLimits(bytes=1 << 20, time=5.0, redirects=3, parallel=8, cache=budget)
        self.fetcher = world.fetcher(limits, self.names, allow="site.corp", clock=self.clock)

    async def get(self, path: str = "/a") -> bytes:
        return (await self.fetcher.fetch(f"http://site.corp:{self.server.port}{path}")).data

    @property
    def visits(self) -> list[str]:
        return [request.split()[1] for request in self.server.requests]

    def asked_if(self) -> list[list[str]]:
        """The conditions of each request."""
        return [
            [line for line in request.split("\r\n") if line.startswith("If-")]
            for request in self.server.requests
        ]


async def site(world: World, *replies: Reply, budget: int = 1 << 20) -> Site:
    return Site(world, await world.server(*replies), budget)


async def test_a_fresh_body_is_served_without_a_lookup_or_a_visit(world: World) -> None:
    here = await site(world, ok("Cache-Control: max-age=60", "Content-Type: image/png"))
    first = await here.fetcher.fetch(f"http://site.corp:{here.server.port}/a")
    here.clock.now += 59.9
    again = await here.fetcher.fetch(f"HTTP://SITE.corp.:{here.server.port}/a#top")
    assert again == first
    assert again.data is first.data
    assert (here.visits, here.names.asked) == (["/a"], ["site.corp"])


async def test_a_stale_body_is_not_served(world: World) -> None:
    here = await site(world, ok("Cache-Control: max-age=60"), ok(body=b"new"))
    await here.get()
    here.clock.now += 60
    assert await here.get() == b"new"
    assert here.asked_if() == [[], []]


@pytest.mark.parametrize(
    ("headers", "visits"),
    [
        (["Cache-Control: max-age=60"], 1),
        (["Cache-Control: public", "Cache-Control: max-age=60", "Vary: Accept-Encoding"], 1),
        ([f"Date: {DATE}", "Expires: Sun, 06 Nov 1994 08:50:37 GMT"], 1),
        ([], 2),
        (["ETag: a"], 2),
        (["Cache-Control: max-age=60, no-store"], 2),
        (["Cache-Control: max-age=60", "Cache-Control: private"], 2),
        (["Cache-Control: max-age=60", "Vary: *"], 2),
        (["Cache-Control: max-age=60", "Age: 60"], 2),
        (["Cache-Control: max-age=60, s-maxage=0"], 2),
        (["Cache-Control: max-age=-60"], 2),
        ([f"Date: {DATE}", f"Expires: {DATE}"], 2),
    ],
)
async def test_headers(world: World, headers: list[str], visits: int) -> None:
    here = await site(world, ok(*headers))
    assert [await here.get(), await here.get()] == [PNG, PNG]
    assert len(here.visits) == visits


@pytest.mark.parametrize(
    ("headers", "conditions"),
    [
        (['ETag: "v1"'], ['If-None-Match: "v1"']),
        ([f"Last-Modified: {DATE}"], [f"If-Modified-Since: {DATE}"]),
        (['ETag: W/"v1"', "Cache-Control: no-cache, max-age=60"], ['If-None-Match: W/"v1"']),
    ],
)
async def test_a_body_with_a_validator_is_asked_about(
    world: World, headers: list[str], conditions: list[str]
) -> None:
    here = await site(world, ok(*headers), unchanged(), unchanged(), ok(body=b"new"), ok(body=b"newer"))
    assert [await here.get() for _ in range(5)] == [PNG, PNG, PNG, b"new", b"newer"]
    assert here.asked_if() == [[], conditions, conditions, conditions, []]


async def test_a_304_makes_a_body_fresh_again(world: World) -> None:
    here = await site(
        world, ok('ETag: "v1"', "Cache-Control: max-age=10", "Age: 9"), unchanged("Cache-Control: max-age=60")
    )
    await here.get()
    here.clock.now += 1
    assert await here.get() == PNG
    here.clock.now += 59
    assert await here.get() == PNG
    assert len(here.visits) == 2


async def test_a_304_may_forbid_to_keep_a_body_any_longer(world: World) -> None:
    here = await site(world, ok('ETag: "v1"'), unchanged("Cache-Control: no-store"), ok(body=b"new"))
    assert [await here.get() for _ in range(3)] == [PNG, PNG, b"new"]
    assert here.asked_if() == [[], ['If-None-Match: "v1"'], []]


async def test_a_304_about_another_version_brings_no_body(world: World) -> None:
    here = await site(world, ok('ETag: "v1"'), unchanged('ETag: "v2"'), ok(body=b"new"))
    assert [await here.get(), await here.get()] == [PNG, b"new"]
    assert here.asked_if() == [[], ['If-None-Match: "v1"'], []]


async def test_a_304_that_was_not_asked_for_is_a_failure(world: World) -> None:
    here = await site(world, ok('ETag: "v1"'), unchanged('ETag: "v2"'))
    await here.get()
    for _ in range(2):
        with pytest.raises(FetchFailed, match="the server answered HTTP 304"):
            await here.get()


async def vanish(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (ok(status="500 No"), "the server answered HTTP 500"),
        (ok(status="404 No"), "the server answered HTTP 404"),
        (vanish, UNREACHABLE),
        (ok()[:-1], "the reply broke off"),
    ],
)
async def test_a_failure_serves_nothing_stale(world: World, reply: Reply, reason: str) -> None:
    here = await site(world, ok('ETag: "v1"', "Cache-Control: max-age=5, stale-if-error=600"), reply)
    await here.get()
    here.clock.now += 5
    with pytest.raises(FetchFailed, match=reason):
        await here.get()


async def test_a_body_ages_from_the_moment_it_was_asked_for(world: World) -> None:
    async def slow(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        here.clock.now += 6
        writer.write(ok("Cache-Control: max-age=10"))

    here = await site(world, slow)
    await here.get()
    here.clock.now += 3.9
    await here.get()
    assert len(here.visits) == 1
    here.clock.now += 0.1
    await here.get()
    assert len(here.visits) == 2


@pytest.mark.parametrize("status", ["203 Changed", "206 Part"])
async def test_only_a_whole_answer_is_kept(world: World, status: str) -> None:
    here = await site(world, ok("Cache-Control: max-age=60", status=status))
    assert [await here.get(), await here.get()] == [PNG, PNG]
    assert len(here.visits) == 2


async def test_redirects_are_followed_anew_to_a_kept_body(world: World) -> None:
    moved = redirect("/b", 301).replace(b"Content-Length", b"Cache-Control: max-age=60\r\nContent-Length")
    here = await site(world, moved, ok("Cache-Control: max-age=60"), moved, redirect("/c"), ok(body=b"c"))
    assert [await here.get() for _ in range(3)] == [PNG, PNG, b"c"]
    assert here.visits == ["/a", "/b", "/a", "/a", "/c"]


async def test_a_kept_body_opens_no_other_way_to_it(world: World) -> None:
    here = await site(world, ok("Cache-Control: max-age=60"))
    here.server.replies.append(redirect(f"http://u:p@site.corp:{here.server.port}/a"))
    await here.get()
    here_too = f"site.corp:{here.server.port}/a"
    for url in (f"http://u:p@{here_too}", f"http://{here_too}\\", f"http://{here_too} "):
        assert "the URL holds" in await reason_of(here.fetcher.fetch(url))
    with pytest.raises(FetchFailed, match="user name"):
        await here.get("/moved")
    assert here.visits == ["/a", "/moved"]


async def test_queries_and_paths_are_kept_apart(world: World) -> None:
    here = await site(world, *(ok("Cache-Control: max-age=60", body=body) for body in (b"1", b"2", b"3")))
    paths = ["/a", "/a?sig=1", "/A"]
    assert [await here.get(path) for path in paths * 2] == [b"1", b"2", b"3"] * 2
    assert here.visits == paths


async def test_the_one_not_asked_for_the_longest_makes_room(world: World) -> None:
    here = await site(world, ok("Cache-Control: max-age=60", body=bytes(20_000)), budget=100_000)
    for path in ("/1", "/2", "/3", "/4", "/1", "/5", "/1", "/2"):
        await here.get(path)
    assert here.visits == ["/1", "/2", "/3", "/4", "/5", "/2"]


async def test_many_small_bodies_count_with_what_they_cost(world: World) -> None:
    here = await site(world, ok("Cache-Control: max-age=60", body=b"x"), budget=10_000)
    for _ in range(2):
        for number in range(20):
            await here.get(f"/{number}")
    assert len(here.visits) == 40


@pytest.mark.parametrize(("size", "budget"), [(26_000, 100_000), (1, 0)])
async def test_what_has_no_place_is_not_kept(world: World, size: int, budget: int) -> None:
    here = await site(world, ok("Cache-Control: max-age=60", body=bytes(size)), budget=budget)
    assert [len(await here.get()), len(await here.get())] == [size, size]
    assert len(here.visits) == 2


async def test_a_kept_body_waits_for_no_other_fetch(world: World) -> None:
    full, opened = asyncio.Semaphore(0), asyncio.Event()

    async def hang(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        full.release()
        await opened.wait()
        writer.write(ok())

    here = await site(world, ok("Cache-Control: max-age=60"), hang)
    await here.get()
    hanging = [asyncio.create_task(here.get(f"/{number}")) for number in range(MAX_FETCHES)]
    for _ in hanging:
        await full.acquire()
    assert await here.get() == PNG
    opened.set()
    assert await asyncio.gather(*hanging) == [PNG] * MAX_FETCHES
