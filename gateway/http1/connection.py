"""One connection to a backend, and one answer at a time on it."""

import asyncio
from collections.abc import Callable
from typing import cast

import httptools

_MAX_HEAD = 64 << 10  # bytes of an answer's headers
_HIGH = 256 << 10  # bytes of an answer that wait for their reader before the backend must wait
_BODILESS = (204, 304)


class Broken(ConnectionError):
    """The connection broke, or what came over it is no HTTP."""


class Answer:
    """One answer, whose body comes in chunks. ``headers`` have lower-case names; of equal ones the last counts."""

    def __init__(self, connection: "Connection") -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.ended = False
        self._connection = connection
        self._loop = asyncio.get_running_loop()
        self._chunks: list[bytes] = []
        self._size = 0
        self._failed: Exception | None = None
        self._news: asyncio.Future[None] | None = None

    async def begun(self) -> None:
        """Waits for the headers. Raises Broken."""
        while not self.status and self._failed is None:
            self._news = self._loop.create_future()
            await self._news
        if self._failed is not None:
            raise self._failed

    async def next_chunk(self) -> bytes:
        """What has come since the last call, at least one byte, and nothing at a proper end. Raises Broken."""
        chunks = self._chunks
        while not chunks:
            if self._failed is not None:
                raise self._failed
            if self.ended:
                return b""
            self._news = self._loop.create_future()
            await self._news
        chunk = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        chunks.clear()
        if self._size > _HIGH:
            self._connection.read_on()
        self._size = 0
        return chunk

    def tell(self) -> None:
        """Wakes who waits."""
        news = self._news
        if (
            news is not None and not news.done()
        ):  # it is done where nobody has waited since, or who did was cancelled
            news.set_result(None)

    def take(self, chunk: bytes) -> bool:
        """A piece of the body; whether the backend should wait with more."""
        self._chunks.append(chunk)
        self._size += len(chunk)
        return self._size > _HIGH

    def fail(self, error: Exception) -> None:
        if not self.ended and self._failed is None:
            self._failed = error
            self.tell()

    def close(self) -> None:
        """Gives the connection back after a whole body, and cuts it otherwise."""
        self._connection.release(self)


class Connection(asyncio.Protocol):
    """``idle`` is called with the connection when it can serve the next request."""

    transport: asyncio.Transport

    def __init__(self, idle: Callable[["Connection"], None]) -> None:
        self.idle_since = 0.0
        self.closed = False
        self._idle = idle
        self._parser = httptools.HttpResponseParser(self)
        self._answer: Answer | None = None
        self._whole = False  # whether the parser has seen the end of the message
        self._delimited = (
            False  # whether the message says where its body ends; else the connection's end does
        )
        self._keep = False
        self._paused = False
        self._head = 0

    def send(self, head: bytes, body: bytes) -> Answer:
        """Sends a request. The answer is the caller's to close, whatever becomes of it."""
        if self._answer is not None:
            raise RuntimeError("one request at a time")
        self._answer = answer = Answer(self)
        self._whole = self._keep = False
        self._head = 0
        self.transport.writelines((head, body) if body else (head,))
        return answer

    def release(self, answer: Answer) -> None:
        if answer is not self._answer:
            return  # closed before
        self._answer = None
        self.read_on()  # its reader may have had enough of it
        # An answer may come before all of its request is sent: what is left would be read as the next request.
        if self._whole and self._keep and not self.closed and not self.transport.get_write_buffer_size():
            self._idle(self)
        else:
            self.cut()

    def cut(self) -> None:
        self.closed = True
        self.transport.abort()

    def read_on(self) -> None:
        if self._paused and not self.closed:
            self._paused = False
            self.transport.resume_reading()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is none by its class

    def data_received(self, data: bytes) -> None:
        answer = self._answer
        if answer is None or self._whole:  # nobody asked for it: the next caller must not take it for his
            self.cut()
            return
        if not answer.status:
            self._head += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            failed = Broken("what came is no HTTP/1.1")
            failed.__cause__ = error
            self._fail(failed)
            return
        if not answer.status and self._head > _MAX_HEAD:
            self._fail(Broken(f"headers of more than {_MAX_HEAD} bytes"))
            return
        answer.tell()

    def on_message_begin(self) -> None:
        if self._whole:  # a second answer to one request
            self._keep = False

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._answer is not None and not self._whole:
            self._answer.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        answer, status = self._answer, self._parser.get_status_code()
        if answer is None or self._whole or status < 200:
            return
        headers = answer.headers
        self._delimited = "content-length" in headers or "transfer-encoding" in headers or status in _BODILESS
        answer.status = status

    def on_body(self, data: bytes) -> None:
        answer = self._answer
        if answer is not None and not self._whole and answer.take(data) and not self._paused:
            self._paused = True
            self.transport.pause_reading()

    def on_message_complete(self) -> None:
        answer = self._answer
        if answer is None or self._whole:
            return
        if not answer.status:  # an interim answer (RFC 9110, 15.2): the one that counts follows
            answer.headers.clear()
            return
        self._whole = answer.ended = True
        self._keep = self._parser.should_keep_alive()

    def connection_lost(self, error: Exception | None) -> None:
        self.closed = True
        answer = self._answer
        if answer is None or self._whole:
            return
        if error is None and answer.status and not self._delimited:
            answer.ended = True
            answer.tell()
            return
        broken = Broken("the connection ended before the answer did")
        broken.__cause__ = error
        answer.fail(broken)

    def _fail(self, error: Broken) -> None:
        if self._answer is not None:
            self._answer.fail(error)
        self.cut()
