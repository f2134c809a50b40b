"""The limits that Ark sets a picture, and what it answers to one beyond them."""

from dataclasses import dataclass

from gateway.simulator.ark.errors import ArkError, invalid
from gateway.simulator.pictures import Picture, Unreadable, inspect, measure

_MEGABYTE = 1024 * 1024
_ALIASES = {
    "image/jpg": "image/jpeg",
    "image/tif": "image/tiff",
    "image/ico": "image/x-icon",
    "image/vnd.microsoft.icon": "image/x-icon",
    "image/x-ms-bmp": "image/bmp",
    "image/dib": "image/bmp",
    "image/jpeg2000": "image/jp2",
    "image/heif": "image/heic",
}


@dataclass(frozen=True)
class Rules:
    formats: frozenset[str]
    largest: int | None = 10 * _MEGABYTE  # None: a file, bounded when it was uploaded
    fewest_pixels: int = 196
    most_pixels: int = 36_000_000
    shortest_side: int = 15
    steepest_ratio: int = 150


_COMMON = frozenset({"JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF"})
UNDERSTANDING = Rules(_COMMON | {"DIB", "ICO", "ICNS", "SGI", "JPEG2000", "HEIC"})
SEEDREAM_REFERENCE = Rules(_COMMON | {"HEIC"}, largest=30 * _MEGABYTE, steepest_ratio=16)
IMAGE_PROCESS_FORMATS = _COMMON | {"ICO", "ICNS", "JPEG2000"}


def admit(data: bytes, declared: str | None, number: int, rules: Rules) -> Picture:
    if rules.largest is not None and len(data) > rules.largest:
        raise _oversize(len(data), rules.largest)
    try:
        picture = measure(data)
        _check(picture, declared, number, rules)
        return inspect(picture)
    except Unreadable as error:
        raise _unreadable(number) from error


def _check(picture: Picture, declared: str | None, number: int, rules: Rules) -> None:
    if picture.format not in rules.formats:
        raise _unreadable(number)
    if declared is not None:
        _check_declared(declared, picture, number)
    _check_shape(picture, number, rules)


def _check_declared(declared: str, picture: Picture, number: int) -> None:
    if _ALIASES.get(declared, declared) == picture.mime_type:
        return
    raise invalid(
        f"Image {number} failed: the declared type {declared} is not the image's type {picture.mime_type}.",
        param="image_url",
    )


def _check_shape(picture: Picture, number: int, rules: Rules) -> None:
    size = f"Current dimensions: {picture.width}x{picture.height}"
    short, long = sorted((picture.width, picture.height))
    if picture.pixels > rules.most_pixels:
        most = f"{size} = {picture.pixels} pixels. Maximum allowed: {rules.most_pixels} pixels."
        raise _failed(number, f"Image exceeds the maximum allowed total pixels. {most}")
    if short < rules.shortest_side:
        raise _failed(number, f"Image sides must be larger than {rules.shortest_side - 1} pixels. {size}.")
    if picture.pixels < rules.fewest_pixels:
        fewest = f"{size} = {picture.pixels} pixels. Minimum required: {rules.fewest_pixels} pixels."
        raise _failed(number, f"Image is below the minimum required total pixels. {fewest}")
    if long > short * rules.steepest_ratio:
        ratio = f"between 1/{rules.steepest_ratio} and {rules.steepest_ratio}"
        raise _failed(number, f"Image aspect ratio must be {ratio}. {size}.")


def _failed(number: int, reason: str) -> ArkError:
    return invalid(f"Image {number} failed: {reason}")


def _oversize(size: int, limit: int) -> ArkError:
    sizes = f"({-(-size // _MEGABYTE)} MB) exceeds the limit ({limit // _MEGABYTE} MB)"
    return invalid(
        f"The request failed because the size of the input image {sizes}.",
        code="InvalidParameter.OversizeImage",
        param="image_url",
    )


def _unreadable(number: int) -> ArkError:
    return invalid(
        f"Image {number} failed: the image format is not supported or the data is broken.",
        code="InvalidImageURL.InvalidFormat",
        param="image_url",
    )
