"""HEIF and what is built on it: HEIC, AVIF, and sequences of both."""

from collections.abc import Iterator

from gateway.media.formats.boxes import Box, boxes, find
from gateway.media.formats.header import Header
from gateway.media.formats.reader import Broken, Reader

_AVIF = frozenset({b"avif", b"avis"})
_HEIC = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"})
_ANY_CODEC = frozenset({b"mif1", b"msf1"})
_SEQUENCES = frozenset({b"avis", b"hevc", b"hevx", b"hevm", b"hevs", b"msf1"})
_MOST_BRANDS = 64
_UNCOUNTED = 2  # frames at least, where fragments count them elsewhere
_FULL = 4  # the version and flags of a "full" box

Size = tuple[int, int]


def sniff(head: bytes) -> str | None:
    """The MIME type by the brands; the compatible ones count where the major one leaves the codec open."""
    major, *others = _brands(head)
    brands = {major, *others} if major in _ANY_CODEC else {major}
    if brands & _AVIF:
        return "image/avif"
    if brands & _HEIC:
        return "image/heic"
    return "image/heif" if brands & _ANY_CODEC else None


def read(data: bytes, whole: bool) -> Header:
    reader = Reader(data, whole)
    head = reader.take(0, min(reader.big(0, 4), 16 + 4 * _MOST_BRANDS))
    mime = sniff(head)
    if mime is None:
        raise Broken("HEIF without a brand")
    if _is_sequence(head):
        return _read_sequence(reader, mime)
    for box in boxes(reader):
        if box.kind == b"meta":
            return Header(mime, *_still_size(reader, box))
    raise Broken("HEIF without a picture")


def _brands(head: bytes) -> list[bytes]:
    """The major brand, and the compatible ones as far as ``head`` reaches."""
    end = min(int.from_bytes(head[:4], "big"), len(head), 16 + 4 * _MOST_BRANDS)
    return [head[8:12], *(head[at : at + 4] for at in range(16, end - 3, 4))]


def _is_sequence(head: bytes) -> bool:
    """By the brands. Only where the major one leaves it open, as ``mif1`` does, decoders look at the others."""
    major, *others = _brands(head)
    return major in _SEQUENCES or (major in _ANY_CODEC and not _SEQUENCES.isdisjoint(others))


def _read_sequence(reader: Reader, mime: str) -> Header:
    """The largest of the tracks and the still. Without tracks it is the still, whatever the brand promises."""
    sizes: list[Size] = []
    frames = 1
    for box in boxes(reader):
        if box.kind == b"meta":
            sizes.append(_still_size(reader, box))
        elif box.kind == b"moov":
            tracks = list(_tracks(reader, box))
            sizes.extend(size for size, _ in tracks)
            frames = max((count for _, count in tracks), default=0) or _UNCOUNTED
            break
    if not sizes:
        raise Broken("HEIF sequence without a picture")
    width, height = (max(sides) for sides in zip(*sizes, strict=True))
    return Header(mime, width, height, frames, animated=frames > 1)


def _tracks(reader: Reader, moov: Box) -> Iterator[tuple[Size, int]]:
    """The size and the number of samples of each track that is seen."""
    for track in boxes(reader, moov.start, moov.end):
        header = find(reader, track, b"tkhd") if track.kind == b"trak" else None
        if header is None:
            continue
        width, height = reader.unpack(">II", max(header.start, header.end - 8))  # in 16.16 fixed point
        if width and height:
            yield (-(-width >> 16), -(-height >> 16)), _count_samples(reader, track)


def _count_samples(reader: Reader, track: Box) -> int:
    table = find(reader, track, b"mdia", b"minf", b"stbl")
    for box in boxes(reader, table.start, table.end) if table else ():
        if box.kind in (b"stsz", b"stz2"):
            return reader.big(box.start + _FULL + 4, 4)
    return 0


def _still_size(reader: Reader, meta: Box) -> Size:
    """The size of the primary picture, a grid's being the whole of it; else the largest of all."""
    inside = Box(meta.kind, meta.start + _FULL, meta.end)
    sizes = _sizes(reader, inside)
    if not sizes:
        raise Broken("HEIF without a size")
    of_primary = [sizes[index] for index in _primary_properties(reader, inside) if index in sizes]
    return max(of_primary or sizes.values(), key=lambda size: size[0] * size[1])


def _sizes(reader: Reader, meta: Box) -> dict[int, Size]:
    """Each ``ispe`` by its index among the properties, which counts from 1."""
    properties = find(reader, meta, b"iprp", b"ipco")
    every = boxes(reader, properties.start, properties.end) if properties else ()
    return {
        index: reader.unpack(">II", box.start + _FULL)
        for index, box in enumerate(every, 1)
        if box.kind == b"ispe"
    }


def _primary_properties(reader: Reader, meta: Box) -> Iterator[int]:
    primary, associations = find(reader, meta, b"pitm"), find(reader, meta, b"iprp")
    if primary is None or associations is None:
        return
    wanted = reader.big(primary.start + _FULL, 4 if reader.byte(primary.start) else 2)
    for box in boxes(reader, associations.start, associations.end):
        if box.kind == b"ipma":
            yield from _associated(reader, box, wanted)


def _associated(reader: Reader, box: Box, wanted: int) -> Iterator[int]:
    """The indices of the properties of one item. The highest bit of each only says whether it is essential."""
    version, flags = reader.byte(box.start), reader.byte(box.start + 3)
    id_size, index_size = 4 if version else 2, 2 if flags & 1 else 1
    at = box.start + _FULL + 4
    for _ in range(reader.big(box.start + _FULL, 4)):
        item, count = reader.big(at, id_size), reader.byte(at + id_size)
        at += id_size + 1
        if item == wanted:
            mask = (1 << 8 * index_size - 1) - 1
            yield from (reader.big(at + index_size * each, index_size) & mask for each in range(count))
        at += index_size * count
