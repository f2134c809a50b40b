"""What will be done with a part of a body, told without sending or fetching anything."""

from gateway.backends.media import ClipRules, ImageRules, MediaRules
from gateway.errors import InvalidRequest
from gateway.media.conform import check_budget, conform
from gateway.media.fetch.guard import AllowList
from gateway.media.formats import Broken, Header, inspect
from gateway.media.local import LocalRefused, read_local
from gateway.media.plan import plan, rules_for, upload_over
from gateway.settings import Images
from gateway.wire import data_url
from gateway.wire.media import MediaRef


def foresee(ref: MediaRef, title: str, media: MediaRules, settings: Images) -> str:
    """One line. Raises InvalidRequest as the gateway would answer."""
    rules = rules_for(ref, title, media)
    told = plan(ref, title, rules, settings, AllowList.parse(settings.allow_hosts))
    seen = _seen(ref, title, rules, settings) if told.step != "keep" and isinstance(rules, ImageRules) else ""
    return f"{ref.param}: {seen}{told.why}"


def _seen(ref: MediaRef, title: str, rules: ImageRules | ClipRules, settings: Images) -> str:
    """What can be seen of a picture that the request or the disk holds: its header, and what it needs."""
    data = _at_hand(ref, settings)
    if data is None or not isinstance(rules, ImageRules):
        return ""
    header = _header(data, ref.param)
    check_budget(header, settings.max_pixels, ref.param)
    threshold = upload_over(rules, settings)
    mend = conform(
        header,
        len(data),
        rules,
        title=title,
        by_id=threshold is not None and len(data) > threshold,
        on_violation=settings.on_violation,
        param=ref.param,
    )
    frames = f", {header.frames} frames" if header.frames > 1 else ""
    shape = f"{header.mime} {header.width}x{header.height}{frames}, {len(data)} bytes; "
    return shape + (f"{mend.why}; " if mend else "")


def _at_hand(ref: MediaRef, settings: Images) -> bytes | None:
    kind, value = ref.source
    if kind == "data":
        return data_url.parse(value, ref.param).decode(ref.param)
    if kind == "base64":
        return data_url.decode(str(value), ref.param)
    if kind == "local":
        try:
            return read_local(str(value), settings.local_roots, max_bytes=settings.fetch.bytes)
        except LocalRefused as refused:
            text = f"The local file cannot be used: {refused.reason}."
            raise InvalidRequest(text, param=ref.param, code="invalid_image_url") from refused
    return None


def _header(data: bytes, param: str) -> Header:
    try:
        header = inspect(data)
    except Broken as broken:
        text = "The picture's header is broken or cut off."
        raise InvalidRequest(text, param=param, code="invalid_image_url") from broken
    if header is None:
        text = "This is not a picture in any known format."
        raise InvalidRequest(text, param=param, code="invalid_image_url")
    return header
