"""Data URLs of megabytes, left in the bytes of the body that brought them.

Reading and writing JSON looks at every character: for a picture of 5 MiB that is two thirds of a request's time. Here
a text that is plain base64 is cut out before the rest is read, and put back as it came when the body is written. What
has to be looked at is decoded: a sixteenth of the time.
"""

import binascii
import re
from collections.abc import Iterator, Sequence
from typing import Any

import orjson
import pybase64

LEAST = 64 << 10  # characters from which a text is worth it
_HEAD = re.compile(rb'"data:[\w.+-]+/[\w.+-]+(?:;[\w.+=-]+)*;base64,\Z')
_LONGEST_HEAD = 256
_BASE64 = b";base64,"
_MARK = "\0"  # of a text that was cut out; the escape for it is what JSON allows
_GAP = b"\0"  # JSON as it is written never holds this byte
# Fields that point to media. Elsewhere a data URL is a text like any other, and is read as one.
_FIELDS = frozenset({"url", "image_url", "video_url", "audio_url", "file_url", "file_data", "image"})


class Lump:
    """A base64 data URL of plain ASCII that nothing in JSON needs to escape; read like a string where it is looked at."""

    __slots__ = ("_text",)

    def __init__(self, text: memoryview) -> None:
        self._text = text

    def __len__(self) -> int:
        return len(self._text)

    def __getitem__(self, part: slice) -> str:
        return str(self._text[part], "ascii")

    def __str__(self) -> str:
        return self[:]

    def __repr__(self) -> str:
        return f"Lump({self[:40]!r}…)"

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Lump):
            return self._text == other._text
        return isinstance(other, str) and len(other) == len(self) and self._text == other.encode()

    __hash__ = None  # type: ignore[assignment]  # it would have to be that of the string

    def endswith(self, end: str) -> bool:
        return self[len(self) - len(end) :] == end

    @property
    def text(self) -> memoryview:
        return self._text


def loads(raw: bytes) -> Any | None:
    """The JSON in ``raw`` with lumps in the place of its large data URLs; None where it has none that can be cut out,
    or is no JSON."""
    cuts = list(_cuts(raw)) if len(raw) >= LEAST else []
    if not cuts:
        return None
    pieces, at = [], 0
    for i, (start, end) in enumerate(cuts):
        pieces += [raw[at:start], b"\\u0000%d" % i]
        at = end
    try:
        value = orjson.loads(b"".join([*pieces, raw[at:]]))
    except orjson.JSONDecodeError:
        return None
    texts = [memoryview(raw)[start:end] for start, end in cuts]
    if sum(map(len, texts)) < len(raw) // 2:  # views would keep all of the body for a small part of it
        texts = [memoryview(bytes(text)) for text in texts]
    return value if _put_back(value, list(map(Lump, texts))) else None


def _cuts(raw: bytes) -> Iterator[tuple[int, int]]:
    """Where the texts stand, without their quotes.

    Whether the first quote opens a string need not be known: what is not a string is no JSON, with the text in it or
    without.
    """
    view, at = memoryview(raw), 0
    while (comma := raw.find(_BASE64, at)) >= 0:
        start = comma + len(_BASE64)
        end = raw.find(b'"', start)
        if end < 0:
            return
        at = end + 1
        head = _HEAD.search(raw, max(0, start - _LONGEST_HEAD), start) if end - start >= LEAST else None
        if head and raw[head.start() - 1 : head.start()] != b"\\" and _is_plain(view[start:end]):
            yield head.start() + 1, end


def _is_plain(text: memoryview) -> bool:
    """Padded and of the standard alphabet alone, so that every decoder reads it and nothing in it is escaped."""
    if len(text) % 4:
        return False
    try:
        pybase64.b64decode(text, validate=True)
    except binascii.Error:
        return False
    return True


def _put_back(value: Any, lumps: Sequence[Lump]) -> bool:
    """Puts lumps in the place of their marks; whether each was found, and nothing else that looks like a mark."""
    left = {f"{_MARK}{i}": lump for i, lump in enumerate(lumps)}
    rest = [value]
    while rest:
        one = rest.pop()
        for key, inner in list(one.items()) if isinstance(one, dict) else enumerate(one):
            if isinstance(inner, dict | list):
                rest.append(inner)
            elif isinstance(inner, str) and inner.startswith(_MARK):
                lump = left.pop(inner, None)
                if lump is None:
                    return False
                one[key] = lump if isinstance(one, list) or key in _FIELDS else str(lump)
    return not left


def dumps(value: Any) -> bytes:
    """The value as JSON, lumps as they came. Raises TypeError for what JSON cannot hold."""
    lumps: list[Lump] = []

    def leave_out(inner: object) -> orjson.Fragment:
        if not isinstance(inner, Lump):
            raise TypeError
        lumps.append(inner)
        return orjson.Fragment(b'"\0"')

    raw = orjson.dumps(value, default=leave_out)
    if not lumps:
        return raw
    first, *others = raw.split(_GAP)
    pieces: list[bytes | memoryview] = [first]
    for lump, piece in zip(lumps, others, strict=True):
        pieces += [lump.text, piece]
    return b"".join(pieces)
