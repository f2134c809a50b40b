"""Token counts, read out of an answer or an event of either API."""

from typing import Any, NamedTuple


class Usage(NamedTuple):
    """Tokens as the backend counted them."""

    input: int = 0
    output: int = 0
    cached: int = 0
    reasoning: int = 0


def of(body: dict[str, Any]) -> Usage | None:
    """The usage told by an answer, a chat chunk or a Responses event; None when it tells none."""
    response = body.get("response")
    usage = (response if isinstance(response, dict) else body).get("usage")
    if not isinstance(usage, dict):
        return None
    details = _either(usage, "input_tokens_details", "prompt_tokens_details")
    output_details = _either(usage, "output_tokens_details", "completion_tokens_details")
    return Usage(
        _count(_either(usage, "input_tokens", "prompt_tokens")),
        _count(_either(usage, "output_tokens", "completion_tokens")),
        _count(details.get("cached_tokens")) if isinstance(details, dict) else 0,
        _count(output_details.get("reasoning_tokens")) if isinstance(output_details, dict) else 0,
    )


def _either(usage: dict[str, Any], name: str, other: str) -> Any:
    value = usage.get(name)
    return usage.get(other) if value is None else value


def _count(value: Any) -> int:
    return value if type(value) is int else int(value) if isinstance(value, int | float) else 0
