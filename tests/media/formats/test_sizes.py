"""The size told is the largest that some decoder would hold, however the parts of a file contradict each other."""

import struct

import pytest

from gateway.media.formats import Broken, Header, Incomplete, inspect
from tests.media.formats.crafted import (
    anmf,
    bmp,
    chunk,
    dib,
    gif,
    gif_frame,
    icns,
    ico,
    jp2,
    jp2h,
    jpeg,
    png,
    riff,
    segment,
    siz,
    size,
    sof,
    tiff,
    told,
    vp8x,
)

NO_PIXELS = chunk(b"IDAT", b"")


class TestBombs:
    def test_a_png_of_900_megapixels(self) -> None:
        header = inspect(png(30_000, 30_000))
        assert header == Header("image/png", 30_000, 30_000)
        assert header.pixels == 900_000_000

    def test_a_gif_with_a_screen_of_65535(self) -> None:
        assert size(gif(65_535, 65_535, gif_frame(0, 0, 1, 1))) == (65_535, 65_535)

    def test_a_gif_of_2000_frames(self) -> None:
        assert told(gif(8000, 8000, *[gif_frame(0, 0, 1, 1)] * 2000)) == (8000, 8000, 2000, True)

    def test_a_gif_frame_beyond_the_screen(self) -> None:
        assert size(gif(1, 1, gif_frame(0, 0, 1, 1), gif_frame(9, 300, 5000, 6))) == (5009, 306)

    def test_an_apng_of_four_billion_frames(self) -> None:
        actl = chunk(b"acTL", struct.pack(">II", 2**32 - 1, 0))
        assert told(png(8, 8, actl, NO_PIXELS))[2:] == (2**32, True)

    def test_a_bitmap_inside_an_icon(self) -> None:
        assert size(ico(dib(16, 32), dib(30_000, 60_000))) == (30_000, 30_000)

    def test_a_png_inside_an_icon_that_says_16(self) -> None:
        assert told(ico(png(16, 16), png(30_000, 20_000))) == (30_000, 20_000, 2, False)

    def test_a_png_inside_an_icns_that_says_16(self) -> None:
        assert size(icns((b"icp4", png(30_000, 20_000)))) == (30_000, 20_000)

    def test_a_second_page(self) -> None:
        assert told(tiff((1, 1), (60_000, 50_000))) == (60_000, 50_000, 2, False)


class TestPng:
    def test_a_first_picture_that_is_no_frame_is_one_more(self) -> None:
        actl, fctl = chunk(b"acTL", struct.pack(">II", 3, 0)), chunk(b"fcTL", bytes(26))
        assert told(png(8, 9, actl, fctl, NO_PIXELS)) == (8, 9, 3, True)
        assert told(png(8, 9, actl, NO_PIXELS, fctl)) == (8, 9, 4, True)

    @pytest.mark.parametrize("tail", [chunk(b"IEND", b""), b""], ids=["IEND", "nothing"])
    def test_without_pixels_it_is_broken(self, tail: bytes) -> None:
        with pytest.raises(Broken):
            inspect(png(8, 8, tail))

    def test_another_first_chunk_is_broken(self) -> None:
        with pytest.raises(Broken):
            inspect(b"\x89PNG\r\n\x1a\n" + chunk(b"CgBI", bytes(4)) + png(8, 8)[8:])


