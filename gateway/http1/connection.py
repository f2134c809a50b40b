"""One connection to a backend, and one answer at a time on it."""

import asyncio
import ssl
from collections.abc import Callable
from typing import cast

import httptools

_MAX_DRY = 64 << 10  # bytes that may come without any of a body: headers, extensions of chunks, trailers
_HIGH = 256 << 10  # bytes of an answer that wait for their reader before the backend must wait
# Of a larger request, handed over as it goes: copied and encrypted at once it holds up all others.
_PIECE = 256 << 10


class Broken(ConnectionError):
    """The connection broke, or what came over it is no HTTP."""


class Answer:
    """One answer, whose body comes in chunks. ``headers`` have lower-case names; of equal ones the last counts."""

    def __init__(self, connection: "Connection", loop: asyncio.AbstractEventLoop) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self._connection = connection
        self._loop = loop
        self.chunks: list[bytes] = []  # that have come and were not taken yet
        self.size = 0  # of these, in bytes
        self._ended = False
        self._failed: Broken | None = None
        self._news: asyncio.Future[None] | None = None
        self._take: Callable[[bytes], bool] | None = None
        self._enough = False
        self._fault: BaseException | None = None

    async def begun(self) -> None:
        """Waits for the headers. Raises Broken."""
        while not self.status:
            if self._failed is not None:
                raise self._failed
            await self._more()

    async def next_chunk(self) -> bytes:
        """What has come since the last call, at least one byte, and nothing at a proper end. Raises Broken."""
        while not self.chunks:
            if self._ended:
                return b""
            if self._failed is not None:
                raise self._failed
            await self._more()
        return self._taken()

    def _taken(self) -> bytes:
        chunk = self.chunks[0] if len(self.chunks) == 1 else b"".join(self.chunks)
        self.chunks.clear()
        if self.size > _HIGH:
            self._connection.read_on()
        self.size = 0
        return chunk

    async def flow(self, take: Callable[[bytes], bool]) -> bool:
        """Gives all that comes to ``take``, in the turn of the event loop in which it comes, until that wants no more
        for now: then true. False at a proper end. Raises Broken, and what ``take`` raises."""
        self._take, self._enough = take, False
        try:
            while not self._pass_on():
                await self._more()
        finally:
            self._take = None
        if self._fault is not None:
            raise self._fault
        if not self._enough and self._failed is not None:
            raise self._failed
        return self._enough

    def _pass_on(self) -> bool:
        """Gives what has come to who takes it; whether there is something to wake him for."""
        if self._take is not None and self.chunks and not self._enough:
            try:
                # In the flow of a stream one chunk comes at a time, and waits for nobody.
                chunk = self.chunks.pop() if self.size < _HIGH and len(self.chunks) == 1 else self._taken()
                self.size = 0
                self._enough = not self._take(chunk)
            except BaseException as error:  # noqa: BLE001 - raised where the flow is awaited
                self._enough, self._fault = True, error
        return self._enough or self._ended or self._failed is not None

    def _more(self) -> "asyncio.Future[None]":
        self._news = self._loop.create_future()
        return self._news

    def tell(self) -> None:
        """Something has come: who takes it is given it, who waits is woken."""
        if self._take is not None and not self._pass_on():
            return
        if self._news is not None and not self._news.done():
            self._news.set_result(None)

    def end(self) -> None:
        self._ended = True
        self.tell()

    def fail(self, error: Broken) -> None:
        if not self._ended and self._failed is None:
            self._failed = error
        self.tell()

    def close(self) -> None:
        """Gives the connection back after a whole body, and cuts it otherwise: who still reads then hears of it."""
        self._connection.release(self)


