"""The boxes that JPEG 2000, HEIF and AVIF are made of."""

from collections.abc import Iterator
from typing import NamedTuple

from gateway.media.formats.reader import Broken, Reader

_TO_THE_END = 0
_IN_64_BITS = 1
ENDLESS = 1 << 64


class Box(NamedTuple):
    """``start`` and ``end`` of its content."""

    kind: bytes
    start: int
    end: int


def boxes(reader: Reader, start: int = 0, end: int = ENDLESS) -> Iterator[Box]:
    """The boxes from ``start`` on. With no ``end``, as far as the bytes reach."""
    at = start
    while reader.reaches(at) if end == ENDLESS else at < end:
        size, kind = reader.unpack(">I4s", at)
        content = at + 8
        if size == _IN_64_BITS:
            size = reader.big(content, 8)
            content += 8
        at = end if size == _TO_THE_END else at + size
        if not content <= at <= end:
            raise Broken("box of an impossible size")
        yield Box(kind, content, at)


def find(reader: Reader, box: Box, *path: bytes) -> Box | None:
    """The first box at the end of ``path``, which begins inside ``box``."""
    for kind in path:
        inner = next((one for one in boxes(reader, box.start, box.end) if one.kind == kind), None)
        if inner is None:
            return None
        box = inner
    return box
