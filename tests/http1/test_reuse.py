"""Which connections serve another request, and what becomes of those that do not."""

import asyncio
import gc
import weakref

import pytest

from gateway.backends.ark import Ark
from gateway.backends.base import UpstreamRequest
from gateway.errors import UpstreamError
from gateway.http1.connection import Broken, Connection
from gateway.http1.pool import Pool
from gateway.settings import Upstream
from gateway.upstream import Upstreams

from .servers import OK, Act, Peer, Server, answering, ask, begin, outcome, rest, serving

HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n"


async def test_one_connection_serves_requests_one_after_another(pool: Pool) -> None:
    async with serving(answering(OK, HEAD % 0, OK)) as server:
        assert [(await ask(pool, server.base)).body for _ in range(3)] == [b"hi", b"", b"hi"]
        assert len(server.peers) == 1


async def test_the_one_used_last_is_used_next(pool: Pool) -> None:
    """So that the others grow old and go."""
    async with serving(answering(OK)) as server:
        answers = [await begin(pool, server.base) for _ in range(3)]
        for answer in answers:
            assert await rest(answer) == b"hi"
            answer.close()
        for _ in range(3):
            await ask(pool, server.base)
        assert [len(peer.heads) for peer in server.peers] == [1, 1, 4]


async def test_places_have_connections_of_their_own(pool: Pool) -> None:
    async with serving(answering(OK)) as one, serving(answering(OK)) as other:
        for server in (one, other, one, other):
            await ask(pool, server.base)
        assert [len(server.peers) for server in (one, other)] == [1, 1]


@pytest.mark.parametrize("read", [False, True], ids=["nothing read", "a chunk read"])
async def test_unread_rest_of_a_body_costs_the_connection(pool: Pool, read: bool) -> None:
    async with serving(answering(HEAD % 9 + b"hi"), answering(OK)) as server:
        answer = await begin(pool, server.base)
        if read:
            assert await answer.next_chunk() == b"hi"
        answer.close()
        await server.peers[0].gone()
        assert (await ask(pool, server.base)).body == b"hi"
        assert len(server.peers) == 2


async def test_whole_body_that_nobody_read_costs_nothing(pool: Pool) -> None:
    async with serving(answering(OK)) as server:
        answer = await begin(pool, server.base)
        await server.peers[0].was_asked()
        answer.close()
        assert (await ask(pool, server.base)).body == b"hi"
        assert len(server.peers) == 1


async def test_paused_connection_is_not_used_again(pool: Pool) -> None:
    """Behind a whole answer that nobody has read, more may have come unseen."""
    size = 300 << 10
    held_up = asyncio.Event()

    async def more(peer: Peer) -> None:
        await peer.request()
        await peer.send(HEAD % size + b"x" * size)
        await held_up.wait()
        await peer.send(OK)
        peer.sent.set()
        await peer.stay()

    async with serving(more, answering(HEAD % 3 + b"own")) as server:
        answer = await begin(pool, server.base)
        for _ in range(100):
            await asyncio.sleep(0)
        held_up.set()
        await server.peers[0].has_sent()
        answer.close()
        await server.peers[0].gone()
        assert (await ask(pool, server.base)).body == b"own"


async def test_large_answer_is_read_and_its_connection_kept(pool: Pool) -> None:
    size = 5 << 20
    async with serving(answering(HEAD % size + b"x" * size)) as server:
        for _ in range(3):
            assert len((await ask(pool, server.base)).body) == size
        assert len(server.peers) == 1


async def test_answer_before_all_of_the_request_went_out(pool: Pool) -> None:
    """What is left of the request could be read as the next one."""

    async def early(peer: Peer) -> None:
        await peer.head()
        await peer.send(OK)
        await asyncio.Event().wait()  # reads no more

    async with serving(early, answering(OK)) as server:
        assert (await ask(pool, server.base, body=b"x" * (64 << 20))).body == b"hi"
        assert (await ask(pool, server.base)).body == b"hi"
        assert len(server.peers) == 2


async def test_answer_that_comes_while_the_request_is_sent_waits_for_no_part_of_it(pool: Pool) -> None:
    body = bytes(8 << 20)

    async def early(peer: Peer) -> None:
        await peer.head()
        await peer.send(HEAD % 4 + b"ha")
        await peer.reader.readexactly(len(body))
        await peer.send(b"lf")
        await answering(OK)(peer)

    async with serving(early) as server:
        answer = await begin(pool, server.base, body=body)
        assert await rest(answer) == b"half"
        answer.close()
        assert (await ask(pool, server.base)).body == b"hi"
        assert len(server.peers) == 1


