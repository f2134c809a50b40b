"""What an endpoint answers: a whole body, or the frames of a stream."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

JSON = "application/json; charset=utf-8"
EVENT_STREAM = "text/event-stream; charset=utf-8"
DONE = b"data: [DONE]\n\n"


@dataclass(frozen=True)
class Whole:
    body: bytes
    status: int = 200
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Stream:
    frames: list[bytes]
    error: Callable[[int], bytes]  # the vendor's event for a failure before frame n
    content_type: str = EVENT_STREAM


Reply = Whole | Stream


def answer(body: Mapping[str, Any] | list[Any], status: int = 200) -> Whole:
    return Whole(orjson.dumps(body), status)


def frame(body: Mapping[str, Any], event: str | None = None) -> bytes:
    head = f"event: {event}\n".encode() if event else b""
    return head + b"data: " + orjson.dumps(body) + b"\n\n"
