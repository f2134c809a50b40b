"""The Files API: callers' files in the gateway's own store, told in the dialect of the prefix."""

import re
import time
from collections.abc import AsyncGenerator
from typing import Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect

from gateway.errors import InvalidRequest
from gateway.storage.files import FileStore, StoredFile

MAX_FILE = 512 << 20  # Ark's limit, in bytes
_DAY = 86400
_DEFAULT_DAYS, _MAX_DAYS = 7, 30
_SKEW = 60  # seconds by which a caller's clock and the way here may make "in one day" less
_CHUNK = 1 << 20
_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+")


_UPLOAD_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "purpose": {"type": "string", "default": "user_data"},
                        "expires_after[anchor]": {"type": "string", "enum": ["created_at"]},
                        "expires_after[seconds]": {"type": "integer"},
                        "expire_at": {"type": "integer", "description": "Ark's way: Unix seconds."},
                    },
                }
            }
        },
    }
}


def router(files: FileStore) -> APIRouter:
    api = APIRouter(tags=["Files"])

    @api.post("/files", summary="Upload a file", openapi_extra=_UPLOAD_FORM)
    async def create(request: Request) -> dict[str, Any]:
        form = await _form(request)
        try:
            stored = await _store(files, request.state.principal.owner, form)
        finally:
            await form.close()
        return told(stored, request.state.dialect)

    @api.get("/files", summary="List the files")
    async def list_files(
        request: Request,
        after: str | None = None,
        limit: int = 100,
        order: Literal["asc", "desc"] = "desc",
        purpose: str | None = None,
    ) -> dict[str, Any]:
        owner = request.state.principal.owner
        if not 1 <= limit <= 10_000:
            raise InvalidRequest(f"`limit` must be between 1 and 10000, not {limit}.", param="limit")
        if after and await files.get(owner, after) is None:
            raise _not_found(after, param="after")
        page, more = await files.page(
            owner, purpose=purpose, after=after, limit=limit, newest_first=order == "desc"
        )
        data = [told(file, request.state.dialect) for file in page]
        first, last = (page[0].id, page[-1].id) if page else (None, None)
        return {"object": "list", "data": data, "first_id": first, "last_id": last, "has_more": more}

    @api.get("/files/{file_id}", summary="One file")
    async def retrieve(file_id: str, request: Request) -> dict[str, Any]:
        return told(await _found(files, request, file_id), request.state.dialect)

    @api.delete("/files/{file_id}", summary="Delete a file")
    async def delete(file_id: str, request: Request) -> dict[str, Any]:
        if not await files.delete(request.state.principal.owner, file_id):
            raise _not_found(file_id)
        return {"id": file_id, "object": "file", "deleted": True}

    @api.get("/files/{file_id}/content", summary="A file's bytes", response_class=FileResponse)
    async def content(file_id: str, request: Request) -> FileResponse:
        file = await _found(files, request, file_id)
        headers = {
            "content-disposition": f"attachment; filename*=UTF-8''{quote(file.filename, safe='')}",
            "x-content-type-options": "nosniff",
        }
        return FileResponse(files.path(file), media_type=file.mime_type, headers=headers)

    return api


def told(file: StoredFile, dialect: str) -> dict[str, Any]:
    """The file object: OpenAI's names under /v1, Ark's under /api/v3. The gateway's own copy is ready at once."""
    common = {"id": file.id, "object": "file", "bytes": file.bytes, "created_at": file.created_at}
    common |= {"filename": file.filename, "purpose": file.purpose}
    if dialect == "ark":
        return {**common, "mime_type": file.mime_type, "expire_at": file.expires_at, "status": "active"}
    return {**common, "expires_at": file.expires_at, "status": "processed", "status_details": None}


async def _store(files: FileStore, owner: str, form: FormData) -> StoredFile:
    upload = form.get("file")
    if not isinstance(upload, UploadFile):
        text = "The part `file` is missing: send the file's bytes in a part of that name."
        raise InvalidRequest(text, param="file", code="missing_required_parameter")
    return await files.create(
        owner,
        _chunks(upload),
        filename=upload.filename or "file",
        purpose=_purpose(form),
        mime_type=_mime(upload),
        expires_at=_expiry(form, int(time.time())),
    )


async def _found(files: FileStore, request: Request, file_id: str) -> StoredFile:
    file = await files.get(request.state.principal.owner, file_id)
    if file is None:
        raise _not_found(file_id)
    return file


def _not_found(file_id: str, param: str = "file_id") -> InvalidRequest:
    return InvalidRequest(f"There is no file {file_id!r}.", param=param, code="file_not_found", status=404)


async def _form(request: Request) -> FormData:
    """The multipart form; its file lies on disk once it is large. Raises InvalidRequest."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise InvalidRequest("Send the file as multipart/form-data.", code="invalid_content_type", status=415)
    try:
        return await MultiPartParser(request.headers, _limited(request), max_files=1, max_fields=64).parse()
    except ClientDisconnect as error:
        request.state.record.left = True
        raise InvalidRequest("The upload broke off.", code="upload_aborted") from error
    except MultiPartException as error:
        raise InvalidRequest(f"The form cannot be read: {error.message}", code="invalid_form") from error
    except KeyError as error:
        raise InvalidRequest("The form's boundary is missing.", code="invalid_form") from error


async def _limited(request: Request) -> AsyncGenerator[bytes, None]:
    room = MAX_FILE + _CHUNK  # the file, and the other parts of the form
    async for chunk in request.stream():
        room -= len(chunk)
        if room < 0:
            text = f"The file is over the limit of {MAX_FILE} bytes."
            raise InvalidRequest(text, param="file", code="file_too_large", status=413)
        yield chunk


async def _chunks(upload: UploadFile) -> AsyncGenerator[bytes, None]:
    while chunk := await upload.read(_CHUNK):
        yield chunk


def _mime(upload: UploadFile) -> str:
    declared = (upload.content_type or "").partition(";")[0].strip().lower()
    return declared if _TYPE.fullmatch(declared) else "application/octet-stream"


def _purpose(form: FormData) -> str:
    purpose = form.get("purpose")
    return purpose if isinstance(purpose, str) and purpose else "user_data"


def _expiry(form: FormData, now: int) -> int:
    """Unix seconds from OpenAI's ``expires_after[seconds]`` or Ark's ``expire_at``: 1 to 30 days from now."""
    param = "expire_at" if form.get("expire_at") else "expires_after[seconds]"
    text = form.get(param)
    if text is None:
        return now + _DEFAULT_DAYS * _DAY
    if not isinstance(text, str) or not text.isdecimal():
        raise InvalidRequest(
            f"`{param}` must be a whole number of seconds.", param=param, code="invalid_type"
        )
    seconds = int(text) - now if param == "expire_at" else int(text)
    if not _DAY - _SKEW <= seconds <= _MAX_DAYS * _DAY + _SKEW:
        message = f"The file would expire in {seconds} s; it must be between {_DAY} and {_MAX_DAYS * _DAY} s (1 to 30 days)."
        raise InvalidRequest(message, param=param, code="invalid_value")
    return now + seconds
