"""GIF. Frames are counted by walking the blocks, and measured: one may reach beyond the screen."""

from collections.abc import Iterator

from gateway.media.formats.header import Header
from gateway.media.formats.reader import Broken, Reader, Truncated

_EXTENSION, _IMAGE, _TRAILER = b"!,;"


def read(data: bytes, whole: bool) -> Header:
    reader = Reader(data, whole)
    width, height, flags = reader.unpack("<HHB", 6)
    frames = 0
    try:
        for right, bottom in _walk(reader, 13 + _table_size(flags)):
            width, height, frames = max(width, right), max(height, bottom), frames + 1
    except Truncated:
        if not frames:
            raise
    if not frames:
        raise Broken("GIF without frames")
    return Header("image/gif", width, height, frames, animated=frames > 1)


def _walk(reader: Reader, at: int) -> Iterator[tuple[int, int]]:
    """The right and lower edge of each frame. Decoders pass over what is no block."""
    while (kind := reader.byte(at)) != _TRAILER:
        at += 1
        if kind == _IMAGE:
            left, top, width, height, flags = reader.unpack("<HHHHB", at)
            yield left + width, top + height
            at = _after_blocks(reader, at + 10 + _table_size(flags))
        elif kind == _EXTENSION:
            at = _after_blocks(reader, at + 1)


def _table_size(flags: int) -> int:
    """Bytes of a colour table."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _after_blocks(reader: Reader, at: int) -> int:
    while size := reader.byte(at):
        at += 1 + size
    return at + 1
