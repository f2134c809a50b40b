"""A picture made into one that the backend takes: a still PNG or JPEG, upright, in sRGB, within its limits.

Orders: `mime` (what the picture is), `formats` (MIME types that are taken, the preferred first), and, each of them
a number or null, `budget` (pixels that may be decoded), `max_pixels`, `max_side` and `max_bytes`. An animation gives
its first frame, an icon its largest picture.
"""

import importlib
import io
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO

from PIL import Image, ImageCms
from PIL.Image import Resampling, Transpose

from gateway.media.decoders import Orders, Products, Undecodable

# The one format that Pillow may open for a type, and the module that knows it.
READERS = {
    "image/png": ("PNG", "PIL.PngImagePlugin"),
    "image/jpeg": ("JPEG", "PIL.JpegImagePlugin"),
    "image/gif": ("GIF", "PIL.GifImagePlugin"),
    "image/webp": ("WEBP", "PIL.WebPImagePlugin"),
    "image/bmp": ("BMP", "PIL.BmpImagePlugin"),
    "image/dib": ("DIB", "PIL.BmpImagePlugin"),
    "image/tiff": ("TIFF", "PIL.TiffImagePlugin"),
    "image/x-icon": ("ICO", "PIL.IcoImagePlugin"),
    "image/vnd.microsoft.icon": ("ICO", "PIL.IcoImagePlugin"),
    "image/icns": ("ICNS", "PIL.IcnsImagePlugin"),
    "image/jp2": ("JPEG2000", "PIL.Jpeg2KImagePlugin"),
    "image/sgi": ("SGI", "PIL.SgiImagePlugin"),
    "image/avif": ("AVIF", "PIL.AvifImagePlugin"),
    "image/heic": ("HEIF", "pillow_heif"),
    "image/heif": ("HEIF", "pillow_heif"),
}
# What is written, and how: the attempts at a format, until one has few enough bytes.
LOSSY: list[dict[str, Any]] = [
    {"quality": 92, "subsampling": "4:4:4"},  # coloured letters stay sharp
    {"quality": 88, "subsampling": "4:4:4"},
    {"quality": 82, "subsampling": "4:2:0"},
    {"quality": 75, "subsampling": "4:2:0"},
]
WRITERS: dict[str, tuple[str, list[dict[str, Any]]]] = {
    "image/png": ("PNG", [{"compress_level": 2}]),
    "image/jpeg": ("JPEG", LOSSY),
    "image/webp": ("WEBP", LOSSY),
    "image/bmp": ("BMP", [{}]),
    "image/tiff": ("TIFF", [{"compression": "tiff_lzw"}]),
    "image/gif": ("GIF", [{}]),
}
OPAQUE = frozenset({"image/jpeg", "image/bmp"})
DRAWN = frozenset({"image/png", "image/gif", "image/bmp", "image/dib", "image/x-icon", "image/icns"})
FEW_COLOURS = 64
ROUNDS = 12
MARGIN = 0.97  # a smaller picture has more detail in each pixel
GAP = 2.0  # how much larger than its target a picture must be to be halved before it is filtered
ORIENTATION = 0x0112
BITS_PER_SAMPLE = 0x0102
UPRIGHT = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}


def mend(source: BinaryIO, orders: Orders) -> Products:
    """One product with `mime`, `width` and `height`. Raises Undecodable."""
    with _budget(orders.get("budget")):
        image = _decode(source, orders)
        profile = image.info.get("icc_profile")
        image = _eight_bits(image)
    targets = _targets(image, orders["mime"], orders["formats"])
    image = _resized(image, _fit(image.size, orders.get("max_pixels"), orders.get("max_side")))
    image = _plain(image, profile)
    mime, image, data = _encode(image, targets, orders.get("max_bytes"))
    yield {"mime": mime, "width": image.width, "height": image.height}, data


@contextmanager
def _budget(pixels: int | None) -> Iterator[None]:
    """Pillow's own limit, which also holds for the pictures inside an icon."""
    before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, pixels
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        text = f"The picture has more than the {pixels} pixels that are decoded here."
        raise Undecodable("too_many_pixels", text) from error
    finally:
        Image.MAX_IMAGE_PIXELS = before


