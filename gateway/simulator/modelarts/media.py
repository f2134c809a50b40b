"""How ModelArts takes in pictures."""

import asyncio
from collections.abc import Sequence

from gateway.simulator.conversation import Clip, Message
from gateway.simulator.data_url import BrokenBase64, DataURL, parse_data_url
from gateway.simulator.modelarts.errors import ModelArtsError, invalid
from gateway.simulator.pictures import Picture, Unreadable, inspect, measure
from gateway.simulator.prompts import Source, Turn

_FORMATS = ("BMP", "JPEG", "PNG", "TIFF", "WEBP", "GIF")
_LONGEST_BASE64 = 10 * 1024 * 1024
# Beyond these the decoder's memory is the limit; the vendor names the limit, not its numbers.
_MOST_PIXELS = 178_956_970
_LONGEST_SIDE = 65_500


async def see(turns: Sequence[Turn]) -> tuple[Message, ...]:
    messages = []
    for turn in turns:
        parts: list[str | Picture | Clip] = [await _seen(part) for part in turn.parts]
        messages.append(Message(turn.role, tuple(parts)))
    return tuple(messages)


async def _seen(part: str | Source) -> str | Picture:
    return part if isinstance(part, str) else await look(part.url or "")


async def look(url: str, formats: Sequence[str] = _FORMATS) -> Picture:
    parsed = parse_data_url(url)
    if parsed is None:
        raise invalid("The image must be a base64 data URL: data:image/<format>;base64,<data>.")
    if len(parsed.encoded) >= _LONGEST_BASE64:
        raise invalid(
            f"The base64 of the image ({len(parsed.encoded)} characters) must be smaller than 10 MB."
        )
    return await asyncio.to_thread(_admitted, parsed, formats)


def _admitted(url: DataURL, formats: Sequence[str]) -> Picture:
    try:
        picture = measure(url.decode())
        _check(picture, url.mime_type, formats)
        return inspect(picture)
    except BrokenBase64 as error:
        raise invalid("The base64 of the image is invalid.") from error
    except Unreadable as error:
        raise invalid("The image cannot be read.") from error


def _check(picture: Picture, declared: str, formats: Sequence[str]) -> None:
    if picture.format not in formats:
        raise invalid(f"The image format {picture.format.lower()} is not supported.")
    if declared != picture.mime_type:
        raise invalid(f"The declared image type {declared} is not the image's type {picture.mime_type}.")
    if picture.pixels > _MOST_PIXELS or max(picture.width, picture.height) > _LONGEST_SIDE:
        size = f"{picture.width}x{picture.height}"
        limits = f"pixel limit ({_MOST_PIXELS}, {_LONGEST_SIDE})"
        raise ModelArtsError(400, f"Image dimensions {size} exceed {limits}", code="ModelArts.81118")
