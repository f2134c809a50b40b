"""Pictures as the vendors' decoders see them: real format, size and dominant colour."""

import io
import re
import struct
from dataclasses import dataclass, replace

import pillow_heif
from PIL import Image, ImageFile

_COLOURS = {
    "red": (255, 0, 0),
    "green": (0, 160, 0),
    "blue": (0, 0, 255),
    "yellow": (255, 255, 0),
    "cyan": (0, 255, 255),
    "magenta": (255, 0, 255),
    "orange": (255, 150, 0),
    "purple": (128, 0, 128),
    "pink": (255, 180, 195),
    "brown": (140, 75, 25),
    "black": (0, 0, 0),
    "white": (255, 255, 255),
    "grey": (128, 128, 128),
}
_MIME_TYPES = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "GIF": "image/gif",
    "WEBP": "image/webp",
    "BMP": "image/bmp",
    "DIB": "image/bmp",
    "TIFF": "image/tiff",
    "ICO": "image/x-icon",
    "ICNS": "image/icns",
    "SGI": "image/sgi",
    "JPEG2000": "image/jp2",
    "AVIF": "image/avif",
    "HEIC": "image/heic",
}
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_SAMPLE = (64, 64)
# What Image.open itself takes as "not this format".
_NOT_THIS_FORMAT = (SyntaxError, IndexError, TypeError, KeyError, EOFError, struct.error)


class Unreadable(Exception):
    """The bytes are no picture of a known format, or a broken one."""


@dataclass(frozen=True)
class Picture:
    data: bytes
    format: str
    width: int
    height: int
    colour: str = ""  # "#rrggbb" of the largest area, once it was looked at
    origin: str = ""

    @property
    def mime_type(self) -> str:
        return _MIME_TYPES.get(self.format, f"image/{self.format.lower()}")

    @property
    def pixels(self) -> int:
        return self.width * self.height


def measure(data: bytes) -> Picture:
    """Format and size from the header, without decoding a pixel."""
    image = _open(data)
    return Picture(data, _name(image), *image.size)


def inspect(picture: Picture) -> Picture:
    """The picture with its dominant colour; this decodes it."""
    sample = _over_white(_decoded(picture.data).resize(_SAMPLE, Image.Resampling.NEAREST))
    return replace(picture, colour="#{:02x}{:02x}{:02x}".format(*_dominant(sample)))


def decode(picture: Picture) -> Image.Image:
    return _over_white(_decoded(picture.data))


def encode(image: Image.Image, format: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format)
    return buffer.getvalue()


def colour_name(colour: str) -> str:
    rgb = tuple(int(colour[start : start + 2], 16) for start in (1, 3, 5))
    return min(_COLOURS, key=lambda name: sum((a - b) ** 2 for a, b in zip(rgb, _COLOURS[name], strict=True)))


def colour_named(text: str) -> str | None:
    return next((word for word in re.findall(r"[a-z]+", text.lower()) if word in _COLOURS), None)


def describe(picture: Picture) -> str:
    colour = f"{colour_name(picture.colour)} ({picture.colour})"
    origin = f" ({picture.origin})" if picture.origin else ""
    size = f"{picture.width}x{picture.height}"
    return f"{picture.format} {size}, dominant colour {colour}, {len(picture.data)} bytes{origin}"


def _open(data: bytes) -> ImageFile.ImageFile | pillow_heif.HeifImage:
    """Like Image.open, which warns of large pictures where the vendors answer with their own limits."""
    if _is_heic(data):
        return _open_heic(data)
    Image.init()
    for format in _MIME_TYPES:
        image = _attempt(format, data)
        if image is not None:
            return image
    raise Unreadable("cannot identify the picture's format")


def _attempt(format: str, data: bytes) -> ImageFile.ImageFile | None:
    factory, accepts = Image.OPEN.get(format, (None, None))
    try:
        if factory is None or (accepts and accepts(data[:16]) is not True):
            return None
        return factory(io.BytesIO(data), "")
    except _NOT_THIS_FORMAT:
        return None
    except Exception as error:  # decoders raise whatever they stumble over
        raise Unreadable(f"cannot read the picture: {error}") from error


def _is_heic(data: bytes) -> bool:
    """By the brands; where the first leaves the codec open, the others tell AVIF."""
    brands = data[8 : int.from_bytes(data[:4], "big")]
    return data[4:8] == b"ftyp" and brands[:4] in _HEIF_BRANDS and b"avif" not in brands


def _open_heic(data: bytes) -> pillow_heif.HeifImage:
    try:
        file = pillow_heif.open_heif(data)
        return file[file.primary_index]
    except Exception as error:
        raise Unreadable(f"cannot read the picture: {error}") from error


def _name(image: ImageFile.ImageFile | pillow_heif.HeifImage) -> str:
    if isinstance(image, pillow_heif.HeifImage):
        return "HEIC"
    name = image.format or ""
    return "JPEG" if name == "MPO" else name  # phones' JPEG with a second picture behind the first


def _decoded(data: bytes) -> Image.Image:
    image = _open(data)
    try:
        if isinstance(image, pillow_heif.HeifImage):
            return image.to_pillow()
        image.load()
    except Exception as error:
        raise Unreadable(f"cannot decode the picture: {error}") from error
    return image


def _over_white(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image.convert("RGB")
    layered = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layered.size, "white"), layered).convert("RGB")


def _dominant(image: Image.Image) -> tuple[int, int, int]:
    sample = image.quantize(8)
    counts = sample.histogram()
    index = counts.index(max(counts))
    red, green, blue = (sample.getpalette() or [])[3 * index : 3 * index + 3]
    return red, green, blue
