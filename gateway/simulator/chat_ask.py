"""What a chat completions body asks for; both vendors use OpenAI's names here."""

from collections.abc import Mapping
from typing import Any

from gateway.simulator.answer import Ask
from gateway.simulator.conversation import Conversation

Body = Mapping[str, Any]


def chat_ask(
    body: Body, conversation: Conversation, *, thinking: bool, limit_covers_thinking: bool = False
) -> Ask:
    total = body.get("max_completion_tokens")
    return Ask(
        conversation,
        functions=_functions(body.get("tools") or ()),
        forced=forced_function(body.get("tool_choice")),
        parallel=body.get("parallel_tool_calls") is not False,
        schema=_schema(body.get("response_format") or {}),
        thinking=thinking,
        limit=body.get("max_tokens") if total is None else total,
        limit_covers_thinking=limit_covers_thinking or total is not None,
    )


def forced_function(choice: Any) -> str | None:
    """A function's name, "any" or "none"; None leaves the choice to the model."""
    if not isinstance(choice, dict):
        return {"none": "none", "required": "any"}.get(str(choice))
    function = choice.get("function") or choice
    named = choice.get("type") == "function" and isinstance(function, dict)
    return str(function.get("name")) if named else None


def _functions(tools: Any) -> dict[str, Body]:
    functions = [tool["function"] for tool in tools if tool.get("type") == "function"]
    return {function["name"]: function.get("parameters") or {} for function in functions}


def _schema(format: Body) -> Body | None:
    if format.get("type") == "json_schema":
        schema = (format.get("json_schema") or {}).get("schema")
        return schema if isinstance(schema, dict) else {}
    return {} if format.get("type") == "json_object" else None
