"""Reads fields of a header: never beyond the bytes, never without end."""

import struct
from typing import Any

from gateway.media.formats.header import Incomplete

MOST_WORK = 300_000  # what a GIF of 75 MB takes


class Broken(ValueError):
    """The bytes begin as a picture does, but tell no size. The message is for logs only."""


class Truncated(Broken):
    """The bytes end before the header does."""


class Reader:
    """Reads at offsets. The end of the bytes is Incomplete where more will come, and Truncated where nothing will.

    Each read costs a step, and one more for every 16 bytes. Hostile bytes may be made of millions of tiny parts, or
    of parts that overlap: the steps are what bounds the work on them.
    """

    __slots__ = ("_data", "_whole", "work")

    def __init__(self, data: bytes, whole: bool) -> None:
        self._data = data
        self._whole = whole
        self.work = 0

    def take(self, at: int, size: int) -> bytes:
        self._spend(size)
        piece = self._data[at : at + size]
        if len(piece) < size:
            raise self._end()
        return piece

    def byte(self, at: int) -> int:
        self._spend(1)
        if at >= len(self._data):
            raise self._end()
        return self._data[at]

    def big(self, at: int, size: int) -> int:
        return int.from_bytes(self.take(at, size), "big")

    def little(self, at: int, size: int) -> int:
        return int.from_bytes(self.take(at, size), "little")

    def unpack(self, form: str, at: int) -> tuple[Any, ...]:
        return struct.unpack(form, self.take(at, struct.calcsize(form)))

    def find(self, byte: bytes, at: int) -> int:
        """Where ``byte`` stands next."""
        self._spend(1)
        found = self._data.find(byte, at)
        if found < 0:
            raise self._end()
        return found

    def reaches(self, at: int) -> bool:
        """Whether anything stands at ``at``. Raises Incomplete where that is yet to be seen."""
        if at < len(self._data):
            return True
        if not self._whole:
            raise Incomplete
        return False

    def _spend(self, size: int) -> None:
        self.work += 1 + size // 16
        if self.work > MOST_WORK:
            raise Broken("too many parts")

    def _end(self) -> Exception:
        return Truncated("truncated") if self._whole else Incomplete()
