"""Mending: whatever the format, a still comes out with the right colours, upright, and within the limits."""

import io
import random
from contextlib import suppress
from typing import Any

import pillow_heif
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageDraw
from PIL.ExifTags import Base

from gateway.media.decoders import Undecodable
from gateway.media.decoders.mend import READERS, mend

BOTH = ["image/jpeg", "image/png"]
SIZE = (64, 48)
FORMATS = {
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/gif": "GIF",
    "image/webp": "WEBP",
    "image/bmp": "BMP",
    "image/dib": "DIB",
    "image/tiff": "TIFF",
    "image/x-icon": "ICO",
    "image/icns": "ICNS",
    "image/jp2": "JPEG2000",
    "image/sgi": "SGI",
    "image/avif": "AVIF",
    "image/heic": "HEIF",
}
ALPHA = sorted(FORMATS.keys() - {"image/jpeg", "image/bmp", "image/dib"})
FOUR = {(0, 0): "#e01010", (1, 0): "#10b010", (0, 1): "#1010e0", (1, 1): "#e0e010"}
pillow_heif.register_heif_opener()


def four(size: tuple[int, int] = SIZE) -> Image.Image:
    """A picture whose quarters tell which side is up."""
    image = Image.new("RGB", size)
    draw = ImageDraw.Draw(image)
    half = size[0] // 2, size[1] // 2
    for (x, y), colour in FOUR.items():
        draw.rectangle((x * half[0], y * half[1], (x + 1) * half[0], (y + 1) * half[1]), colour)
    return image


def noise(width: int, height: int, mode: str = "RGB") -> Image.Image:
    data = random.Random(7).randbytes(width * height * len(mode))
    return Image.frombytes(mode, (width, height), data)


def encoded(image: Image.Image, format_: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format_, **options)
    return buffer.getvalue()


def mended(data: bytes, mime: str, **orders: Any) -> tuple[Image.Image, bytes]:
    """What comes out, looked at by what it is and not by what it says."""
    ((meta, product),) = mend(io.BytesIO(data), {"mime": mime, "formats": BOTH, **orders})
    image = Image.open(io.BytesIO(product))
    image.load()
    assert meta == {"mime": Image.MIME[str(image.format)], "width": image.width, "height": image.height}
    return image, product


def refusal(data: bytes, mime: str, **orders: Any) -> str:
    with pytest.raises(Undecodable) as refused:
        mended(data, mime, **orders)
    return refused.value.code


