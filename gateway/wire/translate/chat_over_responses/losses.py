"""What a chat request loses on its way to Ark's Responses API, told and never silent."""

from collections.abc import Collection
from typing import Any

from gateway.wire.change import Change

_NOTHING: tuple[Any, ...] = (None, "", [], {})
_WHY = "Ark's Responses API refuses unknown fields, and this is one."


def is_nothing(value: Any) -> bool:
    """Whether a field says no more than its absence would."""
    return value in _NOTHING


class Losses:
    """The fields that were left out of one request."""

    def __init__(self) -> None:
        self.changes: list[Change] = []

    def drop(self, path: str, why: str = _WHY) -> None:
        self.changes.append(Change(f"drop:{path}", why))

    def other(self, fields: dict[str, Any], known: Collection[str], at: str = "") -> None:
        """Drops the fields that are not known; ``at`` is the way to the object that holds them."""
        for name, value in fields.items():
            if name not in known and not is_nothing(value):
                self.drop(f"{at}.{name}" if at else name)