class Connection(asyncio.Protocol):
    """``idle`` is called with the connection when it can serve the next request.

    Answers to HEAD and CONNECT end otherwise than others; those methods are not for here.
    """

    transport: asyncio.Transport

    def __init__(self, idle: Callable[["Connection"], None]) -> None:
        self.idle_since = 0.0
        self._idle = idle
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpResponseParser(self)
        self._answer: Answer | None = None  # until its reader has closed it
        self._coming: Answer | None = None  # the same until its end has come
        self._unsent = memoryview(b"")
        self._full = False
        self._delimited = False  # whether the answer says where its body ends; else the connection's end does
        self._eof = False
        self._keep = False
        self._paused = False
        self._dry = 0

    @property
    def closed(self) -> bool:
        return self.transport.is_closing()

    async def secure(self, context: ssl.SSLContext, host: str) -> None:
        """Puts TLS on it. Raises OSError; given up or failed, it is cut.

        ``create_connection`` would do both steps, but cancelled between them asyncio's keeps the socket, and its number
        among the readers, for whoever gets that number next.
        """
        plain = self.transport
        try:
            secured = await self._loop.start_tls(plain, self, context, server_hostname=host)
            if secured is None:
                raise ConnectionResetError("the connection ended with its handshake")
        except BaseException:
            plain.abort()
            raise
        self.transport = secured

    def send(self, head: bytes, body: bytes) -> Answer:
        """Sends a request. The answer is the caller's to close, whatever becomes of it. Raises Broken."""
        if self._answer is not None:
            raise RuntimeError("one request at a time")
        if self.transport.is_closing():  # nobody would tell the answer of an end that has been
            raise Broken("the connection ended before the request")
        self._answer = self._coming = answer = Answer(self, self._loop)
        self._keep = False
        self._dry = 0
        if len(body) <= _PIECE:
            self.transport.writelines((head, body) if body else (head,))
        else:
            self.transport.write(head)
            self._unsent = memoryview(body)
            self._send_on()
        return answer

    def _send_on(self) -> None:
        while self._unsent and not self._full and not self.transport.is_closing():
            piece, self._unsent = self._unsent[:_PIECE], self._unsent[_PIECE:]
            self.transport.write(piece)

    def release(self, answer: Answer) -> None:
        if answer is not self._answer:
            return  # closed before
        reusable = self._coming is None and self._keep and self._is_quiet()
        self._answer = self._coming = None
        if reusable:
            self._idle(self)
        else:
            self.cut()
            answer.fail(Broken("the answer was closed before its end"))

    def _is_quiet(self) -> bool:
        """Whether nothing of this request goes either way any more, which the next one would take for its own: more
        than the answer may have come unread, and the answer before all of the request went out."""
        if self._paused or self.transport.is_closing():
            return False
        return not self.transport.get_write_buffer_size()

    def cut(self) -> None:
        self.transport.abort()

    def read_on(self) -> None:
        if self._paused:
            self._paused = False
            self.transport.resume_reading()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is none by its class

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        self._send_on()

    def data_received(self, data: bytes) -> None:
        answer = self._coming
        if answer is None:  # nobody asked for it: the next caller must not take it for his
            self.cut()
            return
        self._dry += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._refuse(answer, f"what came is no HTTP/1.1: {error.__context__ or error!r}", error)
            return
        if self._dry > _MAX_DRY:
            self._refuse(answer, f"{_MAX_DRY} bytes came without any of a body")
        else:
            answer.tell()

    def on_message_begin(self) -> None:
        if self._coming is None:  # a second answer to one request
            self._keep = False

    def on_header(self, name: bytes, value: bytes) -> None:
        answer = self._coming
        if answer is not None and not answer.status:  # trailers stay out (RFC 9110, 6.5)
            answer.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        answer, status = self._coming, self._parser.get_status_code()
        if answer is None:
            return
        coding = answer.headers.get("transfer-encoding")
        self._delimited = coding is not None or "content-length" in answer.headers
        if 100 <= status < 200 and not self._delimited:
            return
        if status < 200 or (coding is not None and coding.lower() != "chunked"):
            raise Broken(f"status {status} with a body, coded as {coding}")
        answer.status = status

    def on_body(self, data: bytes) -> None:
        self._dry = 0
        answer = self._coming
        if answer is not None:
            answer.chunks.append(data)
            answer.size += len(data)
            if answer.size > _HIGH and not self._paused:
                self._paused = True
                self.transport.pause_reading()

    def on_message_complete(self) -> None:
        answer = self._coming
        if answer is None:
            return
        if not answer.status:  # an interim answer (RFC 9110, 15.2): the one that counts follows
            answer.headers.clear()
            return
        self._coming = None
        self._keep = self._parser.should_keep_alive() and (
            "transfer-encoding" not in answer.headers
            or self._parser.get_http_version() == "1.1"  # RFC 9112, 6.1
        )
        answer.end()

    def eof_received(self) -> None:
        """Nothing more can come, so what is left to be sent helps nobody."""
        self._eof = True
        self.cut()

    def connection_lost(self, error: Exception | None) -> None:
        del self._parser  # it holds our methods: a circle that only the collector would find
        self._unsent = memoryview(b"")
        answer = self._coming
        if answer is None:
            return
        if self._eof and answer.status and not self._delimited:
            answer.end()
        else:
            broken = Broken("the connection ended before the answer did")
            broken.__cause__ = error
            answer.fail(broken)

    def _refuse(self, answer: Answer, reason: str, cause: Exception | None = None) -> None:
        """What comes now has no meaning any more; an answer that is whole already stands."""
        broken = Broken(reason)
        broken.__cause__ = cause
        self.cut()
        answer.fail(broken)
