"""The backends' error bodies, read: Ark's one shape, ModelArts' five, and an error framed as an event."""

import re
from typing import Any, NamedTuple

import orjson

from gateway.wire import sse

_REQUEST_ID = re.compile(r"[Rr]equest id: ?(\w+)")


class Fault(NamedTuple):
    """What a backend said went wrong; None where it said nothing."""

    message: str
    type: str | None = None
    code: str | None = None
    param: str | None = None
    request_id: str | None = None


def read(body: bytes) -> Fault | None:
    """The fault told by an error body; None when it is no error that either vendor sends (an HTML page, say)."""
    text = body.strip()
    # ModelArts answers a bad streamed request with status 400 and its JSON framed as an event.
    if text.startswith((b"data:", b"event:")):
        event = sse.last_event(text)
        text = event.data if event else b""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return of(value) if isinstance(value, dict) else None


def of(value: dict[str, Any]) -> Fault | None:
    """The fault in a parsed body or event; None when it tells of none."""
    nested = value.get("error")
    if isinstance(nested, dict):
        return _fault(nested, value)
    if isinstance(nested, str) and nested:
        return _fault({"message": nested}, value)
    if value.get("error_code") or value.get("error_msg"):
        return _fault({"code": value.get("error_code"), "message": value.get("error_msg")}, value)
    if value.get("object") == "error" or value.get("type") == "error":
        return _fault(value, value)
    if "detail" in value:
        return _fault({"message": _detail(value["detail"])}, value)
    return None


def stands_for(value: dict[str, Any]) -> bool:
    """Whether a body sent under a status of 200 is an error and no answer: answers may hold an error of their own."""
    answers = ("choices", "output", "data", "embedding")
    told = value.get("error") or value.get("error_code") or value.get("object") == "error"
    return bool(told) and not any(name in value for name in answers)


def _fault(error: dict[str, Any], outer: dict[str, Any]) -> Fault:
    message = _text(error.get("message")) or _text(outer.get("error_msg")) or "The backend gave no reason."
    named = _REQUEST_ID.search(message)
    request_id = _text(outer.get("request_id")) or _text(outer.get("span_id")) or (named and named[1])
    code = _text(error.get("code")) or _text(outer.get("error_code"))
    kind = _text(error.get("type"))
    return Fault(
        message, None if kind == "error" else kind, code, _text(error.get("param")), request_id or None
    )


def _text(value: Any) -> str | None:
    return None if value is None or value == "" else str(value)


def _detail(detail: Any) -> str:
    """FastAPI's ``detail``: a sentence, or a list of ``{"loc": [...], "msg": ...}``."""
    if not isinstance(detail, list):
        return str(detail)
    return "; ".join(map(_located, detail))


def _located(entry: Any) -> str:
    if not isinstance(entry, dict):
        return str(entry)
    place = entry.get("loc")
    where = ".".join(map(str, place)) if isinstance(place, list) else ""
    return f"{where}: {entry.get('msg')}" if where else str(entry.get("msg"))
