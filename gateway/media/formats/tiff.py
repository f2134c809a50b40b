"""TIFF and BigTIFF of either byte order."""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from gateway.media.formats.header import Header
from gateway.media.formats.reader import Broken, Reader

_WIDTH, _HEIGHT = 256, 257
_INTEGERS = {1: "B", 3: "H", 4: "I", 16: "Q"}  # by the code of a field's type


class _Layout(NamedTuple):
    """The forms of a directory's count, of its entries, and of an offset; and where the first offset stands."""

    order: str
    number: str
    entry: str
    offset: str
    start: int


def read(data: bytes, whole: bool) -> Header:
    """The largest sides of all pages."""
    reader = Reader(data, whole)
    pages = list(_pages(reader, _layout(reader)))
    width, height = (max(sides) for sides in zip(*pages, strict=True))
    return Header("image/tiff", width, height, len(pages))


def _layout(reader: Reader) -> _Layout:
    order = "<" if reader.take(0, 2) == b"II" else ">"
    (version,) = reader.unpack(f"{order}H", 2)
    if version == 43:
        return _Layout(order, f"{order}Q", f"{order}HHQ8s", f"{order}Q", 8)
    return _Layout(order, f"{order}H", f"{order}HHI4s", f"{order}I", 4)


def _pages(reader: Reader, layout: _Layout) -> Iterator[tuple[int, int]]:
    """The size of each page. The chain of directories may lie anywhere, and may bite its tail."""
    seen: set[int] = set()
    (at,) = reader.unpack(layout.offset, layout.start)
    if not at:
        raise Broken("TIFF without a page")
    while at and at not in seen:
        seen.add(at)
        (count,) = reader.unpack(layout.number, at)
        at += struct.calcsize(layout.number)
        size = count * struct.calcsize(layout.entry)
        yield _page_size(reader.take(at, size), layout)
        (at,) = reader.unpack(layout.offset, at + size)


def _page_size(directory: bytes, layout: _Layout) -> tuple[int, int]:
    sides = {_WIDTH: 0, _HEIGHT: 0}
    for tag, kind, count, value in struct.iter_unpack(layout.entry, directory):
        if tag in sides:
            sides[tag] = max(sides[tag], _integer(kind, count, value, layout.order))
    if not all(sides.values()):
        raise Broken("TIFF page without a size")
    return sides[_WIDTH], sides[_HEIGHT]


def _integer(kind: int, count: int, value: bytes, order: str) -> int:
    form = order + _INTEGERS.get(kind, "Q")
    if kind not in _INTEGERS or count != 1 or struct.calcsize(form) > len(value):
        raise Broken("TIFF page with a size that is no integer")
    return int(struct.unpack_from(form, value)[0])
