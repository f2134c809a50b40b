"""A request as a framework takes it: ASGI's scope, receive and send (version 2.3)."""

from collections.abc import MutableMapping
from typing import Any

from gateway.http1.request import CallerLeft, Request

Message = MutableMapping[str, Any]

_OURS = (b"content-length", b"transfer-encoding", b"connection")  # the framing is the connection's


class Asgi:
    """One request; ``state`` becomes the scope's."""

    def __init__(self, request: Request, root_path: str, state: dict[str, Any]) -> None:
        raw_path, _, query = request.target.partition(b"?")
        self.scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": request.version,
            "method": request.method,
            "scheme": "http",
            "path": request.path,
            "raw_path": raw_path,
            "query_string": query,
            "root_path": root_path,
            "headers": request.headers,
            "client": None,
            "server": None,
            "state": state,
        }
        self._request = request
        self._read = False
        self._status = 0
        self._lines = b""
        self._length: int | None = None

    async def receive(self) -> Message:
        request = self._request
        if self._read:
            await request.gone()
            return {"type": "http.disconnect"}
        try:
            body = await request.chunk()
        except CallerLeft:
            return {"type": "http.disconnect"}
        self._read = request.received
        return {"type": "http.request", "body": body, "more_body": not self._read}

    async def send(self, message: Message) -> None:
        request = self._request
        if message["type"] == "http.response.start":
            self._status = message["status"]
            self._head(message.get("headers", ()))
            return
        body, more = message.get("body", b""), message.get("more_body", False)
        if not request.begun:
            whole = self._length is None and not more
            request.start(self._status, self._lines, len(body) if whole else self._length)
        if not more:
            await request.end(body)
        elif not request.write(body):
            await request.ready()

    def _head(self, headers: Any) -> None:
        lines = []
        for name, value in headers:
            if b"\n" in value or b"\r" in value:
                raise RuntimeError("a header's value holds a line break")
            if name.lower() == b"content-length":
                self._length = int(value)
            if name.lower() not in _OURS:
                lines.append(b"%b: %b\r\n" % (name, value))
        self._lines = b"".join(lines)
