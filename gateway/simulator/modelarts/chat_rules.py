"""What ModelArts' chat completions take: data URLs alone, with the picture's real MIME type."""

from collections.abc import Iterator, Mapping
from typing import Any

from gateway.simulator.call import Call
from gateway.simulator.json_types import fits
from gateway.simulator.modelarts.errors import invalid

Body = Mapping[str, Any]

_TYPES = {
    "model": "string",
    "messages": "array",
    "tools": "array",
    "stream_options": "object",
    "chat_template_kwargs": "object",
    "thinking": "object",
    "response_format": "object",
    "max_tokens": "int64",
    "max_completion_tokens": "int64",
    "temperature": "float64",
    "top_p": "float64",
}
_ROLES = ("system", "user", "assistant", "tool", "function")
_PARTS = ("text", "image_url")


def check_chat(call: Call) -> None:
    body = call.body
    for name in ("model", "messages"):
        if not body.get(name):
            raise invalid(f"The parameter {name} is required.")
    check_types(body, _TYPES)
    check_types(body.get("response_format") or {}, {"type": "string", "json_schema": "object"})
    for name in ("max_tokens", "max_completion_tokens"):
        if body.get(name) is not None and body[name] < 1:
            raise invalid(f"The parameter {name} must be at least 1.", call)
    for message in body["messages"]:
        _check_message(message, call)
    for tool in body.get("tools") or ():
        _check_tool(tool, call)


def check_types(body: Body, types: Mapping[str, str]) -> None:
    for name, wanted in types.items():
        if body.get(name) is not None and not fits(body[name], wanted):
            raise invalid(f"The type of the parameter {name} is wrong.")


def _check_tool(tool: Any, call: Call) -> None:
    function = tool.get("function") if isinstance(tool, dict) else None
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise invalid("A tool must be a function with a name.", call)
    check_types(function, {"parameters": "object"})


def _check_message(message: Any, call: Call) -> None:
    role = message.get("role") if isinstance(message, dict) else None
    if role not in _ROLES:
        raise invalid(f"Unexpected message role: {role}.", call)
    if message.get("tool_calls") == []:
        raise invalid("tool_calls must not be an empty list.", call)
    if role == "assistant" and not message.get("content") and not message.get("tool_calls"):
        raise invalid("An assistant message must have content or tool_calls.", call)
    for part in _parts(message.get("content"), call):
        if part.get("type") not in _PARTS:
            raise invalid(f"Unknown part type: {part.get('type')}.", call)
        check_types(part, {"text": "string"})
        if part["type"] == "image_url":
            _check_picture_part(part)


def _parts(content: Any, call: Call) -> Iterator[Body]:
    if content is None or isinstance(content, str):
        return
    if not isinstance(content, list) or not all(isinstance(part, dict) for part in content):
        raise invalid("The content of a message must be a string or a list of parts.", call)
    yield from content


def _check_picture_part(part: Body) -> None:
    image = part.get("image_url")
    if not isinstance(image, dict) or not isinstance(image.get("url"), str):
        raise invalid("image_url must be an object with a url.")
