"""One picture of a request, brought into the form that the backend takes."""

import asyncio

from gateway.backends.base import Form
from gateway.backends.media import ImageRules
from gateway.errors import InvalidRequest, UpstreamError
from gateway.media.blob import OFF_LOOP, Blob
from gateway.media.conform import Mend, check_budget, conform
from gateway.media.darkroom import Darkroom
from gateway.media.fetch.guard import AllowList
from gateway.media.formats import Broken, inspect, sniff_clip
from gateway.media.formats.header import Header, Incomplete
from gateway.media.plan import plan, upload_over
from gateway.media.resolved import Deed, Place, Resolved
from gateway.media.sources import Sources, unusable
from gateway.media.uploads import Uploads
from gateway.settings import Images
from gateway.wire import data_url, media
from gateway.wire.data_url import DataUrl
from gateway.wire.lump import Lump
from gateway.wire.media import MediaRef, Text

# How much of a picture is looked at, in steps: most headers stand in the first, EXIF and colour profiles before
# the size fill the second, and what counts frames needs all.
_STEPS = (6 << 10, 192 << 10)
_ALIASES = {
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/x-png": "image/png",
    "image/x-ms-bmp": "image/bmp",
    "image/tif": "image/tiff",
    "image/ico": "image/x-icon",
    "image/vnd.microsoft.icon": "image/x-icon",
    "image/apng": "image/png",
    "image/heif": "image/heic",  # the family and its best known member
}


class Pictures:
    """Resolves pictures one by one."""

    def __init__(
        self, settings: Images, allow: AllowList, sources: Sources, darkroom: Darkroom, uploads: Uploads
    ) -> None:
        self._settings = settings
        self._allow = allow
        self._sources = sources
        self._darkroom = darkroom
        self._uploads = uploads

    async def resolve(self, ref: MediaRef, place: Place, rules: ImageRules) -> Resolved:
        """The picture as ``place`` takes it. Raises InvalidRequest with its ``param``."""
        step, _ = plan(ref, place.title, rules, self._settings, self._allow)
        if step == "keep":
            return Resolved(ref)
        if step == "check":
            checked = await self._checked(ref, place, rules)
            if checked:
                return checked
        loaded = await self._sources.load(ref, place.owner)
        header = await _header_of(loaded.blob, ref.param)
        self._compare(loaded.declared, header.mime, ref.param)
        return await self._placed(ref, loaded.blob, header, place, rules)

    async def _checked(self, ref: MediaRef, place: Place, rules: ImageRules) -> Resolved | None:
        """A data URL that can stay: only its header was decoded. None for one that has to be loaded."""
        url = data_url.parse(ref.source.value, ref.param)
        header = await _header_in(url, ref.param)
        self._compare(url.mime, header.mime, ref.param)
        mend = self._mend(header, url.bytes, place, rules, ref, by_id=False)
        if mend or not url.is_plain:
            return None
        if url.mime == header.mime and ref.source.value[:5] == "data:":
            return Resolved(ref)
        return _inlined(ref, data_url.make(header.mime, url.text), ())

    def _compare(self, declared: str | None, mime: str, param: str) -> None:
        if declared is None or self._settings.on_violation == "fix":
            return
        if _usual(declared) != _usual(mime):
            text = f"The data URL declares {declared or 'no type'}, but the picture is {mime}."
            raise InvalidRequest(text, param=param, code="invalid_image_type")

    def _mend(
        self, header: Header, size: int, place: Place, rules: ImageRules, ref: MediaRef, *, by_id: bool
    ) -> Mend | None:
        check_budget(header, self._settings.max_pixels, ref.param)
        return conform(
            header,
            size,
            rules,
            title=place.title,
            by_id=by_id,
            on_violation=self._settings.on_violation,
            param=ref.param,
        )

    async def _placed(
        self, ref: MediaRef, blob: Blob, header: Header, place: Place, rules: ImageRules
    ) -> Resolved:
        threshold = upload_over(rules, self._settings)
        by_id = threshold is not None and blob.size > min(threshold, rules.max_bytes or threshold)
        mend = self._mend(header, blob.size, place, rules, ref, by_id=by_id)
        digest = await self._darkroom.digest(blob, mend) if rules.takes_file_ids else None
        deeds: tuple[tuple[Deed, int], ...] = (("converted", 1),) if mend else ()
        if digest:
            file_id = await self._uploads.find(place.account, digest)
            if file_id:
                return _referenced(ref, file_id, (*deeds, ("reused", 1)))
        mime = header.mime
        if mend:
            blob, mime = await self._darkroom.mended(blob, header, mend, ref.param)
        if digest and by_id:
            file_id = await self._uploaded(blob, mime, digest, place, ref)
            return _referenced(ref, file_id, (*deeds, ("uploaded", 1)))
        url = await encoded(blob, mime)
        return Resolved(ref) if url == ref.source.value else _inlined(ref, url, deeds)

    async def _uploaded(self, blob: Blob, mime: str, digest: str, place: Place, ref: MediaRef) -> str:
        form = Form({}, f"{digest[:16]}.{mime.removeprefix('image/')}", mime, blob.data)
        try:
            return await self._uploads.upload(place.backend, place.key, digest, form)
        except UpstreamError as error:
            raise error.at(ref.param) from error


def _usual(mime: str) -> str:
    """Of several names for one type the best known."""
    return _ALIASES.get(mime.lower(), mime.lower())


def _inlined(ref: MediaRef, url: Text, deeds: tuple[tuple[Deed, int], ...]) -> Resolved:
    return Resolved(ref, media.as_url(ref, url), (*deeds, ("inlined", 1)))


def _referenced(ref: MediaRef, file_id: str, deeds: tuple[tuple[Deed, int], ...]) -> Resolved:
    return Resolved(ref, media.as_file_id(ref, file_id), deeds, file_id)


async def _header_in(url: DataUrl, param: str) -> Header:
    """The header of a picture in a data URL, of which no more is decoded than that takes."""
    for size in _STEPS:
        if url.size <= size // 3 * 4:
            break
        try:
            beginning = data_url.head(url.beginning(size // 3 * 4), param)
            return _known(inspect(beginning, whole=False), beginning, param)
        except Incomplete:
            continue
    data = await asyncio.to_thread(url.decode, param)
    return await _header_of(Blob.of(data), param)


async def _header_of(blob: Blob, param: str) -> Header:
    try:
        for size in _STEPS:
            if blob.size <= size:
                break
            try:
                beginning = await blob.beginning(size)
                return _known(inspect(beginning, whole=False), beginning, param)
            except Incomplete:
                continue
        data = await blob.read()
        if len(data) > OFF_LOOP:
            return _known(await asyncio.to_thread(inspect, data), data, param)
        return _known(inspect(data), data, param)
    except Broken as broken:
        raise unusable(param, "The picture's header is broken or cut off.") from broken


def _known(header: Header | None, data: bytes, param: str) -> Header:
    if header is None:
        mime = sniff_clip(data)
        found = f"{mime}, not a picture" if mime else "not a picture in any known format"
        raise unusable(param, f"This is {found}.")
    return header


async def encoded(blob: Blob, mime: str) -> Lump:
    """The data URL."""
    data = await blob.read()
    if len(data) > OFF_LOOP:
        return await asyncio.to_thread(data_url.encode, mime, data)
    return data_url.encode(mime, data)