def _decode(source: BinaryIO, orders: Orders) -> Image.Image:
    name, module = READERS[orders["mime"]]
    plugin = importlib.import_module(module)
    if name == "HEIF":
        plugin.register_heif_opener(thumbnails=False)
    try:
        image = Image.open(source, formats=[name])
        target = _fit(image.size, orders.get("max_pixels"), orders.get("max_side"))
        if name == "JPEG" and target != image.size:
            image.draft(None, (math.ceil(target[0] * GAP), math.ceil(target[1] * GAP)))
        image.load()
    except (MemoryError, Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise
    except Exception as error:
        if "out of memory" in str(error):
            raise MemoryError from error
        raise Undecodable("truncated_or_broken", "The picture is truncated or broken.") from error
    return _upright(image)


def _upright(image: Image.Image) -> Image.Image:
    try:
        turn = UPRIGHT.get(image.getexif().get(ORIENTATION, 1))
    except Exception:  # noqa: BLE001 - broken metadata of a good picture
        return image
    return image if turn is None else image.transpose(turn)


def _eight_bits(image: Image.Image) -> Image.Image:
    """In L, RGB, CMYK, or RGBA where something is transparent."""
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return _gray(image)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        opaque = image.getchannel("A").getextrema()[0] == 255
        return image.convert("RGB") if opaque else image
    if image.mode in ("L", "RGB", "CMYK"):
        return image
    return image.convert("L" if image.mode == "1" else "RGB")


def _gray(image: Image.Image) -> Image.Image:
    black, white = _range(image)
    factor = 255 / (white - black)
    scaled = image.convert("F").point(lambda value: value * factor + (0.5 - black * factor))
    return scaled.convert("L")


def _range(image: Image.Image) -> tuple[float, float]:
    """What is black and what is white: as the file says, else as is usual for such numbers, else as they come."""
    if image.mode.startswith("I;16"):
        bits = getattr(image, "tag_v2", {}).get(BITS_PER_SAMPLE, (16,))[0]
        return 0, (1 << bits) - 1
    low, high = (float(value) for value in image.getextrema())  # type: ignore[arg-type] # there is one band
    usual = [white for white in (1, 255, 65535) if high <= white and (white > 1 or image.mode == "F")]
    if low >= 0 and usual:
        return 0, usual[0]
    return (low, high) if low < high and math.isfinite(high - low) else (0, 255)


def _targets(image: Image.Image, mime: str, formats: list[str]) -> list[str]:
    """PNG for what is drawn or transparent, and JPEG after it where that is too long; JPEG for photos."""
    drawn = image.mode == "RGBA" or mime in DRAWN or image.getcolors(FEW_COLOURS) is not None
    wished = ["image/png", "image/jpeg"] if drawn else ["image/jpeg"]
    taken = [target for target in wished if target in formats]
    return taken or [next(target for target in formats if target in WRITERS)]


def _fit(size: tuple[int, int], max_pixels: int | None, max_side: int | None) -> tuple[int, int]:
    """The largest size of the same shape within the limits."""
    pixels = size[0] * size[1]
    by_side = max_side / max(size) if max_side else 1
    by_pixels = math.sqrt(max_pixels / pixels) if max_pixels else 1
    if min(by_side, by_pixels) >= 1:
        return size
    width, height = _scaled(size, min(by_side, by_pixels))
    if max_pixels and width * height > max_pixels:  # a line of one pixel is not made thinner
        return min(width, max_pixels // min(width, height)), min(height, max_pixels // min(width, height))
    return width, height


def _scaled(size: tuple[int, int], factor: float) -> tuple[int, int]:
    return max(1, math.floor(size[0] * factor + 1e-6)), max(1, math.floor(size[1] * factor + 1e-6))


def _resized(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    return image if image.size == size else image.resize(size, Resampling.LANCZOS, reducing_gap=GAP)


def _plain(image: Image.Image, profile: bytes | None) -> Image.Image:
    """In L, RGB or RGBA of sRGB, without metadata."""
    if profile:
        image = _in_srgb(image, profile)
    if image.mode == "CMYK":
        image = image.convert("RGB")
    image.info = {}
    return image


def _in_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    mode = "RGBA" if image.mode == "RGBA" else "RGB"
    try:
        given = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if ImageCms.getProfileDescription(given).startswith("sRGB"):
            return image
        srgb = ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(image, given, srgb, outputMode=mode) or image
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image  # broken, or for other colours: viewers show the picture without it


def _encode(image: Image.Image, targets: list[str], max_bytes: int | None) -> tuple[str, Image.Image, bytes]:
    """Within the bytes: the first of the formats that fits, else the last of them, smaller and smaller."""
    most = math.inf if max_bytes is None else max_bytes
    smaller, factor = image, 1.0
    for _ in range(ROUNDS):
        for target in targets:
            data = _shortest(smaller, target, most, whole=target == targets[-1])
            if len(data) <= most:
                return target, smaller, data
        targets = targets[-1:]
        factor *= MARGIN * math.sqrt(most / len(data))
        smaller = _resized(image, _scaled(image.size, factor))
    text = f"The picture cannot be made so small that it has at most {max_bytes} bytes."
    raise Undecodable("too_many_bytes", text)


def _shortest(image: Image.Image, target: str, most: float, *, whole: bool) -> bytes:
    """The first attempt of at most so many bytes, else the last one; cut off where it need not be `whole`."""
    name, attempts = WRITERS[target]
    flat = _on_white(image) if target in OPAQUE else image
    for options in attempts:
        buffer = io.BytesIO() if whole else _Buffer(most)
        with suppress(_Full):
            flat.save(buffer, name, **options)
        if len(buffer.getbuffer()) <= most:
            break
    return buffer.getvalue()


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode != "RGBA":
        return image
    white = Image.new("RGB", image.size, "white")
    white.paste(image, mask=image.getchannel("A"))
    return white


class _Full(Exception):
    """More was written than will be used."""


class _Buffer(io.BytesIO):
    """Stops an encoder as soon as it has written more than so many bytes."""

    def __init__(self, most: float) -> None:
        super().__init__()
        self._most = most

    def write(self, data: Any) -> int:
        written = super().write(data)
        if self.tell() > self._most:
            raise _Full
        return written
