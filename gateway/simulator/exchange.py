"""The course of every request to a simulated vendor: read, script, answer, deliver, record."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import orjson
from starlette.datastructures import Headers, QueryParams
from starlette.types import Receive, Scope, Send

from gateway.simulator.call import Call, Handler, Vendor
from gateway.simulator.delivery import deliver
from gateway.simulator.faults import NO_FAULT, BadFault, Fault, scripted
from gateway.simulator.form import Form, Malformed, read_form
from gateway.simulator.recorder import Record, shortened
from gateway.simulator.refusal import Refusal
from gateway.simulator.reply import Reply, answer
from gateway.simulator.state import State
from gateway.simulator.wire import Wire, left


class Exchange:
    """An ASGI application: one endpoint of one vendor."""

    def __init__(self, vendor: Vendor, handler: Handler) -> None:
        self._vendor = vendor
        self._handler = handler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        state: State = scope["app"].state.simulator
        record = state.recorder.begin(scope["method"], scope["path"], dict(Headers(scope=scope)))
        try:
            raw = await _read(receive)
            if raw is not None:
                record.bytes = len(raw)
                serving = self._serve(scope, raw, state, Wire(receive, send, record), record)
                await _while_present(serving, receive)
        finally:
            state.recorder.end(record)

    async def _serve(self, scope: Scope, raw: bytes, state: State, wire: Wire, record: Record) -> None:
        headers = Headers(scope=scope)
        queued = state.faults.take(scope["path"])
        body, form, refusal = await self._parse(scope["method"], headers, raw)
        record.body = form.summary() if form else shortened(body)
        fault, refusal = _fault(queued, raw, body, refusal)
        call = Call(
            state=state,
            method=scope["method"],
            path=scope["path"],
            parameters=scope.get("path_params", {}),
            query=QueryParams(scope["query_string"]),
            headers=headers,
            body=body,
            raw=raw,
            form=form,
            fault=fault,
            request_id=state.ids.request(),
            now=state.clock(),
        )
        await asyncio.sleep(fault.delay)
        reply = await self._reply(call, refusal)
        pace = state.chunk_delay if fault.chunk_delay is None else fault.chunk_delay
        await deliver(reply, fault, wire, self._vendor.headers(call), pace)

    async def _parse(
        self, method: str, headers: Headers, raw: bytes
    ) -> tuple[Any, Form | None, Refusal | None]:
        try:
            if headers.get("content-type", "").startswith("multipart/form-data"):
                return None, await read_form(headers, raw), None
            if len(raw) > self._vendor.largest_body:
                return None, None, self._vendor.too_large(len(raw))
            if not raw and method != "POST":
                return None, None, None
            return orjson.loads(raw), None, None
        except (orjson.JSONDecodeError, Malformed) as error:
            return None, None, self._vendor.malformed(raw, str(error))

    async def _reply(self, call: Call, refusal: Refusal | None) -> Reply:
        try:
            if call.fault.refuses:
                raise self._vendor.scripted(call.fault)
            self._vendor.authorise(call.headers)
            if refusal:
                raise refusal
            if call.method == "POST" and not call.form and not isinstance(call.body, dict):
                raise self._vendor.malformed(call.raw, "the body is not a JSON object")
            return await self._handler(call)
        except Refusal as error:
            return error.reply(call.request_id, streamed=call.streamed)


class _BadScript(Refusal):
    def __init__(self, error: BadFault) -> None:
        super().__init__(str(error))

    def reply(self, request_id: str, *, streamed: bool) -> Any:
        return answer(
            {"error": {"code": "BadFault", "message": str(self), "param": "", "type": "Simulator"}}, 400
        )


def _fault(
    queued: Fault | None, raw: bytes, body: Any, refusal: Refusal | None
) -> tuple[Fault, Refusal | None]:
    if queued or b"[[fault:" not in raw:
        return queued or NO_FAULT, refusal
    try:
        return scripted(body) or NO_FAULT, refusal
    except BadFault as error:
        return NO_FAULT, _BadScript(error)


async def _read(receive: Receive) -> bytes | None:
    """The whole body; None when the caller left in the middle of it."""
    parts = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


async def _while_present(serving: Coroutine[Any, Any, None], receive: Receive) -> None:
    """Serves until done, or until the caller leaves: then the work stops at once."""
    work = asyncio.ensure_future(serving)
    leaving = asyncio.ensure_future(left(receive))
    try:
        await asyncio.wait((work, leaving), return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            work.result()
    finally:
        for task in (work, leaving):
            task.cancel()
        await asyncio.gather(work, leaving, return_exceptions=True)
