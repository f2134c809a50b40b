"""Ark's Responses events with every field that OpenAI's types require."""

from collections.abc import Callable, Mapping
from typing import Any

from gateway.errors import GatewayError
from gateway.wire import sse
from gateway.wire.complete import objects
from gateway.wire.stream import ResponsesStream

Json = dict[str, Any]
Edit = Callable[[Json, Json], None]

_DELTA = b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta",'
_SPLICED = _DELTA + b'"logprobs":[],'
_PLAIN_DELTAS = tuple(
    f"event: response.{kind}.delta\n".encode()
    for kind in (
        "reasoning_summary_text",
        "reasoning_text",
        "function_call_arguments",
        "mcp_call_arguments",
        "refusal",
    )
)
# Inside a JSON string a quote is escaped, so these find the keys only.
_TEXT = b'"delta":"'
_LOGPROBS = b'"logprobs":'
_ERROR = b'"error"'
# At a truthy `error` at an event's top the OpenAI SDK raises and drops the rest of the stream.
_TOOLS = tuple(
    f"response.{tool}"
    for tool in (
        "image_process_call.",
        "knowledge_search_call.",
        "web_search_call.",
        "doubao_app_call",
        "mcp_call.",
        "mcp_list_tools.",
        "agent_tool_call",
    )
)


def _snapshot(status: str) -> Edit:
    def edit(event: Json, told: Json) -> None:
        value = event.get("response")
        if isinstance(value, dict):
            objects.response(value, told, status)

    return edit


def _item(status: str) -> Edit:
    return lambda event, _: objects.item(event.get("item"), status)


def _part(event: Json, _: Json) -> None:
    objects.part(event.get("part"))


def _annotation(event: Json, _: Json) -> None:
    objects.annotation(event.get("annotation"))


def _with(**defaults: Any) -> Edit:
    def edit(event: Json, _: Json) -> None:
        for name, default in defaults.items():
            if event.get(name) is None:
                event[name] = default

    return edit


def _tool(event: Json, _: Json) -> None:
    if event.get("error"):
        event["tool_error"] = event.pop("error")


_EVENTS: Mapping[str, Edit] = {
    "response.created": _snapshot("in_progress"),
    "response.in_progress": _snapshot("in_progress"),
    "response.completed": _snapshot("completed"),
    "response.incomplete": _snapshot("incomplete"),
    "response.failed": _snapshot("failed"),
    "response.output_item.added": _item("in_progress"),
    "response.output_item.done": _item("completed"),
    "response.content_part.added": _part,
    "response.content_part.done": _part,
    "response.reasoning_summary_part.added": _part,
    "response.reasoning_summary_part.done": _part,
    "response.output_text.delta": _with(delta="", logprobs=[]),
    "response.output_text.done": _with(text="", logprobs=[]),
    "response.output_text.annotation.added": _annotation,
    "response.reasoning_summary_text.delta": _with(delta=""),
    "response.reasoning_summary_text.done": _with(text=""),
    "response.reasoning_text.delta": _with(delta=""),
    "response.reasoning_text.done": _with(text=""),
    "response.refusal.delta": _with(delta=""),
    "response.refusal.done": _with(refusal=""),
    "response.function_call_arguments.delta": _with(delta=""),
    "response.function_call_arguments.done": _with(arguments=""),
    "response.mcp_call_arguments.delta": _with(delta=""),
    "response.mcp_call_arguments.done": _with(arguments=""),
    "error": lambda event, _: event.update({"code": None, "message": "", "param": None} | event),
}


class CompleteResponses(ResponsesStream):
    """Ark's Responses events, completed; ``told`` are the request's own settings."""

    def __init__(self, told: Json) -> None:
        super().__init__()
        self._told = told
        self._response: Json | None = None
        self._done: list[Any] = []  # the items of the output so far

    def edit(self, block: bytes) -> bytes:
        if block.count(b"\n\n") == 1 and b"\r" not in block:
            return self._frame(block)
        return b"".join(map(self._frame, sse.frames(block)))

    def _frame(self, frame: bytes) -> bytes:
        if frame.startswith(_DELTA) and _TEXT in frame:
            return frame if _LOGPROBS in frame else _SPLICED + frame[len(_DELTA) :]
        if frame.startswith(_PLAIN_DELTAS) and _TEXT in frame:
            return frame
        return self._parsed(frame)

    def _parsed(self, frame: bytes) -> bytes:
        event = sse.read(frame)
        edit = _edit(event) if event else None
        body = event.json() if event and edit else None
        if event is None or edit is None or body is None:
            return frame
        edit(body, self._told)
        self._remember(event.name, body)
        try:
            return sse.encode(body, event.name)
        except TypeError:  # with the request's own settings it is nested too deeply to be written
            return frame

    def _remember(self, name: str, body: Json) -> None:
        response = body.get("response")
        if name == "response.created" and isinstance(response, dict):
            self._response = response
        elif name == "response.output_item.done":
            self._done.append(body.get("item"))

    def error(self, error: GatewayError) -> bytes:
        if self._response is None:
            return super().error(error)
        failed = self._response | {
            "status": "failed",
            "output": self._done,
            "error": {"code": error.code or "server_error", "message": error.message},
        }
        told = {"type": "response.failed", "response": failed, "sequence_number": self.next_sequence_number()}
        return sse.encode(told, "response.failed")


def _edit(event: sse.Event) -> Edit | None:
    """What is to be done to an event; nothing to one that is complete as it is, or unknown."""
    if event.name.startswith(_TOOLS):
        return _tool if _ERROR in event.data else None
    return _EVENTS.get(event.name)
