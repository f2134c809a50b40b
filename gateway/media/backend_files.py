"""Files that stand at backends: their own, and the copies that the gateway made of callers' files."""

import re
from collections.abc import Sequence

from gateway import elsewhere
from gateway.backends.base import Backend
from gateway.elsewhere import Found
from gateway.media.uploads import Uploads
from gateway.storage.files import FileStore, StoredFile
from gateway.upstream import Upstreams

_ID = re.compile(r"file-[A-Za-z0-9_-]{1,59}")  # it becomes part of a path


class BackendFiles:
    """The backends that have files. ``callers_key`` is the caller's own key, in passthrough mode."""

    def __init__(
        self, backends: Sequence[Backend], upstreams: Upstreams, files: FileStore, uploads: Uploads
    ) -> None:
        self._backends = [backend for backend in backends if backend.has_files]
        self._upstreams = upstreams
        self._files = files
        self._uploads = uploads

    async def ask(self, method: str, file_id: str, callers_key: str | None) -> Found | None:
        """The answer of the first backend that knows the file; None where none does.

        What the gateway uploaded belongs to its callers, and nobody gets at it by the backend's id.
        Raises UpstreamError where the backend refuses, or where one that might know the file cannot be asked.
        """
        if not _ID.fullmatch(file_id) or await self._uploads.knows(file_id):
            return None
        return await elsewhere.ask(
            self._upstreams,
            self._backends,
            lambda backend: backend.file_request(method, file_id),
            callers_key,
        )

    async def drop_copies(self, file: StoredFile, callers_key: str | None) -> None:
        """Deletes what was uploaded of a file that is gone, unless somebody has another of the same content."""
        if await self._files.holds(file.sha256):
            return
        for backend in self._backends:
            await self._uploads.discard(backend, backend.key(callers_key), file.sha256)
