"""A chat request's messages as the input items of Responses."""

from collections.abc import Iterator
from typing import Any

from gateway.errors import InvalidRequest, json_type, not_an_object
from gateway.wire import body as wire_body
from gateway.wire.translate.chat_over_responses.losses import Losses
from gateway.wire.translate.chat_over_responses.parts import answer_part, part
from gateway.wire.translate.translation import Json

_TOLD = ("role", "content")
_ASSISTANT = (*_TOLD, "partial", "refusal", "reasoning_content", "encrypted_content", "tool_calls")
_TOOL = (*_TOLD, "tool_call_id")


def items(body: Json, losses: Losses) -> list[Json]:
    messages = wire_body.items(body, "messages")
    if not messages:
        text = "The parameter `messages` is missing or empty."
        raise InvalidRequest(text, param="messages", code="missing_required_parameter")
    return [item for i, message in enumerate(messages) for item in _items(message, f"messages[{i}]", losses)]


def _items(message: Any, at: str, losses: Losses) -> Iterator[Json]:
    if not isinstance(message, dict):
        raise not_an_object(f"`{at}`", message, param=at)
    role = message.get("role")
    if role in ("system", "developer", "user"):
        losses.other(message, _TOLD, at)
        yield {"type": "message", "role": role, "content": _content(message, at, losses)}
    elif role == "assistant":
        yield from _answered(message, at, losses)
    elif role == "tool":
        losses.other(message, _TOOL, at)
        call_id = _string(message, "tool_call_id", at)
        yield {"type": "function_call_output", "call_id": call_id, "output": _content(message, at, losses)}
    else:
        text = f"`{at}.role` must be system, developer, user, assistant or tool."
        raise InvalidRequest(text, param=f"{at}.role", code="unsupported_value")


def _content(message: Json, at: str, losses: Losses) -> str | list[Json]:
    content = message.get("content")
    if isinstance(content, str):
        return content
    where = f"{at}.content"
    return [part(one, f"{where}[{i}]", losses) for i, one in enumerate(_listed(content, where))]


def _answered(message: Json, at: str, losses: Losses) -> Iterator[Json]:
    """An earlier answer: what was thought, then what was said, then the calls, which is the order of all of them."""
    for old in ("function_call", "audio"):
        if message.get(old) is not None:
            text = f"`{at}.{old}` has no counterpart in Ark's Responses API, which this request needs."
            raise InvalidRequest(text, param=f"{at}.{old}", code="unsupported_parameter")
    losses.other(message, _ASSISTANT, at)
    yield from _thought(message)
    calls = message.get("tool_calls") or []
    content = _said(message, at, losses)
    if content or not calls:
        partial = {"partial": message["partial"]} if message.get("partial") is not None else {}
        yield {"type": "message", "role": "assistant", "content": content, **partial}
    for i, call in enumerate(_listed(calls, f"{at}.tool_calls")):
        yield _call(call, f"{at}.tool_calls[{i}]", losses)


def _thought(message: Json) -> Iterator[Json]:
    text, encrypted = message.get("reasoning_content"), message.get("encrypted_content")
    if text or encrypted:
        summary = [{"type": "summary_text", "text": text}] if text else []
        yield {
            "type": "reasoning",
            "summary": summary,
            **({"encrypted_content": encrypted} if encrypted else {}),
        }


def _said(message: Json, at: str, losses: Losses) -> str | list[Json]:
    """A refusal was said to the user like any text."""
    content = message.get("content")
    if content is None:
        content = message.get("refusal") or ""
    if isinstance(content, str):
        return content
    where = f"{at}.content"
    return [answer_part(one, f"{where}[{i}]", losses) for i, one in enumerate(_listed(content, where))]


def _call(call: Any, at: str, losses: Losses) -> Json:
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict) or call.get("type") not in (None, "function"):
        text = f"`{at}` must be a call of a function: Ark's Responses API, which this request needs, knows no other."
        raise InvalidRequest(text, param=at, code="unsupported_value")
    losses.other(call, ("id", "type", "function", "index"), at)
    losses.other(function, ("name", "arguments"), f"{at}.function")
    return {
        "type": "function_call",
        "call_id": _string(call, "id", at),
        "name": _string(function, "name", f"{at}.function"),
        "arguments": arguments(function.get("arguments")),
    }


def arguments(value: Any) -> str:
    """A call's arguments as the string of JSON that they are; some write the object itself."""
    if isinstance(value, str):
        return value
    return "{}" if value is None else wire_body.dump(value).decode()


def _string(holder: Json, name: str, at: str) -> str:
    value = holder.get(name)
    if isinstance(value, str) and value:
        return value
    told = "an empty one" if value == "" else json_type(value)
    text = f"`{at}.{name}` must be a non-empty string, not {told}."
    raise InvalidRequest(text, param=f"{at}.{name}", code="invalid_type")


def _listed(value: Any, at: str) -> list[Any]:
    if not isinstance(value, list):
        text = f"`{at}` must be an array, or a string where it is text, not {json_type(value)}."
        raise InvalidRequest(text, param=at, code="invalid_type")
    return value