class TestJpeg:
    @pytest.mark.parametrize("marker", [0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC9, 0xCA, 0xCF])
    def test_every_frame_header_counts(self, marker: int) -> None:
        assert size(jpeg(sof(70, 50, marker))) == (70, 50)

    @pytest.mark.parametrize("marker", [0xC4, 0xC8, 0xCC, 0xDB, 0xE0, 0xE1, 0xFE])
    def test_no_other_segment_does(self, marker: int) -> None:
        assert size(jpeg(sof(999, 999, marker), sof(7, 5))) == (7, 5)

    def test_the_larger_of_two_counts(self) -> None:
        assert size(jpeg(sof(7, 500), sof(600, 5))) == (600, 500)

    def test_a_thumbnail_in_a_segment_does_not(self) -> None:
        assert size(jpeg(segment(0xE1, jpeg(sof(160, 120))), sof(70, 50))) == (70, 50)

    @pytest.mark.parametrize(
        "between", [b"\xff" * 9, b"junk", b"\xff\x00\xff\x00", b"\xff\x01", b"\xff\xd0\xff\xd8"]
    )
    def test_what_stands_between_segments_is_passed_over(self, between: bytes) -> None:
        assert size(jpeg(segment(0xE0, bytes(9)), between, sof(70, 50), between)) == (70, 50)

    @pytest.mark.parametrize(
        "data", [jpeg(), jpeg(sof(0, 5)), jpeg(sof(5, 0)), b"\xff\xd8\xff\xd9", b"\xff\xd8" + sof(7, 5)],
        ids=["no frame", "no width", "no height", "no segments", "no scan"],
    )  # fmt: skip
    def test_without_a_size_or_a_scan_it_is_broken(self, data: bytes) -> None:
        with pytest.raises(Broken):
            inspect(data)


class TestGif:
    FRAME = gif_frame(0, 0, 4, 3)

    def test_a_file_that_ends_in_a_frame_has_those_it_reached(self) -> None:
        data = gif(4, 3, self.FRAME, self.FRAME)
        assert told(data[:-4]) == (4, 3, 2, True)
        assert told(data[: -len(self.FRAME) - 3]) == (4, 3, 1, False)

    def test_frames_after_the_end_do_not_count(self) -> None:
        assert told(gif(4, 3, self.FRAME) + self.FRAME) == (4, 3, 1, False)

    def test_what_looks_like_frames_inside_blocks_does_not_count(self) -> None:
        comment = b"!\xfe" + 3 * (b"\xff" + b"," * 255) + b"\0"
        assert told(gif(4, 3, comment, self.FRAME, b"\0\0\0", comment)) == (4, 3, 1, False)

    @pytest.mark.parametrize("data", [gif(4, 3), gif(4, 3, trailer=b""), gif(0, 3, gif_frame(0, 0, 0, 3))])
    def test_without_a_frame_it_is_broken(self, data: bytes) -> None:
        with pytest.raises(Broken):
            inspect(data)


class TestWebp:
    def test_frames_are_counted_and_measured(self) -> None:
        assert told(riff(b"WEBP", vp8x(2, 40, 30), anmf(40, 30), anmf(9000, 1))) == (9000, 30, 2, True)

    def test_one_frame_is_no_animation(self) -> None:
        assert told(riff(b"WEBP", vp8x(2, 40, 30), anmf(40, 30))) == (40, 30, 1, False)

    def test_a_still_is_told_from_its_beginning(self) -> None:
        assert inspect(riff(b"WEBP", vp8x(0, 1 << 24, 1))[:30], whole=False) == Header(
            "image/webp", 1 << 24, 1
        )

    @pytest.mark.parametrize(
        "data",
        [
            riff(b"WEBP", vp8x(2, 40, 30)),
            riff(b"WEBP", b"ALPH" + bytes(40)),
            riff(b"WEBP", b"VP8 " + bytes(40)),
            riff(b"WEBP", b"VP8L" + bytes(40)),
        ],
    )
    def test_without_a_frame_it_is_broken(self, data: bytes) -> None:
        with pytest.raises(Broken):
            inspect(data)


class TestBitmaps:
    @pytest.mark.parametrize("header", [16, 40, 52, 56, 64, 108, 124])
    def test_of_every_header(self, header: int) -> None:
        assert size(bmp(struct.pack("<Iii", header, 40, 30))) == (40, 30)

    def test_of_os_2(self) -> None:
        assert size(bmp(struct.pack("<IHHHH", 12, 40_000, 50_000, 1, 24))) == (40_000, 50_000)

    def test_from_the_top(self) -> None:
        assert size(bmp(dib(40, -30))) == size(dib(40, -30)) == (40, 30)

    def test_a_negative_width_is_broken(self) -> None:
        with pytest.raises(Broken):
            inspect(bmp(dib(-40, 30)))


