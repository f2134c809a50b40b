"""Pictures are known by their first bytes, and what is none is not taken for one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.media.formats import Incomplete, inspect, sniff
from tests.media.formats.crafted import bmp, dib, ftyp


@pytest.mark.parametrize(
    ("head", "mime"),
    [
        (b"GIF87a", "image/gif"),
        (b"MM\x00*", "image/tiff"),
        (b"II+\x00\x08\x00\x00\x00", "image/tiff"),
        (b"MM\x00+\x00\x08\x00\x00", "image/tiff"),
        (b"\xff\x4f\xff\x51", "image/jp2"),
        (b"BM", "image/bmp"),
        (bmp(dib(1, 1)), "image/bmp"),
        (bmp(b"\x0c\0\0\0"), "image/bmp"),
        (dib(1, 1), "image/dib"),
        (dib(1, 1, header=124), "image/dib"),
        (b"\x01\xda\x01\x02", "image/sgi"),
        (ftyp(b"avif"), "image/avif"),
        (ftyp(b"avis"), "image/avif"),
        (ftyp(b"heic"), "image/heic"),
        (ftyp(b"hevx"), "image/heic"),
        (ftyp(b"heic", b"avif"), "image/heic"),
        (ftyp(b"mif1"), "image/heif"),
        (ftyp(b"msf1"), "image/heif"),
        (ftyp(b"mif1", b"heic"), "image/heic"),
        (ftyp(b"mif1", b"miaf", b"avif"), "image/avif"),
        (ftyp(b"msf1", b"hevc"), "image/heic"),
        (ftyp(b"mif1") + b"avif", "image/heif"),
        (ftyp(b"mp42"), None),
        (ftyp(b"mp42", b"heic"), None),
        (b"RIFF\x00\x00\x00\x00WAVE", None),
        (b"RIFF\x00\x00\x00\x00WEB", None),
        (b"\x89PNG", None),
        (b"BMW is a maker of cars, and of motorcycles", None),
        (b"\x00\x00\x01\x00\x00\x00", None),
        (b"\x00\x00\x02\x00\x01\x00", None),
        (b"\x00\x00\x01\xba", None),
        (b"\x28\x00\x00\x00" + bytes(28), None),
        (b"\x0c\x00\x00\x00" + bytes(8) + b"\x01\x00", None),
        (b"\x01\xda\x02\x01", None),
        (b"\x01\xda\x01\x03", None),
        (b"\x01\xda", None),
        (b"II+\x00\x10\x00\x00\x00", None),
        (b"%PDF-1.7", None),
        (b"<svg xmlns=", None),
        (b"%!PS-Adobe-3.0 EPSF-3.0", None),
        (b"<!doctype html>", None),
        (b'{"error":1}', None),
        (b"", None),
    ],
)
def test_a_head_is_what_it_is_or_nothing(head: bytes, mime: str | None) -> None:
    assert sniff(head) == mime


@given(st.binary(max_size=64))
def test_only_the_first_32_bytes_count(data: bytes) -> None:
    assert sniff(data) == sniff(data[:32])


@pytest.mark.parametrize("data", [b"", b"%PDF-1.7", b"<svg/>" * 9])
def test_what_is_no_picture_has_no_header(data: bytes) -> None:
    assert inspect(data) is None


def test_too_few_bytes_to_know_are_incomplete() -> None:
    with pytest.raises(Incomplete):
        inspect(b"\x89PNG", whole=False)
    assert inspect(b"%PDF-1.7".ljust(32), whole=False) is None
