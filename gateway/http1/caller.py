"""A caller's connection: requests come in, one at a time is served, answers go out in their order.

uvicorn runs the process and the sockets, and gives each connection to this protocol in place of its own, which takes
a fifth of a short request's time, waits for ever for headers, and passes on a body in small pieces.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, cast

import httptools
import structlog
from uvicorn.config import Config
from uvicorn.server import ServerState

from gateway.errors import InvalidRequest
from gateway.http1.request import RawHeaders, Request
from gateway.wire import body as wire_body

_MAX_HEAD = 64 << 10  # bytes; what one packet brings is not counted
_NEVER = float("inf")

log = structlog.get_logger(__name__)


class Application(Protocol):
    """What is served. A request that it leaves without an end is cut off."""

    def serve(self, request: Request) -> Awaitable[None]: ...


class Caller(asyncio.Protocol):
    """One connection. The application's lifespan tells how long headers may take: ``header_timeout``, in seconds."""

    transport: asyncio.Transport
    send: Callable[[bytes], object]

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self.full = False
        self._config = config
        self._server = server_state
        self._app_state = app_state
        self._serve = cast(Application, config.loaded_app).serve
        self._loop = _loop or asyncio.get_running_loop()
        self._parser: Any = httptools.HttpRequestParser(self)
        self._deadline = _NEVER  # for the rest of a head, or for the next request
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._in_head = False
        self._partial = True  # whether packets have ended amid a head
        self._head_size = 0
        self._url = b""
        self._headers: RawHeaders = []
        self._upgrades = False
        self._coming: Request | None = None  # whose body comes
        self._serving: Request | None = None
        self._waiting: deque[Request] = deque()  # pipelined
        self._held = False
        self._last = False  # whether the connection ends with the answer that is being made
        self._drained: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is none by its class
        self.send = self.transport.write
        self._server.connections.add(cast(Any, self))
        self._expect_within(self._app_state["header_timeout"])

    def connection_lost(self, error: Exception | None) -> None:
        self._forget()
        self.full = False
        self._tell_drained()
        for request in filter(None, (self._serving, *self._waiting)):
            request.lose()
        self._waiting.clear()

    def _forget(self) -> None:
        self._server.connections.discard(cast(Any, self))
        if self._timer is not None:
            self._timer.cancel()
        self._parser = None  # it holds our methods: a circle that only the collector would find

    def shutdown(self) -> None:
        """uvicorn's word that the server stops: what runs may end, what is idle goes."""
        self._last = True
        if self._serving is None:
            self.transport.close()
        else:
            self._serving.keep = False

    def data_received(self, data: bytes) -> None:
        if self._partial:
            self._head_size += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            if self._upgrades:
                self._hand_over()
        except httptools.HttpParserError as error:
            log.info("request.malformed", cause=repr(error.__context__ or error))
            self._refuse(400, "What came is no HTTP/1.1 request.")
        else:
            if self._in_head:
                self._await_head()

    def _await_head(self) -> None:
        """Only a part of a head has come."""
        if not self._partial:
            self._partial, self._head_size = True, 0
            self._expect_within(self._app_state["header_timeout"])
        elif self._head_size > _MAX_HEAD:
            self._refuse(431, f"The head of the request has more than {_MAX_HEAD} bytes.")

    def _refuse(self, status: int, text: str) -> None:
        """What comes has no meaning any more. Requests that came whole before are still answered."""
        serving, self._last = self._serving, True
        if serving is not None and serving is not self._coming:
            serving.keep = False
            self.hold()
            return
        if serving is None or not serving.begun:
            refused = Request(self, "GET", b"", [], version="1.1", keep=False)
            body = wire_body.dump(InvalidRequest(text, code="invalid_http").envelope())
            refused.begin(status, {"content-type": "application/json"}, len(body))
            refused.write(body)
        self.transport.close()

    def _expect_within(self, seconds: float) -> None:
        """Ends the connection if nothing has changed by then. One timer serves all deadlines, and looks again where
        its own has been put off: making and cancelling one for each request would cost more than the look."""
        self._deadline = self._loop.time() + seconds
        if self._timer is None or self._timer_at > self._deadline:
            self._set_timer()

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = self._deadline
        self._timer = self._loop.call_at(self._timer_at, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._serving is not None or self._deadline == _NEVER:
            return  # the end of the answer sets the next deadline
        if self._loop.time() >= self._deadline:
            self.transport.close()
        else:
            self._set_timer()

    def on_message_begin(self) -> None:
        self._in_head = True
        self._url = b""
        self._headers = []

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self._in_head = self._partial = False
        self._deadline = _NEVER
        parser = self._parser
        upgrade = parser.should_upgrade()
        if upgrade and self._wants_socket():
            self._upgrades = True
            return
        url = self._url
        if not url.startswith(b"/"):  # the whole URL (RFC 9112, 3.2.2)
            parsed = httptools.parse_url(url)
            url = (parsed.path or b"/") + (b"?" + parsed.query if parsed.query else b"")
        version = parser.get_http_version()
        keep = version == "1.1" and not upgrade and not self._last and parser.should_keep_alive()
        method = parser.get_method().decode("ascii")
        headers, self._headers = self._headers, []  # trailers would come to the same list (RFC 9110, 6.5)
        self._coming = request = Request(self, method, url, headers, version=version, keep=keep)
        if self._serving is None:
            self._start(request)
        else:
            self._waiting.append(request)
            self.hold()

    def on_body(self, data: bytes) -> None:
        if self._coming is not None:
            self._coming.take(data)

    def on_message_complete(self) -> None:
        if self._coming is not None:
            if self._coming is self._serving:
                self.go_on()  # or its caller's leaving would not be seen
            self._coming.complete()
            self._coming = None

    def _start(self, request: Request) -> None:
        self._serving = request
        task = self._loop.create_task(self._run(request))
        self._server.tasks.add(task)  # uvicorn waits for them when it stops
        task.add_done_callback(self._server.tasks.discard)

    async def _run(self, request: Request) -> None:
        try:
            await self._serve(request)
        except Exception as error:
            log.error("bug", exc_info=error)
        finally:
            if not request.ended:
                self.transport.abort()

    def ended(self, request: Request) -> None:
        """Its answer has been written."""
        self._server.total_requests += 1
        self._serving = None
        if self._last or not request.keep:
            self.transport.close()
        elif self._waiting:
            self._start(self._waiting.popleft())
        else:
            self.go_on()
            if not self._partial:
                self._expect_within(self._config.timeout_keep_alive)
            elif self._timer is None:
                self._set_timer()

    def hold(self) -> None:
        if not self._held and not self.transport.is_closing():
            self._held = True
            self.transport.pause_reading()

    def go_on(self) -> None:
        if self._held and not self.transport.is_closing():
            self._held = False
            self.transport.resume_reading()

    def cut(self) -> None:
        self.transport.abort()

    def fixed_headers(self) -> bytes:
        return b"".join([b"%b: %b\r\n" % header for header in self._server.default_headers])

    def pause_writing(self) -> None:
        self.full = True

    def resume_writing(self) -> None:
        self.full = False
        self._tell_drained()

    def _tell_drained(self) -> None:
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)

    async def drained(self) -> None:
        while self.full:
            self._drained = self._loop.create_future()
            await self._drained

    def _wants_socket(self) -> bool:
        wanted = [value.lower() for name, value in self._headers if name == b"upgrade"]
        return wanted == [b"websocket"] and self._config.ws_protocol_class is not None

    def _hand_over(self) -> None:
        """The connection becomes a WebSocket's, whose protocol reads the head again."""
        if self._serving is not None:
            self._refuse(400, "A WebSocket cannot follow a request that is being answered.")
            return
        lines = [b"%b %b HTTP/1.1\r\n" % (self._parser.get_method(), self._url)]
        lines += [b"%b: %b\r\n" % header for header in self._headers]
        self._forget()
        make = cast(Any, self._config.ws_protocol_class)
        protocol = make(config=self._config, server_state=self._server, app_state=self._app_state)
        protocol.connection_made(self.transport)
        protocol.data_received(b"".join([*lines, b"\r\n"]))
        self.transport.set_protocol(protocol)
