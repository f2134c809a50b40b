"""The last thousand requests as the simulator saw them, and how each one ended."""

from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

_KEPT = 1000
_LONGEST_URL = 200
_LONGEST_TEXT = 20_000  # bare base64, mostly; the record is bounded in bytes as well as in entries
_EXCERPT = 60

Outcome = Literal["running", "complete", "aborted"]


@dataclass
class Record:
    n: int
    method: str
    path: str
    headers: Mapping[str, str]
    body: Any = None
    bytes: int = 0
    status: int | None = None
    outcome: Outcome = "running"
    chunks_sent: int = 0


@dataclass
class Recorder:
    records: deque[Record] = field(default_factory=lambda: deque(maxlen=_KEPT))
    count: int = 0
    open: int = 0

    def begin(self, method: str, path: str, headers: Mapping[str, str]) -> Record:
        self.count += 1
        self.open += 1
        record = Record(self.count, method, path, headers)
        self.records.append(record)
        return record

    def end(self, record: Record) -> None:
        self.open -= 1
        if record.outcome == "running":
            record.outcome = "aborted"

    def after(self, n: int) -> list[dict[str, Any]]:
        return [asdict(record) for record in self.records if record.n > n]


def shortened(value: Any) -> Any:
    """The body without the bulk of its pictures."""
    if isinstance(value, str):
        return _shortened_text(value)
    if isinstance(value, dict):
        return {key: shortened(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shortened(item) for item in value]
    return value


def _shortened_text(text: str) -> str:
    longest = _LONGEST_URL if text.startswith("data:") else _LONGEST_TEXT
    return text if len(text) <= longest else f"{text[:_EXCERPT]}…({len(text)})"
