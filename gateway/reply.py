"""What goes back to the caller: a whole answer, or a stream that ends honestly however it ends."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import NamedTuple, TypeAlias

from gateway.backends.base import Api, Backend, Dialect, Json
from gateway.errors import UpstreamError, stopping
from gateway.outlet import Outlet
from gateway.pulse import Pulse
from gateway.responses.keeping import Following
from gateway.settings import Timeouts
from gateway.telemetry import Record
from gateway.upstream import UpstreamResponse
from gateway.wire import body as wire_body
from gateway.wire import fault, headers, sse, usage
from gateway.wire.stream import Stream

_EVENTS = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache",
    "x-accel-buffering": "no",  # nginx would collect the events
}
_NO_STREAMS = ("application/json", "text/html")  # any other type may hold events: backends forget to name it


class Whole(NamedTuple):
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
        value = wire_body.value(raw)
        if not isinstance(value, dict):
            text = f"{backend.title} answered something that is not a JSON object."
            raise UpstreamError(502, text, code="upstream_garbage")
        status = backend.status_of(api, dialect, value)
        if status:
            raise backend.error(status, upstream.headers, raw)
        record.usage = usage.of(value)
        return raw, value

    async def __call__(self, outlet: Outlet) -> None:
        await send_whole(outlet, self.record, self.status, headers.to_caller(self.headers), self.body)


class Followed:
    """The events of a response that runs in the background, for as long as its caller listens."""

    def __init__(self, events: AsyncIterator[bytes], record: Record) -> None:
        self._events = events
        self._record = record

    async def __call__(self, outlet: Outlet) -> None:
        record = self._record
        record.status = 200
        outlet.begin(200, {**record.told(), **_EVENTS})
        more = outlet.write(b"")
        async for block in self._events:
            if not more:
                await outlet.ready()
            record.bytes_out += len(block)
            more = outlet.write(block)
        record.finished = True
        await outlet.end()


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
        self._held = b""  # until the response that it ends is kept
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

    async def __call__(self, outlet: Outlet) -> None:
        told = {**headers.to_caller(self._upstream.headers), **self._record.told(), **_EVENTS}
        self._record.status = 200
        outlet.begin(200, told)
        try:
            end = await self._relay(outlet)
        except asyncio.CancelledError:
            if not self._record.left:  # the gateway is stopping: the caller is still there, and is told so
                await self._finish(outlet, self._failed(stopping()))
            raise
        finally:
            self._upstream.close()
            self._record.usage = self._stream.usage()
            if self.following:
                self.following.close()
        await self._finish(outlet, end)

    async def _relay(self, outlet: Outlet) -> bytes:
        """Passes the frames on; returns what is still to be sent, which is nothing after a proper end."""

        def ping() -> None:
            self._record.bytes_out += len(sse.KEEP_ALIVE)
            outlet.write(sse.KEEP_ALIVE)

        limits = {
            "first": self._timeouts.first_token,
            "idle": self._timeouts.idle,
            "total": self._timeouts.total,
        }
        try:
            async with Pulse(ping, keep_alive=self._keep_alive, **limits) as pulse:
                return await self._pump(outlet, pulse)
        except TimeoutError:
            return await self._cut(self._silent())
        except UpstreamError as error:
            return await self._cut(error)
        except sse.FrameTooLong as error:
            text = f"{self._backend.title} sent {error}."
            return await self._cut(UpstreamError(502, text, code="upstream_garbage"))

    async def _cut(self, error: UpstreamError) -> bytes:
        """The last event of a stream that failed, or that was cancelled by its owner."""
        if self.following and self.following.cancelled:
            self._record.code = "response_cancelled"
            return await self.following.cut()
        return await self._told(self._failed(error))

    async def _told(self, block: bytes) -> bytes:
        """The block, once those who follow know of it."""
        if block and self.following and self.following.tell(block):
            await self.following.settle()
        return block

    async def _pump(self, outlet: Outlet, pulse: Pulse) -> bytes:
        """Passes on what comes in the very turn of the event loop in which it comes: waking this task for each chunk
        would cost as much as all the rest. It wakes for what must be waited for, and at the end. Returns the last
        that is to be sent."""
        frames, edit, now, write = self._framer.feed, self._stream.feed, pulse.now, outlet.write
        record, tell = self._record, self.following.tell if self.following else None
        held = self._framer.held

        def take(chunk: bytes, whole: bool = False) -> bool:
            block = chunk if whole or (not held and chunk.endswith(sse.END)) else frames(chunk)
            if not block:
                return True
            pulse.last = now()
            block = edit(block)
            if tell is not None and tell(block):
                self._held = block
                return False
            record.bytes_out += len(block)
            return write(block)

        more = take(self._first, whole=True) if self._first else write(b"")
        try:
            while not more or await self._upstream.flow(take):
                await self._pause(outlet, pulse)
                more = True
        except self._upstream.failures as error:
            raise self._upstream.broken() from error
        last = sse.completed(self._framer.rest())
        if not take(last, whole=True):
            await self._pause(outlet, pulse)
        if not self._stream.finished():
            raise self._truncated()
        return await self._told(self._stream.end())

    async def _pause(self, outlet: Outlet, pulse: Pulse) -> None:
        """Until more can be passed on. A response that is done is kept before its caller hears so."""
        pulse.hold()
        if self._held and self.following:
            await self.following.settle()
            self._record.bytes_out += len(self._held)
            outlet.write(self._held)
            self._held = b""
        await outlet.ready()
        pulse.beat()

    async def _finish(self, outlet: Outlet, end: bytes) -> None:
        self._record.bytes_out += len(end)
        self._record.finished = True
        await outlet.end(end)

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
    outlet: Outlet, record: Record, status: int, headers: Mapping[str, str], body: bytes
) -> None:
    """Sends an answer that has come in full, with what is told of each request."""
    record.status, record.bytes_out, record.finished = status, len(body), True
    outlet.begin(status, {**headers, **record.told(), "content-type": "application/json"}, len(body))
    await outlet.end(body)
