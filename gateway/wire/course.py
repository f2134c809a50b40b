"""The course of a streamed response: what its events have told so far, and its ending where it gets no proper one."""

from typing import Any

from gateway.wire import sse

Json = dict[str, Any]

ENDINGS = ("completed", "incomplete", "failed", "cancelled")
_NAME = b"event: response."
_TOLD = tuple(
    _NAME + name + b"\n"
    for name in (b"created", b"queued", b"in_progress", b"completed", b"incomplete", b"failed", b"cancelled")
)
_ITEM = _NAME + b"output_item.done\n"


class Course:
    """Fed with whole frames as they go to the caller; few of them are parsed."""

    def __init__(self, response: Json | None = None) -> None:
        """``response`` is what the object is before the first event."""
        self.response: Json = response or {}
        self._done: list[Json] = []
        self._last = b""

    @property
    def id(self) -> str | None:
        id = self.response.get("id")
        return id if isinstance(id, str) else None

    @property
    def ended(self) -> bool:
        return self.response.get("status") in ENDINGS

    def feed(self, block: bytes) -> None:
        for frame in sse.frames(block):
            if frame.startswith(_NAME):
                self._last = frame
            if frame.startswith(_TOLD):
                told = _body(frame).get("response")
                self.response = told if isinstance(told, dict) else self.response
            elif frame.startswith(_ITEM):
                item = _body(frame).get("item")
                self._done += [item] if isinstance(item, dict) else []

    def close(self, status: str, *, code: str | None = None, message: str = "") -> bytes:
        """Ends the response before its time, with the items that were whole; the event that says so."""
        error = {"code": code, "message": message} if code else None
        usage = self.response.get("usage")
        self.response = {
            **self.response,
            "status": status,
            "output": self._done,
            "error": error,
            "usage": usage,
        }
        told = {"type": f"response.{status}", "response": self.response, "sequence_number": self._next()}
        return sse.encode(told, f"response.{status}")

    def _next(self) -> int:
        number = sequence_number(self._last)
        return 0 if number is None else number + 1


def sequence_number(frame: bytes) -> int | None:
    number = _body(frame).get("sequence_number")
    return number if isinstance(number, int) else None


def _body(frame: bytes) -> Json:
    event = sse.read(frame)
    return (event.json() if event else None) or {}
