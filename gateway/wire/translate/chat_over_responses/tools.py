"""A chat request's tools, and its choice among them, as Responses has them."""

from typing import Any

from gateway.errors import InvalidRequest, not_an_object
from gateway.wire import body as wire_body
from gateway.wire.translate.chat_over_responses.losses import Losses
from gateway.wire.translate.translation import Json

# Ark's own tools, which are the same in either API.
_ARKS = ("image_process", "web_search", "web_search_preview", "mcp", "knowledge_search", "doubao_app")
_FUNCTION = ("name", "description", "parameters")
_UNKNOWN = "Ark's Responses API has no such tool."


def tools(body: Json, losses: Losses) -> list[Json] | None:
    """A tool that Ark does not have is left out, unless it must be used."""
    if body.get("tools") is None:
        return None
    kept = []
    for i, tool in enumerate(wire_body.items(body, "tools")):
        at = f"tools[{i}]"
        if not isinstance(tool, dict):
            raise not_an_object(f"`{at}`", tool, param=at)
        if tool.get("type") == "function":
            kept.append(_function(tool, at, losses))
        elif tool.get("type") in _ARKS:
            kept.append(tool)
        elif _is_chosen(tool, body.get("tool_choice")):
            raise InvalidRequest(
                f"The tool that `tool_choice` names cannot be served: {_UNKNOWN}",
                param=at,
                code="unsupported_tool",
            )
        else:
            losses.drop(at, _UNKNOWN)
    return kept


def _function(tool: Json, at: str, losses: Losses) -> Json:
    function = _held(tool, at)
    losses.other(tool, ("type", "function"), at)
    # A function that is not strict anyway loses nothing with the word for it.
    told = {name: value for name, value in function.items() if (name, value) != ("strict", False)}
    losses.other(told, _FUNCTION, f"{at}.function")
    known = {name: function[name] for name in _FUNCTION if function.get(name) is not None}
    return {"type": "function", **known}


def _held(value: Json, at: str) -> Json:
    function = value.get("function")
    if not isinstance(function, dict):
        raise not_an_object(f"`{at}.function`", function, param=f"{at}.function")
    return function


def _is_chosen(tool: Json, choice: Any) -> bool:
    kind = tool.get("type")
    return isinstance(kind, str) and (
        choice == kind or (isinstance(choice, dict) and choice.get("type") == kind)
    )


def choice(body: Json) -> Any:
    chosen = body.get("tool_choice")
    if not isinstance(chosen, dict):
        return chosen
    if chosen.get("type") == "function":
        return {"type": "function", "name": wire_body.string(_held(chosen, "tool_choice"), "name")}
    if chosen.get("type") in _ARKS:
        return chosen
    text = "`tool_choice` must be none, auto, required, or name a function or one of Ark's tools."
    raise InvalidRequest(text, param="tool_choice", code="unsupported_value")
