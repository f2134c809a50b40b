"""Bytes on their way through: in memory, or in a file of the store that is read no further than needed."""

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from gateway.errors import StorageUnavailable

T = TypeVar("T")

OFF_LOOP = 256 << 10  # bytes from which hashing, encoding and inspecting go to a thread


@dataclass(frozen=True, slots=True)
class Blob:
    """``data`` itself or where it lies; ``sha256`` in hexadecimal where it is known already."""

    data: bytes | Path
    size: int
    sha256: str | None = None

    @classmethod
    def of(cls, data: bytes) -> "Blob":
        return cls(data, len(data))

    async def beginning(self, size: int) -> bytes:
        """Raises StorageUnavailable."""
        if isinstance(self.data, bytes):
            return self.data[:size]
        return await _off_loop(_read, self.data, size)

    async def read(self) -> bytes:
        """Raises StorageUnavailable."""
        return self.data if isinstance(self.data, bytes) else await _off_loop(_read, self.data, -1)

    async def digest(self) -> str:
        """The SHA-256 in hexadecimal."""
        if self.sha256 is not None:
            return self.sha256
        if isinstance(self.data, bytes) and self.size <= OFF_LOOP:
            return _hashed(self.data)
        return await _off_loop(_hashed, self.data)


async def _off_loop(work: Callable[..., T], *arguments: Any) -> T:
    try:
        return await asyncio.to_thread(work, *arguments)
    except OSError as error:
        raise StorageUnavailable("disk") from error


def _read(path: Path, size: int) -> bytes:
    with path.open("rb") as file:
        return file.read(size)


def _hashed(data: bytes | Path) -> str:
    if isinstance(data, bytes):
        return hashlib.sha256(data).hexdigest()
    with data.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
