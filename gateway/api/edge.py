"""The outermost layer, plain ASGI: request ids, dialects by prefix, the gate, errors as envelopes, the log line."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.access.gate import Gate, Principal
from gateway.backends.base import Dialect
from gateway.errors import GatewayError, InvalidRequest, UpstreamError, bug, stopping
from gateway.reply import send_whole
from gateway.telemetry import OPEN_PATHS, Record, log, settle
from gateway.wire import body as wire_body

Message = MutableMapping[str, Any]

# Ark's prefix before OpenAI's: its SDKs and its documentation use it.
_PREFIXES: tuple[tuple[str, Dialect], ...] = (("/api/v3", "ark"), ("/v1", "openai"))


class Edge:
    """Wraps the application. What it knows of a request stands in ``scope["state"]``: record, dialect, principal.

    ``hot`` are endpoints by method and path that are called directly: the framework's middleware and routing cost as much
    again as the relay itself.
    """

    def __init__(
        self,
        app: ASGIApp,
        lifespan: ASGIApp,
        gate: Gate,
        hot: Mapping[tuple[str, str], ASGIApp],
        sockets: Mapping[str, ASGIApp],
    ) -> None:
        self._app = app
        self._lifespan = lifespan
        self._gate = gate
        self._hot = hot
        self._sockets = sockets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._other(scope, receive, send)
            return
        record = Record(f"req_{random.getrandbits(128):032x}", scope["method"], scope["path"])
        try:
            path = self._enter(scope, record)
            endpoint = self._hot.get((record.method, path))
            if endpoint is not None:
                await endpoint(scope, receive, send)
            else:
                await self._app(scope, receive, _Recorder(send, record))
        except GatewayError as error:
            await _fail(send, record, error, scope["state"]["dialect"])
        except asyncio.CancelledError:
            # The server's time to stop is over. This is the outermost frame of the request's task, which ends here
            # as it was told to; raised on, uvicorn would log it as a failure of ours.
            if record.status is None and not record.left:
                await _fail(send, record, stopping(), scope["state"]["dialect"])
        except Exception as error:  # noqa: BLE001 - a bug of ours: one log line, and an answer that tells nothing
            log.error("bug", request_id=record.request_id, exc_info=error)
            await _fail(send, record, bug(), scope["state"]["dialect"])
        finally:
            settle(record)

    async def _other(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(scope, receive, send)
        else:
            await self._connect(scope, receive, send)

    async def _connect(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A WebSocket. What is wrong with its handshake is told as an HTTP answer; afterwards the endpoint tells."""
        record = Record(f"req_{random.getrandbits(128):032x}", "WS", scope["path"])
        try:
            endpoint = self._sockets.get(self._enter(scope, record))
            if endpoint is None:
                text = f"There is no WebSocket at {scope['path']}; Responses have one at /v1/responses."
                raise InvalidRequest(text, code="unknown_url", status=404)
        except GatewayError as error:
            await _fail(_Denial(send), record, error, scope["state"]["dialect"])
            settle(record)
            return
        await endpoint(scope, receive, send)

    def _enter(self, scope: Scope, record: Record) -> str:
        """Lets the request in; the path without its prefix."""
        dialect, root = _dialect(scope["path"])
        state = scope.setdefault("state", {})
        state.update(record=record, dialect=dialect)
        scope["root_path"] = root  # ASGI's way to say where the application's own paths begin
        path: str = scope["path"][len(root) :]
        if path not in OPEN_PATHS:
            principal: Principal = self._gate.admit(scope["headers"])
            state["principal"], record.caller = principal, principal.name
        return path


class _Recorder:
    """What the framework sends, with the request id added and its course recorded; replies do that themselves."""

    def __init__(self, send: Callable[[Message], Awaitable[None]], record: Record) -> None:
        self._send = send
        self._record = record

    async def __call__(self, message: Message) -> None:
        record = self._record
        if message["type"] == "http.response.start":
            record.status = message["status"]
            message["headers"] = [*message["headers"], (b"x-request-id", record.request_id.encode())]
        elif message["type"] == "http.response.body":
            record.bytes_out += len(message.get("body", b""))
            record.finished = not message.get("more_body", False)
        await self._send(message)


class _Denial:
    """An HTTP answer to a handshake, by ASGI's extension for it."""

    def __init__(self, send: Send) -> None:
        self._send = send

    async def __call__(self, message: Message) -> None:
        await self._send({**message, "type": f"websocket.{message['type']}"})


async def _fail(send: Send, record: Record, error: GatewayError, dialect: Dialect) -> None:
    """Answers with the error; where an answer has begun it cannot be mended, and the connection is cut."""
    if record.finished:
        return
    if record.status is not None:
        raise error
    body = told(record, error, dialect)
    await send_whole(send, record, error.status, error.headers(), body)


def told(record: Record, error: GatewayError, dialect: Dialect) -> bytes:
    """The body that tells the error, which is recorded."""
    record.code = error.code
    record.cause = repr(error.__cause__) if error.__cause__ else None
    return in_dialect(error, dialect)


def in_dialect(error: GatewayError, dialect: Dialect) -> bytes:
    """The error as Ark told it under Ark's dialect, else in OpenAI's envelope."""
    raw = error.raw if dialect == "ark" and isinstance(error, UpstreamError) else None
    return raw or wire_body.dump(error.envelope())


def _dialect(path: str) -> tuple[Dialect, str]:
    for prefix, dialect in _PREFIXES:
        if path.startswith(prefix + "/"):
            return dialect, prefix
    return "openai", ""
