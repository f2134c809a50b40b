"""What OpenAI's image generation asks for and neither backend has: hints, and several pictures in one call."""

from collections.abc import Callable, Sequence
from typing import Any

from gateway.backends.base import Change, Json, Rule, drop
from gateway.errors import InvalidRequest, json_type
from gateway.wire import body as wire_body
from gateway.wire import sse

_MOST = 10  # pictures of one request, as OpenAI has it
_SEEDS = 1 << 31
_ANY_SEED = -1
_SHOWN = 32  # characters of a value that errors quote
_GARBAGE = {
    "error": {"code": "upstream_garbage", "message": "The backend answered something that is no JSON object."}
}

HINTS = tuple(
    drop(field, "the backend has no such field; without it the picture is made in the model's own way.")
    for field in (
        "quality",
        "style",
        "moderation",
        "user",
        "safety_identifier",
        "partial_images",
        "output_compression",
        "input_fidelity",
        "complexity",
    )
)


def shown(value: Any) -> str:
    """A caller's value as errors quote it: a short text as it is, and of anything else what it is."""
    if not isinstance(value, str):
        return json_type(value)
    return f"`{value}`" if len(value) <= _SHOWN else f"a string of {len(value)} characters"


def only(field: str, why: str, *meant: str) -> Rule:
    """Drops the values that say what the backend does anyway, and refuses all others."""

    def apply(body: Json, rule: Rule) -> list[Change]:
        value = body.pop(rule.field, None)
        if value is None:
            return []
        if value in meant:
            return [Change(f"drop:{rule.field}", rule.why)]
        raise unsupported(rule.field, f"`{rule.field}` cannot be {shown(value)}: {rule.why}")

    return Rule(field, why, apply)


def unsupported(param: str, text: str) -> InvalidRequest:
    return InvalidRequest(text, param=param, code="unsupported_value")


def several(alone: Callable[[Json], str | None]) -> Rule:
    """``n``: more than one stays in the body for ``split``; ``alone`` says why a body cannot be split."""

    def apply(body: Json, rule: Rule) -> list[Change]:
        count = body.get("n", 1)
        if count is None:
            del body["n"]
            return []
        if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= _MOST:
            told = count if isinstance(count, int) and not isinstance(count, bool) else shown(count)
            text = f"`n` must be a whole number from 1 to {_MOST}, not {told}."
            raise InvalidRequest(text, param="n", code="invalid_value")
        if count == 1:
            return [] if body.pop("n", None) is None else [Change("drop:n", rule.why)]
        reason = alone(body)
        if reason:
            raise unsupported("n", f"`n` cannot be {count}: {reason}")
        return [Change(f"n:{count}={count}-calls", rule.why)]

    return Rule("n", "the backend makes one picture a call; for several it is called as often.", apply)


def split(body: Json) -> list[Json]:
    """One body for each picture, none with ``n``; a seed that the caller set grows by one from each to the next."""
    count = body.get("n")
    rest = {name: value for name, value in body.items() if name != "n"}
    return [_seeded(rest, i) for i in range(count if isinstance(count, int) else 1)]


def _seeded(body: Json, i: int) -> Json:
    seed = body.get("seed")
    if i == 0 or not isinstance(seed, int) or isinstance(seed, bool) or seed == _ANY_SEED:
        return body
    return body | {"seed": (seed + i) % _SEEDS}


def merge(answers: Sequence[bytes]) -> bytes:
    """Answers as one: their pictures in order, their usage summed, else what the first good one tells.

    A failed call is a picture with an ``error``, as Ark tells it; where all failed, the first error is the answer.
    """
    values = [sse.Event("", answer).json() or _GARBAGE for answer in answers]
    made = [value for value in values if not failed(value)]
    if not made:
        return answers[0]
    usage: Json = {}
    for value in made:
        usage = _sum(usage, value.get("usage"))
    pictures = [picture for value in values for picture in _pictures(value)]
    return wire_body.dump(made[0] | {"data": pictures} | ({"usage": usage} if usage else {}))


def failed(value: Json) -> bool:
    """Whether an answer tells an error and no picture."""
    return bool(value.get("error")) and not value.get("data")


def _pictures(value: Json) -> list[Any]:
    if failed(value):
        return [{"error": value["error"]}]
    data = value.get("data")
    return data if isinstance(data, list) else []


def _sum(one: Json, other: Any) -> Json:
    total = dict(one)
    for name, value in other.items() if isinstance(other, dict) else ():
        known = total.get(name)
        if isinstance(value, dict):
            total[name] = _sum(known if isinstance(known, dict) else {}, value)
        elif isinstance(value, int | float) and isinstance(known, int | float):
            total[name] = known + value
        else:
            total.setdefault(name, value)
    return total
