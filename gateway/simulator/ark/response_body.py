"""The body of a Responses answer, in Ark's field order; only what was set is told back."""

from collections.abc import Mapping, Sequence
from typing import Any

from gateway.simulator.answer import Draft
from gateway.simulator.call import Call

Json = dict[str, Any]

_DEFAULT_OUTPUT_TOKENS = 32_768
_DEFAULT_LIFE = 259_200
_ECHOED_FIRST = ("instructions",)
_ECHOED = ("previous_response_id", "reasoning")
_ECHOED_LAST = ("temperature", "text", "thinking", "tool_choice", "tools", "top_p")
_ORDER = (
    "created_at",
    "id",
    "incomplete_details",
    *_ECHOED_FIRST,
    "max_output_tokens",
    "model",
    "object",
    "output",
    *_ECHOED,
    "service_tier",
    "status",
    *_ECHOED_LAST,
    "usage",
    "caching",
    "store",
    "expire_at",
)


def opening_body(call: Call, id: str) -> Json:
    """A response before anything is known of its outcome; only what was set is told back."""
    body = call.body
    maximum = body.get("max_output_tokens")
    expire_at = body.get("expire_at")
    return {
        "created_at": int(call.now),
        "id": id,
        **_echo(body, _ECHOED_FIRST),
        "max_output_tokens": _DEFAULT_OUTPUT_TOKENS if maximum is None else maximum,
        "model": body["model"],
        "object": "response",
        **_echo(body, _ECHOED),
        "service_tier": "default",
        **_echo(body, _ECHOED_LAST),
        "caching": body.get("caching") or {"type": "disabled"},
        "store": body.get("store") is not False,
        "expire_at": int(call.now) + _DEFAULT_LIFE if expire_at is None else expire_at,
    }


def _echo(body: Mapping[str, Any], names: Sequence[str]) -> Json:
    return {name: body[name] for name in names if body.get(name) is not None}


def final_body(opening: Json, drafted: Draft, output: list[Json]) -> Json:
    known = opening | {
        "output": output,
        "status": "incomplete" if drafted.cut else "completed",
        "usage": _usage(drafted),
    }
    if drafted.cut:
        known["incomplete_details"] = {"reason": drafted.cut}
    return {name: known[name] for name in _ORDER if name in known}


def _usage(drafted: Draft) -> Json:
    return {
        "input_tokens": drafted.prompt_tokens,
        "output_tokens": drafted.completion_tokens,
        "total_tokens": drafted.prompt_tokens + drafted.completion_tokens,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens_details": {"reasoning_tokens": len(drafted.thought)},
    }
