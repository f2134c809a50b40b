"""What Ark's Responses API takes, field by field, and the combinations that it refuses."""

from collections.abc import Mapping
from typing import Any

from gateway.simulator.ark.decoding import check_known, check_types, mismatch
from gateway.simulator.ark.errors import ArkError, invalid, invalid_parameter, missing, require
from gateway.simulator.call import Call

Body = Mapping[str, Any]

# `prompt_cache_key` stands in Ark's Go SDK, yet the live service called it unknown.
_FIELDS = {
    "model": "string",
    "input": "string|array",
    "instructions": "string",
    "max_output_tokens": "int64",
    "max_tool_calls": "int64",
    "previous_response_id": "string",
    "store": "bool",
    "expire_at": "int64",
    "thinking": "object",
    "reasoning": "object",
    "caching": "object",
    "context_management": "object",
    "include": "array",
    "service_tier": "string",
    "stream": "bool",
    "temperature": "float64",
    "top_p": "float64",
    "text": "object",
    "tools": "array",
    "tool_choice": "string|object",
    "parallel_tool_calls": "bool",
    "session": "object",
    "safety_identifier": "string",
}
_NESTED = {
    "thinking": {"type": "string"},
    "reasoning": {"effort": "string"},
    "caching": {"type": "string", "prefix": "bool"},
    "context_management": {"edits": "array"},
    "text": {"format": "object"},
    "session": {"id": "string"},
}
_FORMAT = {"type": "string", "name": "string", "schema": "object", "strict": "bool", "description": "string"}
_TOOL_FIELDS = {
    "type": "string",
    "name": "string",
    "parameters": "object",
    **dict.fromkeys(("point", "grounding", "zoom", "rotate"), "object"),
}
_VALUES = {
    "thinking.type": ("enabled", "disabled", "auto"),
    "reasoning.effort": ("none", "minimal", "low", "medium", "high", "xhigh", "max"),
    "caching.type": ("enabled", "disabled"),
    "service_tier": ("auto", "default", "fast"),
}
_INCLUDES = (
    "reasoning.encrypted_content",
    "message.input_image.image_url",
    "message.input_audio.audio_url",
)
_RANGES = {
    "temperature": (0, 2),
    "top_p": (0, 1),
    "max_tool_calls": (1, 10),
    "max_output_tokens": (1, 1_000_000),
}
_LONGEST_LIFE = 604_800
_TOOLS = (
    "function",
    "image_process",
    "web_search",
    "web_search_preview",
    "mcp",
    "knowledge_search",
    "doubao_app",
)
_BETA_TOOLS = ("image_process", "mcp", "knowledge_search", "doubao_app")
_CHOICES = ("none", "auto", "required")
_CHOSEN_TOOLS = ("function", "mcp", "web_search", "knowledge_search")


def check_request(call: Call) -> None:
    body = call.body
    check_known(body, _FIELDS)
    check_types(body, _FIELDS, call.raw)
    _check_nested(body, call.raw)
    require(body, "model")
    if body.get("input") in (None, "", []) and not body.get("previous_response_id"):
        raise missing("input")
    _check_values(body, call.now)
    _check_tools(body, call.headers, call.raw)
    _check_caching(body)
    _check_choice(body)


def _check_nested(body: Body, raw: bytes) -> None:
    for name, fields in _NESTED.items():
        nested = body.get(name) or {}
        check_known(nested, fields)
        check_types(nested, fields, raw)
    format = (body.get("text") or {}).get("format") or {}
    check_known(format, _FORMAT)
    check_types(format, _FORMAT, raw)


def _check_values(body: Body, now: float) -> None:
    for path, known in _VALUES.items():
        name, _, inner = path.partition(".")
        value = (body.get(name) or {}).get(inner) if inner else body.get(name)
        if value is not None and value not in known:
            raise _bad_value(path, value)
    for name, (low, high) in _RANGES.items():
        if body.get(name) is not None and not low <= body[name] <= high:
            raise invalid_parameter(name, f"must be between {low} and {high}")
    for value in body.get("include") or ():
        if value not in _INCLUDES:
            raise _bad_value("include", value)
    _check_expiry(body.get("expire_at"), now)
    _check_thinking(body)


def _check_expiry(expire_at: int | None, now: float) -> None:
    if expire_at is not None and not now < expire_at <= now + _LONGEST_LIFE:
        raise invalid_parameter("expire_at", f"must be at most {_LONGEST_LIFE} seconds ahead")


def _check_thinking(body: Body) -> None:
    effort = (body.get("reasoning") or {}).get("effort")
    disabled = (body.get("thinking") or {}).get("type") == "disabled"
    if disabled and effort not in (None, "none", "minimal"):
        raise invalid_parameter("reasoning.effort", f"`{effort}` needs thinking")


def _check_tools(body: Body, headers: Mapping[str, str], raw: bytes) -> None:
    types = tool_types(body, raw)
    for index, type in enumerate(types):
        if type not in _TOOLS:
            raise _bad_value(f"tools[{index}].type", type)
        header = f"ark-beta-{type.replace('_', '-')}"
        if type in _BETA_TOOLS and headers.get(header) != "true":
            raise invalid(
                f"The tool `{type}` is in beta and needs the header `{header}: true`.", param="tools"
            )
    for other in ("web_search", "web_search_preview", "doubao_app"):
        if "image_process" in types and other in types:
            raise invalid(f"The tool `image_process` cannot be used together with `{other}`.", param="tools")
    if "doubao_app" in types and body.get("max_tool_calls") is not None:
        raise invalid_parameter("max_tool_calls", "not supported with `doubao_app`")


def tool_types(body: Body, raw: bytes = b"") -> list[str]:
    for tool in body.get("tools") or ():
        if not isinstance(tool, dict):
            raise mismatch("tools", tool, "object", raw)
        check_types(tool, _TOOL_FIELDS, raw)
        if tool.get("type") == "function" and not tool.get("name"):
            raise missing("tools.name")
    return [str(tool.get("type")) for tool in body.get("tools") or ()]


def _check_caching(body: Body) -> None:
    if (body.get("caching") or {}).get("type") != "enabled":
        return
    if body.get("instructions"):
        raise invalid("`caching` cannot be enabled together with `instructions`.", param="caching")
    other = next((type for type in tool_types(body) if type != "function"), None)
    if other:
        raise invalid(f"`caching` cannot be enabled together with the tool `{other}`.", param="caching")


def _check_choice(body: Body) -> None:
    choice = body.get("tool_choice")
    if isinstance(choice, str) and choice not in _CHOICES:
        raise _bad_value("tool_choice", choice)
    if isinstance(choice, dict) and choice.get("type") not in _CHOSEN_TOOLS:
        raise _bad_value("tool_choice.type", choice.get("type"))


def _bad_value(path: str, value: Any) -> ArkError:
    return invalid_parameter(path, f"invalid value: `{value}`")
