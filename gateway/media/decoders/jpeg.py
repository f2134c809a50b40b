"""A picture as a JPEG of at most so many bytes: first its quality falls, then its size."""

import io
import math

from PIL import Image

MIME = "image/jpeg"
MAX_SIDE = 65_500  # libjpeg takes no more
ATTEMPTS = (
    (88, "4:4:4"),
    (80, "4:2:0"),
    (65, "4:2:0"),
    (50, "4:2:0"),
)  # coloured letters stay sharp in the first
MARGIN = 0.95  # bytes fall more slowly than pixels


def encode(image: Image.Image, *, max_bytes: int | None, min_width: int) -> tuple[Image.Image, bytes] | None:
    """The picture as it was encoded, and its bytes; None if it does not fit at `min_width` either."""
    most = math.inf if max_bytes is None else max_bytes
    for attempt in ATTEMPTS:
        data = _save(image, attempt)
        if len(data) <= most:
            return image, data
    smaller = image
    while smaller.width > min_width:
        factor = MARGIN * min(1.0, math.sqrt(most / len(data)))
        smaller = _scale(image, max(min_width, int(smaller.width * factor)))
        data = _save(smaller, ATTEMPTS[-1])
        if len(data) <= most:
            return smaller, data
    return None


def _scale(image: Image.Image, width: int) -> Image.Image:
    height = max(1, round(image.height * width / image.width))
    return image.resize((width, height), Image.Resampling.LANCZOS)


def _save(image: Image.Image, attempt: tuple[int, str]) -> bytes:
    quality, subsampling = attempt
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality, subsampling=subsampling)
    return buffer.getvalue()
