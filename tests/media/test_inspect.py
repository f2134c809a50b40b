"""Pictures are known by their first bytes, as real encoders write them."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from gateway.media.inspect import sniff


def encoded(format_: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (32, 32), "red").save(buffer, format_)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("format_", "mime"),
    [
        ("PNG", "image/png"),
        ("JPEG", "image/jpeg"),
        ("GIF", "image/gif"),
        ("WEBP", "image/webp"),
        ("BMP", "image/bmp"),
        ("DIB", "image/dib"),
        ("TIFF", "image/tiff"),
        ("ICO", "image/x-icon"),
        ("ICNS", "image/icns"),
        ("SGI", "image/sgi"),
        ("JPEG2000", "image/jp2"),
        ("AVIF", "image/avif"),
    ],
)
def test_sixteen_bytes_of_a_real_picture_are_enough(format_: str, mime: str) -> None:
    assert sniff(encoded(format_)[:16]) == mime


@pytest.mark.parametrize(
    ("head", "mime"),
    [
        (b"GIF87a", "image/gif"),
        (b"MM\x00*", "image/tiff"),
        (b"\xff\x4f\xff\x51", "image/jp2"),
        (b"\x00\x00\x00\x18ftypheic", "image/heic"),
        (b"\x00\x00\x00\x18ftypmif1", "image/heif"),
        (b"\x00\x00\x00\x18ftypmp42", None),
        (b"RIFF\x00\x00\x00\x00WAVE", None),
        (b"RIFF\x00\x00\x00\x00WEB", None),
        (b"\x89PNG", None),
        (b"%PDF-1.7", None),
        (b"<svg xmlns=", None),
        (b"<!doctype html>", None),
        (b'{"error":1}', None),
        (b"", None),
    ],
)
def test_a_head_is_what_it_is_or_nothing(head: bytes, mime: str | None) -> None:
    assert sniff(head) == mime


@given(st.binary(max_size=64))
def test_only_the_first_sixteen_bytes_count(data: bytes) -> None:
    assert sniff(data) == sniff(data[:16])
