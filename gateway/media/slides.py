"""A video as its frames, a PDF as its pages: what is shown to backends that take neither."""

import importlib.util
import math
from collections.abc import Mapping
from typing import Any

from gateway.backends.base import Change, Json
from gateway.errors import InvalidRequest
from gateway.media.decoders import Undecodable
from gateway.media.formats import sniff
from gateway.media.resolved import Place, Resolved
from gateway.media.sources import Loaded
from gateway.media.workshop import Product, Workshop
from gateway.settings import Images
from gateway.wire import data_url, media
from gateway.wire.media import MediaRef

_PICTURE_BYTES = 4 << 20  # of one frame or page: far more than either needs
_SLOWEST, _FASTEST = 0.2, 5


class Slides:
    """Takes videos and PDFs apart."""

    def __init__(self, settings: Images, workshop: Workshop) -> None:
        self._settings = settings
        self._workshop = workshop

    async def show(self, ref: MediaRef, loaded: Loaded, place: Place) -> Resolved:
        """The part's frames or pages, each with a text before it that says which it is. Raises InvalidRequest."""
        try:
            if ref.kind == "video":
                return await self._frames(ref, loaded, place)
            return await self._pages(ref, loaded, place)
        except Undecodable as failed:
            raise InvalidRequest(failed.text, param=ref.param, code=failed.code) from failed

    async def _frames(self, ref: MediaRef, loaded: Loaded, place: Place) -> Resolved:
        if importlib.util.find_spec("av") is None:
            text = f"{place.title} takes video as frames only, and this gateway cannot take one apart: the operator can install arkway[video]."
            raise Undecodable("video_extra_missing", text)
        orders = {**self._settings.video.model_dump(), "max_duration": None}
        orders["fps"] = wishes(ref, loaded).get("fps", orders["fps"])
        products = await self._run("frames", orders, loaded)
        parts = [part for one in products for part in _slide(place.api, _moment(one), one)]
        fps = _number(products[0], "fps")
        why = "images.video.max_frames bounds the frames, so there are fewer to a second."
        sparse = (Change(f"video:fps={fps:g}", why),) if fps < round(orders["fps"], 4) else ()
        return Resolved(ref, parts, (("frames", len(products)),), notes=sparse)

    async def _pages(self, ref: MediaRef, loaded: Loaded, place: Place) -> Resolved:
        image = place.media.image
        orders = {
            **self._settings.pdf.model_dump(),
            "cut": self._settings.on_violation == "fix",
            "max_pixels": image.max_pixels if image else None,
        }
        products = await self._run("pages", orders, loaded)
        name = ref.fields.get("filename") or loaded.name
        parts = [part for one in products for part in _slide(place.api, _page(one, name), one)]
        shown, total = len(products), int(_number(products[0], "pages"))
        why = "images.pdf.max_pages bounds the pages that are shown."
        cut = (Change(f"file:cut={shown}/{total}", why),) if total > shown else ()
        return Resolved(ref, parts, (("pages", shown),), notes=cut)

    async def _run(self, job: str, orders: Mapping[str, Any], loaded: Loaded) -> list[Product]:
        limited = {**orders, "max_bytes": _PICTURE_BYTES}
        products = await self._workshop.run(job, limited, loaded.blob.data)
        if not products:
            raise Undecodable("nothing_to_see", "There is no page or picture in it.")
        return products


def wishes(ref: MediaRef, loaded: Loaded) -> Json:
    """How a video is to be sampled: as was said when its file was uploaded, unless its part says another ``fps``.

    Raises InvalidRequest.
    """
    if ref.kind != "video":
        return {}
    stored: Json = loaded.preprocess.get("video") or {}
    fps = ref.fields.get("fps")
    if fps is None:
        return stored
    if isinstance(fps, bool) or not isinstance(fps, int | float) or not _SLOWEST <= fps <= _FASTEST:
        text = f"`fps` must be a number from {_SLOWEST} to {_FASTEST}, not {fps!r}."
        raise InvalidRequest(text[:200], param=f"{ref.holder}.fps", code="invalid_value")
    return {**stored, "fps": fps}


def _moment(product: Product) -> str:
    return f"[{_number(product, 'at'):g} s]"


def _page(product: Product, name: Any) -> str:
    label = f"{name}, page" if name else "page"
    return f"[{label} {_number(product, 'page'):g} of {_number(product, 'pages'):g}]"


def _slide(api: str, text: str, product: Product) -> list[Json]:
    mime = sniff(product.data)
    if mime != "image/jpeg":
        raise _undecodable()
    picture = data_url.encode(mime, product.data)
    return [media.text_part(api, text), media.picture_part(api, picture)]


def _number(product: Product, name: str) -> float:
    """What the child says is not trusted: it has met hostile bytes."""
    value = product.meta.get(name)
    if isinstance(value, int | float) and math.isfinite(value):
        return value
    raise _undecodable()


def _undecodable() -> Undecodable:
    return Undecodable("undecodable", "It cannot be decoded.")
