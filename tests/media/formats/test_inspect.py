"""What real encoders write is read as they meant it, and as real decoders read it, from as few bytes as tell it."""

import io
from contextlib import suppress

import pillow_heif
import pytest
from PIL import Image, ImageSequence

from gateway.media.formats import Header, Incomplete, inspect, sniff
from tests.media.formats.samples import SAMPLES, Sample, heic, sample

each_sample = pytest.mark.parametrize("name", SAMPLES)
OTHER_NAMES = {"MPO": "image/jpeg", "DIB": "image/dib", "ICNS": "image/icns", "SGI": "image/sgi"}
NO_FRAMES = ("image/jpeg", "image/x-icon", "image/icns")  # where Pillow counts something else


def promised(wanted: Sample) -> Header:
    return Header(wanted.mime, *wanted.size, wanted.frames, wanted.animated)


@each_sample
def test_a_header_says_what_was_put_in(name: str) -> None:
    assert inspect(sample(name)) == promised(SAMPLES[name])


@pytest.mark.parametrize("name", [name for name in SAMPLES if "heic" not in name])
def test_pillow_reads_the_same(name: str) -> None:
    header = inspect(sample(name))
    assert header
    with Image.open(io.BytesIO(sample(name))) as image:
        assert image.format
        assert header.mime == (OTHER_NAMES.get(image.format) or Image.MIME[image.format])
        assert header.mime in NO_FRAMES or header.frames == getattr(image, "n_frames", 1)
        sizes = [page.size for page in ImageSequence.Iterator(image)]
    assert (header.width, header.height) == tuple(map(max, zip(*sizes, strict=True)))


@pytest.mark.parametrize("name", [name for name in SAMPLES if "heic" in name])
def test_libheif_reads_the_same(name: str) -> None:
    header = inspect(sample(name))
    primary = pillow_heif.open_heif(io.BytesIO(sample(name)))
    assert header
    assert (header.width, header.height) == primary.size


def test_the_coded_size_of_an_odd_heic_is_what_a_decoder_holds() -> None:
    data = heic((123, 77))
    assert pillow_heif.open_heif(io.BytesIO(data)).size == (123, 77)
    assert inspect(data) == Header("image/heic", 124, 78)


@each_sample
def test_a_beginning_tells_the_same_as_the_whole_or_that_it_is_too_short(name: str) -> None:
    data = sample(name)
    for end in {*range(min(len(data), 3000)), *range(0, len(data), 97)}:
        with suppress(Incomplete):
            assert inspect(data[:end], whole=False) == promised(SAMPLES[name]), end
    assert inspect(data, whole=False) == promised(SAMPLES[name])


@each_sample
def test_no_size_is_told_before_all_that_counts_was_seen(name: str) -> None:
    """Of pictures whose parts may lie anywhere, or are counted."""
    wanted = SAMPLES[name]
    if (wanted.animated and wanted.mime != "image/png") or wanted.mime in ("image/gif", "image/icns"):
        with pytest.raises(Incomplete):
            inspect(sample(name)[: len(sample(name)) * 2 // 3], whole=False)


@pytest.mark.parametrize(
    ("name", "enough"),
    [
        ("png", 80),
        ("jpeg", 1024),
        ("webp", 32),
        ("lossless webp", 32),
        ("extended webp", 32),
        ("bmp", 32),
        ("dib", 32),
        ("sgi", 32),
        ("jpeg 2000 codestream", 32),
        ("avif", 512),
        ("heic", 512),
    ],
)
def test_little_is_read_where_little_is_enough(name: str, enough: int) -> None:
    assert inspect(sample(name)[:enough], whole=False) == promised(SAMPLES[name])


@each_sample
def test_32_bytes_tell_the_type(name: str) -> None:
    assert sniff(sample(name)[:32]) == SAMPLES[name].mime


@each_sample
def test_what_follows_a_picture_changes_nothing(name: str) -> None:
    """Polyglots: the picture in front is what decoders see."""
    tail = b"PK\x03\x04<!doctype html><script>" * 20
    assert inspect(sample(name) + tail) == promised(SAMPLES[name])
