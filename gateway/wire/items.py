"""Input items of the Responses API: written out in full, given ids, listed by page, and found again in errors."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from gateway.errors import InvalidRequest, json_type

Json = dict[str, Any]

MOST_ON_A_PAGE = 100
_PREFIXES = {"message": "msg", "function_call": "fc", "function_call_output": "fco", "reasoning": "rs"}
_IMAGE_URL = "message.input_image.image_url"
_PLACE = re.compile(r"input\[(\d+)\]")


def of_input(value: Any) -> list[Json]:
    """The items of an ``input``: a string is one message of the user. Raises InvalidRequest."""
    if value is None:
        return []
    if isinstance(value, str):
        return [_message("user", value)]
    if not isinstance(value, list):
        text = f"`input` must be a string or an array of items, not {json_type(value)}."
        raise InvalidRequest(text, param="input", code="invalid_type")
    return [_item(entry, i) for i, entry in enumerate(value)]


def _item(entry: Any, i: int) -> Json:
    """Items of other types stay as they are; the short form of a message is written out."""
    if not isinstance(entry, dict):
        text = f"An item of `input` must be an object, not {json_type(entry)}."
        raise InvalidRequest(text, param=f"input[{i}]", code="invalid_type")
    if entry.get("type", "message") != "message":
        return entry
    if isinstance(entry.get("content"), str):
        return {**entry, **_message(entry.get("role"), entry["content"])}
    return {**entry, "type": "message"}


def _message(role: Any, text: str) -> Json:
    kind = "output_text" if role == "assistant" else "input_text"
    return {"type": "message", "role": role, "content": [{"type": kind, "text": text}]}


def with_ids(items: Sequence[Json], digits: str) -> list[Json]:
    """The items as they are kept: each with an id of its own, made of the response's ``digits``, and a status.

    An id that the caller gave stays; one that came before would make a page's ``after`` ambiguous.
    """
    taken: set[str] = set()
    kept = []
    for i, item in enumerate(items):
        own = item.get("id")
        named = isinstance(own, str) and own and own not in taken
        id = own if isinstance(own, str) and named else _derived(item, digits, i)
        taken.add(id)
        status = {"status": item.get("status") or "completed"} if str(item.get("type")) in _PREFIXES else {}
        kept.append({**item, "id": id, **status})
    return kept


def _derived(item: Json, digits: str, i: int) -> str:
    """Output items have the digits and four more that count; an ``f`` there sets these apart."""
    prefix = _PREFIXES.get(str(item.get("type")), "item")
    return f"{prefix}_{digits}f{i:03x}"


def page(
    items: Sequence[Json], *, after: str | None, before: str | None, limit: int, newest_first: bool
) -> Json:
    """One page of ``items``, which are oldest first. Raises InvalidRequest."""
    if not 1 <= limit <= MOST_ON_A_PAGE:
        text = f"`limit` must be between 1 and {MOST_ON_A_PAGE}, not {limit}."
        raise InvalidRequest(text, param="limit", code="invalid_value")
    ordered = list(reversed(items) if newest_first else items)
    start = _index(ordered, after, "after") + 1 if after else 0
    end = _index(ordered, before, "before") if before else len(ordered)
    found = ordered[start:end]
    data = found[:limit]
    first, last = (data[0].get("id"), data[-1].get("id")) if data else (None, None)
    return {
        "object": "list",
        "data": data,
        "first_id": first,
        "last_id": last,
        "has_more": len(found) > len(data),
    }


def _index(items: Sequence[Json], id: str, param: str) -> int:
    for i, item in enumerate(items):
        if item.get("id") == id:
            return i
    raise InvalidRequest(f"There is no item {id[:100]!r} here.", param=param, code="item_not_found")


def includes(query: Iterable[tuple[str, str]]) -> list[str]:
    """What a query asks to include, as SDKs (``include[]=``), the vendor's samples and comma lists write it."""
    values = [value for name, value in query if name in ("include", "include[]") or _NUMBERED.fullmatch(name)]
    return [name for value in values for name in value.split(",") if name]


_NUMBERED = re.compile(r"include\[\d{1,3}\]")


def shown(item: Json, include: Sequence[str]) -> Json:
    """An item as a list tells it: where a picture comes from is told only where that was asked for."""
    content = item.get("content")
    if _IMAGE_URL in include or not isinstance(content, list):
        return item
    return {**item, "content": [_without_url(part) for part in content]}


def _without_url(part: Any) -> Any:
    hidden = isinstance(part, dict) and part.get("type") == "input_image" and "image_url" in part
    return {**part, "image_url": None} if hidden else part


def callers_place(param: str | None, earlier: int) -> str | None:
    """A ``param`` as the caller knows it, who did not send the first ``earlier`` items of the input."""
    found = _PLACE.match(param) if param and earlier else None
    if found is None or param is None:
        return param
    i = int(found[1]) - earlier
    return "previous_response_id" if i < 0 else f"input[{i}]{param[found.end() :]}"
