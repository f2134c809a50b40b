"""The outermost layer: request ids, dialects by prefix, the gate, errors as envelopes, the log line."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, NamedTuple, TypeAlias

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.access.gate import Gate, Principal
from gateway.backends.base import Dialect
from gateway.errors import GatewayError, InvalidRequest, UpstreamError, bug, stopping
from gateway.http1.asgi import Asgi
from gateway.http1.request import Request
from gateway.outlet import Outlet
from gateway.reply import send_whole
from gateway.telemetry import OPEN_PATHS, Record, log, settler
from gateway.wire import body as wire_body
from gateway.wire.headers import Headers, named

Message = MutableMapping[str, Any]

# Ark's prefix before OpenAI's: its SDKs and its documentation use it.
_PREFIXES: tuple[tuple[str, Dialect], ...] = (("/api/v3", "ark"), ("/v1", "openai"))


class Visit(NamedTuple):
    """A request that was let in, and what is known of it."""

    request: Request
    record: Record
    dialect: Dialect
    principal: Principal


Endpoint: TypeAlias = Callable[[Visit], Awaitable[None]]
_NOBODY = Principal("", "")


class Edge:
    """Wraps everything. Requests come from the connections by ``serve``; lifespan and WebSockets by ASGI.

    ``hot`` are endpoints by method and path that are called directly: the framework's middleware and routing cost as much
    again as the relay itself. What the framework's endpoints know of a request stands in ``scope["state"]``.
    """

    def __init__(
        self,
        app: ASGIApp,
        lifespan: ASGIApp,
        gate: Gate,
        hot: Mapping[tuple[str, str], Endpoint],
        sockets: Mapping[str, ASGIApp],
    ) -> None:
        self._app = app
        self._lifespan = lifespan
        self._gate = gate
        self._hot = hot
        self._sockets = sockets
        self._settle = settler()

    async def serve(self, request: Request) -> None:
        record = Record(f"req_{random.getrandbits(128):032x}", request.method, request.path)
        dialect, root = _dialect(request.path)
        try:
            path = request.path[len(root) :]
            visit = Visit(request, record, dialect, self._admit(path, request.named, record))
            endpoint = self._hot.get((request.method, path))
            if endpoint is not None:
                await endpoint(visit)
            else:
                await self._framed(visit, root)
        except GatewayError as error:
            await _fail(request, record, error, dialect)
        except asyncio.CancelledError:
            # The server's time to stop is over. This is the outermost frame of the request's task, which ends here
            # as it was told to.
            if record.status is None and not record.left:
                await _fail(request, record, stopping(), dialect)
        except Exception as error:  # noqa: BLE001 - a bug of ours: one log line, and an answer that tells nothing
            log.error("bug", request_id=record.request_id, exc_info=error)
            await _fail(request, record, bug(), dialect)
        finally:
            self._settle(record)

    def _admit(self, path: str, headers: Headers, record: Record) -> Principal:
        if path in OPEN_PATHS:
            return _NOBODY
        principal = self._gate.admit(headers)
        record.caller = principal.name
        return principal

    async def _framed(self, visit: Visit, root: str) -> None:
        """By the framework; ``root`` is ASGI's way to say where the application's own paths begin."""
        state = {"record": visit.record, "dialect": visit.dialect, "principal": visit.principal}
        asgi = Asgi(visit.request, root, state)
        await self._app(asgi.scope, asgi.receive, _Recorder(asgi.send, visit.record))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._connect(scope, receive, send)
        else:
            raise RuntimeError(
                "HTTP requests are served by gateway.http1.caller, as gateway.server sets it up"
            )

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
            self._settle(record)
            return
        await endpoint(scope, receive, send)

    def _enter(self, scope: Scope, record: Record) -> str:
        """Lets a WebSocket in; the path without its prefix."""
        dialect, root = _dialect(scope["path"])
        state = scope.setdefault("state", {})
        state.update(record=record, dialect=dialect)
        path: str = scope["path"][len(root) :]
        state["principal"] = self._admit(path, named(scope["headers"]), record)
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
        self._start: Message = {}

    def begin(self, status: int, headers: Mapping[str, str], length: int | None = None) -> None:
        told = headers if length is None else {**headers, "content-length": str(length)}
        named = [(name.encode(), value.encode("latin-1", "replace")) for name, value in told.items()]
        self._start = {"type": "websocket.http.response.start", "status": status, "headers": named}

    def write(self, block: bytes) -> bool:
        raise RuntimeError("a denial is told at once")

    async def ready(self) -> None: ...

    async def end(self, block: bytes = b"") -> None:
        await self._send(self._start)
        await self._send({"type": "websocket.http.response.body", "body": block})


async def _fail(outlet: Outlet, record: Record, error: GatewayError, dialect: Dialect) -> None:
    """Answers with the error; where an answer has begun it cannot be mended, and the connection is cut."""
    if record.status is None:
        await send_whole(outlet, record, error.status, error.headers(), told(record, error, dialect))
    elif not record.finished:
        told(record, error, dialect)
        record.broken = True


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
