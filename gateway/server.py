"""The HTTP server: uvicorn, with a deadline for request headers and a stop that lets running streams end."""

import asyncio
import gc
import signal
from collections.abc import Callable
from typing import Any, cast

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.supervisors import Multiprocess

from gateway import memory, telemetry
from gateway.app import create_app
from gateway.configuration import load
from gateway.settings import Settings
from gateway.storage.database import Database

_BACKLOG = 4096


class HeadWithBody:
    """A transport that sends the head of an answer together with what follows in the same turn of the event loop.

    uvicorn writes them one after the other; each write is a call into the kernel and a packet of its own.
    """

    write: Callable[[bytes], None]

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._head = b""
        self.is_closing = transport.is_closing
        self.expect_head()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def expect_head(self) -> None:
        """The next write is the head of an answer; those after it go straight through."""
        if not self._head:  # with pipelined requests, one may still be held
            self.write = self._hold

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def _hold(self, head: bytes) -> None:
        self._head = head
        self.write = self._join
        self._loop.call_soon(self._flush)

    def _join(self, body: bytes) -> None:
        head, self._head = self._head, b""
        self.write = self._transport.write
        self._transport.writelines((head, body))

    def _flush(self) -> None:
        if self._head:
            head, self._head = self._head, b""
            self.write = self._transport.write
            self._transport.write(head)


class DeadlineProtocol(HttpToolsProtocol):
    """Closes a connection whose request headers do not come in time.

    uvicorn itself waits for ever: a silent socket and a drip of headers stayed open for as long as we looked.
    """

    _deadline: asyncio.TimerHandle | None = None
    _in_head = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(cast(asyncio.Transport, HeadWithBody(transport, self.loop)))
        self._start()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._in_head and self._deadline is None:  # a part of a further request has come
            self._start()

    def on_message_begin(self) -> None:
        self._in_head = True
        cast(HeadWithBody, self.transport).expect_head()
        super().on_message_begin()

    def _start(self) -> None:
        # The application's lifespan tells the time: the only way from the settings to here without module state.
        self._deadline = self.loop.call_later(self.app_state["header_timeout"], self.transport.close)

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._met()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        # uvicorn collects in a bytearray and copies that: bytes in its place are passed on as they came.
        if not self.cycle.body:
            self.cycle.body = b""  # type: ignore[assignment]
        super().on_body(body)

    def connection_lost(self, exc: Exception | None) -> None:
        self._met()
        super().connection_lost(exc)

    def _met(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def websocket(**connection: Any) -> asyncio.Protocol:
    """Made on the first handshake: what it imports costs memory that most processes never need."""
    from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

    return WebSocketsSansIOProtocol(**connection)


def config(settings: Settings, app: ASGIApp | str) -> uvicorn.Config:
    """How uvicorn runs the gateway; ``app`` may be the name of a factory, for worker processes."""
    server = settings.server
    return uvicorn.Config(
        app,
        factory=isinstance(app, str),
        host=server.host,
        port=server.port,
        workers=server.workers,
        http=DeadlineProtocol,
        ws=websocket,  # type: ignore[arg-type]  # uvicorn only calls it
        ws_max_size=server.max_body_bytes,
        ws_per_message_deflate=False,
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        backlog=_BACKLOG,
        timeout_graceful_shutdown=max(1, round(server.drain_timeout)),
    )


def serve(settings: Settings) -> None:
    """Serves until a signal; with several workers, each in a process of its own on the same socket."""
    telemetry.configure(settings.logging)
    if settings.server.workers == 1:
        server = uvicorn.Server(config(settings, _long_lived(settings)))
        # Once all has ended well, uvicorn raises the signal that asked for it again: that would be a failure.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: None)
        server.run()
        return
    _prepare(settings)
    workers = config(settings, "gateway.server:worker")
    Multiprocess(workers, sockets=[workers.bind_socket()]).run()


def _prepare(settings: Settings) -> None:
    """Makes the database before the workers come: all at once, most of them would fail over each other's tables."""
    prepared = Database(settings.storage.database)
    prepared.open()
    prepared.close()


def worker() -> ASGIApp:
    """The application in a worker process, which reads the configuration for itself."""
    settings = load()
    telemetry.configure(settings.logging)
    return _long_lived(settings)


def _long_lived(settings: Settings) -> ASGIApp:
    """The application, with the garbage collector set for a server: what lives as long as the process is never
    looked through (that took 50 ms now and then), and the short-lived seldom (it was a fifth of a request)."""
    memory.keep_freed()
    app = create_app(settings)
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    gc.enable()
    return app
