"""Sizes of pictures to be made: read from the caller's text, and brought within what a model takes."""

import math
import re
from dataclasses import dataclass
from typing import NamedTuple

from gateway.errors import InvalidRequest

_SIZE = re.compile(r"([1-9][0-9]{0,5})x([1-9][0-9]{0,5})")


class Size(NamedTuple):
    """Width and height in pixels."""

    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


def parse(text: str) -> Size | None:
    """The size that ``1024x1536`` names; None for any other text."""
    match = _SIZE.fullmatch(text)
    return Size(int(match[1]), int(match[2])) if match else None


@dataclass(frozen=True)
class Pixels:
    """Between ``least`` and ``most`` pixels in all, the sides in a ratio of at most ``steepest`` to one."""

    least: int
    most: int
    steepest: int = 16

    def fit(self, size: Size, model: str) -> Size:
        """The size, scaled up where it is too small. Raises InvalidRequest for one that is too large or too long."""
        if max(size) > self.steepest * min(size):
            ratio = max(size) / min(size)
            text = f"`size` {size} has sides in a ratio of {ratio:.4g} to 1; {model} takes at most {self.steepest} to 1."
            raise refused(text)
        pixels = size.width * size.height
        if pixels > self.most:
            raise refused(f"`size` {size} has {pixels} pixels; {model} takes at most {self.most}.")
        if pixels >= self.least:
            return size
        return Size(
            _root_above(self.least * size.width, size.height),
            _root_above(self.least * size.height, size.width),
        )


@dataclass(frozen=True)
class Sides:
    """Each side between ``shortest`` and ``longest`` pixels, and a multiple of ``step``, which divides both."""

    shortest: int
    longest: int
    step: int = 1

    def fit(self, size: Size, model: str) -> Size:
        """The size, scaled up where it is too small, and rounded down. Raises InvalidRequest for an impossible one."""
        short = min(size)
        scaled = size
        if short < self.shortest:
            scaled = Size(*(-(-side * self.shortest // short) for side in size))
        fitting = Size(*(side // self.step * self.step for side in scaled))
        if max(fitting) <= self.longest:
            return fitting
        takes = f"{model} takes {self.shortest} to {self.longest} pixels a side"
        if scaled != size:
            raise refused(f"`size` {size} would have to be scaled up to {scaled}, but {takes}.")
        raise refused(f"`size` {size} has a side of {max(size)} pixels; {takes}.")


def _root_above(numerator: int, denominator: int) -> int:
    """The smallest whole number whose square is not below a fraction: floats would be one too many now and then."""
    return math.isqrt(-(-numerator // denominator) - 1) + 1


def refused(text: str) -> InvalidRequest:
    return InvalidRequest(text, param="size", code="invalid_size")
