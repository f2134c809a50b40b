"""What Ark's chat completions take, and what they refuse."""

from collections.abc import Iterator, Mapping
from typing import Any

from gateway.simulator.ark.decoding import check_types, mismatch
from gateway.simulator.ark.errors import invalid, invalid_parameter, require

_FIELDS = {
    "model": "string",
    "messages": "array",
    "stream": "bool",
    "stream_options": "object",
    "max_tokens": "int64",
    "max_completion_tokens": "int64",
    "temperature": "float64",
    "top_p": "float64",
    "thinking": "object",
    "reasoning_effort": "string",
    "response_format": "object",
    "tools": "array",
    "tool_choice": "string|object",
    "parallel_tool_calls": "bool",
    "stop": "string|array",
    "n": "int64",
    "user": "string",
}
_NESTED = {
    "thinking": {"type": "string"},
    "stream_options": {"include_usage": "bool", "chunk_include_usage": "bool"},
    "response_format": {"type": "string", "json_schema": "object"},
}
_MEDIA_FIELDS = {
    **dict.fromkeys(
        ("url", "file_id", "data", "format", "file_data", "file_url", "filename", "detail"), "string"
    ),
    "fps": "float64",
}
_ROLES = ("system", "assistant", "user", "tool")
_DETAILS = ("auto", "low", "high", "xhigh")
_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
_PARTS = ("text", "image_url", "video_url", "input_audio", "file")


def check_chat(body: Mapping[str, Any], raw: bytes) -> None:
    require(body, "model", "messages")
    check_types(body, _FIELDS, raw)
    for name, fields in _NESTED.items():
        check_types(body.get(name) or {}, fields, raw)
    _check_limits(body)
    _check_tools(body.get("tools") or [], raw)
    for message in body["messages"]:
        _check_message(message, raw)


def _check_limits(body: Mapping[str, Any]) -> None:
    if body.get("max_tokens") is not None and body.get("max_completion_tokens") is not None:
        raise invalid(
            "max_tokens and max_completion_tokens cannot be set at the same time.", param="max_tokens"
        )
    for name in ("max_tokens", "max_completion_tokens"):
        if body.get(name) is not None and body[name] < 1:
            raise invalid_parameter(name, "must be at least 1")
    effort = body.get("reasoning_effort")
    if effort is not None and effort not in _EFFORTS:
        raise invalid_parameter("reasoning_effort", f"invalid value: `{effort}`")


def _check_tools(tools: list[Any], raw: bytes) -> None:
    for tool in tools:
        if not isinstance(tool, dict) or tool.get("type") != "function":
            raise invalid("Invalid function format: 'type'")
        if not isinstance(tool.get("function"), dict) or not tool["function"].get("name"):
            raise invalid("Invalid function format: 'function'")
        check_types(tool["function"], {"name": "string", "parameters": "object"}, raw)


def _check_message(message: Any, raw: bytes) -> None:
    if not isinstance(message, dict):
        raise mismatch("messages", message, "object", raw)
    role = message.get("role")
    if role not in _ROLES:
        known = ", ".join(f"`{name}`" for name in _ROLES)
        raise invalid(
            "The parameter `messages.role` specified in the request are not valid: "
            f"invalid value: `{role}`, supported values are: {known}."
        )
    check_content(message.get("content"), raw)


def check_content(content: Any, raw: bytes) -> None:
    for part in _parts(content, raw):
        _check_part(part, raw)


def _parts(content: Any, raw: bytes) -> Iterator[Mapping[str, Any]]:
    if content is None or isinstance(content, str):
        return
    if not isinstance(content, list):
        raise mismatch("content", content, "string|array", raw)
    for part in content:
        if not isinstance(part, dict):
            raise mismatch("content", part, "object", raw)
        yield part


def _check_part(part: Mapping[str, Any], raw: bytes) -> None:
    type = part.get("type")
    if type not in _PARTS:
        raise invalid_parameter("messages.content.type", f"invalid value: `{type}`")
    if type == "text":
        check_types(part, {"text": "string"}, raw)
    else:
        _check_media(type, part.get(type), raw)


def _check_media(type: str, media: Any, raw: bytes) -> None:
    if media is None:
        raise invalid_parameter(type, "missing")
    if not isinstance(media, dict):
        raise mismatch(type, media, "object", raw)
    check_types(media, _MEDIA_FIELDS, raw)
    # Chat has a file_id for pictures in Ark's SDK types, but takes none in service.
    if type == "image_url" and media.get("file_id"):
        raise invalid_parameter("image_url.file_id", "not supported by chat completions")
    detail = media.get("detail")
    if type == "image_url" and detail is not None and detail not in _DETAILS:
        raise invalid_parameter(
            "image_url.detail", f"invalid value: `{detail}`", code="InvalidArgumentError.InvalidImageDetail"
        )
