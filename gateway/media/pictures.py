"""Each picture of a request, brought into the form that the backend takes."""

import asyncio
import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import structlog

from gateway.backends.base import Api, Backend, Change, Form, ImageRules, Json
from gateway.errors import InvalidRequest, UpstreamError
from gateway.media.fetch import Fetcher, FetchFailed
from gateway.media.guard import AllowList, redact
from gateway.media.inspect import sniff
from gateway.media.local import LocalRefused, read_local
from gateway.media.plan import plan
from gateway.media.uploads import Uploads
from gateway.settings import Images
from gateway.storage.files import FileStore
from gateway.wire import media
from gateway.wire.media import MediaRef

_OFF_LOOP = 256 << 10  # bytes from which hashing and encoding go to a thread
_WHY = {
    "inlined": "the backend takes pictures as data URLs of their real type.",
    "uploaded": "the picture is large; it was uploaded once and is referenced by its id.",
    "reused": "the backend has this picture already.",
}

log = structlog.get_logger(__name__)


class Place(NamedTuple):
    """Where a request's pictures go: the backend and API, with whose key, for which caller."""

    backend: Backend
    api: Api
    key: str
    owner: str


@dataclass(frozen=True, slots=True)
class Resolved:
    """A picture's new part, what was done (None: nothing), and the backend's file id where one is used."""

    ref: MediaRef
    part: Json
    deed: str | None = None
    file_id: str | None = None


