"""Connections that are kept for the next request, by where they lead."""

import asyncio
import socket
import ssl
from collections.abc import Mapping
from functools import cached_property
from typing import NamedTuple
from urllib.parse import urlsplit

import aiohappyeyeballs

from gateway.http1.connection import Answer, Connection

_KEPT = 30.0  # seconds for which an idle connection is used again; backends close theirs after 60 and more
_NEXT_ADDRESS = 0.25  # seconds until the next address of a name is tried beside the first (RFC 8305, 5)


class NotConnected(ConnectionError):
    """No connection came about; the cause says why."""


class Origin(NamedTuple):
    """Where a base URL leads: the address, what the Host header says, and what stands before each path."""

    host: str
    port: int
    tls: bool
    authority: str
    root: str


class Pool:
    """Opens connections and keeps idle ones. Bounds nothing: admission does that before anything is sent."""

    def __init__(self) -> None:
        self._origins: dict[str, Origin] = {}
        self._idle: dict[Origin, list[Connection]] = {}
        self._loop = asyncio.get_running_loop()
        self._sweep: asyncio.TimerHandle | None = None

    async def send(
        self, method: str, base: str, path: str, headers: Mapping[str, str], body: bytes, *, connect: float
    ) -> Answer:
        """Sends a request; its answer's headers are still to come. ``connect`` bounds, in seconds, how long a new
        connection may take. Raises NotConnected, and TimeoutError where it takes longer."""
        origin = self._origins.get(base)
        if origin is None:
            origin = self._origins[base] = _origin(base)
        head = _head(method, origin, path, headers)
        connection = self._take(origin) or await self._connect(origin, connect)
        return connection.send(head, body)

    def close(self) -> None:
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

    async def _connect(self, origin: Origin, seconds: float) -> Connection:
        kept = self._idle.setdefault(origin, [])

        def idle(connection: Connection) -> None:
            connection.idle_since = self._loop.time()
            kept.append(connection)
            if self._sweep is None:
                self._sweep = self._loop.call_later(_KEPT, self._forget)

        try:
            async with asyncio.timeout(seconds):
                return await self._dial(origin, Connection(idle))
        except TimeoutError:
            raise
        except (OSError, UnicodeError) as error:  # refused, a name unknown, a certificate that is not valid
            raise NotConnected(str(error)) from error

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context()

    async def _dial(self, origin: Origin, connection: Connection) -> Connection:
        found = await self._loop.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)
        opened = await aiohappyeyeballs.start_connection(
            found, happy_eyeballs_delay=_NEXT_ADDRESS, interleave=1
        )
        try:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            tls, name = (self._tls, origin.host) if origin.tls else (None, None)
            await self._loop.create_connection(lambda: connection, sock=opened, ssl=tls, server_hostname=name)
        except BaseException:
            opened.close()
            raise
        return connection

    def _forget(self) -> None:
        """Closes what has been idle for too long: firewalls drop such connections without a word."""
        oldest = self._loop.time() - _KEPT
        for kept in self._idle.values():
            for connection in [one for one in kept if one.closed or one.idle_since <= oldest]:
                kept.remove(connection)
                connection.cut()
        left = any(self._idle.values())
        self._sweep = self._loop.call_later(_KEPT / 2, self._forget) if left else None


def _origin(base: str) -> Origin:
    url = urlsplit(base)
    tls = url.scheme == "https"
    if not url.hostname:
        raise ValueError(f"{base!r} names no host")
    port = url.port or (443 if tls else 80)
    return Origin(url.hostname, port, tls, url.netloc.rpartition("@")[2], url.path)


def _head(method: str, origin: Origin, path: str, headers: Mapping[str, str]) -> bytes:
    """The request's head. Raises ValueError where a value would break out of its line (RFC 9110, 5.5)."""
    lines = [f"{method} {origin.root}{path} HTTP/1.1", f"host: {origin.authority}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    text = "\r\n".join(lines)
    if text.count("\n") != len(lines) - 1 or text.count("\r") != len(lines) - 1 or "\0" in text:
        raise ValueError("a header's value holds a line break or a NUL")
    return f"{text}\r\n\r\n".encode()
