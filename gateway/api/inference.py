"""The hot routes: endpoints that read a call, relay it, and end the work when the caller leaves."""

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType

from starlette.datastructures import Headers

from gateway.admission import Admission
from gateway.api.body import expected_size, read_body
from gateway.api.edge import Visit
from gateway.backends.base import Api, Json
from gateway.concurrency import this_task
from gateway.exchange import Call
from gateway.http1.request import CallerLeft, Request
from gateway.reply import Reply
from gateway.settings import Server
from gateway.telemetry import Record
from gateway.wire import body as wire_body

Translate = Callable[[Headers, bytes], Awaitable[bytes]]
Serve = Callable[[Call], Awaitable[Reply]]


class Inference:
    """One API of the gateway as an endpoint. The relay serves its calls, or what makes them the relay's;
    ``translate`` makes the API's JSON of other bodies."""

    def __init__(
        self, api: Api, serve: Serve, server: Server, admission: Admission, translate: Translate | None = None
    ) -> None:
        self._api: Api = api
        self._serve = serve
        self._server = server
        self._admission = admission
        self._translate = translate

    async def __call__(self, visit: Visit) -> None:
        request, record, dialect, principal = visit
        record.api = self._api
        limit = self._server.max_body_bytes
        expected = expected_size(request.named, limit)
        ticket = await self._admission.enter(min(expected, limit))
        try:
            body = await self._read(request, expected, record)
            ticket.resize(record.bytes_in)
            call = Call(self._api, dialect, request.named, body, principal, record, ticket)
            with Watch(request, record):
                reply = await self._serve(call)
                await reply(request)
        except CallerLeft:
            record.left = True
        finally:
            ticket.leave()

    async def _read(self, request: Request, expected: int, record: Record) -> Json:
        """The parsed body alone: kept beside it, the bytes would double what a picture holds."""
        server = self._server
        raw = await read_body(request, expected, limit=server.max_body_bytes, seconds=server.body_timeout)
        record.bytes_in = len(raw)
        if self._translate:
            raw = await self._translate(Headers(raw=request.headers), raw)
        return wire_body.parse(raw, lumps=True)


class Watch:
    """Ends the work inside when the caller leaves, streamed or not, before the first byte or after.

    Nobody is left to be told, so leaving is no error outside. A cancellation that comes from elsewhere (the
    server stopping) goes on its way.
    """

    def __init__(self, request: Request, record: Record) -> None:
        self._request = request
        self._record = record

    def __enter__(self) -> None:
        self._task = this_task()
        self._request.leaving = self._leave
        if self._request.left:
            raise CallerLeft

    def _leave(self) -> None:
        self._record.left = True
        self._task.cancel()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self._request.leaving = None
        if not self._record.left:
            return False
        return self._task.uncancel() == 0 and isinstance(error, asyncio.CancelledError | None)
