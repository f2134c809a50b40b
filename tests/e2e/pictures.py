"""Pictures to send, and how the simulated models describe them."""

import base64
import io
import itertools
import random
import re
from typing import Any

import pillow_heif
from PIL import Image

_serial = itertools.count(1)


# What callers send, by the name that Pillow and the simulator have for it.
MIME_TYPES = {
    "PNG": "image/png",
    "JPEG": "image/jpeg",
    "GIF": "image/gif",
    "WEBP": "image/webp",
    "BMP": "image/bmp",
    "DIB": "image/dib",
    "TIFF": "image/tiff",
    "ICO": "image/x-icon",
    "ICNS": "image/icns",
    "JPEG2000": "image/jp2",
    "SGI": "image/sgi",
    "HEIC": "image/heic",
    "AVIF": "image/avif",
}


def encoded(image: Image.Image, format: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    if format == "HEIC":
        pillow_heif.from_pillow(image).save(buffer, **options)
    else:
        image.save(buffer, format, **options)
    return buffer.getvalue()


def small(colour: str = "red", size: tuple[int, int] = (64, 48), format: str = "PNG") -> bytes:
    return encoded(Image.new("RGB", size, colour), format)


def large(colour: str = "red", side: int = 120, format: str = "PNG") -> bytes:
    """A picture that no test has sent before; two thirds of it are noise, so it does not shrink."""
    image = Image.new("RGB", (side, side), colour)
    noise = random.Random(next(_serial)).randbytes(side * (side // 2) * 3)
    image.paste(Image.frombytes("RGB", (side, side // 2), noise), (0, side - side // 2))
    return encoded(image, format)


def heavy(size: int) -> bytes:
    """A picture of so many bytes: what follows its end is nobody's business."""
    return small().ljust(size, b"\0")


_IMAGE = re.compile(r"image \d+: (\w+ \d+x\d+), dominant colour (\w+) \(#\w+\), (\d+) bytes")


def seen(text: str) -> list[tuple[str, str, int]]:
    """The pictures that a simulated model tells of, in order: format and size, colour, bytes."""
    return [(shape, colour, int(size)) for shape, colour, size in _IMAGE.findall(text)]


def shape(data: bytes, colour: str) -> tuple[str, str, int]:
    """What is told of these very bytes."""
    image = Image.open(io.BytesIO(data))
    return f"{image.format} {image.width}x{image.height}", colour, len(data)


def base64_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


def data_url(data: bytes, mime_type: str = "image/png") -> str:
    return f"data:{mime_type};base64,{base64_of(data)}"


def text_part(api: str, text: str) -> dict[str, Any]:
    return {"type": "text" if api == "chat" else "input_text", "text": text}


def url_part(api: str, url: Any) -> dict[str, Any]:
    if api == "chat":
        return {"type": "image_url", "image_url": {"url": url}}
    return {"type": "input_image", "image_url": url}


def file_part(api: str, file_id: str) -> dict[str, Any]:
    if api == "chat":
        return {"type": "image_url", "image_url": {"file_id": file_id}}
    return {"type": "input_image", "file_id": file_id}


def asked(api: str, *content: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A body whose one message has this content."""
    message = {"role": "user", "content": list(content)}
    return {"messages" if api == "chat" else "input": [message], **more}


PATHS = {"chat": "/chat/completions", "responses": "/responses"}
