"""Windows and OS/2 bitmaps: with a file header (BMP), and without (DIB), as the clipboard and icons hold them."""

from gateway.media.formats.header import Header
from gateway.media.formats.reader import Broken, Reader

CORE_HEADER = 12
HEADERS = frozenset({CORE_HEADER, 16, 40, 52, 56, 64, 108, 124})
_FILE_HEADER = 14


def read(data: bytes, whole: bool) -> Header:
    reader = Reader(data, whole)
    if data.startswith(b"BM"):
        return Header("image/bmp", *read_size(reader, _FILE_HEADER))
    return Header("image/dib", *read_size(reader, 0))


def read_size(reader: Reader, at: int) -> tuple[int, int]:
    """The size in the header at ``at``. A negative height means that rows run from the top."""
    header = reader.little(at, 4)
    if header not in HEADERS:
        raise Broken("bitmap with an unknown header")
    width, height = reader.unpack("<HH" if header == CORE_HEADER else "<ii", at + 4)
    if width < 0:
        raise Broken("bitmap with a negative width")
    return width, abs(height)
