"""One video, audio or PDF of a request, brought into the form that the backend takes."""

import base64
import importlib.util
from collections.abc import Mapping
from typing import Any

from gateway.backends.base import Form, Json
from gateway.backends.media import ClipRules
from gateway.errors import InvalidRequest, UpstreamError
from gateway.media.decoders import Undecodable
from gateway.media.formats.clips import sniff_clip
from gateway.media.guard import AllowList
from gateway.media.pictures import encoded
from gateway.media.plan import NOUNS, plan, upload_over
from gateway.media.resolved import Place, Resolved
from gateway.media.sources import Loaded, Sources, unusable
from gateway.media.uploads import Uploads, identity
from gateway.media.workshop import Product, Workshop
from gateway.settings import Images
from gateway.wire import data_url, media
from gateway.wire.media import Kind, MediaRef

_HEAD = 2048
_PICTURE_BYTES = 4 << 20  # of one frame or page: far more than either needs
_PREFIXES: dict[Kind, str] = {"video": "video/", "audio": "audio/", "file": "application/pdf"}
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
        self._workshop = workshop
        self._uploads = uploads

    async def resolve(self, ref: MediaRef, place: Place, rules: ClipRules) -> Resolved:
        """The part as ``place`` takes it. Raises InvalidRequest with its ``param``."""
        step, _ = plan(ref, place.title, rules, self._settings, self._allow)
        if step == "keep":
            return Resolved(ref)
        loaded = await self._sources.load(ref, place.owner)
        mime = sniff_clip(await loaded.blob.beginning(_HEAD))
        if mime is None or not mime.startswith(_PREFIXES[ref.kind]):
            raise unusable(ref.param, f"This is not a {NOUNS[ref.kind]} in any known format.")
        if rules.as_pictures:
            return await self._shown(ref, loaded, place)
        _check_format(ref, mime, place, rules)
        return await self._placed(ref, loaded, mime, place, rules)

    async def _placed(
        self, ref: MediaRef, loaded: Loaded, mime: str, place: Place, rules: ClipRules
    ) -> Resolved:
        blob = loaded.blob
        threshold = upload_over(rules, self._settings)
        if threshold is not None:
            fields = _preprocessing(ref, loaded)
            digest = identity(await blob.digest(), fields)
            file_id = await self._uploads.find(place.account, digest)
            if file_id:
                return Resolved(ref, media.as_file_id(ref, file_id), (("reused", 1),), file_id)
            if blob.size > threshold:
                _check_size(ref, blob.size, rules.max_uploaded, place)
                form = Form(fields, loaded.name or f"{digest[:16]}.{_EXTENSIONS[mime]}", mime, blob.data)
                file_id = await self._uploaded(form, digest, place, ref)
                return Resolved(ref, media.as_file_id(ref, file_id), (("uploaded", 1),), file_id)
        _check_size(ref, blob.size, rules.max_bytes, place)
        url = data_url.make(mime, await encoded(blob))
        if ref.source.value == url:
            return Resolved(ref)
        return Resolved(ref, _named(media.as_url(ref, url), ref, loaded), (("inlined", 1),))

    async def _uploaded(self, form: Form, digest: str, place: Place, ref: MediaRef) -> str:
        try:
            return await self._uploads.upload(place.backend, place.key, digest, form)
        except UpstreamError as error:
            raise error.at(ref.param) from error

    async def _shown(self, ref: MediaRef, loaded: Loaded, place: Place) -> Resolved:
        """The video's frames or the PDF's pages, each with a text before it that says which it is."""
        image = place.media.image
        limits = {"max_bytes": _PICTURE_BYTES, "max_pixels": image.max_pixels if image else None}
        if ref.kind == "video":
            products = await self._run("frames", {**self._frame_orders(ref, loaded), **limits}, ref, loaded)
            parts = [part for one in products for part in _frame(place.api, one)]
            return Resolved(ref, parts, (("frames", len(products)),))
        cut = self._settings.on_violation == "fix"
        orders = {**self._settings.pdf.model_dump(), **limits, "cut": cut}
        products = await self._run("pages", orders, ref, loaded)
        name = ref.fields.get("filename") or loaded.name
        parts = [part for one in products for part in _page(place.api, one, name)]
        total = products[0].meta["pages"]
        told = f"{len(products)}/{total}" if total > len(products) else None
        return Resolved(ref, parts, (("pages", len(products)),), cut=told)

    def _frame_orders(self, ref: MediaRef, loaded: Loaded) -> dict[str, Any]:
        if importlib.util.find_spec("av") is None:
            text = "This backend takes video as frames only, and the gateway cannot decode video here: install arkway[video]."
            raise InvalidRequest(text, param=ref.param, code="video_extra_missing")
        own = ref.fields.get("fps") or loaded.preprocess.get("video", {}).get("fps")
        if own is not None and not (isinstance(own, int | float) and 0.2 <= own <= 5):
            text = f"`fps` must be a number from 0.2 to 5, not {own!r}."
            raise InvalidRequest(text, param=f"{media.spelled(ref.path)}.fps", code="invalid_value")
        orders = self._settings.video.model_dump()
        return {**orders, "fps": float(own)} if own is not None else orders

    async def _run(self, job: str, orders: Mapping[str, Any], ref: MediaRef, loaded: Loaded) -> list[Product]:
        try:
            return await self._workshop.run(job, orders, loaded.blob.data)
        except Undecodable as failed:
            raise InvalidRequest(failed.text, param=ref.param, code=failed.code) from failed


