"""Raw servers on loopback that answer with exact bytes, and what came over each of their connections."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from gateway.http1.connection import Answer, Broken
from gateway.http1.pool import Pool
from gateway.upstream import Incoming

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"

Act = Callable[["Peer"], Awaitable[None]]


async def _soon(event: asyncio.Event) -> None:
    """Waits for what must happen; what never does fails instead of hanging."""
    async with asyncio.timeout(20):
        await event.wait()


@dataclass
class Peer:
    """The server's end of one connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    heads: list[bytes] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    asked: asyncio.Event = field(default_factory=asyncio.Event)  # a head has come
    sent: asyncio.Event = field(default_factory=asyncio.Event)  # all pieces of an answer went out
    left: asyncio.Event = field(default_factory=asyncio.Event)  # the client has closed or cut the connection

    async def was_asked(self) -> None:
        await _soon(self.asked)

    async def has_sent(self) -> None:
        await _soon(self.sent)

    async def gone(self) -> None:
        await _soon(self.left)

    async def head(self) -> bytes:
        head = await self.reader.readuntil(b"\r\n\r\n")
        self.heads.append(head)
        self.asked.set()
        return head

    async def request(self) -> bytes:
        """The next request's body, having read it all."""
        head = (await self.head()).lower()
        _, named, rest = head.partition(b"content-length: ")
        self.bodies.append(await self.reader.readexactly(int(rest.split(b"\r\n")[0]) if named else 0))
        return self.bodies[-1]

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def send_apart(self, pieces: Sequence[bytes]) -> None:
        """Sends pieces that are read as such: both ends are on one loop, whose next rounds see each."""
        for piece in pieces:
            await self.send(piece)
            for _ in range(3):
                await asyncio.sleep(0)

    async def stay(self) -> None:
        """Until the client leaves; what it still sends is read."""
        while await self.reader.read(1 << 16):
            pass


@dataclass
class Server:
    """The n-th connection is served by the n-th act, further ones by the last."""

    acts: Sequence[Act]
    tls: bool = False
    port: int = 0
    peers: list[Peer] = field(default_factory=list)
    came: asyncio.Event = field(default_factory=asyncio.Event)
    tasks: set["asyncio.Task[None]"] = field(default_factory=set)

    @property
    def base(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    async def met(self) -> None:
        await _soon(self.came)

    def meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.peers.append(Peer(reader, writer))
        act = self.acts[min(len(self.peers), len(self.acts)) - 1]
        self.tasks.add(asyncio.create_task(self._serve(self.peers[-1], act)))
        self.came.set()

    async def _serve(self, peer: Peer, act: Act) -> None:
        try:
            await act(peer)
        except (OSError, asyncio.IncompleteReadError):
            pass  # the client left
        finally:
            peer.left.set()
            peer.writer.close()


@contextlib.asynccontextmanager
async def serving(
    *acts: Act, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[Server]:
    """A server that has let go of all its connections in the end."""
    server = Server(acts, tls is not None)
    listener = await asyncio.start_server(server.meet, host, port, ssl=tls, limit=1 << 20)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        for task in server.tasks:
            task.cancel()
        await asyncio.gather(*server.tasks, return_exceptions=True)
        for peer in server.peers:
            peer.writer.transport.abort()


def answering(*answers: bytes) -> Act:
    """Answers the n-th request of the connection with the n-th bytes, further ones with the last; then stays."""

    async def act(peer: Peer) -> None:
        while True:
            await peer.request()
            await peer.send(answers[min(len(peer.heads), len(answers)) - 1])

    return act


def apart(*pieces: bytes, close: bool = False) -> Act:
    """Answers the first request with pieces that arrive one by one, any other with OK."""

    async def act(peer: Peer) -> None:
        await peer.request()
        try:
            await peer.send_apart(pieces)
        finally:
            peer.sent.set()
        if close:
            peer.writer.close()
            return
        await answering(OK)(peer)

    return act


async def silent(peer: Peer) -> None:
    """Reads and says nothing."""
    try:
        await peer.head()
        await peer.stay()
    finally:
        peer.left.set()


class Told(NamedTuple):
    """An answer that was read to its end."""

    status: int
    headers: dict[str, str]
    body: bytes


async def begin(
    pool: Pool,
    base: str,
    path: str = "/",
    *,
    method: str = "POST",
    body: bytes = b"{}",
    connect: float = 10.0,
    **headers: str,
) -> Answer:
    """An answer whose headers have come."""
    named = {"content-length": str(len(body)), **headers}
    return await pool.send(method, base, path, named, body, connect=connect)


async def rest(answer: Incoming) -> bytes:
    parts = []
    while chunk := await answer.next_chunk():
        parts.append(chunk)
    return b"".join(parts)


async def ask(pool: Pool, base: str, path: str = "/", **more: Any) -> Told:
    async with asyncio.timeout(20):  # what hangs fails
        answer = await begin(pool, base, path, **more)
        try:
            return Told(answer.status, answer.headers, await rest(answer))
        finally:
            answer.close()


async def outcome(pool: Pool, base: str, **more: Any) -> Told | type[Broken]:
    try:
        return await ask(pool, base, **more)
    except Broken:
        return Broken


@contextlib.contextmanager
def unreachable_port(family: socket.AddressFamily, address: str, port: int = 0) -> Iterator[int]:
    """A port where connecting neither succeeds nor fails: the queue of its listener is full (listen(2))."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket(family))
        listener.bind((address, port))
        listener.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket(family))
            waiting.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                waiting.connect(listener.getsockname())
        yield listener.getsockname()[1]


async def standstill(progress: Callable[[], int]) -> int:
    """What the figure is once it has not grown for many rounds of the loop, on which both ends run."""
    unchanged, last = 0, -1
    while unchanged < 300:
        now = progress()
        unchanged, last = (unchanged + 1, last) if now == last else (0, now)
        await asyncio.sleep(0)
    return last
