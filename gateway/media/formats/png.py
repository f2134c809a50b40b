"""PNG, and the animations in it (APNG)."""

from gateway.media.formats.header import Header
from gateway.media.formats.reader import Broken, Reader

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_LENGTH_AND_KIND = 8
_CHECKSUM = 4


def read(data: bytes, whole: bool) -> Header:
    reader = Reader(data, whole)
    width, height = read_size(reader, 0)
    frames = _count_frames(reader)
    return Header("image/png", width, height, frames, animated=frames > 1)


def read_size(reader: Reader, at: int) -> tuple[int, int]:
    """The size of the PNG that begins at ``at``, which icons also hold."""
    signature, length, kind, width, height = reader.unpack(">8sI4sII", at)
    if (signature, length, kind) != (SIGNATURE, 13, b"IHDR"):
        raise Broken("PNG without IHDR")
    return width, height


def _count_frames(reader: Reader) -> int:
    """What acTL announces, which stands before the first pixels. Those are one more frame where no fcTL says so."""
    announced, own = 0, 1
    at = len(SIGNATURE)
    while True:
        length, kind = reader.unpack(">I4s", at)
        if kind == b"IDAT":
            return announced + own if announced else 1
        if kind == b"IEND":
            raise Broken("PNG without pixels")
        if kind == b"acTL":
            announced = max(announced, reader.big(at + _LENGTH_AND_KIND, 4))
        elif kind == b"fcTL":
            own = 0
        at += _LENGTH_AND_KIND + length + _CHECKSUM
