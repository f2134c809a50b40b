"""WebP: lossy, lossless and extended, with its animations."""

from gateway.media.formats.header import Header
from gateway.media.formats.reader import Broken, Reader, Truncated

MIME = "image/webp"
_FIRST_CHUNK = 12
_BODY = 8  # after a chunk's kind and size
_ANIMATED = 0x02


def read(data: bytes, whole: bool) -> Header:
    reader = Reader(data, whole)
    kind = reader.take(_FIRST_CHUNK, 4)
    if kind == b"VP8 ":
        return _read_lossy(reader)
    if kind == b"VP8L":
        return _read_lossless(reader)
    if kind == b"VP8X":
        return _read_extended(reader)
    raise Broken("WebP without a picture")


def _read_lossy(reader: Reader) -> Header:
    tag, start, width, height = reader.unpack("<3s3sHH", _FIRST_CHUNK + _BODY)
    if tag[0] & 1 or start != b"\x9d\x01\x2a":
        raise Broken("WebP without a key frame")
    return Header(MIME, width & 0x3FFF, height & 0x3FFF)


def _read_lossless(reader: Reader) -> Header:
    signature, bits = reader.unpack("<BI", _FIRST_CHUNK + _BODY)
    if signature != 0x2F:
        raise Broken("WebP without a lossless picture")
    return Header(MIME, 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF))


def _read_extended(reader: Reader) -> Header:
    width, height = _read_size(reader, _FIRST_CHUNK + _BODY + 4)
    if reader.byte(_FIRST_CHUNK + _BODY) & _ANIMATED:
        return _read_animation(reader, width, height)
    return Header(MIME, width, height)


def _read_animation(reader: Reader, width: int, height: int) -> Header:
    frames = 0
    at, end = _FIRST_CHUNK, _BODY + reader.little(4, 4)
    try:
        while at < end:
            kind, size = reader.unpack("<4sI", at)
            if kind == b"ANMF":
                wide, tall = _read_size(reader, at + _BODY + 6)
                width, height, frames = max(width, wide), max(height, tall), frames + 1
            at += _BODY + size + size % 2
    except Truncated:
        if not frames:
            raise
    if not frames:
        raise Broken("WebP animation without frames")
    return Header(MIME, width, height, frames, animated=frames > 1)


def _read_size(reader: Reader, at: int) -> tuple[int, int]:
    """Each in 24 bits, less one."""
    return 1 + reader.little(at, 3), 1 + reader.little(at + 3, 3)
