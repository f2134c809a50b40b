"""A Response object, its items and their parts, with every field that the Open Responses specification and OpenAI's
types require. What the backend says stays; null counts as unsaid."""

from copy import copy
from typing import Any

from gateway.wire import body as wire_body
from gateway.wire import sse

Json = dict[str, Any]

# What holds where neither the backend nor the request says otherwise.
_RESPONSE: Json = {
    "object": "response",
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
    "text": {},
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
_OWN = {"object", "completed_at", "incomplete_details", "output", "error", "usage"}
_SETTINGS = frozenset(_RESPONSE) - _OWN | {"user"}

_ITEMS: dict[Any, Json] = {
    "message": {"role": "assistant", "content": []},
    "reasoning": {"summary": []},
    "function_call": {"arguments": ""},
    "web_search_call": {"action": {"type": "search", "query": ""}},
}
_PARTS: dict[Any, Json] = {
    "output_text": {"text": "", "annotations": [], "logprobs": []},
    "summary_text": {"text": ""},
    "reasoning_text": {"text": ""},
    "refusal": {"refusal": ""},
}
# Ark does not tell where in the text a citation stands.
_CITATION: Json = {"url": "", "title": "", "start_index": 0, "end_index": 0}
_FUNCTION: Json = {"description": None, "parameters": None, "strict": None}
_REASONING: Json = {"effort": None, "summary": None}
_SCHEMA: Json = {"description": None, "strict": False}
_ERROR: Json = {"code": "server_error", "message": ""}
_USAGE: Json = {
    "input_tokens": 0,
    "output_tokens": 0,
    "input_tokens_details": {},
    "output_tokens_details": {},
}
_INPUT: Json = {"cached_tokens": 0, "cache_write_tokens": 0}
_OUTPUT: Json = {"reasoning_tokens": 0}


def settings(request: Json) -> Json:
    """The settings in a request that its response tells back."""
    return {name: request[name] for name in _SETTINGS if request.get(name) is not None}


def response(value: Json, told: Json, status: str = "completed") -> Json:
    """A Response object with every required field; ``told`` are the request's own settings."""
    _fill(value, {"status": status, **_RESPONSE, **told})
    if told.get("previous_response_id"):  # the backend may have been told what came before that one
        value["previous_response_id"] = told["previous_response_id"]
    value["tools"] = _tools(value["tools"])
    value["text"] = _text(value["text"])
    if isinstance(value["reasoning"], dict):
        value["reasoning"] = _REASONING | value["reasoning"]
    _ending(value)
    _usage(value["usage"])
    for entry in _listed(value["output"]):
        item(entry, value["status"])
    return value


def answer(raw: bytes, told: Json) -> bytes:
    """A whole Responses answer, completed; bytes that are no such object stay as they are."""
    value = sse.Event("", raw).json()
    if value is None or value.get("object") != "response":
        return raw
    return wire_body.dump(response(value, told))


def item(value: Any, status: Any = "completed") -> None:
    """An item of the output; ``status`` is the one of its response."""
    if _fill(value, _of(_ITEMS, value)) and value.get("type") != "reasoning":
        _fill(value, {"status": status if status in ("completed", "in_progress") else "incomplete"})
    if isinstance(value, dict):
        for entry in (*_listed(value.get("content")), *_listed(value.get("summary"))):
            part(entry)


def part(value: Any) -> None:
    """A part of an item's content or of its summary."""
    if _fill(value, _of(_PARTS, value)):
        for entry in _listed(value.get("annotations")):
            annotation(entry)


def annotation(value: Any) -> None:
    _fill(value, _CITATION if isinstance(value, dict) and value.get("type") == "url_citation" else {})


def _ending(value: Json) -> None:
    # Ark tells no time of completion, and a stored answer must read the same each time: it is the earliest possible.
    if value["status"] == "completed" and value["completed_at"] is None:
        value["completed_at"] = value.get("created_at")
    details = value["incomplete_details"]
    if isinstance(details, dict) and details.get("reason") == "length":
        value["incomplete_details"] = {**details, "reason": "max_output_tokens"}  # OpenAI's word for it
    _fill(value["error"], _ERROR)


def _usage(value: Any) -> None:
    if not _fill(value, _USAGE):
        return
    counts = (value["input_tokens"], value["output_tokens"])
    if all(isinstance(count, int) for count in counts):
        _fill(value, {"total_tokens": sum(counts)})
    _fill(value["input_tokens_details"], _INPUT)
    _fill(value["output_tokens_details"], _OUTPUT)


def _tools(value: Any) -> Any:
    return [_tool(entry) for entry in value] if isinstance(value, list) else value


def _tool(value: Any) -> Any:
    return _FUNCTION | value if isinstance(value, dict) and value.get("type") == "function" else value


def _text(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    form = value.get("format") or {"type": "text"}
    if isinstance(form, dict) and form.get("type") == "json_schema":
        form = _SCHEMA | form
    return {**value, "format": form}


def _fill(value: Any, defaults: Json) -> bool:
    """Sets what is missing or null; whether this is an object that anything is known of."""
    if not isinstance(value, dict):
        return False
    for name, default in defaults.items():
        if value.get(name) is None:
            value[name] = copy(default)
    return bool(defaults)


def _of(table: dict[Any, Json], value: Any) -> Json:
    kind = value.get("type") if isinstance(value, dict) else None
    return table.get(kind, {}) if isinstance(kind, str) else {}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
