"""Pictures to send."""

import base64
import io
import struct
from typing import Any

from PIL import Image


def picture(colour: str = "red", size: tuple[int, int] = (64, 48), format: str = "PNG") -> bytes:
    return encoded(Image.new("RGB", size, colour), format)


def encoded(image: Image.Image, format: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format)
    return buffer.getvalue()


def heic(width: int, height: int) -> bytes:
    """As much of a HEIF file as tells its size."""
    return (
        b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0\0\0\x14ispe\0\0\0\0" + struct.pack(">II", width, height)
    )


def data_url(data: bytes, mime_type: str = "image/png") -> str:
    return f"data:{mime_type};base64,{base64.b64encode(data).decode()}"


def image_part(data: bytes, mime_type: str = "image/png", **more: Any) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": data_url(data, mime_type), **more}}


def input_image(data: bytes, mime_type: str = "image/png") -> dict[str, Any]:
    return {"type": "input_image", "image_url": data_url(data, mime_type)}


def text_part(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def input_text(text: str) -> dict[str, Any]:
    return {"type": "input_text", "text": text}
