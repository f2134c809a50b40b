"""SGI, also called RGB."""

from gateway.media.formats.header import Header
from gateway.media.formats.reader import Reader


def read(data: bytes, whole: bool) -> Header:
    width, height = Reader(data, whole).unpack(">HH", 6)
    return Header("image/sgi", width, height)
