"""Embeddings that follow from the content alone: equal inputs, equal vectors."""

import base64
import hashlib
import struct
from collections.abc import Mapping
from typing import Any


def embedding(content: bytes, body: Mapping[str, Any], dimensions: int) -> list[float] | str:
    """In the form that the request body asks for."""
    numbers = _numbers(content, body.get("dimensions") or dimensions)
    if body.get("encoding_format") != "base64":
        return numbers
    return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()


def _numbers(content: bytes, count: int) -> list[float]:
    raw = hashlib.shake_128(content).digest(2 * count)
    return [value / 32_768 for value in struct.unpack(f"<{count}h", raw)]
