"""One video, audio or PDF of a request, brought into the form that the backend takes."""

from typing import Any

from gateway.backends.base import Form, Json
from gateway.backends.media import ClipRules
from gateway.errors import InvalidRequest, UpstreamError
from gateway.media.fetch.guard import AllowList
from gateway.media.formats import sniff, sniff_clip
from gateway.media.pictures import encoded
from gateway.media.plan import NOUNS, plan, upload_over
from gateway.media.resolved import Place, Resolved
from gateway.media.slides import Slides, wishes
from gateway.media.sources import Loaded, Sources, unusable
from gateway.media.uploads import Uploads, identity
from gateway.media.workshop import Workshop
from gateway.settings import Images
from gateway.wire import media
from gateway.wire.media import Kind, MediaRef, Text

_HEAD = 2048
_PREFIXES: dict[Kind, str] = {"video": "video/", "audio": "audio/", "file": "application/pdf"}
_WANTED: dict[Kind, str] = {"video": "a video", "audio": "audio", "file": "a PDF"}
_EXTENSIONS = {"video/mp4": "mp4", "video/quicktime": "mov", "video/x-msvideo": "avi", "audio/mpeg": "mp3"}
_EXTENSIONS |= {"audio/wav": "wav", "audio/aac": "aac", "audio/mp4": "m4a", "application/pdf": "pdf"}


class Clips:
    """Resolves videos, audio and PDFs one by one."""

    def __init__(
        self, settings: Images, allow: AllowList, sources: Sources, workshop: Workshop, uploads: Uploads
    ) -> None:
        self._settings = settings
        self._allow = allow
        self._sources = sources
        self._slides = Slides(settings, workshop)
        self._uploads = uploads

    async def resolve(self, ref: MediaRef, place: Place, rules: ClipRules) -> Resolved:
        """The part as ``place`` takes it. Raises InvalidRequest with its ``param``."""
        step, _ = plan(ref, place.title, rules, self._settings, self._allow)
        if step == "keep":
            return Resolved(ref)
        loaded = await self._sources.load(ref, place.owner)
        mime = _checked(ref, await loaded.blob.beginning(_HEAD))
        if rules.as_pictures:
            return await self._slides.show(ref, loaded, place)
        _check_format(ref, mime, place, rules)
        return await self._placed(ref, loaded, mime, place, rules)

    async def _placed(
        self, ref: MediaRef, loaded: Loaded, mime: str, place: Place, rules: ClipRules
    ) -> Resolved:
        blob, wished = loaded.blob, wishes(ref, loaded)
        threshold = upload_over(rules, self._settings)
        if threshold is not None:
            # Ark ignores a part's ``fps`` where the video comes by its file id.
            fields = {f"preprocess_configs[video][{name}]": str(value) for name, value in wished.items()}
            digest = identity(await blob.digest(), fields)
            file_id = await self._uploads.find(place.account, digest)
            if file_id:
                return Resolved(ref, media.as_file_id(ref, file_id), (("reused", 1),), file_id)
            # A part has ``fps`` alone; the other settings are an upload's.
            if blob.size > threshold or wished.keys() - {"fps"}:
                _check_size(ref, blob.size, rules.max_uploaded, place)
                form = Form(fields, loaded.name or f"{digest[:16]}.{_EXTENSIONS[mime]}", mime, blob.data)
                file_id = await self._uploaded(form, digest, place, ref)
                return Resolved(ref, media.as_file_id(ref, file_id), (("uploaded", 1),), file_id)
        _check_size(ref, blob.size, rules.max_bytes, place)
        new = media.as_url(ref, await encoded(blob, mime))
        beside = {"filename": loaded.name or "file.pdf"} if ref.kind == "file" else wished
        new = _completed(new, ref, beside)
        return Resolved(ref) if _same(new, ref.part) else Resolved(ref, new, (("inlined", 1),))

    async def _uploaded(self, form: Form, digest: str, place: Place, ref: MediaRef) -> str:
        try:
            return await self._uploads.upload(place.backend, place.key, digest, form)
        except UpstreamError as error:
            raise error.at(ref.param) from error


def _checked(ref: MediaRef, head: bytes) -> str:
    """The real MIME type of what begins so. Raises InvalidRequest for one of another kind."""
    mime = sniff_clip(head) or sniff(head)
    if mime and mime.startswith(_PREFIXES[ref.kind]):
        return mime
    found = f"{mime}, not {_WANTED[ref.kind]}" if mime else f"not {_WANTED[ref.kind]} in any known format"
    raise unusable(ref.param, f"This is {found}.")


def _check_format(ref: MediaRef, mime: str, place: Place, rules: ClipRules) -> None:
    if mime not in rules.formats:
        taken = ", ".join(sorted(rules.formats))
        text = f"The {NOUNS[ref.kind]} is {mime}; {place.title} takes {taken}."
        raise InvalidRequest(text, param=ref.param, code=f"unsupported_{ref.kind}_format")


def _check_size(ref: MediaRef, size: int, limit: int | None, place: Place) -> None:
    if limit is not None and size > limit:
        text = f"The {NOUNS[ref.kind]} has {size} bytes; {place.title} takes at most {limit}."
        raise InvalidRequest(text, param=ref.param, code=f"{ref.kind}_too_large")


def _completed(new: Json | Text, ref: MediaRef, beside: Json) -> Json | Text:
    """With what belongs beside the data, where the part does not say it: a PDF's name, a video's ``fps``."""
    if not isinstance(new, dict) or not beside:
        return new
    held = new[ref.slot.holder] if ref.slot.holder else new
    held = held | {name: value for name, value in beside.items() if held.get(name) is None}
    return {**new, ref.slot.holder: held} if ref.slot.holder else held


def _same(new: Any, old: Any) -> bool:
    """Whether the part says what it said; a null is an absent value."""
    if isinstance(new, dict) and isinstance(old, dict) and new is not old:
        return all(_same(new.get(name), old.get(name)) for name in new.keys() | old.keys())
    return bool(new == old)
