"""Connections that are kept for the next request, by where they lead."""

import asyncio
import socket
import ssl
from collections.abc import Mapping
from functools import cached_property, partial

import aiohappyeyeballs

from gateway.http1.connection import Answer, Connection
from gateway.http1.names import Names
from gateway.http1.origin import Origin

_KEPT = 30.0  # seconds for which a connection may be idle, and half as many until it is noticed; backends allow 60
_NEXT_ADDRESS = 0.25  # seconds until the next address of a name is tried beside the first (RFC 8305, 5)


class NotConnected(ConnectionError):
    """No connection came about; the cause says why."""


class Pool:
    """Opens connections and keeps idle ones. Bounds nothing: admission does that before anything is sent."""

    def __init__(self, kept: float = _KEPT) -> None:
        self._kept = kept
        self._loop = asyncio.get_running_loop()
        self._names = Names()
        self._origins: dict[str, Origin] = {}
        self._idle: dict[Origin, list[Connection]] = {}
        self._sweep: asyncio.TimerHandle | None = None
        self._closed = False

    async def send(
        self, method: str, base: str, path: str, headers: Mapping[str, str], body: bytes, *, connect: float
    ) -> Answer:
        """Sends a request and waits for the headers of its answer, which is the caller's to close. ``connect`` bounds,
        in seconds, how long a new connection may take. Raises NotConnected, Broken, and TimeoutError where connecting
        takes longer."""
        origin = self._origins.get(base)
        if origin is None:
            origin = self._origins[base] = Origin.of(base)
        head = _head(method, origin, path, headers)
        connection = self._take(origin) or await self._connect(origin, connect)
        answer = connection.send(head, body)
        try:
            await answer.begun()
        except BaseException:
            answer.close()
            raise
        return answer

    def close(self) -> None:
        """Cuts what is idle now, and what is given back later."""
        self._closed = True
        if self._sweep is not None:
            self._sweep.cancel()
        for kept in self._idle.values():
            for connection in kept:
                connection.cut()
        self._idle.clear()

    def _take(self, origin: Origin) -> Connection | None:
        """The one that was used last: the others may then grow old and go."""
        kept = self._idle.get(origin)
        while kept:
            connection = kept.pop()
            if not connection.closed:
                return connection
        return None

    def _keep(self, origin: Origin, connection: Connection) -> None:
        if self._closed:
            connection.cut()
            return
        connection.idle_since = self._loop.time()
        self._idle.setdefault(origin, []).append(connection)
        if self._sweep is None:
            self._sweep = self._loop.call_later(self._kept, self._forget)

    def _forget(self) -> None:
        """Closes what has been idle for too long: firewalls drop such connections without a word."""
        oldest = self._loop.time() - self._kept
        for kept in self._idle.values():
            for connection in kept:
                if connection.idle_since <= oldest:
                    connection.cut()
            kept[:] = [connection for connection in kept if not connection.closed]
        left = any(self._idle.values())
        self._sweep = self._loop.call_later(self._kept / 2, self._forget) if left else None

    async def _connect(self, origin: Origin, seconds: float) -> Connection:
        connection = Connection(partial(self._keep, origin))
        try:
            async with asyncio.timeout(seconds):
                await self._dial(origin, connection)
        except (OSError, UnicodeError) as error:  # refused, a name unknown, a certificate that is not valid
            self._names.forget((origin.host, origin.port))
            if isinstance(error, TimeoutError):
                raise
            raise NotConnected(str(error)) from error
        return connection

    async def _dial(self, origin: Origin, connection: Connection) -> None:
        found = await self._names.find((origin.host, origin.port))
        opened = await aiohappyeyeballs.start_connection(
            found, happy_eyeballs_delay=_NEXT_ADDRESS, interleave=1
        )
        try:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            await self._loop.create_connection(lambda: connection, sock=opened)
        except BaseException:
            opened.close()
            raise
        if origin.tls:
            await connection.secure(self._tls, origin.host)

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context()


def _head(method: str, origin: Origin, path: str, headers: Mapping[str, str]) -> bytes:
    """The request's head; values are bytes as latin-1, as ASGI gives them. Raises ValueError for a value that no
    header can hold or that would break out of its line (RFC 9110, 5.5), and for a path that is not percent-encoded."""
    if not (path.isascii() and path.isprintable()) or " " in path:
        raise ValueError("the path is not percent-encoded")
    lines = [f"{method} {origin.root}{path} HTTP/1.1", f"host: {origin.authority}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    text = "\r\n".join(lines)
    if text.count("\n") != len(lines) - 1 or text.count("\r") != len(lines) - 1 or "\0" in text:
        raise ValueError("a header's value holds a line break or a NUL")
    return f"{text}\r\n\r\n".encode("latin-1")
