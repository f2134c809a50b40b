"""Windows icons: a directory of bitmaps and PNGs."""

from gateway.media.formats import bmp, png
from gateway.media.formats.header import Header
from gateway.media.formats.reader import Reader

_DIRECTORY = 6
_ENTRY = 16


def read(data: bytes, whole: bool) -> Header:
    """The largest picture. The directory's own sizes end at 256 and may lie, so the pictures themselves are asked."""
    reader = Reader(data, whole)
    count = reader.little(4, 2)
    offsets = [reader.little(_DIRECTORY + _ENTRY * index + 12, 4) for index in range(count)]
    width, height = max((_read_size(reader, at) for at in offsets), key=lambda size: size[0] * size[1])
    return Header("image/x-icon", width, height, count)


def _read_size(reader: Reader, at: int) -> tuple[int, int]:
    if reader.take(at, 4) == png.SIGNATURE[:4]:
        return png.read_size(reader, at)
    width, height = bmp.read_size(reader, at)
    return width, height // 2  # a mask of the same size follows the pixels
