"""The requests' bodies, made once: a short question, a paced stream, a large picture."""

import base64
import hashlib
import io
import math
import random
from functools import cache

import orjson
from PIL import Image

MODEL = "bench-vision"
KEY = "sk-bench-loopback-only"
HEADERS = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
QUESTION = "What is in this picture?"
PICTURE_TEXT_BYTES = 5 * 1024 * 1024


def chat(content: str | list[dict[str, object]] = QUESTION, *, stream: bool = False) -> bytes:
    messages = [{"role": "user", "content": content}]
    return orjson.dumps({"model": MODEL, "messages": messages, "stream": stream})


def stream(tokens: int, rate: int) -> bytes:
    return chat(f"stream tokens={tokens} rate={rate}", stream=True)


def picture(text: str = QUESTION) -> bytes:
    url = {"url": f"data:image/png;base64,{noise()}"}
    return chat([{"type": "text", "text": text}, {"type": "image_url", "image_url": url}])


@cache
def noise() -> str:
    """A real PNG in base64: noise does not compress, so its sides set its size."""
    side = math.isqrt(PICTURE_TEXT_BYTES * 3 // 4 // 3)
    pixels = random.Random(5).randbytes(side * side * 3)
    file = io.BytesIO()
    Image.frombytes("RGB", (side, side), pixels).save(file, "PNG", compress_level=1)
    return base64.b64encode(file.getvalue()).decode()


@cache
def digest() -> str:
    return hashlib.sha256(noise().encode()).hexdigest()


def request(body: bytes) -> bytes:
    headers = {"host": "127.0.0.1", **HEADERS, "content-length": str(len(body))}
    lines = ["POST /v1/chat/completions HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body