async def test_what_comes_to_an_idle_connection_is_for_nobody(pool: Pool) -> None:
    async def talks(peer: Peer) -> None:
        await peer.request()
        await peer.send_apart([OK, b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil"])
        await peer.stay()

    async with serving(talks, answering(OK)) as server:
        assert (await ask(pool, server.base)).body == b"hi"
        await server.peers[0].gone()
        assert (await ask(pool, server.base)).body == b"hi"
        assert len(server.peers) == 2


async def closes(peer: Peer) -> None:
    await peer.request()
    await peer.send(OK)


async def half_closes(peer: Peer) -> None:
    await peer.request()
    await peer.send(OK)
    peer.writer.write_eof()
    await peer.stay()


async def resets(peer: Peer) -> None:
    await peer.request()
    await peer.send_apart([OK])
    peer.writer.transport.abort()


@pytest.mark.parametrize("end", [closes, half_closes, resets])
async def test_idle_connection_that_the_backend_ends_is_let_go(pool: Pool, end: Act) -> None:
    async with serving(end, answering(OK)) as server:
        assert (await ask(pool, server.base)).body == b"hi"
        await server.peers[0].gone()
        for _ in range(20):  # rounds of the loop, in which this end hears of it
            await asyncio.sleep(0)
        assert (await ask(pool, server.base)).body == b"hi"
        assert len(server.peers) == 2


async def takes_one_request_too_many(peer: Peer) -> None:
    """Closes the connection as the next request is on its way."""
    await peer.request()
    await peer.send(OK)
    await peer.head()
    peer.writer.transport.abort()


async def test_race_of_reuse_is_a_break(pool: Pool) -> None:
    async with serving(takes_one_request_too_many) as server:
        assert (await ask(pool, server.base)).body == b"hi"
        assert await outcome(pool, server.base) is Broken


async def test_race_of_reuse_is_retried_once() -> None:
    upstreams = Upstreams(Upstream(), {})
    await upstreams.start()
    async with serving(takes_one_request_too_many, answering(OK)) as server:
        ark, request = Ark("ark", server.base, "key"), UpstreamRequest("POST", "/chat", body=b"{}")
        for _ in range(2):
            assert (await upstreams.fetch(ark, "key", request)).body == b"hi"
        assert [len(peer.heads) for peer in server.peers] == [2, 1]
    await upstreams.close()


async def test_break_again_is_told() -> None:
    async def breaks(peer: Peer) -> None:
        await peer.request()
        peer.writer.transport.abort()

    upstreams = Upstreams(Upstream(), {})
    await upstreams.start()
    async with serving(breaks) as server:
        with pytest.raises(UpstreamError) as caught:
            await upstreams.open(
                Ark("ark", server.base, "key"), "key", UpstreamRequest("POST", "/chat", body=b"{}")
            )
        assert (caught.value.status, caught.value.code) == (502, "upstream_unreachable")
        assert isinstance(caught.value.__cause__, Broken)
        assert len(server.peers) == 2
    await upstreams.close()


async def test_idle_connections_are_closed_after_a_time() -> None:
    pool = Pool(kept=0.01)
    async with serving(answering(OK)) as server:
        answers = [await begin(pool, server.base) for _ in range(3)]
        for answer in answers:
            assert await rest(answer) == b"hi"
            answer.close()
        for peer in server.peers:
            await peer.gone()
        assert (await ask(pool, server.base)).body == b"hi"
        assert len(server.peers) == 4
    pool.close()


async def test_pool_that_closes_lets_go_of_all() -> None:
    """Of what is idle at once, of what is in use when it is given back."""
    pool = Pool()
    async with serving(answering(OK)) as server:
        answers = [await begin(pool, server.base) for _ in range(3)]
        answers[0].close()
        pool.close()
        await server.peers[0].gone()
        for answer, peer in zip(answers[1:], server.peers[1:], strict=True):
            assert await rest(answer) == b"hi"
            assert not peer.left.is_set()
            answer.close()
            await peer.gone()
    pool.close()


async def test_pool_that_has_closed_leaves_no_timer() -> None:
    pool = Pool()
    async with serving(answering(OK)) as server:
        assert (await ask(pool, server.base)).body == b"hi"
        pool.close()
        await server.peers[0].gone()
    held = weakref.ref(pool)
    del pool
    await asyncio.sleep(0)
    gc.collect()
    assert held() is None


async def test_connection_that_has_ended_needs_no_collector() -> None:
    """Where each request has a connection of its own, they would gather until it runs."""

    async def ended(server: Server) -> weakref.ref[Connection]:
        connection = Connection(lambda _: None)
        await asyncio.get_running_loop().create_connection(lambda: connection, "127.0.0.1", server.port)
        answer = connection.send(b"GET / HTTP/1.1\r\n\r\n", b"")
        assert await rest(answer) == b"hi"
        answer.close()
        await server.peers[0].gone()
        return weakref.ref(connection)

    gc.disable()
    try:
        async with serving(closes) as server:
            held = await ended(server)
            for _ in range(20):
                await asyncio.sleep(0)
            assert held() is None
    finally:
        gc.enable()
