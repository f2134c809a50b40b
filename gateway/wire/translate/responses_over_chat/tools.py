"""The tools of a Responses request as chat's: its functions; the others are left out where the answer allows."""

from collections.abc import Sequence
from typing import Any

from gateway.errors import InvalidRequest, not_an_object
from gateway.wire import body as wire_body
from gateway.wire.change import Change

Json = dict[str, Any]

_LEFT_OUT = "A chat backend calls functions only."
_NO_PICTURES = (
    "The tool image_process cannot be served here: only Volcengine Ark has it, and no chat backend."
)


def offered(body: Json) -> tuple[Json, list[Change]]:
    """Chat's fields for the tools that may be called, and what was left out.

    Raises InvalidRequest naming the tool that ``tool_choice`` needs and chat has not.
    """
    tools = wire_body.items(body, "tools")
    functions = {i: tool for i, tool in enumerate(tools) if _kind(tool, i) == "function"}
    left_out = [i for i in range(len(tools)) if i not in functions]
    changes = [Change(f"drop:tools[{i}]", _LEFT_OUT) for i in left_out]
    nested = {i: _nested(tool, i) for i, tool in functions.items()}
    choice, allowed = _choice(body.get("tool_choice"), tools, functions)
    if allowed is not None:
        nested = {i: tool for i, tool in nested.items() if functions[i]["name"] in allowed}
    if not nested:
        if choice == "required":
            text = "`tool_choice` asks for a tool call, but there is no function that could be called."
            raise _unsupported(text, f"tools[{left_out[0]}]" if left_out else "tool_choice")
        return {}, changes
    fields = {
        "tools": list(nested.values()),
        "tool_choice": choice,
        "parallel_tool_calls": body.get("parallel_tool_calls"),
    }
    return {name: value for name, value in fields.items() if value is not None}, changes


def _unsupported(text: str, param: str) -> InvalidRequest:
    return InvalidRequest(text, param=param, code="unsupported_tool")


def _kind(tool: Any, i: int) -> Any:
    if not isinstance(tool, dict):
        raise not_an_object("A tool", tool, param=f"tools[{i}]")
    if tool.get("type") == "image_process":
        raise _unsupported(_NO_PICTURES, f"tools[{i}]")
    return tool.get("type")


def _nested(tool: Json, i: int) -> Json:
    if not isinstance(tool.get("name"), str) or not tool["name"]:
        text = "A function must have a `name` beside its `type`: the Responses API does not nest it."
        raise InvalidRequest(text, param=f"tools[{i}].name", code="missing_required_parameter")
    kept = {name: value for name, value in tool.items() if name != "type" and value is not None}
    return {"type": "function", "function": kept}


def _choice(choice: Any, tools: Sequence[Json], functions: dict[int, Json]) -> tuple[Any, set[str] | None]:
    """Chat's ``tool_choice``, and the names of the functions where it allows only some."""
    if choice is None or choice in ("none", "auto", "required"):
        return choice, None
    kind = choice.get("type") if isinstance(choice, dict) else None
    if kind == "allowed_tools":
        return _mode(choice), _allowed(choice)
    if kind == "function":
        name = choice.get("name")
        if name in [tool["name"] for tool in functions.values()]:
            return {"type": "function", "function": {"name": name}}, None
        raise InvalidRequest(
            f"`tool_choice` names the function `{name}`, which is not among the `tools`.",
            param="tool_choice",
            code="invalid_value",
        )
    for i, tool in enumerate(tools):
        if kind is not None and all(tool.get(name) == choice[name] for name in _identity(choice)):
            raise _unsupported(f"`tool_choice` needs the tool `{kind}`. {_LEFT_OUT}", f"tools[{i}]")
    text = "`tool_choice` must be none, auto, required, allowed_tools, or a function among the `tools`."
    raise InvalidRequest(text, param="tool_choice", code="invalid_value")


def _identity(choice: Json) -> set[str]:
    """What tells a tool from others; an MCP server has many tools, each with a name of its own."""
    return choice.keys() & ({"type", "server_label"} if choice["type"] == "mcp" else {"type", "name"})


def _mode(choice: Json) -> str:
    mode = choice.get("mode", "auto")
    if mode in ("auto", "required"):
        return str(mode)
    text = "`mode` of allowed_tools must be auto or required."
    raise InvalidRequest(text, param="tool_choice.mode", code="invalid_value")


def _allowed(choice: Json) -> set[str]:
    named = choice.get("tools")
    found = [tool for tool in (named if isinstance(named, list) else []) if isinstance(tool, dict)]
    return {str(tool.get("name")) for tool in found if tool.get("type") == "function"}
