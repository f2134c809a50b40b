"""What becomes of an answer's bytes, whole or in pieces, and of its connection."""

import asyncio
from collections.abc import Callable, Sequence

import pytest
import uvloop
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.http1.connection import Broken, Connection
from gateway.http1.pool import Pool

from .answers import BAD, CASES, GOOD, MORE, Case
from .servers import OK, Peer, Told, answering, apart, ask, begin, outcome, rest, serving, silent

each = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


async def told(pool: Pool, case: Case, pieces: Sequence[bytes]) -> tuple[Told | type[Broken], int]:
    """What becomes of the answer, and over how many connections it and the next one went."""
    async with serving(apart(*pieces, close=case.close), answering(OK)) as server:
        first = await outcome(pool, server.base)
        await server.peers[0].has_sent()
        assert await ask(pool, server.base) == Told(200, {"content-length": "2"}, b"hi")
        return first, len(server.peers)


@each
async def test_whole(pool: Pool, case: Case) -> None:
    assert await told(pool, case, [case.raw]) == (case.told, 1 if case.kept else 2)


@each
async def test_byte_by_byte(pool: Pool, case: Case) -> None:
    """What comes after the end finds the connection idle, and then too no other request may have it."""
    pieces = [case.raw[index : index + 1] for index in range(len(case.raw))]
    assert await told(pool, case, pieces) == (case.told, 1 if case.kept else 2)


@pytest.mark.parametrize(
    "loop", [asyncio.SelectorEventLoop, uvloop.new_event_loop], ids=["asyncio", "uvloop"]
)
def test_cut_anywhere(loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    """Where the network cuts an answer changes nothing."""
    names = st.sampled_from([*GOOD, *BAD, *MORE])

    @settings(max_examples=150, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(names, st.lists(st.integers(0, 200), max_size=6))
    def check(name: str, cuts: list[int]) -> None:
        case = CASES[name]
        ends = sorted({cut % (len(case.raw) + 1) for cut in cuts} | {len(case.raw)})
        pieces = [case.raw[start:end] for start, end in zip([0, *ends], ends, strict=False)]
        assert runner.run(both(case, [piece for piece in pieces if piece])) == (
            case.told,
            1 if case.kept else 2,
        )

    async def both(case: Case, pieces: Sequence[bytes]) -> tuple[Told | type[Broken], int]:
        pool = Pool()
        try:
            return await told(pool, case, pieces)
        finally:
            pool.close()

    with asyncio.Runner(loop_factory=loop) as runner:
        check()


@pytest.mark.parametrize(
    "flood",
    [
        [b"HTTP/1.1 200 " + b"x" * 1000, b"x" * 200_000],
        [b"HTTP/1.1 200 OK\r\nx-a: " + b"x" * 200_000],
        [b"HTTP/1.1 200 OK\r\n", *[b"x-%d: y\r\n" % number for number in range(20_000)]],
        [b"HTTP/1.1 103 Early\r\nx-a: b\r\n\r\n"] * 5_000,
        [b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2;", b"x" * 200_000],
        [b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\nx-a: ", b"x" * 200_000],
        [b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n", b"x-a: b\r\n" * 20_000],
    ],
    ids=[
        "status line",
        "header",
        "headers",
        "interim answers",
        "chunk extension",
        "trailer",
        "trailers",
    ],
)
async def test_what_never_ends_is_cut(pool: Pool, flood: list[bytes]) -> None:
    data = b"".join(flood)
    pieces = [data[start : start + 10_000] for start in range(0, len(data), 10_000)]
    async with serving(apart(*pieces)) as server:
        assert await outcome(pool, server.base) is Broken
        await server.peers[0].gone()


async def test_many_headers_within_the_limit_are_taken(pool: Pool) -> None:
    head = b"HTTP/1.1 200 OK\r\n" + b"".join(b"x-%d: y\r\n" % number for number in range(4_000))
    async with serving(answering(head + b"content-length: 2\r\n\r\nhi")) as server:
        assert len((await ask(pool, server.base)).headers) == 4_001


async def test_what_came_before_the_break_is_told_first(pool: Pool) -> None:
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    async with serving(apart(head + b"2\r\nhi\r\nzz\r\n")) as server:
        answer = await begin(pool, server.base)
        assert answer.status == 200
        assert await answer.next_chunk() == b"hi"
        for _ in range(2):
            with pytest.raises(Broken):
                await answer.next_chunk()
        answer.close()


@pytest.mark.parametrize(
    ("name", "reason"),
    [("two lengths", "Duplicate Content-Length"), ("status 000", "status 0 "), ("nothing", "ended before")],
)
async def test_break_says_why(pool: Pool, name: str, reason: str) -> None:
    async with serving(apart(BAD[name].raw, close=True)) as server:
        with pytest.raises(Broken, match=reason):
            await ask(pool, server.base)


async def test_end_is_told_again_and_again(pool: Pool) -> None:
    async with serving(answering(OK)) as server:
        answer = await begin(pool, server.base)
        assert await rest(answer) == b"hi"
        assert await rest(answer) == b""
        answer.close()
        answer.close()
        assert await ask(pool, server.base) == await ask(pool, server.base)
        assert len(server.peers) == 1


async def test_end_while_the_request_is_sent_is_told_at_once(pool: Pool) -> None:
    """A backend that has said its last word and reads nothing: what is left to be sent is not waited for."""

    async def act(peer: Peer) -> None:
        await peer.head()
        await peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf")
        peer.writer.write_eof()
        await asyncio.Event().wait()

    async with serving(act) as server:
        assert await outcome(pool, server.base, body=bytes(64 << 20)) is Broken


async def test_answer_before_the_request_is_none() -> None:
    """A backend that speaks first has nothing to say that anybody asked for."""

    async def hasty(peer: Peer) -> None:
        await peer.send(OK)
        await peer.stay()

    async with serving(hasty) as server:
        connection = Connection(lambda _: None)
        await asyncio.get_running_loop().create_connection(lambda: connection, "127.0.0.1", server.port)
        await server.peers[0].gone()
        with pytest.raises(Broken, match="before the request"):
            connection.send(b"GET / HTTP/1.1\r\n\r\n", b"")


async def test_one_request_at_a_time() -> None:
    connection = Connection(lambda _: None)
    async with serving(silent) as server:
        await asyncio.get_running_loop().create_connection(lambda: connection, "127.0.0.1", server.port)
        answer = connection.send(b"GET / HTTP/1.1\r\n\r\n", b"")
        with pytest.raises(RuntimeError, match="one request at a time"):
            connection.send(b"GET / HTTP/1.1\r\n\r\n", b"")
        answer.close()
        await server.peers[0].gone()
