"""A streamed answer on its way to the caller: whole frames in, frames out, and an honest end.

One object a stream. ``feed`` passes frames on as they came; a backend whose frames need completing overrides
``edit``. ``close`` says what the caller still has to be told: nothing after a proper finish, else an error event.
"""

from typing import Any

from gateway.errors import GatewayError
from gateway.wire import sse, usage

# A backend that sends "usage":null in each chunk is not asked to be parsed in each chunk.
_USAGE = b'"usage":{'
_DATA = b"data"


class Stream:
    """What all APIs share: the last frames and the last usage seen."""

    def __init__(self) -> None:
        self._last = b""
        self._usage_block = b""

    def feed(self, block: bytes) -> bytes:
        """Whole frames in, whole frames out."""
        if _DATA in block:  # comments alone do not hide the last event
            self._last = block
            if _USAGE in block:
                self._usage_block = block
        return self.edit(block)

    def edit(self, block: bytes) -> bytes:
        return block

    def end(self) -> bytes:
        """What is still to be said when the backend's body has ended properly."""
        return b""

    def usage(self) -> usage.Usage | None:
        """The last usage that the backend told, read only now that someone asks."""
        found = None
        for frame in sse.frames(self._usage_block):
            event = sse.read(frame)
            body = event.json() if event and _USAGE in frame else None
            found = (usage.of(body) if body else None) or found
        return found

    def finished(self) -> bool:
        """Whether the last event is one that ends a stream of this API, an error included."""
        event = sse.last_event(self._last)
        if event is None:
            return False
        body = event.json() or {}
        return event.done or self.ends(event.name or str(body.get("type", "")), body)

    def ends(self, name: str, body: dict[str, Any]) -> bool:
        raise NotImplementedError

    def error(self, error: GatewayError) -> bytes:
        """The error as an event in the API's own form."""
        return sse.encode(error.envelope())


class Chained(Stream):
    """A backend's stream put right first, and then translated."""

    def __init__(self, first: Stream, then: Stream) -> None:
        super().__init__()
        self._first = first
        self._then = then

    def feed(self, block: bytes) -> bytes:
        return self._then.feed(self._first.feed(block))

    def end(self) -> bytes:
        return self._then.end()

    def usage(self) -> usage.Usage | None:
        return self._first.usage()

    def finished(self) -> bool:
        return self._then.finished()

    def error(self, error: GatewayError) -> bytes:
        return self._then.error(error)


class ChatStream(Stream):
    """Chat completions: ends with ``[DONE]``, or at least with a finish reason (then maybe the usage)."""

    def ends(self, name: str, body: dict[str, Any]) -> bool:
        choices = body.get("choices")
        if not isinstance(choices, list):
            return bool(body.get("error"))
        finished = any(isinstance(choice, dict) and choice.get("finish_reason") for choice in choices)
        return finished or (not choices and isinstance(body.get("usage"), dict))


class ResponsesStream(Stream):
    """Responses: ends with one of four events; no ``[DONE]`` is needed."""

    ENDS = frozenset({"response.completed", "response.incomplete", "response.failed", "error"})

    def ends(self, name: str, body: dict[str, Any]) -> bool:
        return name in self.ENDS or (not name and bool(body.get("error")))

    def error(self, error: GatewayError) -> bytes:
        told = {
            "type": "error",
            "code": error.code,
            "message": error.message,
            "param": error.param,
            "sequence_number": self.next_sequence_number(),
        }
        return sse.encode(told, "error")

    def next_sequence_number(self) -> int:
        event = sse.last_event(self._last)
        body = (event.json() if event else None) or {}
        last = body.get("sequence_number")
        return last + 1 if isinstance(last, int) else 0


class ImagesStream(Stream):
    """Streamed image generation."""

    def ends(self, name: str, body: dict[str, Any]) -> bool:
        # One picture's failure is an event with an error; the next pictures still follow.
        failed = bool(body.get("error")) and name != "image_generation.partial_failed"
        return failed or name in ("image_generation.completed", "image_edit.completed")

    def error(self, error: GatewayError) -> bytes:
        return sse.encode({"type": "error", **error.envelope()}, "error")


STREAMS: dict[str, type[Stream]] = {"chat": ChatStream, "responses": ResponsesStream, "images": ImagesStream}
