"""Compaction: a conversation as its user's messages and a summary of all the rest (POST /responses/compact).

The summary is written by the caller's own model. It travels in the ``encrypted_content`` of an item that callers take as
opaque: here it is base64 under a name for the format, which any process reads without having kept anything. That hides
nothing, and need not: it tells a caller of its own conversation alone, and one who made such an item up would say no
more by it than by a message of the user, which is what becomes of it.
"""

import base64
from typing import Any, NamedTuple

from gateway.errors import InvalidRequest, UpstreamError, json_type
from gateway.wire import body as wire_body
from gateway.wire import items
from gateway.wire.change import Change
from gateway.wire.items import Json
from gateway.wire.translate.translation import Mark

_FORMAT = "arkway1."
_ASKED = (
    "Summarise the conversation so far. It will go on from your summary and the user's own messages; all the rest is lost. "
    "Keep what was found and decided and what is still to be done, names, figures and quotations that matter, what "
    "pictures and files show, which functions were called and what they gave, and, in their own words, the instructions "
    "of system and developer messages. Write the summary alone, and do not answer the conversation."
)
_SUMMARY = "Summary of the conversation up to here:\n\n"
_NO_PLAIN_TEXT = "A summary is plain text, written without tools."
_NOT_KEPT = "A compaction is not stored."
_LEFT_OUT = {
    **dict.fromkeys(
        ("include", "max_tool_calls", "parallel_tool_calls", "text", "tool_choice", "tools", "top_logprobs"),
        _NO_PLAIN_TEXT,
    ),
    **dict.fromkeys(("expire_at", "store"), _NOT_KEPT),
}
_WHOLE = ("background", "stream")


class Asked(NamedTuple):
    """A request for a summary, and what of the caller's own was left out."""

    body: Json
    changes: tuple[Change, ...]


def request(body: Json) -> Asked:
    """What is asked for instead of a compaction: an ordinary answer, for now without the instruction.

    Raises InvalidRequest.
    """
    for name in _WHOLE:
        if wire_body.flag(body, name):
            text = f"A compaction is told at once and whole; leave `{name}` out."
            raise InvalidRequest(text, param=name, code="unsupported_value")
    if not body.get("input") and not body.get("previous_response_id"):
        text = "There is nothing to compact: send `input`, `previous_response_id` or both."
        raise InvalidRequest(text, param="input", code="missing_required_parameter")
    gone = [name for name in _LEFT_OUT if body.get(name) not in (None, False, [])]
    kept = {name: value for name, value in body.items() if name not in (*_LEFT_OUT, *_WHOLE)}
    changes = tuple(Change(f"drop:{name}", _LEFT_OUT[name]) for name in gone)
    return Asked({**kept, "input": items.of_input(body.get("input")), "store": False}, changes)


def instructed(body: Json) -> Json:
    """The request with the instruction as its last message."""
    return {**body, "input": [*body["input"], _message(_ASKED)]}


def resource(answer: Json, said: list[Json], mark: Mark) -> Json:
    """The compaction of what was ``said``, of the answer that sums it up. Raises UpstreamError where it does not."""
    digits = mark.digits
    sealed = _FORMAT + base64.urlsafe_b64encode(_summary(answer).encode()).decode()
    users = [item for item in said if item.get("type") == "message" and item.get("role") == "user"]
    compaction = {"id": f"cmp_{digits}", "type": "compaction", "encrypted_content": sealed}
    return {
        "id": f"resp_{digits}",
        "object": "response.compaction",
        "created_at": mark.created_at,
        "output": [*items.with_ids(users, digits), compaction],
        "usage": answer.get("usage"),
    }


def _summary(answer: Json) -> str:
    messages = [item for item in _listed(answer.get("output")) if _is(item, "message")]
    parts = [part for item in messages for part in _listed(item.get("content")) if _is(part, "output_text")]
    text = "\n\n".join(part["text"] for part in parts if isinstance(part.get("text"), str)).strip()
    if text and answer.get("status") == "completed":
        return text
    why = _why(answer)
    raise UpstreamError(502, f"The model wrote no whole summary{why}.", code="compaction_failed")


def _why(answer: Json) -> str:
    error, details = answer.get("error"), answer.get("incomplete_details")
    if isinstance(error, dict) and error.get("message"):
        return f": {error['message']}"
    if isinstance(details, dict) and details.get("reason"):
        return f": it was cut short ({details['reason']})"
    return ""


def opened(body: Json) -> Json:
    """The body with a message of the user in the place of each compaction. Raises InvalidRequest."""
    entries = _listed(body.get("input"))
    if not any(_is(entry, "compaction") for entry in entries):
        return body
    return {
        **body,
        "input": [
            _message(_SUMMARY + _unsealed(entry, i)) if _is(entry, "compaction") else entry
            for i, entry in enumerate(entries)
        ],
    }


def _unsealed(item: Json, i: int) -> str:
    sealed, param = item.get("encrypted_content"), f"input[{i}].encrypted_content"
    if not isinstance(sealed, str):
        text = f"`encrypted_content` of a compaction must be a string, not {json_type(sealed)}."
        raise InvalidRequest(text, param=param, code="invalid_type")
    try:
        summary = base64.b64decode(sealed.removeprefix(_FORMAT), altchars=b"-_", validate=True).decode()
    except ValueError:
        summary = ""
    if not summary or not sealed.startswith(_FORMAT):
        text = "This compaction was not made by this gateway, or was changed since; send what it stands for instead."
        raise InvalidRequest(text, param=param, code="invalid_encrypted_content")
    return summary


def _message(text: str) -> Json:
    """Of the user: it must not outrank what the user says, and Ark refuses an input that ends with the assistant."""
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _is(value: Any, kind: str) -> bool:
    return isinstance(value, dict) and value.get("type") == kind
