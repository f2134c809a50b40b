"""A chat body as a body of Ark's Responses API."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from gateway.errors import InvalidRequest, not_an_object
from gateway.wire import body as wire_body
from gateway.wire.translate.chat_over_responses.losses import Losses, is_nothing
from gateway.wire.translate.chat_over_responses.messages import items
from gateway.wire.translate.chat_over_responses.tools import choice, tools
from gateway.wire.translate.translation import Json, Translated

# Both APIs have these; the last three are Ark's own, in Responses alone.
_SHARED = (
    "model",
    "stream",
    "temperature",
    "top_p",
    "parallel_tool_calls",
    "thinking",
    "service_tier",
    "caching",
    "context_management",
    "max_tool_calls",
)
_REWRITTEN = frozenset(
    {
        "messages",
        "tools",
        "tool_choice",
        "max_tokens",
        "max_completion_tokens",
        "response_format",
        "reasoning_effort",
        "stream_options",
        "store",
    }
)
_FORMAT = ("type", "name", "schema", "strict", "description")


class _Refused(NamedTuple):
    """A parameter without which the answer would be another one; ``unless`` are the values that ask for nothing."""

    unless: tuple[Any, ...]
    instead: str = "leave it out"


_REFUSED: Mapping[str, _Refused] = {
    "n": _Refused((1,), "ask for one choice at a time"),
    "stop": _Refused(("", [])),
    "frequency_penalty": _Refused((0,)),
    "presence_penalty": _Refused((0,)),
    "repetition_penalty": _Refused((1,)),
    "logit_bias": _Refused(({},)),
    "logprobs": _Refused((False,)),
    "top_logprobs": _Refused((0,)),
    "modalities": _Refused(([], ["text"]), "ask for text alone"),
    "web_search_options": _Refused(()),
    "functions": _Refused(([],), "use `tools`"),
    "function_call": _Refused(("none", "auto"), "use `tool_choice`"),
}
_KNOWN = frozenset(_SHARED) | _REWRITTEN | frozenset(_REFUSED)


def request(body: Json) -> Translated:
    """Nothing is kept at Ark (``store``): a chat caller sends the whole conversation each time."""
    _refuse(body)
    losses = Losses()
    shared = {name: body[name] for name in _SHARED if body.get(name) is not None}
    rewritten = {
        "input": items(body, losses),
        "tools": tools(body, losses),
        "tool_choice": choice(body),
        "max_output_tokens": _max_output_tokens(body),
        "text": _text(body, losses),
        "reasoning": _reasoning(body),
    }
    _stream_options(body, losses)
    if wire_body.flag(body, "store"):
        losses.drop("store", "What is asked for in chat is not kept; use /responses for that.")
    losses.other(body, _KNOWN)
    told = {name: value for name, value in rewritten.items() if value is not None}
    return Translated({**shared, **told, "store": False}, tuple(losses.changes))


def _refuse(body: Json) -> None:
    for name, refused in _REFUSED.items():
        value = body.get(name)
        if value is not None and value not in refused.unless:
            text = f"`{name}` cannot be served with Ark's Responses API, which this request needs; {refused.instead}."
            raise InvalidRequest(text, param=name, code="unsupported_parameter")


def _max_output_tokens(body: Json) -> Any:
    old, new = body.get("max_tokens"), body.get("max_completion_tokens")
    if old is not None and new is not None:
        text = "`max_tokens` and `max_completion_tokens` are one limit under two names; send one of them."
        raise InvalidRequest(text, param="max_tokens", code="unsupported_combination")
    return old if new is None else new


def _reasoning(body: Json) -> Json | None:
    effort = body.get("reasoning_effort")
    return None if effort is None else {"effort": effort}


def _text(body: Json, losses: Losses) -> Json | None:
    """``json_schema`` holds in an object of its own what Responses has flat."""
    format = _object(body.get("response_format"), "response_format")
    if format is None:
        return None
    if format.get("type") != "json_schema":
        losses.other(format, _FORMAT, "response_format")
        return {"format": _known(format)}
    inner = _object(format.get("json_schema"), "response_format.json_schema") or {}
    losses.other(format, ("type", "json_schema"), "response_format")
    losses.other(inner, _FORMAT, "response_format.json_schema")
    return {"format": _known({**inner, "type": "json_schema"})}


def _known(format: Json) -> Json:
    return {name: format[name] for name in _FORMAT if format.get(name) is not None}


def _stream_options(body: Json, losses: Losses) -> None:
    """``include_usage`` is the reply's business; Responses tells the usage in any case."""
    options = _object(body.get("stream_options"), "stream_options") or {}
    wanted = {name: value for name, value in options.items() if value is not False and not is_nothing(value)}
    losses.other(wanted, ("include_usage",), "stream_options")


def _object(value: Any, name: str) -> Json | None:
    if value is not None and not isinstance(value, dict):
        raise not_an_object(f"`{name}`", value, param=name)
    return value