class TestTiff:
    @pytest.mark.parametrize("big", [False, True])
    @pytest.mark.parametrize("order", "<>")
    def test_of_both_orders(self, order: str, big: bool) -> None:
        data = tiff((40, 30), (400, 3), (4, 300), order=order, big=big)
        assert told(data) == (400, 300, 3, False)
        with pytest.raises(Incomplete):
            inspect(data[:-1], whole=False)

    def test_a_chain_that_bites_its_tail_ends_there(self) -> None:
        assert told(tiff((40, 30), (50, 20), last=8)) == (50, 30, 2, False)

    @pytest.mark.parametrize(("kind", "value"), [(1, b"\x28"), (3, b"\x28\x00"), (4, b"\x28\x00\x00\x00")])
    def test_a_size_is_any_integer(self, kind: int, value: bytes) -> None:
        assert size(self.with_width(struct.pack("<HHI4s", 256, kind, 1, value))) == (40, 30)

    @pytest.mark.parametrize(("kind", "count"), [(2, 1), (5, 1), (12, 1), (16, 1), (4, 2), (4, 0)])
    def test_a_size_that_is_no_integer_is_broken(self, kind: int, count: int) -> None:
        with pytest.raises(Broken):
            inspect(self.with_width(struct.pack("<HHII", 256, kind, count, 40)))

    def test_the_larger_of_two_widths_counts(self) -> None:
        widths = [struct.pack("<HHII", 256, 4, 1, width) for width in (5000, 40)]
        assert size(self.with_width(*widths)) == (5000, 30)

    @pytest.mark.parametrize(
        "data", [tiff()[:4] + bytes(4), tiff((0, 5)), tiff((40, 30), (0, 5)), tiff((4, 3), last=9999)],
        ids=["no page", "no width", "a second page of no width", "a second page that is not there"],
    )  # fmt: skip
    def test_a_page_without_a_size_is_broken(self, data: bytes) -> None:
        with pytest.raises(Broken):
            inspect(data)

    @staticmethod
    def with_width(*entries: bytes) -> bytes:
        height = struct.pack("<HHII", 257, 4, 1, 30)
        return (
            b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries) + 1) + b"".join(entries) + height + bytes(4)
        )


class TestIcons:
    def test_the_largest_counts(self) -> None:
        assert told(ico(dib(64, 20), dib(32, 64), png(40, 40))) == (40, 40, 3, False)

    def test_a_cursor_is_no_picture(self) -> None:
        assert inspect(ico(dib(16, 32), kind=2)) is None

    def test_a_picture_that_is_not_there_is_broken(self) -> None:
        with pytest.raises(Broken):
            inspect(ico(png(16, 16))[:30])

    @pytest.mark.parametrize(
        ("kind", "wanted"),
        [
            (b"is32", 16), (b"il32", 32), (b"ih32", 48), (b"it32", 128), (b"ICN#", 32),
            (b"ic11", 32), (b"ic12", 64), (b"ic13", 256), (b"ic14", 512), (b"ic10", 1024),
        ],
    )  # fmt: skip
    def test_an_icns_type_tells_the_size(self, kind: bytes, wanted: int) -> None:
        data = icns((b"TOC ", bytes(8)), (kind, bytes(40)), (b"l8mk", bytes(9)))
        assert told(data) == (wanted, wanted, 1, False)

    def test_an_icns_holds_jpeg_2000_too(self) -> None:
        assert size(icns((b"ic09", siz(700, 600)))) == (700, 600)
        assert size(icns((b"ic09", jp2(jp2h(700, 600))), (b"is32", bytes(9)))) == (700, 600)

    @pytest.mark.parametrize("data", [icns(), icns((b"l8mk", bytes(9))), b"icns\0\0\0\x10is32\0\0\0\x07"])
    def test_an_icns_without_a_picture_is_broken(self, data: bytes) -> None:
        with pytest.raises(Broken):
            inspect(data)
