"""Where media come from: an URL, the request itself, a local file, or the gateway's own files."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import structlog

from gateway.errors import InvalidRequest
from gateway.media.blob import OFF_LOOP, Blob
from gateway.media.fetch.guard import redact
from gateway.media.fetch.remote import FetchFailed, Remote
from gateway.media.local import LocalRefused, parse_path, read_local
from gateway.settings import Images
from gateway.storage.files import FileStore
from gateway.wire import data_url
from gateway.wire.media import MediaRef, Text

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Loaded:
    """The bytes behind a reference, and what was said of them: a declared MIME type, a name, how to process them."""

    blob: Blob
    declared: str | None = None
    name: str | None = None
    preprocess: dict[str, Any] = field(default_factory=dict)


class Sources:
    """Loads what references point to."""

    def __init__(self, settings: Images, remote: Remote, files: FileStore) -> None:
        self._roots: Sequence[Path] = settings.local_roots
        self._max_bytes = settings.fetch.bytes
        self._remote = remote
        self._files = files

    async def load(self, ref: MediaRef, owner: str) -> Loaded:
        """Raises InvalidRequest with the reference's ``param``."""
        kind, value = ref.source
        if kind == "remote":
            return await self._fetched(str(value), ref.param)
        if kind == "local":
            return await self._local(str(value), ref.param)
        if kind == "file_id":
            return await self._stored(str(value), owner, ref.param)
        return await _decoded(kind, value, ref.param)

    async def _fetched(self, url: str, param: str) -> Loaded:
        try:
            data = (await self._remote.fetch(url)).data
        except FetchFailed as failed:
            log.info("media.unfetched", url=redact(url), reason=failed.reason, cause=repr(failed.__cause__))
            text = f"{redact(url)} could not be fetched: {failed.reason}."
            raise unusable(param, text) from failed
        return Loaded(Blob.of(data), name=unquote(urlsplit(url).path.rpartition("/")[2]) or None)

    async def _local(self, path: str, param: str) -> Loaded:
        try:
            data = await asyncio.to_thread(read_local, path, self._roots, max_bytes=self._max_bytes)
        except LocalRefused as refused:
            raise unusable(param, f"The local file cannot be used: {refused.reason}.") from refused
        return Loaded(Blob.of(data), name=Path(parse_path(path)).name)

    async def _stored(self, file_id: str, owner: str, param: str) -> Loaded:
        file = await self._files.get(owner, file_id)
        if file is None:
            text = f"There is no file {file_id!r}."
            raise InvalidRequest(text, param=param, code="file_not_found", status=404)
        blob = Blob(self._files.path(file), file.bytes, file.sha256)
        return Loaded(blob, name=file.filename, preprocess=file.preprocess_configs or {})


async def _decoded(kind: str, value: Text, param: str) -> Loaded:
    url = data_url.parse(value, param) if kind == "data" else data_url.DataUrl("", value, 0)
    if url.size > OFF_LOOP:
        data = await asyncio.to_thread(url.decode, param)
    else:
        data = url.decode(param)
    return Loaded(Blob.of(data), declared=url.mime if kind == "data" else None)


def unusable(param: str, message: str) -> InvalidRequest:
    return InvalidRequest(message, param=param, code="invalid_image_url")
