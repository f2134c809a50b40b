"""The sizes of what is made of boxes: JPEG 2000, HEIC and AVIF, put together by hand."""

import struct

import pytest

from gateway.media.formats import Broken, Header, Incomplete, inspect
from tests.media.formats.crafted import (
    box,
    ftyp,
    full,
    ipma,
    iprp,
    ispe,
    jp2,
    jp2h,
    meta,
    moov,
    pitm,
    siz,
    size,
    told,
)


class TestJpeg2000:
    def test_the_larger_of_header_and_codestream_counts(self) -> None:
        assert size(jp2(jp2h(40, 3000), box(b"jp2c", siz(5000, 30)))) == (5000, 3000)

    def test_the_codestream_may_reach_to_the_end(self) -> None:
        assert size(jp2(jp2h(40, 30), struct.pack(">I4s", 0, b"jp2c"), siz(40, 30))) == (40, 30)

    def test_a_box_may_have_64_bits(self) -> None:
        assert size(jp2(struct.pack(">I4sQ", 1, b"uuid", 20), bytes(4), jp2h(40, 30))) == (40, 30)

    def test_an_offset_is_no_part_of_the_picture(self) -> None:
        assert size(siz(40, 30, left=100, top=200)) == (40, 30)

    @pytest.mark.parametrize(
        "data", [jp2(), jp2(jp2h(0, 5)), siz(0, 5), jp2(struct.pack(">I4s", 7, b"jp2h")), jp2(box(b"jp2h"))]
    )
    def test_without_a_size_it_is_broken(self, data: bytes) -> None:
        with pytest.raises(Broken):
            inspect(data)


class TestHeif:
    TILES = iprp(ispe(512, 512), ispe(4032, 3024), ispe(320, 240), ispe(9000, 9000))

    def test_the_primary_picture_counts(self) -> None:
        """A grid here: tiles, the whole, a thumbnail, another picture."""
        associations = ipma((1, (0x81,)), (49, (0x82,)), (50, (0x83,)), (51, (0x84,)))
        properties = iprp(
            ispe(512, 512), ispe(4032, 3024), ispe(320, 240), ispe(9000, 9000), associations=associations
        )
        assert told(ftyp(b"heic", b"mif1") + meta(pitm(49), properties)) == (4032, 3024, 1, False)

    @pytest.mark.parametrize("version", [0, 1])
    @pytest.mark.parametrize("flags", [0, 1])
    def test_ids_and_indices_have_two_widths(self, version: int, flags: int) -> None:
        item = struct.pack(">I" if version else ">H", 7)
        index = struct.pack(">H", 0x8002) if flags else b"\x82"
        associations = full(b"ipma", struct.pack(">I", 1), item, b"\1", index, version=version, flags=flags)
        properties = iprp(ispe(900, 900), ispe(40, 30), associations=associations)
        assert size(ftyp(b"avif") + meta(full(b"pitm", item, version=version), properties)) == (40, 30)

    @pytest.mark.parametrize(
        "contents", [(TILES,), (pitm(1), TILES)], ids=["no primary", "no properties of it"]
    )
    def test_without_one_the_largest_does(self, contents: tuple[bytes, ...]) -> None:
        assert size(ftyp(b"heic") + meta(*contents)) == (9000, 9000)

    @pytest.mark.parametrize("brand", [b"avis", b"hevc", b"msf1"])
    def test_a_sequence_has_the_frames_of_its_track(self, brand: bytes) -> None:
        data = ftyp(brand) + meta(iprp(ispe(64, 48))) + moov(40, 90, 12)
        assert told(data) == (64, 90, 12, True)
        assert told(ftyp(brand) + moov(40, 90, 12)) == (40, 90, 12, True)
        with pytest.raises(Incomplete):
            inspect(data[:-1], whole=False)

    @pytest.mark.parametrize("samples", [None, 0])
    def test_a_sequence_in_fragments_has_two_at_least(self, samples: int | None) -> None:
        assert told(ftyp(b"avis") + moov(40, 30, samples)) == (40, 30, 2, True)

    def test_a_sequence_without_tracks_is_a_still(self) -> None:
        data = ftyp(b"hevc") + meta(iprp(ispe(64, 48)))
        assert told(data) == (64, 48, 1, False)
        with pytest.raises(Incomplete):
            inspect(data, whole=False)

    def test_a_still_with_a_film_beside_it_is_a_still(self) -> None:
        assert told(ftyp(b"heic", b"hevc") + meta(iprp(ispe(64, 48))) + moov(40, 30, 9)) == (64, 48, 1, False)

    def test_a_major_brand_of_any_codec_leaves_the_rest_to_the_others(self) -> None:
        data = meta(iprp(ispe(64, 48))) + moov(40, 30, 9)
        assert inspect(ftyp(b"mif1", b"avis") + data) == Header("image/avif", 64, 48, 9, animated=True)
        assert inspect(ftyp(b"mif1", b"heic") + data) == Header("image/heic", 64, 48)

    @pytest.mark.parametrize(
        "rest",
        [
            b"",
            meta(),
            meta(iprp()),
            meta(iprp(ispe(0, 5))),
            box(b"mdat", bytes(9)),
            meta(box(b"iprp", b"\0\0\1\0ipco")),
        ],
        ids=["nothing", "empty meta", "no properties", "no width", "no meta", "a box beyond its parent"],
    )
    def test_without_a_size_it_is_broken(self, rest: bytes) -> None:
        for brand in (b"heic", b"avis"):
            with pytest.raises(Broken):
                inspect(ftyp(brand) + rest)
