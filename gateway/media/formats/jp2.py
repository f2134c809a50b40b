"""JPEG 2000: in boxes (JP2, JPX), and the bare codestream."""

from gateway.media.formats.boxes import ENDLESS, boxes, find
from gateway.media.formats.header import Header
from gateway.media.formats.reader import Broken, Reader

SIGNATURE = b"\x00\x00\x00\x0cjP  \r\n\x87\n"
CODESTREAM = b"\xff\x4f\xff\x51"  # SOC and SIZ


def read(data: bytes, whole: bool) -> Header:
    return Header("image/jp2", *read_size(Reader(data, whole), 0))


def read_size(reader: Reader, at: int, end: int = ENDLESS) -> tuple[int, int]:
    """The size of the picture at ``at``, which icons also hold."""
    if reader.take(at, 4) == CODESTREAM:
        return _read_codestream(reader, at)
    return _read_boxes(reader, at, end)


def _read_boxes(reader: Reader, at: int, end: int) -> tuple[int, int]:
    """The larger of what the header and the codestream say: one decoder believes the one, another the other."""
    width = height = 0
    for box in boxes(reader, at, end):
        if box.kind == b"jp2h" and (header := find(reader, box, b"ihdr")):
            height, width = reader.unpack(">II", header.start)
        elif box.kind == b"jp2c":
            wide, tall = _read_codestream(reader, box.start)
            return max(width, wide), max(height, tall)
    return width, height


def _read_codestream(reader: Reader, at: int) -> tuple[int, int]:
    magic, right, bottom, left, top = reader.unpack(">4s4xIIII", at)
    if magic != CODESTREAM or left >= right or top >= bottom:
        raise Broken("JPEG 2000 without a size")
    return right - left, bottom - top
