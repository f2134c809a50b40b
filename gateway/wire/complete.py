"""What Ark leaves out, filled in for strict OpenAI clients (the ``/v1`` dialect).

Ark's server omits empty fields, and OpenAI's helpers append to ``response.output``, ``item.content`` and
``part.text``. Rare events are parsed and completed; deltas, one per token, are spliced as bytes.
"""

from collections.abc import Callable
from copy import copy
from typing import Any

from gateway.errors import GatewayError
from gateway.wire import body as wire_body
from gateway.wire import sse
from gateway.wire.stream import ChatStream, ResponsesStream

Json = dict[str, Any]

# The fields that the Open Responses specification requires of a response, with what holds where neither the
# backend nor the request says otherwise.
_RESPONSE_DEFAULTS: Json = {
    "object": "response",
    "status": "in_progress",
    "completed_at": None,
    "incomplete_details": None,
    "previous_response_id": None,
    "instructions": None,
    "output": [],
    "error": None,
    "tools": [],
    "tool_choice": "auto",
    "truncation": "disabled",
    "parallel_tool_calls": True,
    "text": {"format": {"type": "text"}},
    "top_p": 0.7,
    "presence_penalty": 0,
    "frequency_penalty": 0,
    "top_logprobs": 0,
    "temperature": 1,
    "reasoning": None,
    "usage": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "store": True,
    "background": False,
    "service_tier": "default",
    "metadata": {},
    "safety_identifier": None,
    "prompt_cache_key": None,
}
_SETTINGS = frozenset(_RESPONSE_DEFAULTS) - {"object", "status", "completed_at", "output", "error", "usage"}


def settings(request: Json) -> Json:
    """The settings in a request that its response tells back."""
    return {name: request[name] for name in _SETTINGS if request.get(name) is not None}


def response(value: Json, told: Json) -> Json:
    """A Response object with every required field; ``told`` are the request's own settings."""
    for name, default in _RESPONSE_DEFAULTS.items():
        if name not in value:
            value[name] = told[name] if name in told else copy(default)
    for entry in _listed(value["output"]):
        item(entry)
    return value


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def item(value: Any) -> None:
    if not isinstance(value, dict):
        return
    if value.get("type") == "message":
        for entry in _listed(value.setdefault("content", [])):
            part(entry)
    elif value.get("type") == "reasoning":
        value.setdefault("summary", [])


def part(value: Any) -> None:
    if not isinstance(value, dict):
        return
    if value.get("type") == "output_text":
        value.setdefault("text", "")
        value.setdefault("annotations", [])
        value.setdefault("logprobs", [])
    elif value.get("type") in ("summary_text", "reasoning_text"):
        value.setdefault("text", "")


def answer(raw: bytes, told: Json) -> bytes:
    """A whole Responses answer, completed; bytes that are no such object stay as they are."""
    value = sse.Event("", raw).json()
    if value is None or value.get("object") != "response":
        return raw
    return wire_body.dump(response(value, told))


def _image_process_event(event: Json, _: Json) -> None:
    # A truthy top-level `error` makes the OpenAI SDK raise and drop the rest of the stream.
    if event.get("error"):
        event["tool_error"] = event.pop("error")


_EVENTS: dict[str, Callable[[Json, Json], Any]] = {
    **dict.fromkeys(
        (f"response.{state}" for state in ("created", "in_progress", "completed", "incomplete", "failed")),
        lambda event, told: (
            response(event["response"], told) if isinstance(event.get("response"), dict) else None
        ),
    ),
    "response.output_item.added": lambda event, _: item(event.get("item")),
    "response.output_item.done": lambda event, _: item(event.get("item")),
    "response.content_part.added": lambda event, _: part(event.get("part")),
    "response.content_part.done": lambda event, _: part(event.get("part")),
    "response.reasoning_summary_part.added": lambda event, _: part(event.get("part")),
    "response.output_text.delta": lambda event, _: event.setdefault("logprobs", []),
    "response.output_text.done": lambda event, _: event.setdefault("logprobs", []),
    "response.image_process_call.completed": _image_process_event,
    "response.image_process_call.failed": _image_process_event,
}

_DELTA = b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta",'
_LOGPROBS = b'"logprobs":'


class CompleteResponses(ResponsesStream):
    """Ark's Responses events, completed."""

    def __init__(self, told: Json) -> None:
        super().__init__()
        self._told = told
        self._response: Json | None = None

    def edit(self, block: bytes) -> bytes:
        if block.startswith(_DELTA) and block.count(b"\n\n") == 1 and b"\r" not in block:
            return _with_logprobs(block)
        return b"".join(map(self._frame, sse.frames(block)))

    def _frame(self, frame: bytes) -> bytes:
        if frame.startswith(_DELTA):
            return _with_logprobs(frame)
        event = sse.read(frame)
        if event is None or event.name not in _EVENTS:
            return frame
        body = event.json()
        if body is None:
            return frame
        _EVENTS[event.name](body, self._told)
        told = body.get("response")
        if event.name == "response.created" and isinstance(told, dict):
            self._response = told
        try:
            return sse.encode(body, event.name)
        except TypeError:  # with the request's own settings it is nested too deeply to be written
            return frame

    def error(self, error: GatewayError) -> bytes:
        if self._response is None:
            return super().error(error)
        failed = self._response | {
            "status": "failed",
            "error": {"code": error.code or "server_error", "message": error.message},
        }
        told = {"type": "response.failed", "response": failed, "sequence_number": self.next_sequence_number()}
        return sse.encode(told, "response.failed")


def _with_logprobs(frame: bytes) -> bytes:
    # Inside a JSON string a quote is escaped, so this finds the key only.
    if _LOGPROBS in frame:
        return frame
    return frame.replace(_DELTA, _DELTA + b'"logprobs":[],', 1)


_ROLE = b'"role":"assistant"'
_LATER_ROLE = b',"role":"assistant"},"index":0'


class CompleteChat(ChatStream):
    """Ark's chat chunks with ``role`` only in a choice's first delta: OpenAI's helper concatenates strings."""

    def __init__(self) -> None:
        super().__init__()
        self._begun: set[int] = set()

    def edit(self, block: bytes) -> bytes:
        if _ROLE not in block:
            return block
        return b"".join(map(self._frame, sse.frames(block)))

    def _frame(self, frame: bytes) -> bytes:
        if _ROLE not in frame:
            return frame
        if 0 in self._begun and frame.count(_ROLE) == 1:
            spliced = frame.replace(_LATER_ROLE, b'},"index":0', 1)
            if len(spliced) != len(frame):
                return spliced
        return self._parsed(frame)

    def _parsed(self, frame: bytes) -> bytes:
        event = sse.read(frame)
        body = event.json() if event else None
        choices = body.get("choices") if body else None
        if not isinstance(choices, list):
            return frame
        repeated = [self._begins_again(choice) for choice in choices]
        return sse.encode(body) if any(repeated) else frame

    def _begins_again(self, choice: Any) -> bool:
        """Whether a role was taken out of this choice's delta."""
        delta = choice.get("delta") if isinstance(choice, dict) else None
        if not isinstance(delta, dict) or "role" not in delta:
            return False
        index = choice.get("index", 0)
        if not isinstance(index, int):
            return False
        if index in self._begun:
            del delta["role"]
            return True
        self._begun.add(index)
        return False
