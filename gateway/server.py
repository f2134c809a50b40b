"""The server: uvicorn's process and sockets, our own connections, and a stop that lets running streams end."""

import asyncio
import gc
import signal
from typing import Any

import uvicorn
from uvicorn.supervisors import Multiprocess

from gateway import memory, telemetry
from gateway.api.edge import Edge
from gateway.app import create_app
from gateway.configuration import load
from gateway.http1.caller import Caller
from gateway.settings import Settings
from gateway.storage.database import Database

_BACKLOG = 4096
_KEPT = 75  # seconds for which callers' idle connections are kept: proxies before us keep theirs for 60


def websocket(**connection: Any) -> asyncio.Protocol:
    """Made on the first handshake: what it imports costs memory that most processes never need."""
    from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

    return WebSocketsSansIOProtocol(**connection)


def config(settings: Settings, app: Edge | str) -> uvicorn.Config:
    """How uvicorn runs the gateway; ``app`` may be the name of a factory, for worker processes."""
    server = settings.server
    return uvicorn.Config(
        app,
        factory=isinstance(app, str),
        host=server.host,
        port=server.port,
        workers=server.workers,
        http=Caller,
        timeout_keep_alive=_KEPT,
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


def worker() -> Edge:
    """The application in a worker process, which reads the configuration for itself."""
    settings = load()
    telemetry.configure(settings.logging)
    return _long_lived(settings)


def _long_lived(settings: Settings) -> Edge:
    """The application, with the garbage collector set for a server: what lives as long as the process is never
    looked through (that took 50 ms now and then), and the short-lived seldom (it was a fifth of a request)."""
    memory.keep_freed()
    app = create_app(settings)
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    gc.enable()
    return app
