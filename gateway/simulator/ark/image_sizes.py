"""Seedream's sizes: a tier or WxH, within each generation's pixel range."""

import re
from dataclasses import dataclass

from gateway.simulator.ark.errors import ArkError, invalid

Size = tuple[int, int]

_TIERS = {"1k": 1024, "1.5k": 1536, "2k": 2048, "3k": 3072, "4k": 4096}
_SIZE = re.compile(r"(\d{1,5})x(\d{1,5})")
_STEEPEST_RATIO = 16


@dataclass(frozen=True)
class Generation:
    fewest_pixels: int
    most_pixels: int
    default: str
    output_formats: tuple[str, ...] = ("jpeg",)
    most_references: int = 14
    streams: bool = True


# The first name found in the model's decides; Seedream 3 and older take WxH from 512 to 2048 a side.
_GENERATIONS = {
    "seedream-5-0-pro": Generation(921_600, 4_624_220, "2K", ("jpeg", "png"), 10, streams=False),
    "seedream-5-0-flash": Generation(3_686_400, 16_777_216, "2K", ("jpeg", "png"), streams=False),
    "seedream-5-0": Generation(3_686_400, 16_777_216, "2K", ("jpeg", "png")),
    "seedream-4-5": Generation(3_686_400, 16_777_216, "2K"),
    "seedream-4-0": Generation(921_600, 16_777_216, "2K"),
}
_OLDEST = Generation(262_144, 4_194_304, "1024x1024", most_references=1, streams=False)


def generation(model: str) -> Generation:
    return next((made for name, made in _GENERATIONS.items() if name in model), _OLDEST)


def picture_size(text: str, made: Generation) -> Size:
    width, height = _parse(text)
    if width * height < made.fewest_pixels:
        raise _refused(f"image size must be at least {made.fewest_pixels} pixels")
    if width * height > made.most_pixels:
        raise _refused(f"image size must be at most {made.most_pixels} pixels")
    if max(width, height) > _STEEPEST_RATIO * min(width, height):
        raise _refused(f"the aspect ratio must be between 1/{_STEEPEST_RATIO} and {_STEEPEST_RATIO}")
    return width, height


def _parse(text: str) -> Size:
    side = _TIERS.get(text.lower())
    if side:
        return side, side
    match = _SIZE.fullmatch(text)
    if not match or "0" in match.groups():
        raise _refused(f"invalid value: `{text}`")
    return int(match[1]), int(match[2])


def _refused(reason: str) -> ArkError:
    return invalid(f"The parameter `size` specified in the request are not valid: {reason}.", param="size")