def far(image: Image.Image, expected: Image.Image) -> int:
    """The largest difference between two pictures, in the middles of their quarters."""
    assert image.size == expected.size
    width, height = image.size
    points = [(x * width // 4, y * height // 4) for x in (1, 3) for y in (1, 3)]
    colours = [
        (image.convert("RGB").getpixel(point), expected.convert("RGB").getpixel(point)) for point in points
    ]
    return max(abs(a - b) for one, other in colours for a, b in zip(one, other, strict=True))  # type: ignore[arg-type]


def square(mime: str) -> tuple[int, int]:
    return (64, 64) if mime in ("image/x-icon", "image/icns") else SIZE


@pytest.mark.parametrize("target", BOTH)
@pytest.mark.parametrize("mime", FORMATS)
def test_every_format_becomes_one_that_is_taken_with_its_colours(mime: str, target: str) -> None:
    picture = four(square(mime))
    options = {"sizes": [picture.size]} if mime == "image/x-icon" else {}
    image, _ = mended(encoded(picture, FORMATS[mime], **options), mime, formats=[target])
    assert Image.MIME[str(image.format)] == target
    # Icons are stored at the sizes that icons have.
    assert far(image, picture.resize(image.size, Image.Resampling.NEAREST)) <= 12


def test_every_format_that_can_be_read_is_tested() -> None:
    assert set(READERS) == {*FORMATS, "image/heif", "image/vnd.microsoft.icon"}


@pytest.mark.parametrize("mime", ALPHA)
def test_alpha_is_kept_in_png_and_flattened_on_white_in_jpeg(mime: str) -> None:
    picture = four(square(mime)).convert("RGBA")
    picture.paste((0, 0, 0, 0), (0, 0, picture.width // 2, picture.height // 2))
    data = encoded(picture, FORMATS[mime])
    kept, _ = mended(data, mime)
    assert (kept.format, kept.mode) == ("PNG", "RGBA")
    assert kept.getchannel("A").getpixel((kept.width // 4, kept.height // 4)) == 0
    assert kept.getchannel("A").getpixel((kept.width * 3 // 4, kept.height // 4)) == 255
    flat, _ = mended(data, mime, formats=["image/jpeg"])
    white = Image.new("RGBA", picture.size, "white")
    white.alpha_composite(picture)
    assert far(flat, white.resize(flat.size, Image.Resampling.NEAREST)) <= 12


def test_alpha_that_hides_nothing_is_no_alpha() -> None:
    image, _ = mended(encoded(four().convert("RGBA"), "PNG"), "image/png")
    assert image.mode == "RGB"


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(
    ("mime", "format_"), [("image/jpeg", "JPEG"), ("image/tiff", "TIFF"), ("image/png", "PNG")]
)
def test_orientation_is_applied_and_not_told_any_more(mime: str, format_: str, orientation: int) -> None:
    turned = {
        1: [],
        2: [Image.Transpose.FLIP_LEFT_RIGHT],
        3: [Image.Transpose.ROTATE_180],
        4: [Image.Transpose.FLIP_TOP_BOTTOM],
        5: [Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.ROTATE_90],
        6: [Image.Transpose.ROTATE_90],
        7: [Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.ROTATE_270],
        8: [Image.Transpose.ROTATE_270],
    }
    stored = four()
    for turn in turned[orientation]:  # what a camera held like that stores
        stored = stored.transpose(turn)
    exif = Image.Exif()
    exif[Base.Orientation] = orientation
    image, _ = mended(encoded(stored, format_, exif=exif), mime)
    assert far(image, four()) <= 12
    assert Base.Orientation not in image.getexif()


def test_metadata_goes() -> None:
    exif = Image.Exif()
    exif[Base.Make] = "Secret Camera"
    data = encoded(noise(*SIZE), "JPEG", exif=exif, comment=b"Secret Comment")
    assert b"Secret" in data
    assert b"Secret" not in mended(data, "image/jpeg")[1]


def test_broken_exif_does_not_cost_the_picture() -> None:
    data = encoded(four(), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    assert far(mended(data, "image/jpeg")[0], four()) <= 12


def test_a_profile_is_applied() -> None:
    """A profile with red and blue exchanged shows whether it is looked at."""
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = srgb.replace(b"rXYZ", b"tXYZ", 1).replace(b"bXYZ", b"rXYZ", 1).replace(b"tXYZ", b"bXYZ", 1)
    swapped = swapped.replace("sRGB".encode("utf-16-be"), "BGRs".encode("utf-16-be")).replace(
        b"sRGB", b"BGRs"
    )
    image, product = mended(encoded(four(), "PNG", icc_profile=swapped), "image/png")
    red, green, blue = four().split()
    assert far(image, Image.merge("RGB", (blue, green, red))) <= 12
    assert b"iCCP" not in product


@pytest.mark.parametrize("profile", [b"nonsense", b"\0" * 200])
def test_a_broken_profile_is_left_out(profile: bytes) -> None:
    assert far(mended(encoded(four(), "PNG", icc_profile=profile), "image/png")[0], four()) == 0


@pytest.mark.parametrize(("mime", "format_"), [("image/jpeg", "JPEG"), ("image/tiff", "TIFF")])
def test_cmyk_becomes_rgb(mime: str, format_: str) -> None:
    image, _ = mended(encoded(four().convert("CMYK"), format_), mime, formats=["image/jpeg"])
    assert image.mode == "RGB"
    assert far(image, four()) <= 12


@pytest.mark.parametrize(
    ("mode", "values"),
    [
        ("I;16", (0, 32768, 65535)),
        ("I;16B", (0, 32768, 65535)),
        ("I", (0, 32768, 65535)),
        ("I", (0, 128, 255)),
        ("I", (-1_000_000, 4000, 1_000_000)),
        ("F", (0.0, 0.5, 1.0)),
        ("F", (-3.0, 0.0, 3.0)),
    ],
)
def test_more_than_eight_bits_are_scaled(mode: str, values: tuple[float, float, float]) -> None:
    deep = Image.new(mode, (3, 1))
    for x, value in enumerate(values):
        deep.putpixel((x, 0), value)
    image, _ = mended(encoded(deep, "TIFF"), "image/tiff", formats=["image/png"])
    assert image.mode == "L"
    assert [image.getpixel((x, 0)) for x in range(3)] == pytest.approx([0, 128, 255], abs=1)


def test_a_16_bit_png_is_not_clipped() -> None:
    deep = Image.new("I;16", SIZE, 0x8000)
    image, _ = mended(encoded(deep, "PNG"), "image/png")
    assert image.getpixel((1, 1)) == pytest.approx(128, abs=1)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_every_mode_of_a_png_is_taken(mode: str) -> None:
    assert far(mended(encoded(four().convert(mode), "PNG"), "image/png")[0], four().convert(mode)) == 0


def test_a_transparent_colour_of_a_palette_becomes_alpha() -> None:
    picture = four().quantize(8)
    index = picture.getpixel((1, 1))
    image, _ = mended(encoded(picture, "GIF", transparency=index), "image/gif")
    assert image.mode == "RGBA"
    assert image.getpixel((1, 1))[3] == 0  # type: ignore[index]
    assert image.getpixel((63, 47))[3] == 255  # type: ignore[index]


@pytest.mark.parametrize(
    ("mime", "format_"),
    [("image/gif", "GIF"), ("image/webp", "WEBP"), ("image/png", "PNG"), ("image/tiff", "TIFF")],
)
def test_of_many_frames_the_first_is_taken(mime: str, format_: str) -> None:
    more = [Image.new("RGB", SIZE, "black") for _ in range(3)]
    data = encoded(four(), format_, save_all=True, append_images=more)
    assert far(mended(data, mime)[0], four()) <= 30  # of WebP, which is lossy


def test_of_an_icon_the_largest_is_taken() -> None:
    data = encoded(noise(128, 128), "ICO", sizes=[(16, 16), (128, 128), (32, 32)])
    assert mended(data, "image/x-icon")[0].size == (128, 128)


@pytest.mark.parametrize(
    ("image", "mime", "format_", "expected"),
    [
        (noise(64, 64), "image/jpeg", "JPEG", "JPEG"),
        (noise(64, 64), "image/avif", "AVIF", "JPEG"),
        (noise(64, 64), "image/png", "PNG", "PNG"),
        (noise(64, 64), "image/bmp", "BMP", "PNG"),
        (noise(64, 64), "image/tiff", "TIFF", "JPEG"),
        (four(), "image/tiff", "TIFF", "PNG"),
        (noise(64, 64, "L"), "image/tiff", "TIFF", "JPEG"),
        (noise(64, 64, "RGBA"), "image/webp", "WEBP", "PNG"),
    ],
)
def test_drawings_become_png_and_photos_jpeg(
    image: Image.Image, mime: str, format_: str, expected: str
) -> None:
    assert mended(encoded(image, format_), mime)[0].format == expected


@pytest.mark.parametrize("format_", ["WEBP", "BMP", "TIFF", "GIF"])
def test_where_neither_is_taken_another_is_written(format_: str) -> None:
    target = Image.MIME[format_]
    image, _ = mended(encoded(four(), "PNG"), "image/png", formats=["image/heic", target])
    assert image.format == format_


@given(
    width=st.integers(1, 300),
    height=st.integers(1, 300),
    max_pixels=st.none() | st.integers(1, 90_000),
    max_side=st.none() | st.integers(1, 300),
)
@settings(max_examples=60)
def test_size_limits_hold_and_are_used(
    width: int, height: int, max_pixels: int | None, max_side: int | None
) -> None:
    data = encoded(Image.new("L", (width, height), 9), "PNG")
    image, _ = mended(data, "image/png", max_pixels=max_pixels, max_side=max_side)
    pixels, side = max_pixels or width * height, max_side or max(width, height)
    assert image.width * image.height <= pixels
    assert max(image.size) <= side
    assert image.width <= width
    assert image.height <= height
    if width * height <= pixels and max(width, height) <= side:
        assert image.size == (width, height)
    else:  # one step more would not fit
        larger = image.width + 1 + width // height, image.height + 1 + height // width
        assert larger[0] * larger[1] > pixels or max(larger) > side


def test_a_large_jpeg_decoded_small_is_still_right() -> None:
    data = encoded(four((1200, 800)), "JPEG", quality=95)
    image, _ = mended(data, "image/jpeg", max_side=300, formats=["image/jpeg"])
    assert image.size == (300, 200)
    assert far(image, four((300, 200))) <= 12


@pytest.mark.parametrize("limit", [100_000, 50_000, 10_000, 2_000])
@pytest.mark.parametrize("formats", [["image/png"], ["image/jpeg"], BOTH])
def test_the_limit_of_bytes_holds_and_is_used(limit: int, formats: list[str]) -> None:
    picture = noise(300, 200)
    image, product = mended(encoded(picture, "PNG"), "image/png", max_bytes=limit, formats=formats)
    assert len(product) <= limit
    assert len(product) >= limit * 0.6 or image.size == picture.size
    assert image.width / image.height == pytest.approx(1.5, rel=0.05)


def test_quality_falls_before_size() -> None:
    data = encoded(noise(300, 200), "PNG")
    full = len(mended(data, "image/png", formats=["image/jpeg"])[1])
    image, _ = mended(data, "image/png", formats=["image/jpeg"], max_bytes=full - 1)
    assert image.size == (300, 200)


def test_a_png_over_the_limit_becomes_a_jpeg_on_white() -> None:
    picture = noise(200, 200).convert("RGBA")
    picture.paste((0, 0, 0, 0), (0, 0, 100, 100))
    image, _ = mended(encoded(picture, "PNG"), "image/png", max_bytes=60_000)
    assert (image.format, image.size) == ("JPEG", (200, 200))
    assert min(image.getpixel((50, 50))) > 245  # type: ignore[arg-type]


def test_what_cannot_be_made_small_enough_is_refused() -> None:
    assert refusal(encoded(four(), "PNG"), "image/png", max_bytes=50) == "too_many_bytes"


@pytest.mark.parametrize("mime", ["image/png", "image/jpeg", "image/gif", "image/x-icon"])
def test_more_pixels_than_the_budget_are_refused(mime: str) -> None:
    data = encoded(four((64, 64)), FORMATS[mime], **({"sizes": [(64, 64)]} if mime == "image/x-icon" else {}))
    assert mended(data, mime, budget=64 * 64)[0].size == (64, 64)
    assert refusal(data, mime, budget=64 * 64 - 1) == "too_many_pixels"


def test_a_large_picture_inside_a_small_icon_is_refused() -> None:
    data = bytearray(encoded(noise(256, 256), "ICO", sizes=[(256, 256)]))
    data[6:8] = b"\x10\x10"  # the icon's list says 16x16
    assert refusal(bytes(data), "image/x-icon", budget=1000) == "too_many_pixels"


@pytest.mark.parametrize("mime", FORMATS)
def test_a_truncated_picture_is_refused(mime: str) -> None:
    data = encoded(noise(64, 64), FORMATS[mime])
    assert refusal(data[: len(data) // 2], mime) == "truncated_or_broken"


def test_only_what_it_was_said_to_be_is_opened() -> None:
    """Pillow would run Ghostscript for this one if it were asked what it is."""
    postscript = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n"
    assert refusal(postscript, "image/png") == "truncated_or_broken"
    assert refusal(encoded(four(), "PNG"), "image/jpeg") == "truncated_or_broken"


SAMPLES = {mime: encoded(four((16, 16)), format_) for mime, format_ in FORMATS.items()}


@given(data=st.data(), mime=st.sampled_from(sorted(FORMATS)))
@settings(max_examples=400)
def test_hostile_bytes_are_mended_or_refused(data: st.DataObject, mime: str) -> None:
    hostile = bytearray(SAMPLES[mime])
    for _ in range(data.draw(st.integers(0, 8))):
        hostile[data.draw(st.integers(0, len(hostile) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(hostile)))
    hostile[cut:] = data.draw(st.binary(max_size=64)) if data.draw(st.booleans()) else hostile[cut:]
    with suppress(Undecodable):
        mended(bytes(hostile), mime, budget=1 << 20, max_pixels=1 << 16)
