"""JPEG. A file of several pictures (MPO) counts as its first."""

from gateway.media.formats.header import Header
from gateway.media.formats.reader import Broken, Reader

_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # without DHT, JPG and DAC
_BARE = frozenset(range(0xD0, 0xD9)) | {0x01}  # RST, SOI and TEM have no length
_END, _SCAN = 0xD9, 0xDA
_NO_MARKER = (0x00, 0xFF)  # a stuffed byte, a fill byte


def read(data: bytes, whole: bool) -> Header:
    """All frame headers before the first scan count: one decoder obeys the first, another the last."""
    reader = Reader(data, whole)
    width = height = 0
    marker, at = _next_marker(reader, 2)
    while marker != _SCAN:
        if marker == _END:
            raise Broken("JPEG without a scan")
        if marker in _FRAMES:
            tall, wide = reader.unpack(">HH", at + 3)
            width, height = max(width, wide), max(height, tall)
        marker, at = _next_marker(reader, at if marker in _BARE else at + reader.big(at, 2))
    return Header("image/jpeg", width, height)


def _next_marker(reader: Reader, at: int) -> tuple[int, int]:
    """The next marker and where its segment begins. Decoders pass over what stands between segments."""
    at = reader.find(b"\xff", at)
    while (marker := reader.byte(at + 1)) in _NO_MARKER:
        at = reader.find(b"\xff", at + 1)
    return marker, at + 2