class Pictures:
    """Resolves the pictures of requests, those of one request side by side."""

    def __init__(self, settings: Images, fetcher: Fetcher, files: FileStore, uploads: Uploads) -> None:
        self._settings = settings
        self._allow = AllowList.parse(settings.allow_hosts)
        self._fetcher = fetcher
        self._files = files
        self._uploads = uploads

    async def resolve(self, refs: Sequence[MediaRef], place: Place) -> list[Resolved]:
        """Each picture as ``place`` takes it, in order. Raises InvalidRequest with the picture's ``param``."""
        rules = place.backend.images.get(place.api)
        if rules is None or not refs:
            return []
        if len(refs) == 1:
            return [await self._resolve(refs[0], place, rules)]
        slots = asyncio.Semaphore(self._settings.fetch.parallel)

        async def one(ref: MediaRef) -> Resolved:
            async with slots:
                return await self._resolve(ref, place, rules)

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(ref)) for ref in refs]
        except BaseExceptionGroup as failed:
            raise failed.exceptions[
                0
            ] from None  # the first failure is the caller's answer; the rest were cancelled
        return [task.result() for task in tasks]

    async def forget(self, place: Place, file_ids: Sequence[str]) -> None:
        """The backend does not have these files any more."""
        for file_id in file_ids:
            await self._uploads.forget(place.backend.account(place.key), file_id)

    async def _resolve(self, ref: MediaRef, place: Place, rules: ImageRules) -> Resolved:
        step, _ = plan(ref, place.backend, rules, self._settings, self._allow)
        if step == "keep":
            return Resolved(ref, ref.part)
        if step == "check":
            return self._checked(ref, media.parse_data_url(ref.source.value, ref.param), place, rules)
        return await self._placed(ref, await self._bytes(ref, place.owner), place, rules)

    def _checked(self, ref: MediaRef, url: media.DataUrl, place: Place, rules: ImageRules) -> Resolved:
        """A data URL that stays inline: only its beginning is decoded, to see what it really is."""
        mime = _real_type(media.head(url.beginning, ref.param), ref.param, place, rules)
        self._compare(url.mime, mime, ref.param)
        _check_size(url.size * 3 // 4, url.size, ref.param, place, rules)
        if url.mime == mime and ref.source.value.startswith("data:"):
            return Resolved(ref, ref.part)
        return Resolved(ref, media.as_url(place.api, ref.part, media.data_url(mime, url.text)), "inlined")

    def _compare(self, declared: str, mime: str, param: str) -> None:
        if declared != mime and self._settings.on_violation == "reject":
            text = f"The data URL declares {declared or 'no type'}, but the picture is {mime}."
            raise InvalidRequest(text, param=param, code="invalid_image_type")

    async def _bytes(self, ref: MediaRef, owner: str) -> bytes:
        kind, value = ref.source
        if kind == "remote":
            return await self._fetched(value, ref.param)
        if kind == "local":
            return await self._local(value, ref.param)
        if kind == "file_id":
            return await self._stored(value, owner, ref.param)
        text = media.parse_data_url(value, ref.param).text if kind == "data" else value
        if len(text) > _OFF_LOOP:
            return await asyncio.to_thread(media.decode, text, ref.param)
        return media.decode(text, ref.param)

    async def _fetched(self, url: str, param: str) -> bytes:
        try:
            return (await self._fetcher.fetch(url)).data
        except FetchFailed as failed:
            log.info("picture.unfetched", url=redact(url), reason=failed.reason, cause=repr(failed.__cause__))
            raise _unusable(param, f"{redact(url)} could not be fetched: {failed.reason}.") from failed

    async def _local(self, url: str, param: str) -> bytes:
        roots: Sequence[Path] = self._settings.local_roots
        if not roots:
            raise _unusable(
                param, "Local files are not read here: the operator sets images.local_roots to allow it."
            )
        try:
            return await asyncio.to_thread(read_local, url, roots, max_bytes=self._settings.fetch.bytes)
        except LocalRefused as refused:
            raise _unusable(param, f"The local file cannot be used: {refused.reason}.") from refused

    async def _stored(self, file_id: str, owner: str, param: str) -> bytes:
        file = await self._files.get(owner, file_id)
        if file is None:
            raise InvalidRequest(
                f"There is no file {file_id!r}.", param=param, code="file_not_found", status=404
            )
        return await self._files.read(file)

    async def _placed(self, ref: MediaRef, data: bytes, place: Place, rules: ImageRules) -> Resolved:
        mime = _real_type(data[:64], ref.param, place, rules)
        declared = (
            media.parse_data_url(ref.source.value, ref.param).mime if ref.source.kind == "data" else mime
        )
        self._compare(declared, mime, ref.param)
        _check_size(len(data), _encoded_size(len(data)), ref.param, place, rules)
        if rules.takes_file_ids:
            resolved = await self._referenced(ref, data, mime, place)
            if resolved:
                return resolved
        if declared == mime and ref.source.value.startswith("data:"):
            return Resolved(ref, ref.part)
        text = await asyncio.to_thread(_encode, data) if len(data) > _OFF_LOOP else _encode(data)
        return Resolved(ref, media.as_url(place.api, ref.part, media.data_url(mime, text)), "inlined")

    async def _referenced(self, ref: MediaRef, data: bytes, mime: str, place: Place) -> Resolved | None:
        """The picture by a file id: the one it has already, or a new one where it is large."""
        digest = await asyncio.to_thread(_sha256, data) if len(data) > _OFF_LOOP else _sha256(data)
        file_id = await self._uploads.find(place.backend.account(place.key), digest)
        deed = "reused"
        if file_id is None:
            if len(data) <= self._settings.upload_over:
                return None
            form = Form({}, f"{digest[:16]}.{mime.removeprefix('image/')}", mime, data)
            try:
                file_id = await self._uploads.upload(place.backend, place.key, digest, form)
            except UpstreamError as error:
                raise error.at(ref.param) from error
            deed = "uploaded"
        return Resolved(ref, media.as_file_id(ref.part, file_id), deed, file_id)


def changes(resolved: Sequence[Resolved]) -> list[Change]:
    """What was done to the pictures of a request, counted."""
    deeds = [one.deed for one in resolved if one.deed]
    return [Change(f"image:{deed}={deeds.count(deed)}", why) for deed, why in _WHY.items() if deed in deeds]


def parts(resolved: Sequence[Resolved]) -> dict[media.Path, Json]:
    """The parts that changed, by their place in the body."""
    return {one.ref.path: one.part for one in resolved if one.deed}


def _real_type(head: bytes, param: str, place: Place, rules: ImageRules) -> str:
    mime = sniff(head)
    if mime is None:
        raise _unusable(param, "This is not a picture in any known format.")
    if mime not in rules.formats:
        taken = ", ".join(sorted(name.removeprefix("image/") for name in rules.formats))
        raise _unusable(param, f"The picture is {mime}; {place.backend.title} takes {taken}.")
    return mime


def _check_size(size: int, encoded: int, param: str, place: Place, rules: ImageRules) -> None:
    if rules.max_bytes is not None and size > rules.max_bytes:
        text = f"The picture has {size} bytes; {place.backend.title} takes at most {rules.max_bytes}."
        raise InvalidRequest(text, param=param, code="image_too_large")
    if rules.max_encoded is not None and encoded > rules.max_encoded:
        text = f"The picture has {encoded} bytes as base64; {place.backend.title} takes at most {rules.max_encoded}."
        raise InvalidRequest(text, param=param, code="image_too_large")


def _encoded_size(size: int) -> int:
    return (size + 2) // 3 * 4


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _unusable(param: str, message: str) -> InvalidRequest:
    return InvalidRequest(message, param=param, code="invalid_image_url")