def _check_format(ref: MediaRef, mime: str, place: Place, rules: ClipRules) -> None:
    if mime not in rules.formats:
        taken = ", ".join(sorted(rules.formats))
        text = f"The {NOUNS[ref.kind]} is {mime}; {place.title} takes {taken}."
        raise InvalidRequest(text, param=ref.param, code=f"unsupported_{ref.kind}_format")


def _check_size(ref: MediaRef, size: int, limit: int | None, place: Place) -> None:
    if limit is not None and size > limit:
        text = f"The {NOUNS[ref.kind]} has {size} bytes; {place.title} takes at most {limit}."
        raise InvalidRequest(text, param=ref.param, code=f"{ref.kind}_too_large")


def _preprocessing(ref: MediaRef, loaded: Loaded) -> dict[str, str]:
    """The upload's settings: Ark ignores a part's ``fps`` where the video comes by its file id."""
    if ref.kind != "video":
        return {}
    settings = {**loaded.preprocess.get("video", {})}
    if ref.fields.get("fps") is not None:
        settings["fps"] = ref.fields["fps"]
    return {f"preprocess_configs[video][{name}]": str(value) for name, value in settings.items()}


def _named(new: Json | str, ref: MediaRef, loaded: Loaded) -> Json | str:
    """Ark's ``file_data`` wants a file name beside it."""
    if ref.kind != "file" or not isinstance(new, dict):
        return new
    holder = new[ref.slot.holder] if ref.slot.holder else new
    named = {"filename": loaded.name or "file.pdf", **holder}
    return {**new, ref.slot.holder: named} if ref.slot.holder else named


def _frame(api: str, product: Product) -> list[Json]:
    return [media.text_part(api, f"[{product.meta['at']:g} s]"), _picture(api, product)]


def _page(api: str, product: Product, name: str | None) -> list[Json]:
    label = f"{name}, page" if name else "page"
    text = f"[{label} {product.meta['page']} of {product.meta['pages']}]"
    return [media.text_part(api, text), _picture(api, product)]


def _picture(api: str, product: Product) -> Json:
    text = base64.b64encode(product.data).decode("ascii")
    return media.picture_part(api, data_url.make(str(product.meta["mime"]), text))
