"""What goes back to the caller: a whole answer, or a stream that ends honestly however it ends."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from gateway.backends.base import Api, Backend, Dialect, Json
from gateway.errors import UpstreamError, stopping
from gateway.pulse import Pulse
from gateway.responses.keeping import Following
from gateway.settings import Timeouts
from gateway.telemetry import Record
from gateway.upstream import UpstreamResponse
from gateway.wire import fault, headers, sse, usage
from gateway.wire.stream import Stream

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_EVENTS = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache",
    "x-accel-buffering": "no",  # nginx would collect the events
}
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_NO_STREAMS = ("application/json", "text/html")  # any other type may hold events: backends forget to name it


@dataclass(frozen=True, slots=True)
class Whole:
    """An answer that has come in full."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    record: Record

    @staticmethod
    async def read(
        upstream: UpstreamResponse, backend: Backend, api: Api, dialect: Dialect, record: Record
    ) -> tuple[bytes, Json]:
        """The backend's whole answer, and what it says. Raises UpstreamError for one that is no JSON or that is an
        error under 200."""
        raw = await upstream.read()
        value = sse.Event("", raw).json()
        if value is None:
            text = f"{backend.title} answered something that is not a JSON object."
            raise UpstreamError(502, text, code="upstream_garbage")
        status = backend.status_of(api, dialect, value)
        if status:
            raise backend.error(status, upstream.headers, raw)
        record.usage = usage.of(value)
        return raw, value

    async def __call__(self, send: Send) -> None:
        await send_whole(send, self.record, self.status, headers.to_caller(self.headers), self.body)


class Followed:
    """The events of a response that runs in the background, for as long as its caller listens."""

    def __init__(self, events: AsyncIterator[bytes], record: Record) -> None:
        self._events = events
        self._record = record

    async def __call__(self, send: Send) -> None:
        record = self._record
        record.status = 200
        await send(
            {"type": "http.response.start", "status": 200, "headers": _encoded({**record.told(), **_EVENTS})}
        )
        async for block in self._events:
            record.bytes_out += len(block)
            await send({"type": "http.response.body", "body": block, "more_body": True})
        record.finished = True
        await send({"type": "http.response.body", "body": b""})


