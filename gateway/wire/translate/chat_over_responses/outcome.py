"""How a Responses answer ended, in chat's words: the finish reason, the usage, or the failure."""

from gateway.errors import UpstreamError
from gateway.wire import fault, usage
from gateway.wire.translate.translation import Json


def finish_reason(response: Json, *, has_calls: bool) -> str:
    """An answer that was cut short for any reason but its content ran into a limit."""
    if response.get("status") == "incomplete":
        details = response.get("incomplete_details")
        reason = details.get("reason") if isinstance(details, dict) else None
        return "content_filter" if reason == "content_filter" else "length"
    return "tool_calls" if has_calls else "stop"


def usage_of(response: Json) -> Json | None:
    counts, told = usage.of({"usage": response.get("usage")}), response.get("usage")
    if counts is None or not isinstance(told, dict):
        return None
    total = told.get("total_tokens")
    return {
        "prompt_tokens": counts.input,
        "completion_tokens": counts.output,
        "total_tokens": total if isinstance(total, int) else counts.input + counts.output,
        "prompt_tokens_details": {"cached_tokens": counts.cached},
        "completion_tokens_details": {"reasoning_tokens": counts.reasoning},
    }


def failure(told: Json) -> UpstreamError:
    """The error in a failed Response object or in an ``error`` event."""
    read = fault.of(told) or fault.Fault("The backend failed without a reason.")
    return UpstreamError(
        502, read.message, type=read.type or "upstream_error", code=read.code, request_id=read.request_id
    )
