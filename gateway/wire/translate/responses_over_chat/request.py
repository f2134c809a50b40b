"""A Responses request as a chat request. What has no counterpart is refused by name or told as a change."""

from typing import Any

from gateway.errors import InvalidRequest, json_type, not_an_object
from gateway.wire import body as wire_body
from gateway.wire import complete
from gateway.wire.change import Change
from gateway.wire.translate.responses_over_chat import items, tools
from gateway.wire.translate.translation import Translated

Json = dict[str, Any]

_REFUSED = {
    "conversation": "a chat backend keeps no conversations; send the items themselves.",
    "messages": "the Responses API takes `input`.",
    "previous_response_id": "a chat backend keeps no responses; send the items themselves.",
    "prompt": "a chat backend keeps no prompts; send the text as `instructions`.",
}
# What the gateway itself sees to.
_OURS = frozenset({"background", "metadata", "store"})
_TRANSLATED = frozenset(
    {
        "include", "input", "instructions", "max_output_tokens", "n", "parallel_tool_calls", "reasoning",
        "stream_options", "text", "tool_choice", "tools", "top_logprobs", "truncation",
    }
)  # fmt: skip
_UNKNOWN = "Chat has no counterpart to it."
_LOST = (
    "access_programs", "background_options", "caching", "context_management", "expire_at", "max_tool_calls",
    "moderation", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "safety_identifier",
    "service_tier", "session",
)  # fmt: skip
_HANDLED = frozenset(_REFUSED) | _OURS | _TRANSLATED | frozenset(_LOST)
_LOGPROBS = "message.output_text.logprobs"


def request(body: Json) -> Translated:
    """Raises InvalidRequest with the caller's own ``param`` for what cannot be said in chat."""
    _refuse(body)
    wire_body.dump({"response": complete.settings(body)})  # the answer will tell them back, one level deeper
    messages, changes = items.messages(body.get("input"))
    offered, left_out = tools.offered(body)
    fields = {
        **offered,
        "max_tokens": body.get("max_output_tokens"),
        "response_format": _format(body, changes),
        "reasoning_effort": _effort(body, changes),
        "stream_options": _stream_options(body, changes),
        **_logprobs(body, changes),
    }
    _tell_lost(body, changes)
    translated = {
        **{name: value for name, value in body.items() if name not in _HANDLED},
        "messages": [*_instructions(body), *messages],
        **{name: value for name, value in fields.items() if value is not None},
    }
    return Translated(translated, (*changes, *left_out))


def _refuse(body: Json) -> None:
    for name, why in _REFUSED.items():
        if body.get(name) is not None:
            text = f"`{name}` cannot be served: {why}"
            raise InvalidRequest(text, param=name, code="unsupported_parameter")
    if body.get("n") not in (None, 1):
        text = "A response is one answer; leave `n` out, or call /chat/completions."
        raise InvalidRequest(text, param="n", code="unsupported_parameter")


def _instructions(body: Json) -> list[Json]:
    told = body.get("instructions")
    if told is not None and not isinstance(told, str):
        text = f"`instructions` must be a string, not {json_type(told)}."
        raise InvalidRequest(text, param="instructions", code="invalid_type")
    return [{"role": "system", "content": told}] if told else []


def _object(body: Json, name: str) -> Json:
    """The optional object ``name`` of ``body`` without its nulls; absent and null are empty."""
    value = body.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise not_an_object(f"`{name}`", value, param=name)
    return {field: inner for field, inner in value.items() if inner is not None}


def _format(body: Json, changes: list[Change]) -> Json | None:
    text = _object(body, "text")
    changes += [Change(f"drop:text.{name}", _UNKNOWN) for name in text if name != "format"]
    wanted = text.get("format", {"type": "text"})
    kind = wanted.get("type") if isinstance(wanted, dict) else None
    if kind == "text":
        return None
    if kind == "json_object":
        return {"type": kind}
    if kind == "json_schema":
        kept = {name: value for name, value in wanted.items() if name != "type" and value is not None}
        return {"type": kind, kind: kept}
    raise InvalidRequest(
        "`text.format` must be an object of type text, json_object or json_schema.",
        param="text.format",
        code="unsupported_value",
    )


def _effort(body: Json, changes: list[Change]) -> Any:
    reasoning = _object(body, "reasoning")
    changes += [Change(f"drop:reasoning.{name}", _UNKNOWN) for name in reasoning if name != "effort"]
    return reasoning.get("effort")


def _stream_options(body: Json, changes: list[Change]) -> Json | None:
    options = _object(body, "stream_options")
    if options.pop("include_obfuscation", False):
        changes.append(Change("drop:stream_options.include_obfuscation", _UNKNOWN))
    return {**options, "include_usage": True} if wire_body.flag(body, "stream") else None


def _logprobs(body: Json, changes: list[Change]) -> Json:
    include = wire_body.items(body, "include")
    changes += [Change(f"drop:include[{i}]", _UNKNOWN) for i, name in enumerate(include) if name != _LOGPROBS]
    top = body.get("top_logprobs")
    return {"logprobs": True, "top_logprobs": top} if top or _LOGPROBS in include else {}


def _tell_lost(body: Json, changes: list[Change]) -> None:
    if body.get("truncation") not in (None, "disabled"):
        changes.append(
            Change("drop:truncation", "A chat backend answers an input that is too long as it does.")
        )
    changes += [Change(f"drop:{name}", _UNKNOWN) for name in _LOST if body.get(name) is not None]
