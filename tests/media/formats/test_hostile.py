"""Whatever the bytes: an answer or one of two errors, after bounded work."""

import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.media.formats import READERS, Broken, Header, Incomplete, inspect, sniff, sniff_clip
from gateway.media.formats.reader import MOST_WORK, Reader
from tests.media.formats.crafted import (
    box,
    chunk,
    dib,
    ftyp,
    full,
    gif,
    gif_frame,
    icns,
    iprp,
    ispe,
    meta,
    pitm,
    png,
    riff,
    tiff,
    vp8x,
    webp_chunk,
)
from tests.media.formats.samples import SAMPLES, sample

SMALL = [name for name in SAMPLES if "behind" not in name]
HEADS = sorted({sample(name)[: 8 * length] for name in SMALL for length in (1, 2, 3, 4, 8)})
MANY = MOST_WORK + 1


def answer(data: bytes, whole: bool) -> Header | type[Exception] | None:
    try:
        header = inspect(data, whole=whole)
    except Incomplete:
        assert not whole
        return Incomplete
    except Broken:
        return Broken
    if header:
        assert header.mime in READERS
        assert header.width > 0
        assert header.height > 0
        assert header.frames > 0
        assert header.frames > 1 or not header.animated
    return header


def check(data: bytes, end: int) -> None:
    """A beginning is never answered otherwise than the whole."""
    assert answer(data[:end], whole=False) in (Incomplete, answer(data, whole=True))


@given(st.binary(max_size=200), st.integers(0, 200))
def test_random_bytes(data: bytes, end: int) -> None:
    check(data, end)
    assert sniff(data) is None or answer(data, whole=True) is not None
    sniff_clip(data)


@given(st.sampled_from(HEADS), st.binary(max_size=200), st.integers(0, 250))
def test_random_bytes_after_a_real_beginning(head: bytes, tail: bytes, end: int) -> None:
    check(head + tail, end)


@given(st.sampled_from(SMALL), st.data())
def test_one_changed_byte(name: str, data: st.DataObject) -> None:
    picture = bytearray(sample(name))
    place = data.draw(st.integers(0, min(len(picture), 600) - 1))
    picture[place] = data.draw(st.integers(0, 255))
    check(bytes(picture), data.draw(st.integers(0, len(picture))))


@given(st.sampled_from(SMALL), st.data())
def test_four_bytes_that_are_the_largest_or_the_smallest_number(name: str, data: st.DataObject) -> None:
    picture = sample(name)
    place = data.draw(st.integers(0, min(len(picture), 600)))
    number = data.draw(
        st.sampled_from([b"\xff" * 4, bytes(4), b"\x7f\xff\xff\xff", b"\x00\x00\x00\x01", b"\x80\0\0\0"])
    )
    check(picture[:place] + number + picture[place + 4 :], data.draw(st.integers(0, len(picture))))


@given(st.sampled_from(list(SAMPLES)), st.data())
def test_a_file_that_ends_early(name: str, data: st.DataObject) -> None:
    """What is left is all there is: a header that is there is read, one that is not is broken."""
    end = data.draw(st.integers(0, len(sample(name))))
    assert answer(sample(name)[:end], whole=True) is not Incomplete


def overlapping_directories() -> bytes:
    """Each of 65,535 entries, each one byte after the other; their next offsets stand in what follows."""
    count, first = 0xFFFF, 8
    size = 2 + 12 * count
    data = bytearray(b"II*\0" + struct.pack("<I", first) + bytes(size + 8 * 400))
    entries = struct.pack("<HHIIHHII", 256, 4, 1, 9, 257, 4, 1, 9)
    for at in range(first, first + 8 * 24 * 40, 8 * 24):
        struct.pack_into("<H", data, at, count)
        data[at + 2 : at + 26] = entries
        data.extend(bytes(max(0, at + size + 4 - len(data))))
        struct.pack_into("<I", data, at + size, at + 8 * 24)
    return bytes(data)


HOSTILE: dict[str, Callable[[], bytes]] = {
    "png of empty chunks": lambda: png(8, 8, chunk(b"tEXt", b"") * MANY),
    "jpeg of fill bytes": lambda: b"\xff\xd8" + b"\xff" * MANY,
    "jpeg of bare markers": lambda: b"\xff\xd8" + b"\xff\xd0" * MANY,
    "jpeg of empty segments": lambda: b"\xff\xd8" + b"\xff\xe0\x00\x02" * MANY,
    "gif of blocks of one byte": lambda: gif(8, 8, b"!\xfe" + b"\x01," * MANY),
    "gif of nothing": lambda: gif(8, 8, bytes(MANY)),
    "gif of frames": lambda: gif(8, 8, gif_frame(0, 0, 1, 1) * MANY),
    "webp of empty chunks": lambda: riff(b"WEBP", vp8x(2, 8, 8), webp_chunk(b"ALPH", b"") * MANY),
    "tiff of a page in each place": lambda: tiff(*[(8, 8)] * (MANY // 4)),
    "tiff of overlapping directories": overlapping_directories,
    "icns of empty blocks": lambda: icns(*[(b"TOC ", b"")] * MANY),
    "heic of empty boxes": lambda: ftyp(b"heic") + box(b"free") * MANY,
    "heic of empty properties": lambda: ftyp(b"heic") + meta(iprp(box(b"free") * MANY)),
    "heic of four billion associations": lambda: (
        ftyp(b"heic")
        + meta(pitm(1), iprp(ispe(8, 8), associations=full(b"ipma", b"\xff" * 4, b"\0\1\0" * MANY)))
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_the_work_is_bounded(name: str) -> None:
    with pytest.raises(Broken, match="too many parts"):
        inspect(HOSTILE[name]())


def test_the_largest_directory_of_an_icon_stays_below_the_bound() -> None:
    entry = struct.pack("<8xII", 40, 6 + 16 * 0xFFFF)
    header = inspect(b"\0\0\1\0\xff\xff" + entry * 0xFFFF + dib(16, 32))
    assert header == Header("image/x-icon", 16, 16, 0xFFFF)


def test_what_is_read_at_once_is_counted_by_its_length() -> None:
    reader = Reader(bytes(MOST_WORK), whole=True)
    reader.take(0, MOST_WORK)
    assert reader.work == 1 + MOST_WORK // 16
    with pytest.raises(Broken, match="too many parts"):
        reader.take(0, 16 * MOST_WORK)


def test_an_offset_beyond_all_bytes_is_the_end() -> None:
    with pytest.raises(Broken):
        Reader(b"abc", whole=True).take(1 << 70, 1)
    with pytest.raises(Incomplete):
        Reader(b"abc", whole=False).take(2, 2)
