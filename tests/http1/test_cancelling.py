"""Requests that are given up, at each thing that they wait for: no connection stays open.

That this end has closed its socket is seen by the server, and counted after each test.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from gateway.http1.connection import Broken
from gateway.http1.names import Names
from gateway.http1.pool import Pool

from .servers import OK, Peer, Server, answering, ask, begin, rest, serving, silent, unreachable_port

PARTS = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n"


async def leave(task: "asyncio.Task[Any]") -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def rounds(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


@pytest.mark.parametrize("begun", [0, 1, 2, 5], ids="after {} rounds of the loop".format)
async def test_connecting(pool: Pool, begun: int) -> None:
    with unreachable_port(socket.AF_INET, "127.0.0.1") as port:
        task = asyncio.create_task(begin(pool, f"http://127.0.0.1:{port}"))
        await rounds(begun)
        await leave(task)


async def test_connecting_at_every_moment() -> None:
    """As many rounds of the loop after its beginning as it takes until the answer is there."""
    async with serving(answering(OK)) as server:
        for count in range(1000):
            fresh = Pool()
            task = asyncio.create_task(ask(fresh, server.base))
            await rounds(count)
            if task.done():
                assert task.result().body == b"hi"
                fresh.close()
                break
            await leave(task)
            fresh.close()
        assert count > 3
        for peer in server.peers:
            await peer.gone()


async def test_looking_up_what_others_wait_for_too() -> None:
    """A lookup is shared: who leaves does not end it for the others."""
    names = Names()
    first, second = (asyncio.create_task(names.find(("localhost", 80))) for _ in range(2))
    await rounds(1)
    await leave(first)
    assert await second == await names.find(("localhost", 80))


Wait = Callable[[Pool, Server], Awaitable[Any]]


async def headers(pool: Pool, server: Server) -> None:
    await begin(pool, server.base)


async def body(pool: Pool, server: Server) -> None:
    answer = await begin(pool, server.base)
    try:
        await rest(answer)
    finally:
        answer.close()


async def body_while_sending(pool: Pool, server: Server) -> None:
    await begin(pool, server.base, body=bytes(64 << 20))


async def halfway(peer: Peer) -> None:
    await peer.request()
    await peer.send(PARTS)
    await peer.stay()


@pytest.mark.parametrize(
    ("act", "wait"),
    [(silent, headers), (halfway, body), (silent, body_while_sending)],
    ids=["headers", "body", "sending"],
)
async def test_waiting(pool: Pool, act: Any, wait: Wait) -> None:
    async with serving(act, answering(OK)) as server:
        task = asyncio.create_task(wait(pool, server))
        await server.met()
        await server.peers[0].was_asked()
        await rounds(10)
        assert not task.done()
        await leave(task)
        await server.peers[0].gone()
        assert (await ask(pool, server.base)).body == b"hi"


async def test_reading_goes_on_after_a_wait_was_given_up(pool: Pool) -> None:
    """A wait that is bounded by a keep-alive ends without the answer."""
    more = asyncio.Event()

    async def act(peer: Peer) -> None:
        await peer.request()
        await peer.send(PARTS)
        await more.wait()
        await peer.send(b"2\r\nho\r\n0\r\n\r\n")
        await peer.stay()

    async with serving(act) as server:
        answer = await begin(pool, server.base)
        assert await answer.next_chunk() == b"hi"
        for _ in range(2):
            task = asyncio.create_task(answer.next_chunk())
            await rounds(2)
            await leave(task)
        more.set()
        assert await rest(answer) == b"ho"
        answer.close()


async def test_who_still_reads_hears_that_the_answer_was_closed(pool: Pool) -> None:
    """As a response is cancelled by its owner, while its caller's stream goes on."""
    async with serving(halfway) as server:
        answer = await begin(pool, server.base)
        assert await answer.next_chunk() == b"hi"
        task = asyncio.create_task(answer.next_chunk())
        await rounds(2)
        answer.close()
        with pytest.raises(Broken, match="closed before its end"):
            await task
        await server.peers[0].gone()


async def test_closing_twice_closes_nothing_of_the_next(pool: Pool) -> None:
    more = asyncio.Event()

    async def act(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        await peer.request()
        await peer.send(PARTS)
        await more.wait()
        await peer.send(b"2\r\nho\r\n0\r\n\r\n")
        await peer.stay()

    async with serving(act) as server:
        first = await begin(pool, server.base)
        assert await rest(first) == b"hi"
        first.close()
        second = await begin(pool, server.base)
        first.close()
        more.set()
        assert await rest(second) == b"hiho"
        second.close()
