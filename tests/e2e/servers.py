"""Servers for the tests, each kind on a thread and an event loop of its own."""

import asyncio
import socket
import threading
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

import uvicorn
import uvloop
from starlette.types import ASGIApp, Receive, Scope, Send

T = TypeVar("T")
_PATIENCE = 30.0


class Host:
    """A thread that runs servers. What its loop has to complain about is kept for the tests to see."""

    def __init__(self) -> None:
        self.loop = uvloop.new_event_loop()
        self.complaints: list[str] = []
        self.loop.set_exception_handler(lambda _, context: self.complaints.append(repr(context)))
        self._stopping: list[Any] = []
        self._thread = threading.Thread(target=self.loop.run_forever)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(_PATIENCE)

    def serve(self, config: uvicorn.Config) -> "Served":
        return self.run(Served.start(config))

    def stop(self, served: "Served") -> None:
        """Stops a server in its own time; ``close`` waits for it."""
        self._stopping.append(asyncio.run_coroutine_threadsafe(served.stop(), self.loop))

    def close(self) -> None:
        for stopping in self._stopping:
            stopping.result(_PATIENCE)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


class Served(uvicorn.Server):
    """uvicorn's server, told to stop by an event instead of a signal."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._up = asyncio.Event()
        self._leave = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @classmethod
    async def start(cls, config: uvicorn.Config) -> "Served":
        served = cls(config)
        served._task = asyncio.create_task(served.serve())
        up = asyncio.create_task(served._up.wait())
        await asyncio.wait((served._task, up), return_when=asyncio.FIRST_COMPLETED)
        up.cancel()
        assert served.started, "the server did not start"
        return served

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._up.set()

    async def main_loop(self) -> None:
        await self.on_tick(0)
        await self._leave.wait()

    async def stop(self) -> None:
        self._leave.set()
        if self._task:
            await self._task

    @property
    def port(self) -> int:
        port: int = self.servers[0].sockets[0].getsockname()[1]
        return port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@dataclass
class Stage:
    """One address whose application changes from test to test."""

    app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self.app is not None
        await self.app(scope, receive, send)


@dataclass
class Gallery:
    """Pictures on a web server, which tells how often each was asked for; some never come."""

    url: str = ""
    pictures: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    visits: dict[str, int] = field(default_factory=dict)
    waiting: int = 0

    def put(self, name: str, data: bytes, mime_type: str = "application/octet-stream") -> str:
        """Puts a picture up under a type that says nothing, unless told otherwise; its URL."""
        self.pictures[f"/{name}"] = (data, mime_type)
        return f"{self.url}/{name}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        self.visits[path] = self.visits.get(path, 0) + 1
        if path.startswith("/never"):
            await self._wait(receive)
            return
        data, mime_type = self.pictures.get(path, (b"", "text/plain"))
        status = 200 if path in self.pictures else 404
        headers = [(b"content-type", mime_type.encode()), (b"content-length", str(len(data)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": data})

    async def _wait(self, receive: Receive) -> None:
        self.waiting += 1
        try:
            while (await receive())["type"] != "http.disconnect":
                pass
        finally:
            self.waiting -= 1


def plain(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(app, port=0, lifespan="off", log_config=None, access_log=False)


def unused_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
