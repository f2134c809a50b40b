"""Clips and documents are known by their first bytes; pictures and texts are none."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.media.formats import sniff_clip
from gateway.media.formats.clips import ENOUGH
from tests.media.formats.crafted import box, ftyp, riff
from tests.media.formats.samples import SAMPLES, sample


def ebml(doctype: bytes, wide: bool = False) -> bytes:
    body = (
        b"\x42\x86\x81\x01\x42\xf7\x81\x01\x42\xf2\x81\x04\x42\xf3\x81\x08\x42\x82"
        + bytes([0x80 + len(doctype)])
        + doctype
    )
    return (
        b"\x1aE\xdf\xa3"
        + (b"\x01" + struct.pack(">Q", len(body))[1:] if wide else bytes([0x80 + len(body)]))
        + body
    )


@pytest.mark.parametrize(
    ("head", "mime"),
    [
        (ftyp(b"isom", b"iso2", b"avc1"), "video/mp4"),
        (ftyp(b"mp42"), "video/mp4"),
        (ftyp(b"iso6"), "video/mp4"),
        (ftyp(b"M4V "), "video/mp4"),
        (ftyp(b"XAVC", b"mp42"), "video/mp4"),
        (ftyp(b"qt  "), "video/quicktime"),
        (box(b"wide") + box(b"mdat"), "video/quicktime"),
        (box(b"moov", box(b"mvhd")), "video/quicktime"),
        (ftyp(b"M4A ", b"mp42", b"isom"), "audio/mp4"),
        (ftyp(b"M4B ", b"isom"), "audio/mp4"),
        (riff(b"AVI "), "video/x-msvideo"),
        (riff(b"WAVE"), "audio/wav"),
        (ebml(b"webm"), "video/webm"),
        (ebml(b"webm", wide=True), "video/webm"),
        (ebml(b"matroska"), "video/x-matroska"),
        (b"ID3\x04\x00\x00\x00\x00\x00\x00", "audio/mpeg"),
        (b"\xff\xfb\x90\x64", "audio/mpeg"),
        (b"\xff\xf3\x48\xc4", "audio/mpeg"),
        (b"\xff\xf1\x50\x80", "audio/aac"),
        (b"\xff\xf9\x4c\x80", "audio/aac"),
        (b"OggS\x00\x02", "audio/ogg"),
        (b"fLaC\x00\x00\x00\x22", "audio/flac"),
        (b"%PDF-1.7\n", "application/pdf"),
        (b"\xef\xbb\xbf\r\n%PDF-1.4", "application/pdf"),
        (b"\n" * 1019 + b"%PDF-", "application/pdf"),
        (b"\n" * 1020 + b"%PDF-", None),
        (b"%PDF", None),
        (ftyp(b"heic", b"mp42"), None),
        (ftyp(b"crx ", b"CanonRAW"[:4]), None),
        (ftyp(b"3gp4"), None),
        (b"RIFF\x00\x00\x00\x00CDDA", None),
        (b"\xff\xfe<\x00h\x00t\x00m\x00", None),  # a text in UTF-16
        (b"\xff\xfb\xf0\x64", None),
        (b"\xff\xfb\x9c\x64", None),
        (b"\xff\xeb\x90\x64", None),
        (b"\xff\xf1\x7c\x80", None),
        (b"\xff\xfb", None),
        (b"<!doctype html>", None),
        (b"", None),
    ],
)
def test_a_head_is_what_it_is_or_nothing(head: bytes, mime: str | None) -> None:
    assert sniff_clip(head) == mime


@pytest.mark.parametrize("name", SAMPLES)
def test_a_picture_is_no_clip(name: str) -> None:
    assert sniff_clip(sample(name)) is None


def test_a_picture_that_holds_a_document_is_a_picture() -> None:
    assert sniff_clip(sample("gif")[:200] + b"%PDF-1.7") is None


@given(st.binary(max_size=2000))
def test_only_the_beginning_counts(data: bytes) -> None:
    assert sniff_clip(data) == sniff_clip(data[:ENOUGH])
