"""A file on its way in: written in threads, hashed and counted as it comes."""

import contextlib
import hashlib
import os
from pathlib import Path

import anyio.to_thread

from gateway.errors import StorageUnavailable


class Incoming:
    """Bytes in a file under a name of its own, until they are kept or thrown away."""

    def __init__(self, path: Path) -> None:
        """Makes the file; not in a thread, as a cancellation could then leave it behind. Raises StorageUnavailable."""
        self.path = path
        self.size = 0
        self._digest = hashlib.sha256()
        try:
            self._target = path.open("xb")
        except OSError as error:
            raise StorageUnavailable("disk") from error

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    async def write(self, data: bytes) -> None:
        """Raises StorageUnavailable."""
        try:
            await anyio.to_thread.run_sync(self._write, data)
        except OSError as error:
            raise StorageUnavailable("disk") from error

    def _write(self, data: bytes) -> None:
        self._digest.update(data)
        self._target.write(data)
        self.size += len(data)

    async def finish(self) -> None:
        """Nothing more comes: the bytes are on the disk. Raises StorageUnavailable."""
        try:
            await anyio.to_thread.run_sync(self._finish)
        except OSError as error:
            raise StorageUnavailable("disk") from error

    def _finish(self) -> None:
        self._target.flush()
        os.fsync(self._target.fileno())
        self._target.close()

    def discard(self) -> None:
        """Takes away what has not been kept."""
        with contextlib.suppress(OSError):  # a full disk fails the last flush as well
            self._target.close()
        self.path.unlink(missing_ok=True)
