"""Pictures to send."""

import base64
import io
from typing import Any

import pillow_heif
from PIL import Image


def picture(colour: str = "red", size: tuple[int, int] = (64, 48), format: str = "PNG") -> bytes:
    return encoded(Image.new("RGB", size, colour), format)


def encoded(image: Image.Image, format: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    if format == "HEIC":
        pillow_heif.from_pillow(image).save(buffer)
    else:
        image.save(buffer, format)
    return buffer.getvalue()


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
