"""Icons of macOS: blocks whose type tells the size, or which hold a PNG or a JPEG 2000."""

from collections.abc import Iterator

from gateway.media.formats import jp2, png
from gateway.media.formats.header import Header
from gateway.media.formats.reader import Broken, Reader

_BLOCK_HEADER = 8
# Raw pixels of a known size. Masks are no pictures of their own.
_RAW = {
    b"ICON": (32, 32), b"ICN#": (32, 32), b"icl4": (32, 32), b"icl8": (32, 32), b"il32": (32, 32),
    b"icm#": (16, 12), b"icm4": (16, 12), b"icm8": (16, 12),
    b"ics#": (16, 16), b"ics4": (16, 16), b"ics8": (16, 16), b"is32": (16, 16), b"ic04": (16, 16),
    b"ich#": (48, 48), b"ich4": (48, 48), b"ich8": (48, 48), b"ih32": (48, 48),
    b"it32": (128, 128), b"ic05": (32, 32), b"icsb": (18, 18),
}  # fmt: skip
# A PNG or a JPEG 2000, by the size that it should have; those for Retina are twice the points of their name.
_ENCODED = {
    b"icp4": 16, b"icp5": 32, b"icp6": 64, b"ic07": 128, b"ic08": 256, b"ic09": 512, b"ic10": 1024,
    b"ic11": 32, b"ic12": 64, b"ic13": 256, b"ic14": 512, b"icsB": 36, b"sb24": 24, b"SB24": 48,
}  # fmt: skip


def read(data: bytes, whole: bool) -> Header:
    """The largest picture."""
    reader = Reader(data, whole)
    sizes = [size for kind, start, end in _blocks(reader) for size in _sizes(reader, kind, start, end)]
    if not sizes:
        raise Broken("ICNS without a picture")
    width, height = max(sizes, key=lambda size: size[0] * size[1])
    return Header("image/icns", width, height, len(sizes))


def _blocks(reader: Reader) -> Iterator[tuple[bytes, int, int]]:
    at, end = _BLOCK_HEADER, reader.big(4, 4)
    while at < end:
        kind, size = reader.unpack(">4sI", at)
        if size < _BLOCK_HEADER:
            raise Broken("ICNS block of an impossible size")
        yield kind, at + _BLOCK_HEADER, at + size
        at += size


def _sizes(reader: Reader, kind: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    """One size, or none where the block is no picture."""
    if kind in _RAW:
        yield _RAW[kind]
    elif kind in _ENCODED:
        yield _encoded_size(reader, kind, start, end)


def _encoded_size(reader: Reader, kind: bytes, start: int, end: int) -> tuple[int, int]:
    magic = reader.take(start, 12)
    if magic.startswith(png.SIGNATURE):
        return png.read_size(reader, start)
    if magic == jp2.SIGNATURE or magic.startswith(jp2.CODESTREAM):
        return jp2.read_size(reader, start, end)
    return _ENCODED[kind], _ENCODED[kind]
