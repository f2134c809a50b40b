"""What is asked, made once: a short question, a paced stream, a picture as data URL or by its address."""

import base64
import hashlib
import io
import math
import random
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import orjson
from PIL import Image

KEY = "sk-bench-loopback-only"
HEADERS = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
QUESTION = "What is in this picture?"
DIGEST = "digest"
# Of base64 text; the largest stays below ModelArts' limit of 10 MB.
SIZES = {"100k": 100 << 10, "1m": 1 << 20, "5m": 5 << 20, "9m": 9 << 20}
IEND = b"\0\0\0\0IEND"
CHUNK_OVERHEAD = 12  # of a PNG: its length, type and checksum


@dataclass(frozen=True)
class Call:
    """A body, and where it is posted."""

    path: str
    body: bytes

    def request(self, headers: Mapping[str, str]) -> bytes:
        whole = {"host": "127.0.0.1", **headers, "content-length": str(len(self.body))}
        lines = [f"POST {self.path} HTTP/1.1", *(f"{name}: {value}" for name, value in whole.items())]
        return "\r\n".join([*lines, "", ""]).encode() + self.body


def chat(content: str | list[Any] = QUESTION, model: str = "bench-vision", **fields: Any) -> Call:
    messages = [{"role": "user", "content": content}]
    return Call("/v1/chat/completions", orjson.dumps({"model": model, "messages": messages, **fields}))


def responses(content: str | list[Any], model: str, **fields: Any) -> Call:
    items = [{"role": "user", "content": content}]
    return Call("/v1/responses", orjson.dumps({"model": model, "input": items, **fields}))


def script(tokens: int, rate: int) -> str:
    return f"stream tokens={tokens} rate={rate}"


def stream(tokens: int, rate: int) -> Call:
    return chat(script(tokens, rate), stream=True)


def responses_over_chat(tokens: int, rate: int) -> Call:
    """ModelArts has chat alone."""
    return responses(script(tokens, rate), "bench-vision", stream=True)


def chat_over_responses(tokens: int, rate: int) -> Call:
    """Ark has image_process on Responses alone."""
    return chat(script(tokens, rate), "ark-vision", stream=True, tools=[{"type": "image_process"}])


def picture(url: str, text: str = QUESTION) -> Call:
    return chat([{"type": "text", "text": text}, {"type": "image_url", "image_url": {"url": url}}])


def ark_picture(url: str, text: str = QUESTION) -> Call:
    parts = [{"type": "input_text", "text": text}, {"type": "input_image", "image_url": url}]
    return responses(parts, "ark-vision")


def data_url(data: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"


def png(size: int, salt: int = 0) -> bytes:
    """A real PNG of `size` bytes in base64; another `salt` makes another file of the same picture."""
    head, end, tail = noise(size).rpartition(IEND)
    room = size * 3 // 4 - len(head) - len(end) - len(tail) - CHUNK_OVERHEAD
    text = b"tEXtComment\0" + f"salt {salt}".encode().ljust(room - len("Comment\0"))
    return b"".join((head, room.to_bytes(4, "big"), text, zlib.crc32(text).to_bytes(4, "big"), end, tail))


@cache
def noise(size: int) -> bytes:
    """Noise does not compress, so its sides set its size: a little less than `size` in base64."""
    side = math.isqrt((size * 3 // 4 - 512) * 99 // 100 // 3)
    pixels = random.Random(5).randbytes(side * side * 3)
    file = io.BytesIO()
    Image.frombytes("RGB", (side, side), pixels).save(file, "PNG", compress_level=1)
    return file.getvalue()


def text_digest(data: bytes) -> str:
    """Of the base64 text, which is what stands in a data URL."""
    return hashlib.sha256(base64.b64encode(data)).hexdigest()


def file_digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
