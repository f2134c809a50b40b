"""An answer that flows: each piece is handed over in the turn of the loop in which it comes, for as long as it is
wanted."""

import asyncio
from collections.abc import Callable

import pytest

from gateway.http1.connection import Answer, Broken
from gateway.http1.pool import Pool

from .servers import OK, Peer, answering, apart, ask, begin, serving, standstill

HEAD = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
END = b"0\r\n\r\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def collecting(taken: list[bytes], more: Callable[[bytes], bool] = lambda _: True) -> Callable[[bytes], bool]:
    def take(data: bytes) -> bool:
        taken.append(data)
        return more(data)

    return take


async def flowing(answer: Answer) -> tuple[list[bytes], "asyncio.Task[bool]"]:
    """An answer of which the first piece has been taken, and the task that awaits the others."""
    taken: list[bytes] = []
    task = asyncio.create_task(answer.flow(collecting(taken)))
    while not taken:
        await asyncio.sleep(0)
    return taken, task


async def test_pieces_come_one_by_one_and_the_end_is_told(pool: Pool) -> None:
    async with serving(apart(HEAD, chunk(b"a"), chunk(b"bc") + chunk(b"d"), END)) as server:
        answer = await begin(pool, server.base)
        taken: list[bytes] = []
        assert not await answer.flow(collecting(taken))
        assert taken == [b"a", b"bcd"]
        answer.close()
        assert (await ask(pool, server.base)).body == b"hi"
        assert len(server.peers) == 1  # the connection was kept


async def test_what_came_before_is_handed_over_first(pool: Pool) -> None:
    async with serving(answering(HEAD + chunk(b"a") + END)) as server:
        answer = await begin(pool, server.base)
        taken: list[bytes] = []
        assert not await answer.flow(collecting(taken))
        assert taken == [b"a"]
        assert not await answer.flow(collecting(taken))
        assert taken == [b"a"]
        answer.close()


async def test_who_wants_no_more_for_now_gets_the_rest_later(pool: Pool) -> None:
    async with serving(apart(HEAD, chunk(b"a"), chunk(b"b"), chunk(b"c"), END)) as server:
        answer = await begin(pool, server.base)
        taken: list[bytes] = []
        assert await answer.flow(collecting(taken, lambda _: False))
        assert taken == [b"a"]
        await server.peers[0].has_sent()
        assert taken == [b"a"]
        assert not await answer.flow(collecting(taken))
        assert b"".join(taken) == b"abc"
        answer.close()


async def test_one_who_never_wants_more_sees_the_end_all_the_same(pool: Pool) -> None:
    async with serving(answering(HEAD + chunk(b"a") + END)) as server:
        answer = await begin(pool, server.base)
        taken: list[bytes] = []
        assert await answer.flow(collecting(taken, lambda _: False))
        assert not await answer.flow(collecting(taken, lambda _: False))
        assert taken == [b"a"]
        answer.close()


async def test_a_connection_that_breaks_is_told_after_what_came(pool: Pool) -> None:
    async with serving(apart(HEAD, chunk(b"a"), chunk(b"b"), close=True)) as server:
        answer = await begin(pool, server.base)
        taken: list[bytes] = []
        with pytest.raises(Broken):
            await answer.flow(collecting(taken))
        assert taken == [b"a", b"b"]
        answer.close()


async def test_what_the_taker_raises_is_raised_where_the_flow_is_awaited(pool: Pool) -> None:
    def refuse(_: bytes) -> bool:
        raise KeyError("no")

    async with serving(apart(HEAD, chunk(b"a"), chunk(b"b"), END)) as server:
        answer = await begin(pool, server.base)
        with pytest.raises(KeyError):
            await answer.flow(refuse)
        answer.close()


async def test_one_who_is_closed_while_it_flows_hears_of_it(pool: Pool) -> None:
    async with serving(apart(HEAD, chunk(b"a"))) as server:
        answer = await begin(pool, server.base)
        _, task = await flowing(answer)
        answer.close()
        with pytest.raises(Broken):
            await task


async def test_one_who_is_cancelled_is_given_nothing_more(pool: Pool) -> None:
    go_on = asyncio.Event()

    async def act(peer: Peer) -> None:
        await peer.request()
        await peer.send(HEAD + chunk(b"a"))
        await go_on.wait()
        await peer.send(chunk(b"b"))
        peer.sent.set()
        await peer.stay()

    async with serving(act) as server:
        answer = await begin(pool, server.base)
        taken, task = await flowing(answer)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        go_on.set()
        await server.peers[0].has_sent()
        assert await answer.next_chunk() == b"b"
        assert taken == [b"a"]
        answer.close()


async def test_while_nothing_is_wanted_the_backend_must_wait(pool: Pool) -> None:
    piece, sent = b"x" * (64 << 10), 0
    size = 64 << 20

    async def act(peer: Peer) -> None:
        nonlocal sent
        await peer.request()
        await peer.send(HEAD)
        for _ in range(size // len(piece)):
            await peer.send(chunk(piece))
            sent += len(piece)
        await peer.send(END)
        await answering(OK)(peer)

    async with serving(act) as server:
        answer = await begin(pool, server.base)
        taken: list[bytes] = []
        assert await answer.flow(collecting(taken, lambda _: False))
        assert await standstill(lambda: sent) < size // 2
        assert not await answer.flow(collecting(taken))
        assert sum(map(len, taken)) == size
        answer.close()
