"""Ends that take their time: what waits for them is bounded."""

import asyncio
import tracemalloc
from pathlib import Path

import pytest

from gateway.http1.pool import Pool
from tests.authority import Authority

from .servers import OK, Peer, answering, ask, begin, serving, standstill

SIZE = 64 << 20
PIECE = b"x" * (64 << 10)
HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % SIZE
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


@pytest.fixture(params=["plain", "tls"])
def tls(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    if request.param == "plain":
        return None
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    return authority.server("127.0.0.1")


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunks"])
async def test_reader_that_reads_nothing_holds_the_backend_up(pool: Pool, tls: object, chunked: bool) -> None:
    sent = 0

    async def act(peer: Peer) -> None:
        nonlocal sent
        await peer.request()
        await peer.send(CHUNKED if chunked else HEAD)
        piece = b"%x\r\n%s\r\n" % (len(PIECE), PIECE) if chunked else PIECE
        for _ in range(SIZE // len(PIECE)):
            await peer.send(piece)
            sent += len(PIECE)
        await peer.send(b"0\r\n\r\n" if chunked else b"")
        await answering(OK)(peer)

    async with serving(act, tls=tls) as server:  # type: ignore[arg-type]
        answer = await begin(pool, server.base)
        tracemalloc.start()
        assert await standstill(lambda: sent) < SIZE // 2  # what is in the kernel's buffers, too
        first = await answer.next_chunk()
        assert len(first) < 2 << 20
        assert await standstill(lambda: sent) < SIZE // 2
        size = len(first)
        while chunk := await answer.next_chunk():
            size += len(chunk)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert size == SIZE
        assert most < 8 << 20  # of both ends
        answer.close()
        assert (await ask(pool, server.base)).body == b"hi"
        assert len(server.peers) == 1


async def test_backend_that_reads_nothing_costs_no_second_copy(pool: Pool, tls: object) -> None:
    """Of a large request no more is copied or encrypted than the network takes."""
    read_on = asyncio.Event()

    async def act(peer: Peer) -> None:
        await peer.head()
        await read_on.wait()
        left = SIZE
        while left:
            left -= len(await peer.reader.read(1 << 20))
        await peer.send(OK)
        await answering(OK)(peer)

    async with serving(act, tls=tls) as server:  # type: ignore[arg-type]
        body = bytes(SIZE)
        tracemalloc.start()
        task = asyncio.create_task(begin(pool, server.base, body=body))
        await server.met()
        await server.peers[0].was_asked()
        for _ in range(300):
            await asyncio.sleep(0)
        read_on.set()
        answer = await task
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert most < 12 << 20  # of both ends
        assert await answer.next_chunk() == b"hi"
        answer.close()
        assert (await ask(pool, server.base)).body == b"hi"
        assert len(server.peers) == 1
