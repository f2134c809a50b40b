"""Pictures as real encoders write them, each with what was put in."""

import io
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import pillow_heif
from PIL import Image

COLOURS = ("red", "lime", "blue", "white")


class Sample(NamedTuple):
    mime: str
    size: tuple[int, int]
    frames: int
    make: Callable[[], bytes]

    @property
    def animated(self) -> bool:
        return self.frames > 1 and self.mime not in ("image/tiff", "image/x-icon", "image/icns")


def picture(mode: str = "RGB", size: tuple[int, int] = (40, 30), colour: str = "red") -> Image.Image:
    return Image.new("RGB", size, colour).convert(mode)


def encode(image: Image.Image, format_: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format_, **options)
    return buffer.getvalue()


def still(
    format_: str, mode: str = "RGB", size: tuple[int, int] = (40, 30), **options: Any
) -> Callable[[], bytes]:
    return lambda: encode(picture(mode, size), format_, **options)


def several(format_: str, *sizes: tuple[int, int], **options: Any) -> Callable[[], bytes]:
    def make() -> bytes:
        first, *others = [picture("RGB", size, COLOURS[index]) for index, size in enumerate(sizes)]
        return encode(first, format_, save_all=True, append_images=others, **options)

    return make


def heic(*sizes: tuple[int, int], mode: str = "RGB") -> bytes:
    file = pillow_heif.HeifFile()
    for size in sizes:
        file.add_from_pillow(picture(mode, size))
    buffer = io.BytesIO()
    file.save(buffer)
    return buffer.getvalue()


def jpeg_behind_segments() -> bytes:
    plain = encode(picture(), "JPEG", progressive=True)
    segment = (
        b"\xff\xe1" + (50_000).to_bytes(2, "big") + b"\xff\xc0" * 24_999
    )  # what looks like markers is none
    return plain[:2] + 2 * segment + plain[2:]


THREE = ((40, 30),) * 3
SIZE = (40, 30)
SAMPLES = {
    "png": Sample("image/png", SIZE, 1, still("PNG")),
    "png of one bit": Sample("image/png", (1, 1), 1, still("PNG", "1", (1, 1))),
    "png with a palette": Sample("image/png", SIZE, 1, still("PNG", "P")),
    "png of 16 bits": Sample("image/png", SIZE, 1, still("PNG", "I;16")),
    "png with alpha": Sample("image/png", (300, 7), 1, still("PNG", "RGBA", (300, 7))),
    "png behind text": Sample("image/png", SIZE, 1, still("PNG", exif=b"Exif\0\0" + bytes(70_000))),
    "apng": Sample("image/png", SIZE, 3, several("PNG", *THREE)),
    "apng with a picture of its own": Sample("image/png", SIZE, 3, several("PNG", *THREE, default_image=True)),
    "jpeg": Sample("image/jpeg", SIZE, 1, still("JPEG")),
    "grey jpeg": Sample("image/jpeg", (301, 17), 1, still("JPEG", "L", (301, 17))),
    "cmyk jpeg": Sample("image/jpeg", SIZE, 1, still("JPEG", "CMYK")),
    "progressive jpeg behind 100 kB": Sample("image/jpeg", SIZE, 1, jpeg_behind_segments),
    "mpo": Sample("image/jpeg", SIZE, 1, several("MPO", *THREE)),
    "gif": Sample("image/gif", SIZE, 1, still("GIF")),
    "interlaced gif": Sample("image/gif", (500, 400), 1, still("GIF", "P", (500, 400), interlace=True)),
    "gif with a comment": Sample("image/gif", SIZE, 1, still("GIF", comment=b"," * 700)),
    "animated gif": Sample("image/gif", SIZE, 3, several("GIF", *THREE, loop=0)),
    "webp": Sample("image/webp", SIZE, 1, still("WEBP")),
    "lossless webp": Sample("image/webp", (1000, 3), 1, still("WEBP", "RGBA", (1000, 3), lossless=True)),
    "extended webp": Sample("image/webp", SIZE, 1, still("WEBP", exif=b"Exif\0\0" + bytes(501))),
    "animated webp": Sample("image/webp", SIZE, 3, several("WEBP", *THREE)),
    "bmp": Sample("image/bmp", SIZE, 1, still("BMP")),
    "bmp of one bit": Sample("image/bmp", SIZE, 1, still("BMP", "1")),
    "bmp with alpha": Sample("image/bmp", SIZE, 1, still("BMP", "RGBA")),
    "dib": Sample("image/dib", SIZE, 1, still("DIB")),
    "grey dib": Sample("image/dib", (7, 300), 1, still("DIB", "L", (7, 300))),
    "tiff": Sample("image/tiff", SIZE, 1, still("TIFF")),
    "tiff of 16 bits": Sample("image/tiff", SIZE, 1, still("TIFF", "I;16")),
    "big-endian tiff": Sample("image/tiff", SIZE, 1, still("TIFF", "I;16B")),
    "compressed tiff": Sample("image/tiff", SIZE, 1, still("TIFF", compression="tiff_lzw")),
    "bigtiff": Sample("image/tiff", SIZE, 1, still("TIFF", big_tiff=True)),
    "tiff of three pages": Sample("image/tiff", (70, 90), 3, several("TIFF", (40, 30), (70, 2), (10, 90))),
    "ico": Sample("image/x-icon", (64, 64), 3, still("ICO", "RGBA", (64, 64), sizes=[(16, 16), (32, 32), (64, 64)])),
    "ico of 256": Sample("image/x-icon", (256, 256), 1, still("ICO", "RGBA", (256, 256), sizes=[(256, 256)])),
    "ico of bitmaps": Sample(
        "image/x-icon", (48, 48), 2, still("ICO", "RGBA", (48, 48), sizes=[(16, 16), (48, 48)], bitmap_format="bmp")
    ),
    "icns": Sample("image/icns", (1024, 1024), 8, still("ICNS", "RGBA", (64, 64))),
    "jp2": Sample("image/jp2", SIZE, 1, still("JPEG2000")),
    "jpeg 2000 codestream": Sample("image/jp2", SIZE, 1, still("JPEG2000", "L", no_jp2=True)),
    "jpeg 2000 at an offset": Sample(
        "image/jp2", SIZE, 1, still("JPEG2000", no_jp2=True, offset=(5, 6), tile_offset=(5, 6), tile_size=(40, 30))
    ),
    "sgi": Sample("image/sgi", SIZE, 1, still("SGI")),
    "sgi of 16 bits": Sample("image/sgi", SIZE, 1, still("SGI", "L", bpc=2)),
    "avif": Sample("image/avif", (123, 77), 1, still("AVIF", "RGBA", (123, 77))),
    "animated avif": Sample("image/avif", SIZE, 3, several("AVIF", *THREE)),
    "heic": Sample("image/heic", (128, 96), 1, lambda: heic((128, 96))),
    "heic with alpha": Sample("image/heic", (128, 96), 1, lambda: heic((128, 96), mode="RGBA")),
    "heic of two pictures": Sample("image/heic", (128, 96), 1, lambda: heic((128, 96), (256, 192))),
}  # fmt: skip


@cache
def sample(name: str) -> bytes:
    return SAMPLES[name].make()
