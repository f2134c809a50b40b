"""The parts of a chat message as Ark's Responses API has them: flat, each kind with its own name for a URL."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from gateway.errors import InvalidRequest, json_type, not_an_object
from gateway.wire import data_url, media
from gateway.wire.lump import Lump
from gateway.wire.translate.chat_over_responses.losses import Losses
from gateway.wire.translate.translation import Json


class _Form(NamedTuple):
    """What becomes of a part: its type, its sources under old and new names, and what else the APIs know of it."""

    type: str
    sources: Mapping[str, str]
    settings: tuple[str, ...]
    own: tuple[str, ...] = ()  # what chat alone has, told in another way


_PIXELS = ("min_pixels", "max_pixels")
# The first source that is given counts, as it does in chat.
_FORMS: Mapping[str, _Form] = {
    "image_url": _Form(
        "input_image", {"url": "image_url", "file_id": "file_id"}, ("detail", "image_pixel_limit"), _PIXELS
    ),
    "video_url": _Form("input_video", {"url": "video_url", "file_id": "file_id"}, ("fps",)),
    "input_audio": _Form(
        "input_audio",
        {"url": "audio_url", "data": "audio_url", "file_id": "file_id"},
        ("chunking_strategy",),
        ("format",),
    ),
    "file": _Form(
        "input_file",
        {"file_url": "file_url", "file_data": "file_data", "file_id": "file_id"},
        ("filename",),
    ),
}
_AUDIO_TYPES = {"mp3": "audio/mpeg", "m4a": "audio/mp4"}
_LOOKED_AT = 8192  # characters that tell base64 from a URL and from a path


def part(value: Any, at: str, losses: Losses) -> Json:
    """A part of what the user, the system or a tool said."""
    kind = _kind(value, at)
    if kind == "text":
        known = ("text", "translation_options")
        losses.other(value, ("type", *known), at)
        told = {name: value[name] for name in known if value.get(name) is not None}
        return {"type": "input_text", **told, "text": _text(value, "text", at)}
    if kind in _FORMS:
        return _medium(value, kind, at, losses)
    raise _unknown(at, f"text, {', '.join(_FORMS)}")


def answer_part(value: Any, at: str, losses: Losses) -> Json:
    """A part of what the model said."""
    kind = _kind(value, at)
    if kind not in ("text", "refusal"):
        raise _unknown(at, "text or refusal")
    losses.other(value, ("type", kind), at)
    return {"type": "output_text", "text": _text(value, kind, at)}


def _kind(value: Any, at: str) -> str:
    if not isinstance(value, dict):
        raise not_an_object(f"`{at}`", value, param=at)
    return str(value.get("type"))


def _unknown(at: str, known: str) -> InvalidRequest:
    return InvalidRequest(
        f"`{at}.type` must be one of: {known}.", param=f"{at}.type", code="unsupported_value"
    )


def _text(value: Json, name: str, at: str) -> str:
    text = value.get(name)
    if isinstance(text, str):
        return text
    raise InvalidRequest(
        f"`{at}.{name}` must be a string, not {json_type(text)}.", param=f"{at}.{name}", code="invalid_type"
    )


def _medium(value: Json, kind: str, at: str, losses: Losses) -> Json:
    form, holder = _FORMS[kind], f"{at}.{kind}"
    held = value.get(kind)
    losses.other(value, ("type", kind, *(() if isinstance(held, dict) else ("file_id",))), at)
    fields = _fields(value, held, form, holder)
    losses.other(fields, (*form.sources, *form.settings, *form.own), holder)
    given = {name: inner for name, inner in fields.items() if inner is not None}
    told = {name: given[name] for name in form.settings if name in given}
    return {"type": form.type, **_source(given, form, holder, losses), **told, **_pixel_limit(given, form)}


def _fields(value: Json, held: Any, form: _Form, holder: str) -> Json:
    """What a part says of its source. Some callers give the URL itself, or a file id beside nothing."""
    if isinstance(held, dict):
        return held
    if held is None or (isinstance(held, str | Lump) and "url" in form.sources):
        return {"url": held, "file_id": value.get("file_id")}
    raise not_an_object(f"`{holder}`", held, param=holder)


def _source(given: Json, form: _Form, holder: str, losses: Losses) -> Json:
    names = [name for name in form.sources if name in given]
    if not names:
        text = f"`{holder}` points to nothing; give one of: {', '.join(form.sources)}."
        raise InvalidRequest(text, param=holder, code="missing_required_parameter")
    name, *others = names
    for other in others:
        losses.drop(f"{holder}.{other}", f"`{name}` beside it says already what is meant.")
    # Errors name the URL of a picture or video by the object that holds it.
    param = holder if name == "url" and "data" not in form.sources else f"{holder}.{name}"
    source = given[name]
    if not isinstance(source, str | Lump) or not source:
        text = "It must be given as a non-empty string: a URL, a data URL, base64 or a file id."
        raise InvalidRequest(text, param=param, code="invalid_type")
    if name != "file_id":
        kind = media.classify(source[:_LOOKED_AT].strip(), param).kind
        if name == "data" and kind == "base64":
            source = _audio(str(source), given.get("format"))
    return {form.sources[name]: source}


def _audio(text: str, format: Any) -> str:
    """Ark wants a URL; what has no known format stays as it is, to be looked at with the other media."""
    if not isinstance(format, str) or not format.isalnum():
        return text
    return data_url.make(_AUDIO_TYPES.get(format, f"audio/{format}"), text)


def _pixel_limit(given: Json, form: _Form) -> Json:
    """Ark's SDKs put the limits of pixels into chat's ``image_url`` itself."""
    limits = {name: given[name] for name in form.own if name in given and name in _PIXELS}
    told = given.get("image_pixel_limit")
    return {"image_pixel_limit": {**limits, **(told if isinstance(told, dict) else {})}} if limits else {}
