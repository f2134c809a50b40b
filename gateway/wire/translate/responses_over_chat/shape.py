"""The Response object around an output: its ids, its times, its end, and the request's settings told back."""

from typing import Any, NamedTuple

from gateway.wire import complete
from gateway.wire.translate.responses_over_chat import output
from gateway.wire.translate.translation import Mark

Json = dict[str, Any]

_CUT_SHORT = {"length": "max_output_tokens", "content_filter": "content_filter"}
_LATEST = 10**11  # seconds; a larger number counts milliseconds


class Ending(NamedTuple):
    """How an answer ended: the status of the response and of its last item, and what is told with it."""

    status: str
    told: Json

    @property
    def of_last(self) -> str:
        return "completed" if self.status == "completed" else "incomplete"

    @staticmethod
    def after(finish_reason: Any) -> "Ending":
        reason = _CUT_SHORT.get(finish_reason) if isinstance(finish_reason, str) else None
        if reason is None:
            return Ending("completed", {})
        return Ending("incomplete", {"incomplete_details": {"reason": reason}})

    @staticmethod
    def failed(code: str | None, message: str) -> "Ending":
        return Ending("failed", {"error": {"code": code or "server_error", "message": message}})


class Shape:
    """What is the same in all that is told of one answer."""

    def __init__(self, request: Json, mark: Mark) -> None:
        # Where neither the caller nor the service says otherwise, chat backends sample from all tokens.
        self._settings = {"top_p": 1, **complete.settings(request)}
        self._settings.pop("service_tier", None)  # it was asked for, but not passed on
        self._model = request.get("model")
        self._mark = mark

    def id(self, prefix: str, index: int) -> str:
        """The id of the item at ``index`` of the output."""
        return f"{prefix}_{self._mark.digits}{index:04x}"

    def response(self, head: Json, ending: Ending, items: list[Json], usage: Any = None) -> Json:
        """``head`` is the backend's answer or one of its chunks, of which all but the choices is taken."""
        created_at = _seconds(head.get("created")) or self._mark.created_at
        ended = ending.status == "completed"
        model, tier = head.get("model"), head.get("service_tier")
        value = {
            "id": f"resp_{self._mark.digits}",
            "object": "response",
            "created_at": created_at,
            "status": ending.status,
            "completed_at": max(created_at, self._mark.created_at) if ended else None,
            "model": model if isinstance(model, str) and model else self._model,
            "output": items,
            "usage": output.usage(usage),
            "service_tier": tier if isinstance(tier, str) and tier else "default",
            "incomplete_details": None,
            "error": None,
        }
        return complete.response(value | ending.told, self._settings)


def _seconds(value: Any) -> int:
    seconds = output.count(value)
    return seconds // 1000 if seconds > _LATEST else seconds
