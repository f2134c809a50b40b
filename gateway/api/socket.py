"""Responses over a WebSocket: each ``response.create`` is an ordinary streamed call, whose events come as messages.

The next may go on from the connection's latest response though it is not stored.
"""

import asyncio
import random
from collections.abc import Mapping, MutableMapping
from typing import Any

import orjson
from starlette.types import Receive, Scope, Send

from gateway.admission import Admission, Ticket
from gateway.api.edge import in_dialect
from gateway.backends.base import Json
from gateway.errors import GatewayError, InvalidRequest, bug
from gateway.exchange import Call
from gateway.relay import Relay
from gateway.responses.chain import Chain, Continuation
from gateway.telemetry import Record, log, settle
from gateway.wire import body as wire_body
from gateway.wire import sse
from gateway.wire.headers import named
from gateway.wire.stream import ResponsesStream

Message = MutableMapping[str, Any]


class ResponsesSocket:
    """The endpoint. One response at a time; an error leaves the connection open for the next."""

    def __init__(self, relay: Relay, admission: Admission, most: int) -> None:
        """``most`` bounds what a connection remembers, see Chain."""
        self._relay = relay
        self._admission = admission
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect
        await send({"type": "websocket.accept"})
        connection = _Connection(scope, send, Chain(self._most))
        running: asyncio.Task[None] | None = None
        try:
            while (message := await receive())["type"] == "websocket.receive":
                try:
                    body = _create(message)
                    if running and not running.done():
                        if not connection.ended:
                            raise _busy()
                        await asyncio.wait({running})  # the backend has a word left after the last event
                except GatewayError as error:
                    await connection.fail(error)
                    continue
                connection.ended = False
                running = asyncio.create_task(self._respond(connection, body, _size(message)))
        finally:
            if running:
                connection.left = not (running.done() or connection.ended)
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)

    async def _respond(self, connection: "_Connection", body: Json, size: int) -> None:
        """One response from its request to its last event; whatever fails is an event."""
        record = connection.record(size)
        continuation = connection.chain.next(body)
        try:
            _refuse_background(body)
            ticket = await self._admission.enter(size)
            try:
                reply = await self._relay(connection.call(body, record, ticket, continuation))
                await reply(connection)
            finally:
                ticket.leave()
        except GatewayError as error:
            record.status, record.code = error.status, error.code
            record.cause = repr(error.__cause__) if error.__cause__ else None
            await connection.fail(error)
        except Exception as error:  # noqa: BLE001 - a bug of ours: one log line, and an event that tells nothing
            log.error("bug", request_id=record.request_id, exc_info=error)
            record.status = 500
            await connection.fail(bug())
        finally:
            record.left = connection.left
            settle(record)


class _Connection:
    """The caller's end, and the outlet of each reply: events go out as messages, one JSON text each."""

    def __init__(self, scope: Scope, send: Send, chain: Chain) -> None:
        self.chain = chain
        self._scope = scope
        self.left = False
        self.ended = True  # whether the last response has told its last event
        self._send = send
        self._blocks: list[bytes] = []

    def record(self, size: int) -> Record:
        scope = self._scope
        record = Record(f"req_{random.getrandbits(128):032x}", "WS", scope["path"])
        record.api, record.bytes_in = "responses", size
        record.caller = scope["state"]["principal"].name
        return record

    def call(self, body: Json, record: Record, ticket: Ticket, continuation: Continuation) -> Call:
        state, headers = self._scope["state"], named(self._scope["headers"])
        return Call(
            "responses", state["dialect"], headers, body, state["principal"], record, ticket, continuation
        )

    def begin(self, status: int, headers: Mapping[str, str], length: int | None = None) -> None:
        """Messages have no heads."""

    def write(self, block: bytes) -> bool:
        self._blocks.append(block)
        return False

    async def ready(self) -> None:
        blocks, self._blocks = self._blocks, []
        for frame in sse.frames(b"".join(blocks)):
            event = sse.read(frame)
            if event and not event.done:
                self.ended = self.ended or event.name in ResponsesStream.ENDS
                await self._tell(event.data.decode("utf-8", "replace"))

    async def end(self, block: bytes = b"") -> None:
        self.write(block)
        await self.ready()

    async def fail(self, error: GatewayError) -> None:
        body = sse.Event("", in_dialect(error, self._scope["state"]["dialect"])).json()
        told = {"type": "error", "status": error.status, **(body or error.envelope())}
        await self._tell(orjson.dumps(told).decode())

    async def _tell(self, text: str) -> None:
        try:
            await self._send({"type": "websocket.send", "text": text})
        except OSError:  # ASGI's word for a caller who has left; the endpoint hears of it and ends what runs
            self.left = True


def _create(message: Message) -> Json:
    """The body of a ``response.create``; the connection streams, so ``stream`` need not be said."""
    body = wire_body.parse(_text(message))
    kind = body.pop("type", None)
    if kind != "response.create":
        text = f"The message must be a `response.create`, not {kind!r:.80}."
        raise InvalidRequest(text, param="type", code="unsupported_event")
    return {**body, "stream": True}


def _refuse_background(body: Json) -> None:
    if body.get("background"):
        text = "A connection waits for its response; use POST /responses for background ones."
        raise InvalidRequest(text, param="background", code="unsupported_value")


def _text(message: Message) -> bytes:
    text = message.get("text")
    return text.encode() if isinstance(text, str) else message.get("bytes") or b""


def _size(message: Message) -> int:
    return len(message.get("text") or message.get("bytes") or b"")


def _busy() -> GatewayError:
    text = "A response is still running on this connection; wait for its end, or open another."
    return GatewayError(409, text, type="invalid_request_error", code="response_in_progress")
