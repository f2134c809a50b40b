"""A stream of Ark's Responses API as a stream of chat completions."""

from typing import Any

from gateway.errors import GatewayError
from gateway.wire import sse
from gateway.wire.stream import ResponsesStream
from gateway.wire.translate.chat_over_responses.chunks import DONE, Chunks
from gateway.wire.translate.chat_over_responses.deltas import Deltas, listed
from gateway.wire.translate.chat_over_responses.events import TELLS
from gateway.wire.translate.chat_over_responses.outcome import failure, finish_reason, usage_of
from gateway.wire.translate.translation import Json

# One comes for each token, on two lines: its JSON is read where it stands, without taking the frame apart.
_TOKENS = {
    name.encode(): TELLS[name]
    for name in (
        "response.output_text.delta",
        "response.reasoning_summary_text.delta",
        "response.reasoning_text.delta",
        "response.function_call_arguments.delta",
    )
}
_EVENT = b"event: "
_DATA = b"\ndata: "
_FINISHED = ("response.completed", "response.incomplete")
_FAILED = ("response.failed", "error")


class ChatOverResponses(ResponsesStream):
    """Reads Responses events, writes chat chunks; the end of the answer is the end of the stream."""

    def __init__(self, chunks: Chunks, deltas: Deltas) -> None:
        super().__init__()
        self._chunks = chunks
        self._deltas = deltas
        self._begun = False
        self._ended = False

    def edit(self, block: bytes) -> bytes:
        if block.endswith(b"\n\n") and block.count(b"\n") == 3:
            return self._frame(block)
        return b"".join(map(self._frame, sse.frames(block)))

    def _frame(self, frame: bytes) -> bytes:
        if self._ended:
            return b""
        head, _, data = frame.partition(_DATA)
        tell = _TOKENS.get(head[len(_EVENT) :]) if self._begun and head.startswith(_EVENT) else None
        token = sse.Event("", data).json() if tell else None
        if tell and token is not None:
            return b"".join(map(self._chunks.delta, tell(self._deltas, token)))
        event = sse.read(frame)
        body = event.json() if event else None
        return b"" if event is None or body is None else self._told(event.name, body)

    def _told(self, name: str, event: Json) -> bytes:
        name = name or str(event.get("type", ""))
        if name in _FAILED or (not name and event.get("error")):
            self._ended = True
            told = _response(event) if name == "response.failed" else {**event, "type": "error"}
            return self.error(failure(told))
        begun = self._begin(event)
        if name in _FINISHED:
            self._ended = True
            return begun + self._finished(_response(event))
        tell = TELLS.get(name)
        deltas = tell(self._deltas, event) if tell else ()
        return begun + b"".join(map(self._chunks.delta, deltas))

    def _begin(self, event: Json) -> bytes:
        """The first chunk, which tells the role."""
        if self._begun:
            return b""
        self._begun = True
        model = _response(event).get("model")
        if isinstance(model, str):
            self._chunks.name(model)
        return self._chunks.delta({"role": "assistant", "content": None})

    def _finished(self, response: Json) -> bytes:
        """What the whole answer holds beyond what has come, and the end."""
        items = enumerate(listed(response.get("output")))
        rest = [
            self._chunks.delta(delta) for index, item in items for delta in self._deltas.item(index, item)
        ]
        reason = finish_reason(response, has_calls=self._deltas.has_calls)
        end = (self._chunks.finish(reason), self._chunks.usage(usage_of(response)), DONE)
        return b"".join((*rest, *end))

    def finished(self) -> bool:
        """A ``[DONE]`` alone is no end: the caller would not learn how the answer ended."""
        return self._ended

    def error(self, error: GatewayError) -> bytes:
        return sse.encode(error.envelope())


def _response(event: Json) -> Json:
    value: Any = event.get("response")
    return value if isinstance(value, dict) else {}
