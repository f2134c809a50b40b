"""Events with their sequence numbers, kept until they are sent. A delta, one per token, is spliced as bytes."""

from typing import Any

import orjson

from gateway.wire import sse

Json = dict[str, Any]


class Numbered:
    """The events of one stream, numbered from 0 without a gap."""

    def __init__(self) -> None:
        self._next = 0
        self._told: list[bytes] = []

    def event(self, name: str, /, **fields: Any) -> None:
        self._told.append(sse.encode({"type": name, **fields, "sequence_number": self._next}, name))
        self._next += 1

    def spliced(self, head: bytes, piece: str, more: bytes) -> None:
        delta = orjson.dumps(piece)
        self._told.append(b'%s,"delta":%s,%s"sequence_number":%d}\n\n' % (head, delta, more, self._next))
        self._next += 1

    def comment(self, frame: bytes) -> None:
        self._told.append(frame)

    def taken(self) -> bytes:
        """What has been told since the last time."""
        told = b"".join(self._told)
        self._told.clear()
        return told


class Growing:
    """A text that comes in pieces, each of which is an event at once."""

    def __init__(self, events: Numbered, name: str, place: Json) -> None:
        self._events = events
        self._head = sse.encode({"type": name, **place}, name).removesuffix(b"}\n\n")
        self._pieces: list[str] = []

    def add(self, piece: str, more: bytes = b"") -> None:
        """``more`` is a further field of the event, as JSON with a comma at its end."""
        self._pieces.append(piece)
        self._events.spliced(self._head, piece, more)

    def text(self) -> str:
        return "".join(self._pieces)