class Streamed:
    """An answer on its way. It closes the backend's connection itself, however it ends."""

    def __init__(
        self,
        upstream: UpstreamResponse,
        stream: Stream,
        backend: Backend,
        timeouts: Timeouts,
        keep_alive: float,
        record: Record,
    ) -> None:
        self._upstream = upstream
        self._stream = stream
        self._backend = backend
        self._timeouts = timeouts
        self._keep_alive = keep_alive
        self._record = record
        self._framer = sse.Framer()
        self._first = b""
        self.following: Following | None = None

    def cancel(self) -> None:
        """Ends it soon: what waits for the backend hears of the end."""
        self._upstream.close()

    async def begin(self) -> None:
        """Waits for the first frames, so that a failure before them is still an answer with a status of its own.

        Gives up waiting after the time of a keep-alive: from then on the caller must hear something.
        """
        if self._upstream.content_type in _NO_STREAMS:
            raise self._no_stream(await self._upstream.read())
        try:
            async with asyncio.timeout(self._keep_alive):
                while not self._first:
                    await self._first_chunk()
        except TimeoutError:
            return

    async def _first_chunk(self) -> None:
        try:
            chunk = await self._upstream.next_chunk()
        except self._upstream.failures as error:
            raise self._upstream.broken() from error
        if chunk:
            self._first = self._framer.feed(chunk)
            if self._first and not sse.plausible(self._first):
                raise self._no_stream(self._first)
            return
        rest = self._framer.rest()
        self._first = sse.completed(rest)
        if not self._first:
            raise self._no_stream(rest) if rest.strip() else self._truncated()

    async def __call__(self, send: Send) -> None:
        told = {**headers.to_caller(self._upstream.headers), **self._record.told(), **_EVENTS}
        self._record.status = 200
        await send({"type": "http.response.start", "status": 200, "headers": _encoded(told)})
        try:
            end = await self._relay(send)
        except asyncio.CancelledError:
            if not self._record.left:  # the gateway is stopping: the caller is still there, and is told so
                await self._finish(send, self._failed(stopping()))
            raise
        finally:
            self._upstream.close()
            self._record.usage = self._stream.usage()
            if self.following:
                self.following.close()
        await self._finish(send, end)

    async def _relay(self, send: Send) -> bytes:
        """Passes the frames on; returns what is still to be sent, which is nothing after a proper end."""

        async def ping() -> None:
            await self._send(send, sse.KEEP_ALIVE)

        limits = {
            "first": self._timeouts.first_token,
            "idle": self._timeouts.idle,
            "total": self._timeouts.total,
        }
        try:
            async with Pulse(ping, keep_alive=self._keep_alive, **limits) as pulse:
                await self._pump(send, pulse)
        except TimeoutError:
            return await self._cut(self._silent())
        except UpstreamError as error:
            return await self._cut(error)
        except sse.FrameTooLong as error:
            text = f"{self._backend.title} sent {error}."
            return await self._cut(UpstreamError(502, text, code="upstream_garbage"))
        return b""

    async def _cut(self, error: UpstreamError) -> bytes:
        """The last event of a stream that failed, or that was cancelled by its owner."""
        if self.following and self.following.cancelled:
            self._record.code = "response_cancelled"
            return await self.following.cut()
        end = self._failed(error)
        if self.following:
            await self.following.tell(end)
        return end

    async def _pump(self, send: Send, pulse: Pulse) -> None:
        block, next_chunk, edit = self._first, self._upstream.next_chunk, self._stream.feed
        frames, told, record = self._framer.feed, self.following, self._record
        try:
            while True:
                if block:
                    pulse.beat()
                    block = edit(block)
                    if told:
                        await told.tell(block)
                    record.bytes_out += len(block)
                    await send({"type": "http.response.body", "body": block, "more_body": True})
                    pulse.rest()
                chunk = await next_chunk()
                if not chunk:
                    break
                block = frames(chunk)
        except self._upstream.failures as error:
            raise self._upstream.broken() from error
        last = sse.completed(self._framer.rest())
        if last:
            await self._pass(send, self._stream.feed(last))
        if not self._stream.finished():
            raise self._truncated()
        if end := self._stream.end():
            await self._pass(send, end)

    async def _pass(self, send: Send, block: bytes) -> None:
        if self.following:
            await self.following.tell(block)
        await self._send(send, block)

    def _send(self, send: Send, block: bytes) -> Awaitable[None]:
        self._record.bytes_out += len(block)
        return send({"type": "http.response.body", "body": block, "more_body": True})

    async def _finish(self, send: Send, end: bytes) -> None:
        self._record.bytes_out += len(end)
        self._record.finished = True
        await send({"type": "http.response.body", "body": end})

    def _failed(self, error: UpstreamError) -> bytes:
        self._record.broken, self._record.code = True, error.code
        self._record.cause = repr(error.__cause__) if error.__cause__ else error.message
        return self._stream.error(error)

    def _no_stream(self, raw: bytes) -> UpstreamError:
        """The error for a body that is none, though a stream was asked for."""
        if fault.read(raw):
            return self._backend.error(502, self._upstream.headers, raw)
        text = f"{self._backend.title} answered something that is not an event stream."
        return UpstreamError(502, text, code="upstream_garbage")

    def _truncated(self) -> UpstreamError:
        text = f"{self._backend.title} ended its answer before it was finished."
        return UpstreamError(502, text, code="upstream_truncated")

    def _silent(self) -> UpstreamError:
        text = f"{self._backend.title} went silent in the middle of its answer."
        return UpstreamError(504, text, code="upstream_timeout")


Reply: TypeAlias = Whole | Streamed | Followed


async def send_whole(
    send: Send, record: Record, status: int, headers: Mapping[str, str], body: bytes
) -> None:
    """Sends an answer that has come in full, with what is told of each request."""
    record.status, record.bytes_out, record.finished = status, len(body), True
    told = {**headers, **record.told(), "content-type": "application/json", "content-length": str(len(body))}
    await send({"type": "http.response.start", "status": status, "headers": _encoded(told)})
    await send({"type": "http.response.body", "body": body})


def _encoded(named: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """Headers as ASGI takes them. The caller's model name is told back in one, and may hold a line break."""
    return [
        (
            name.encode("latin-1"),
            (value if value.isprintable() else _CONTROL.sub("?", value)).encode("latin-1", "replace"),
        )
        for name, value in named.items()
    ]
