"""One request of a caller, and its answer."""

import asyncio
import re
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Protocol
from urllib.parse import unquote

from gateway.wire.headers import named

RawHeaders = list[tuple[bytes, bytes]]

_HIGH = 64 << 10  # bytes of a body that wait for their reader before the caller must wait
_PHRASES = {one.value: one.phrase for one in HTTPStatus}  # backends have others as well
_BODILESS = (204, 304)  # RFC 9110, 6.4.1
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class CallerLeft(Exception):
    """The connection ended before the request did."""


class TooLarge(Exception):
    """The body is over the limit."""


class Line(Protocol):
    """The connection, as its requests need it."""

    full: bool  # whether the caller takes nothing more for now

    def send(self, data: bytes, /) -> object: ...
    def fixed_headers(self) -> bytes: ...
    def hold(self) -> None: ...
    def go_on(self) -> None: ...
    def ended(self, request: "Request") -> None: ...
    def cut(self) -> None: ...
    async def drained(self) -> None: ...


class Request:
    """A request, to be read with ``whole`` or ``chunk``, and the outlet of its answer.

    ``target`` is the path, still encoded, and the query; ``headers`` have names in lower case, and ``named`` has the
    first of each name; ``keep`` says whether the connection stays for another request. ``leaving`` is called, where it
    is set, when the caller leaves before the answer's end; what is written afterwards goes nowhere.
    """

    def __init__(
        self, line: Line, method: str, target: bytes, headers: RawHeaders, *, version: str, keep: bool
    ) -> None:
        """Raises UnicodeDecodeError for a path that is no ASCII."""
        self.method = method
        self.target = target
        path = target.partition(b"?")[0].decode("ascii")
        self.path = unquote(path) if "%" in path else path
        self.headers = headers
        self.named = named(headers)
        self.version = version
        self.keep = keep
        self.received = False  # whether all of the body has come
        self.left = False
        self.begun = False
        self.ended = False
        self.leaving: Callable[[], object] | None = None
        self._line = line
        # Whether the caller sends its body only when told to (RFC 9110, 10.1.1).
        self._expects = self.named.get(b"expect", b"").lower() == b"100-continue" and version == "1.1"
        self._parts: list[bytes] = []
        self._size = 0
        self._most = _HIGH
        self._news: asyncio.Future[None] | None = None
        self._head = b""
        self._chunked = False
        self._owed: int | None = None  # bytes of the body that the head has promised

    async def whole(self, limit: int) -> bytes:
        """The body, or what of it is still to be read. Raises TooLarge, CallerLeft."""
        self._most = limit
        while not self.received and self._size <= limit:
            await self._more()
        if self._size > limit:
            raise TooLarge
        return self._taken()

    async def chunk(self) -> bytes:
        """The next piece of the body, nothing at its end. Raises CallerLeft."""
        self._most = _HIGH
        while not self._parts and not self.received:
            await self._more()
        return self._taken()

    async def gone(self) -> None:
        """Returns when the caller has left, or when the answer has ended."""
        while not (self.left or self.ended):
            await self._wait()

    def _taken(self) -> bytes:
        parts, self._parts, self._size = self._parts, [], 0
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def _more(self) -> None:
        if self.left:
            raise CallerLeft
        if self._expects:
            self._expects = False
            self._line.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._line.go_on()
        await self._wait()

    def _wait(self) -> "asyncio.Future[None]":
        self._news = asyncio.get_running_loop().create_future()
        return self._news

    def _tell(self) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(None)

    def take(self, data: bytes) -> None:
        """A piece of the body has come."""
        if self.ended:
            return
        self._parts.append(data)
        self._size += len(data)
        if self._size > self._most:
            self._line.hold()
            self._tell()
        elif self._most == _HIGH:  # who wants the whole needs no word of its pieces
            self._tell()

    def complete(self) -> None:
        self.received = True
        self._tell()

    def lose(self) -> None:
        """The caller has left."""
        self.left = True
        self._tell()
        if self.leaving is not None and not self.ended:
            self.leaving()

    def begin(self, status: int, headers: Mapping[str, str], length: int | None = None) -> None:
        self.start(status, _encoded(headers), length)

    def start(self, status: int, lines: bytes, length: int | None) -> None:
        """``begin`` with header lines as they go out, each with its line break."""
        self.begun = True
        if self._expects and not self.received:
            self.keep = False  # its caller may send the body or not: what comes next could be either
        self._expects = False
        if self.method == "HEAD" or status in _BODILESS:
            self._owed = 0
            framing = b"" if length is None or status in _BODILESS else b"content-length: %d\r\n" % length
        elif length is not None:
            self._owed = length
            framing = b"content-length: %d\r\n" % length
        elif self.version == "1.1":
            self._chunked = True
            framing = b"transfer-encoding: chunked\r\n"
        else:  # HTTP/1.0 knows no chunks: the end of the connection is the end of the body
            self.keep, framing = False, b""
        if not self.keep:
            framing += b"connection: close\r\n"
        first = f"HTTP/1.1 {status} {_PHRASES.get(status, '')}\r\n".encode()
        self._head = first + self._line.fixed_headers() + lines + framing + b"\r\n"

    def write(self, block: bytes) -> bool:
        line = self._line
        if not self._chunked:
            self._send(self._within(block))
        elif self._head or not block:
            self._send(b"%x\r\n%b\r\n" % (len(block), block) if block else b"")
        elif not self.left:
            line.send(b"%x\r\n%b\r\n" % (len(block), block))
        return not line.full

    async def ready(self) -> None:
        await self._line.drained()

    async def end(self, block: bytes = b"") -> None:
        if not self._chunked:
            self._send(self._within(block))
        elif block:
            self._send(b"%x\r\n%b\r\n0\r\n\r\n" % (len(block), block))
        else:
            self._send(b"0\r\n\r\n")
        self.ended = True
        if self._owed:  # an answer that is shorter than it said must not look like a whole one
            self._line.cut()
            return
        self._parts, self._size = [], 0
        self._tell()
        self._line.ended(self)

    def _within(self, block: bytes) -> bytes:
        """What of it goes out. Raises RuntimeError where the head promised less."""
        if self._owed is None or not block:
            return block
        if self.method == "HEAD":
            return b""
        if len(block) > self._owed:
            raise RuntimeError("the body is longer than its head says")
        self._owed -= len(block)
        return block

    def _send(self, data: bytes) -> None:
        """With the head, where that has not gone out yet: a packet of its own for it would cost as much again."""
        if self._head:
            head, self._head = self._head, b""
            if len(data) < _HIGH:
                data = head + data
            elif not self.left:
                self._line.send(head)
        if data and not self.left:
            self._line.send(data)


def _encoded(headers: Mapping[str, str]) -> bytes:
    """Header lines. A value may be a caller's own word, as the model's name is, and hold a line break."""
    lines = [
        f"{name}: {value if value.isprintable() else _CONTROL.sub('?', value)}\r\n"
        for name, value in headers.items()
    ]
    return "".join(lines).encode("latin-1", "replace")
