"""Server-sent events as bytes: cut into whole frames, read, and written.

Frames are kept as the bytes that came; only what must be looked at is decoded. Lines end at LF, CR or CRLF
and nowhere else (WHATWG HTML, 9.2.5): ``str.splitlines`` would also cut at U+2028, which is legal in JSON.
"""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import orjson

# Atomic groups: without them a lone CRLF would be read as two line ends.
_END = re.compile(rb"(?>\r\n|\n|\r)(?>\r\n|\n|\r)")
_LINE = re.compile(rb"\r\n|\n|\r")
_ENDINGS = (b"\n\n", b"\n\r\n", b"\r\r")

END = b"\n\n"  # of a frame, as nearly all backends write it
KEEP_ALIVE = b": keep-alive\n\n"
DONE = b"[DONE]"


class FrameTooLong(Exception):
    """A frame grew past the limit without ending."""


class Framer:
    """Holds back the unfinished frame at the end of what has come, so that only whole frames go on.

    ``limit`` bounds one frame in bytes: a 4096x4096 PNG as base64 is about 40 MB on one line. ``held`` is what is held
    back, one object for good.
    """

    def __init__(self, limit: int = 64 << 20) -> None:
        self.held = bytearray()
        self._limit = limit

    def feed(self, chunk: bytes) -> bytes:
        """The whole frames that ``chunk`` completes, as one run of bytes; empty when none ends in it."""
        if not self.held and chunk.endswith(END):
            return chunk
        start = max(0, len(self.held) - 3)
        self.held += chunk
        end = max(self._end_of(ending, start) for ending in _ENDINGS)
        if not end and len(self.held) > self._limit:
            raise FrameTooLong(f"a frame of more than {self._limit} bytes")
        whole = bytes(self.held[:end])
        del self.held[:end]
        return whole

    def _end_of(self, ending: bytes, start: int) -> int:
        found = self.held.rfind(ending, start)
        return found + len(ending) if found >= 0 else 0

    def rest(self) -> bytes:
        """What never became a whole frame."""
        return bytes(self.held)


class Event(NamedTuple):
    """One event: its name (empty where the frame has no ``event:`` line) and its data."""

    name: str
    data: bytes

    @property
    def done(self) -> bool:
        return self.data.startswith(DONE)

    def json(self) -> dict[str, Any] | None:
        """The data as a JSON object; None for anything else."""
        try:
            value = orjson.loads(self.data)
        except orjson.JSONDecodeError:
            return None
        return value if isinstance(value, dict) else None


def frames(block: bytes) -> Iterator[bytes]:
    """The frames of a run of whole frames, each with its own ending."""
    start = 0
    if b"\r" in block:
        for end in _END.finditer(block):
            yield block[start : end.end()]
            start = end.end()
    else:  # what nearly all backends send, in a third of the time
        while (at := block.find(b"\n\n", start)) >= 0:
            yield block[start : at + 2]
            start = at + 2
    if start < len(block):
        yield block[start:]


def read(frame: bytes) -> Event | None:
    """The event in a frame; None for a frame of comments alone."""
    name, data = "", []
    for line in _LINE.split(frame):
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            data.append(value)
        elif field == b"event":
            name = value.decode("utf-8", "replace")
    return Event(name, b"\n".join(data)) if data else None


def last_event(block: bytes) -> Event | None:
    """The last event in a run of frames, passing over comments."""
    found = None
    for frame in frames(block):
        found = read(frame) or found
    return found


def plausible(block: bytes) -> bool:
    """Whether a first run of frames is one of events at all: it has an event, or begins with a comment."""
    return block.lstrip().startswith(b":") or last_event(block) is not None


def completed(rest: bytes) -> bytes:
    """What is left at a proper end of the body, as a frame where it is an event that only misses its blank line.

    Clients drop such an event without a word; an event cut in its middle stays out.
    """
    event = read(rest)
    return rest.rstrip(b"\r\n") + b"\n\n" if event and (event.done or event.json() is not None) else b""


def encode(value: Any, name: str = "") -> bytes:
    """One frame with ``value`` as its JSON data."""
    head = f"event: {name}\n".encode() if name else b""
    return b"%sdata: %s\n\n" % (head, orjson.dumps(value))
