"""Ark's lists: newest first unless asked otherwise, paged by id."""

from collections.abc import Mapping, Sequence
from typing import Any

from gateway.simulator.ark.errors import invalid


def page(
    items: Sequence[dict[str, Any]], query: Mapping[str, str], *, largest: int, default: int
) -> dict[str, Any]:
    """``items`` are oldest first."""
    ordered = list(items if query.get("order") == "asc" else reversed(items))
    ids = [item["id"] for item in ordered]
    start = ids.index(query["after"]) + 1 if query.get("after") in ids else 0
    end = ids.index(query["before"]) if query.get("before") in ids else len(ids)
    limit = query.get("limit", str(default))
    if not limit.isdecimal() or not 1 <= int(limit) <= largest:
        raise invalid(f"The parameter `limit` must be between 1 and {largest}.", param="limit")
    data = ordered[start:end][: int(limit)]
    return {
        "object": "list",
        "data": data,
        "first_id": data[0]["id"] if data else "",
        "last_id": data[-1]["id"] if data else "",
        "has_more": len(ordered[start:end]) > len(data),
    }
