"""Pictures that no encoder writes, put together by hand."""

import struct
import zlib

from gateway.media.formats import inspect


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, *chunks: bytes) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks or (chunk(b"IDAT", b""),))


def segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def sof(width: int, height: int, marker: int = 0xC0) -> bytes:
    return segment(marker, struct.pack(">BHHB", 8, height, width, 0))


def jpeg(*segments: bytes) -> bytes:
    return b"\xff\xd8" + b"".join(segments) + segment(0xDA, b"\0")


def gif(width: int, height: int, *blocks: bytes, trailer: bytes = b";") -> bytes:
    return b"GIF89a" + struct.pack("<HHBBB", width, height, 0, 0, 0) + b"".join(blocks) + trailer


def gif_frame(left: int, top: int, width: int, height: int) -> bytes:
    return b"," + struct.pack("<HHHHB", left, top, width, height, 0) + b"\x02\x01\x44\x00"


def riff(kind: bytes, *chunks: bytes) -> bytes:
    return b"RIFF" + struct.pack("<I", 4 + sum(map(len, chunks))) + kind + b"".join(chunks)


def webp_chunk(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)


def vp8x(flags: int, width: int, height: int) -> bytes:
    sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return webp_chunk(b"VP8X", struct.pack("<I", flags) + sides)


def anmf(width: int, height: int) -> bytes:
    sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return webp_chunk(b"ANMF", bytes(6) + sides + bytes(5))


def bmp(header: bytes) -> bytes:
    return b"BM" + bytes(12) + header


def dib(width: int, height: int, header: int = 40) -> bytes:
    return struct.pack("<IiiHH", header, width, height, 1, 24).ljust(header, b"\0")


def tiff(*pages: tuple[int, int], order: str = "<", last: int = 0, big: bool = False) -> bytes:
    """A chain of directories. Its end says that the next is at ``last``."""
    offset, number = ("Q", "Q") if big else ("I", "H")
    magic = (b"II" if order == "<" else b"MM") + struct.pack(order + "H", 43 if big else 42)
    magic += struct.pack(order + "HH", 8, 0) if big else b""
    start = len(magic) + struct.calcsize(order + offset)
    entry = f"{order}HH{offset}{offset}"
    size = struct.calcsize(order + number + offset) + 2 * struct.calcsize(entry)
    parts = [magic + struct.pack(order + offset, start)]
    for index, (width, height) in enumerate(pages, 1):
        following = start + index * size if index < len(pages) else last
        parts.append(struct.pack(order + number, 2))
        kind = 16 if big else 4
        parts.append(struct.pack(entry, 256, kind, 1, width) + struct.pack(entry, 257, kind, 1, height))
        parts.append(struct.pack(order + offset, following))
    return b"".join(parts)


def ico(*pictures: bytes, kind: int = 1) -> bytes:
    at = 6 + 16 * len(pictures)
    directory = struct.pack("<HHH", 0, kind, len(pictures))
    for picture in pictures:
        directory += struct.pack("<BBBBHHII", 16, 16, 0, 0, 1, 32, len(picture), at)
        at += len(picture)
    return directory + b"".join(pictures)


def icns(*blocks: tuple[bytes, bytes]) -> bytes:
    body = b"".join(kind + struct.pack(">I", 8 + len(content)) + content for kind, content in blocks)
    return b"icns" + struct.pack(">I", 8 + len(body)) + body


def box(kind: bytes, *contents: bytes) -> bytes:
    content = b"".join(contents)
    return struct.pack(">I", 8 + len(content)) + kind + content


def full(kind: bytes, *contents: bytes, version: int = 0, flags: int = 0) -> bytes:
    return box(kind, struct.pack(">I", version << 24 | flags), *contents)


def ftyp(*brands: bytes) -> bytes:
    return box(b"ftyp", brands[0], bytes(4), *brands)


def ispe(width: int, height: int) -> bytes:
    return full(b"ispe", struct.pack(">II", width, height))


def meta(*contents: bytes) -> bytes:
    return full(b"meta", *contents)


def pitm(item: int) -> bytes:
    return full(b"pitm", struct.pack(">H", item))


def ipma(*items: tuple[int, tuple[int, ...]]) -> bytes:
    entries = (struct.pack(">HB", item, len(indices)) + bytes(indices) for item, indices in items)
    return full(b"ipma", struct.pack(">I", len(items)), *entries)


def iprp(*properties: bytes, associations: bytes = b"") -> bytes:
    return box(b"iprp", box(b"ipco", *properties), associations)


def moov(width: int, height: int, samples: int | None) -> bytes:
    header = full(b"tkhd", bytes(72), struct.pack(">II", width << 16, height << 16))
    table = () if samples is None else (full(b"stsz", struct.pack(">II", 0, samples)),)
    return box(b"moov", box(b"trak", header, box(b"mdia", box(b"minf", box(b"stbl", *table)))))


def siz(width: int, height: int, left: int = 0, top: int = 0) -> bytes:
    return b"\xff\x4f\xff\x51" + struct.pack(">HHIIII", 41, 0, width + left, height + top, left, top)


def jp2(*boxes: bytes) -> bytes:
    return b"\x00\x00\x00\x0cjP  \r\n\x87\n" + box(b"ftyp", b"jp2 ") + b"".join(boxes)


def jp2h(width: int, height: int) -> bytes:
    return box(b"jp2h", box(b"ihdr", struct.pack(">IIHBBBB", height, width, 3, 7, 7, 0, 0)))


def size(data: bytes) -> tuple[int, int]:
    """What is told of a picture that is not broken."""
    header = inspect(data)
    assert header
    return header.width, header.height


def told(data: bytes) -> tuple[int, int, int, bool]:
    header = inspect(data)
    assert header
    return header.width, header.height, header.frames, header.animated
