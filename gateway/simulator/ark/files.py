"""Ark's Files API: an upload is ``processing``, then ``active`` or ``failed``, and expires. There is no download."""

import asyncio
import mimetypes
import re
from typing import Any

from gateway.simulator.ark.download import download
from gateway.simulator.ark.errors import invalid, invalid_parameter, missing, not_found
from gateway.simulator.ark.listing import page
from gateway.simulator.ark.picture_rules import UNDERSTANDING
from gateway.simulator.ark.stored import StoredFile
from gateway.simulator.call import Call
from gateway.simulator.form import Form, Upload
from gateway.simulator.pictures import Unreadable, decode, measure
from gateway.simulator.reply import Reply, answer

Json = dict[str, Any]

_PURPOSES = ("user_data", "agent")
_DAY = 86_400
_LARGEST = 512 * 1024 * 1024
_VIDEO_SETTING = re.compile(r"preprocess_configs\[video\]\[(\w+)\]")


async def create(call: Call) -> Reply:
    if call.form is None:
        raise invalid("The request must be multipart/form-data.")
    _check_purpose(call.form)
    expire_at = _expiry(call.form, call.now)
    upload = await _upload(call.form)
    if len(upload.data) > _LARGEST:
        raise invalid("The size of the file exceeds the limit (512 MB).", param="file")
    mime_type, failure = await asyncio.to_thread(_examined, upload)
    file = StoredFile(
        id=call.state.ids.file(),
        purpose=call.form.fields["purpose"],
        filename=upload.filename,
        mime_type=mime_type,
        data=upload.data,
        created_at=call.now,
        expire_at=expire_at,
        ready_at=call.now + call.state.processing_time,
        preprocess_configs=_preprocessing(call.form, mime_type),
        failure=failure,
    )
    call.state.files[file.id] = file
    return answer(_shown(file, call.now))


async def retrieve(call: Call) -> Reply:
    return answer(_shown(_file(call), call.now))


async def delete(call: Call) -> Reply:
    file = _file(call)
    del call.state.files[file.id]
    return answer({"deleted": True, "id": file.id, "object": "file"})


async def list_files(call: Call) -> Reply:
    purpose = call.query.get("purpose")
    files = [file for file in call.state.files.values() if call.now < file.expire_at]
    shown = [_shown(file, call.now) for file in files if purpose in (None, file.purpose)]
    return answer(page(shown, call.query, largest=100, default=100))


def _file(call: Call) -> StoredFile:
    id = call.parameters["id"]
    file = call.state.files.get(id)
    if file is None or call.now >= file.expire_at:
        raise not_found("File", id)
    return file


def _shown(file: StoredFile, now: float) -> Json:
    status = file.status(now)
    shown: Json = {
        "object": "file",
        "id": file.id,
        "purpose": file.purpose,
        "filename": file.filename,
        "bytes": len(file.data),
        "mime_type": file.mime_type,
        "created_at": int(file.created_at),
        "expire_at": file.expire_at,
        "status": status,
    }
    if file.preprocess_configs:
        shown["preprocess_configs"] = file.preprocess_configs
    if status == "failed":
        shown["error"] = {
            "code": "InvalidParameter",
            "message": file.failure,
            "param": "",
            "type": "BadRequest",
        }
    return shown


def _check_purpose(form: Form) -> None:
    purpose = form.fields.get("purpose")
    if not purpose:
        raise missing("purpose")
    if purpose not in _PURPOSES:
        raise invalid_parameter("purpose", f"invalid value: `{purpose}`")


def _expiry(form: Form, now: float) -> int:
    text = form.fields.get("expire_at")
    if not text:
        return int(now) + 7 * _DAY
    # A second of grace: the caller's "a day from now" is a moment old when it arrives.
    if not text.isdecimal() or not now + _DAY - 1 <= int(text) <= now + 30 * _DAY:
        raise invalid_parameter("expire_at", "must be 1 to 30 days ahead")
    return int(text)


async def _upload(form: Form) -> Upload:
    if "file" in form.files:
        return form.files["file"]
    url = form.fields.get("url")
    if not url:
        raise missing("file")
    return Upload(url.rpartition("/")[2], "", await download(url))


def _examined(upload: Upload) -> tuple[str, str | None]:
    """The MIME type, and why processing will fail."""
    guessed = upload.content_type
    if not guessed or guessed == "application/octet-stream":
        guessed = mimetypes.guess_type(upload.filename)[0] or "application/octet-stream"
    if upload.data.startswith(b"%PDF"):
        return "application/pdf", None
    if guessed.startswith(("video/", "audio/")):
        return guessed, None
    try:
        picture = measure(upload.data)
        if picture.format not in UNDERSTANDING.formats:
            return picture.mime_type, f"The format {picture.format} is not supported."
        decode(picture)
    except Unreadable as error:
        return guessed, f"The file cannot be processed: {error}."
    return picture.mime_type, None


def _preprocessing(form: Form, mime_type: str) -> Json | None:
    if not mime_type.startswith("video/"):
        return None
    settings = {
        match[1]: value for name, value in form.fields.items() if (match := _VIDEO_SETTING.match(name))
    }
    video = {"fps": 1, **{name: _number(value) for name, value in settings.items()}}
    if isinstance(video["fps"], str) or not 0.2 <= video["fps"] <= 5:
        raise invalid_parameter("preprocess_configs.video.fps", "must be between 0.2 and 5")
    return {"video": video}


def _number(text: str) -> float | str:
    try:
        number = float(text)
    except ValueError:
        return text
    return int(number) if number.is_integer() else number
