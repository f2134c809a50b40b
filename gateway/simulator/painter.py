"""Pictures made to order: a sky in the prompt's colour, the references as tiles, a corner mark."""

import hashlib
from collections.abc import Sequence

from PIL import Image, ImageColor, ImageDraw

from gateway.simulator.pictures import Picture, colour_named, decode, encode

_MARK = "AI"


def paint(
    prompt: str, size: tuple[int, int], references: Sequence[Picture], *, index: int, format: str, mark: bool
) -> bytes:
    image = Image.new("RGB", size, _colour(prompt, index))
    side = max(1, min(size) // 8)
    for place, reference in enumerate(references):
        image.paste(decode(reference).resize((side, side)), (place * side, 0))
    if mark:
        _sign(image, side)
    return encode(image, format.upper())


def _colour(prompt: str, index: int) -> tuple[int, int, int]:
    named = colour_named(prompt)
    if named:
        return ImageColor.getrgb(named)[:3]
    red, green, blue = hashlib.sha256(f"{index} {prompt}".encode()).digest()[:3]
    return red, green, blue


def _sign(image: Image.Image, side: int) -> None:
    pen = ImageDraw.Draw(image)
    left, top = image.width - side, image.height - side // 2
    pen.rectangle((left, top, image.width, image.height), fill="white")
    pen.text((left + 4, top + 4), _MARK, fill="black")
