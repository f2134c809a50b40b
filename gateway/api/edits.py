"""POST /images/edits: OpenAI's form, or its newer JSON, as the JSON that /images/generations takes."""

import asyncio
import re
from collections.abc import AsyncGenerator
from typing import Any

import pybase64
from python_multipart.exceptions import FormParserError
from starlette.datastructures import FormData, Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from gateway.errors import InvalidRequest, not_an_object
from gateway.media.formats import sniff
from gateway.wire import body as wire_body

Json = dict[str, Any]

_MOST_PICTURES = 16  # OpenAI's limit
_MOST_FIELDS = 64
_IMAGE = re.compile(r"image(\[\d*\])?")
_MASKS = ("mask", "markup")
_NUMBERS = ("n", "seed", "guidance_scale", "partial_images", "output_compression")
_FLAGS = ("stream", "watermark")
_BOOLEANS = {"true": True, "false": False}


async def as_generation(headers: Headers, raw: bytes) -> bytes:
    """An edit's body as that of a generation whose ``image`` is what is to be edited. Raises InvalidRequest."""
    if headers.get("content-type", "").lower().startswith("multipart/form-data"):
        body = await _from_form(headers, raw)
    else:
        body = _from_json(wire_body.parse(raw))
    image = body.get("image")
    if not image:
        text = "The parameter `image` is missing: send the picture to be edited."
        raise InvalidRequest(text, param="image", code="missing_required_parameter")
    if isinstance(image, list) and len(image) > _MOST_PICTURES:
        text = f"`image` holds {len(image)} pictures; at most {_MOST_PICTURES} can be edited together."
        raise InvalidRequest(text, param="image", code="too_many_images")
    return await asyncio.to_thread(wire_body.dump, body)


def _from_json(body: Json) -> Json:
    """OpenAI's ``images`` as ``image``, in which URLs and file ids are strings alike."""
    for name in _MASKS:
        if body.get(name) is not None:
            raise _no_mask(name)
    entries = wire_body.items(body, "images")
    if not entries:
        return body
    pictures = [_reference(entry, f"images[{i}]") for i, entry in enumerate(entries)]
    return {name: value for name, value in body.items() if name != "images"} | {"image": pictures}


def _reference(entry: Any, param: str) -> Any:
    if not isinstance(entry, dict):
        raise not_an_object("A picture", entry, param=param)
    value = entry.get("image_url") or entry.get("file_id")
    if not value:
        text = "A picture must have an `image_url` or a `file_id`."
        raise InvalidRequest(text, param=param, code="missing_required_parameter")
    return value


async def _from_form(headers: Headers, raw: bytes) -> Json:
    form = await _parsed(headers, raw)
    try:
        return await _gathered(form)
    finally:
        await form.close()


async def _gathered(form: FormData) -> Json:
    body: Json = {}
    pictures: list[str] = []
    for name, value in form.multi_items():
        if _IMAGE.fullmatch(name):
            pictures.append(value if isinstance(value, str) else await asyncio.to_thread(_data_url, value))
        elif name in _MASKS:
            raise _no_mask(name)
        elif isinstance(value, str):
            body[name] = _read(name, value)
        else:
            text = f"`{name}` cannot be a file; pictures are sent in parts named `image` or `image[]`."
            raise InvalidRequest(text, param=name, code="invalid_type")
    if pictures:
        body["image"] = pictures if len(pictures) > 1 else pictures[0]
    return body


async def _parsed(headers: Headers, raw: bytes) -> FormData:
    # A text may be a picture's data URL; the body as a whole has a limit already, and is in memory.
    parser = MultiPartParser(headers, _once(raw), max_fields=_MOST_FIELDS, max_part_size=len(raw))
    parser.spool_max_size = len(raw)
    try:
        return await parser.parse()
    except MultiPartException as error:
        raise InvalidRequest(f"The form cannot be read: {error.message}", code="invalid_form") from error
    except FormParserError as error:
        text = "The form cannot be read: it is no multipart/form-data with the boundary that `Content-Type` names."
        raise InvalidRequest(text, code="invalid_form") from error
    except KeyError as error:
        raise InvalidRequest("The form's boundary is missing.", code="invalid_form") from error


async def _once(raw: bytes) -> AsyncGenerator[bytes, None]:
    yield raw


def _data_url(upload: UploadFile) -> str:
    """The file under its real type, or else its declared one, which is judged where all pictures are."""
    data = upload.file.read()
    mime = sniff(data[:64]) or upload.content_type or "application/octet-stream"
    return f"data:{mime};base64,{pybase64.b64encode_as_string(data)}"


def _read(name: str, text: str) -> Any:
    """A form's text as the JSON value that it stands for; one that stands for none is refused by those who read it."""
    if name in _FLAGS:
        return _BOOLEANS.get(text.lower(), text)
    if name not in _NUMBERS:
        return text
    try:
        return float(text) if "." in text else int(text)
    except ValueError:
        return text


def _no_mask(name: str) -> InvalidRequest:
    text = (
        f"`{name}` cannot be served: no backend edits by one; say in the prompt what is to change and where."
    )
    return InvalidRequest(text, param=name, code="unsupported_parameter")
