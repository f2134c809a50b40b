"""The hot routes: plain ASGI endpoints that read a call, relay it, and watch whether the caller is still there."""

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from gateway.admission import Admission
from gateway.api.body import expected_size, read_body
from gateway.backends.base import Api, Json
from gateway.exchange import Call
from gateway.reply import Reply
from gateway.settings import Server
from gateway.telemetry import Record
from gateway.wire import body as wire_body

Translate = Callable[[Headers, bytes], Awaitable[bytes]]
Serve = Callable[[Call], Awaitable[Reply]]


class Inference:
    """One API of the gateway as an ASGI application. The relay serves its calls, or what makes them the relay's;
    ``translate`` makes the API's JSON of other bodies."""

    def __init__(
        self, api: Api, serve: Serve, server: Server, admission: Admission, translate: Translate | None = None
    ) -> None:
        self._api: Api = api
        self._serve = serve
        self._server = server
        self._admission = admission
        self._translate = translate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        state = scope["state"]
        record: Record = state["record"]
        record.api = self._api
        ticket = await self._admission.enter(expected_size(scope, self._server.max_body_bytes))
        try:
            body = await self._read(scope, receive, record)
            ticket.resize(record.bytes_in)
            call = Call(
                self._api, state["dialect"], scope["headers"], body, state["principal"], record, ticket
            )
            async with Watch(receive, record):
                reply = await self._serve(call)
                await reply(send)
        except ClientDisconnect:
            record.left = True
        finally:
            ticket.leave()

    async def _read(self, scope: Scope, receive: Receive, record: Record) -> Json:
        """The parsed body alone: kept beside it, the bytes would double what a picture holds."""
        server = self._server
        raw = await read_body(scope, receive, limit=server.max_body_bytes, seconds=server.body_timeout)
        record.bytes_in = len(raw)
        if self._translate:
            raw = await self._translate(Headers(scope=scope), raw)
        return wire_body.parse(raw)


class Watch:
    """Ends the work inside when the caller leaves, streamed or not, before the first byte or after.

    Nobody is left to be told, so leaving is no error outside. A cancellation that comes from elsewhere (the
    server stopping) goes on its way.
    """

    # Short answers are over before the watch begins: its task is a tenth of what they cost.
    _AFTER = 0.03

    def __init__(self, receive: Receive, record: Record) -> None:
        self._receive = receive
        self._record = record
        self._watcher: asyncio.Task[None] | None = None

    async def __aenter__(self) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a request is always served in a task")
        self._task = task
        self._timer = asyncio.get_running_loop().call_later(self._AFTER, self._begin)

    def _begin(self) -> None:
        self._watcher = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        # A server also says so after the last byte has been sent; that is no leaving.
        if not self._record.finished:
            self._record.left = True
            self._task.cancel()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self._timer.cancel()
        if self._watcher is not None:
            self._watcher.cancel()
        if not self._record.left:
            return False
        return self._task.uncancel() == 0 and isinstance(error, asyncio.CancelledError | None)
