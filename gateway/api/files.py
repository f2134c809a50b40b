"""The Files API: callers' files in the gateway's own store and Ark's own, told in the dialect of the prefix."""

import mimetypes
import re
import time
from typing import Any, Literal
from urllib.parse import quote, unquote, urlsplit

import structlog
from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, Response

from gateway.api.form import FilePart, Form, read_form
from gateway.errors import InvalidRequest, UpstreamError
from gateway.media.backend_files import BackendFiles
from gateway.media.fetch.guard import redact
from gateway.media.fetch.remote import FetchFailed, Remote
from gateway.storage.files import RESPONSE_INPUT, FileStore, StoredFile, is_own_id
from gateway.storage.incoming import Incoming
from gateway.wire import body as wire_body
from gateway.wire import files as wire_files
from gateway.wire.sse import Event

_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+")
_UNKNOWN_TYPE = "application/octet-stream"
_UPLOAD_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "url": {"type": "string", "description": "Instead of `file`: where to fetch it."},
                        "purpose": {"type": "string", "default": "user_data"},
                        "expires_after[anchor]": {"type": "string", "enum": ["created_at"]},
                        "expires_after[seconds]": {"type": "integer"},
                        "expire_at": {"type": "integer", "description": "Ark's way: Unix seconds."},
                        "preprocess_configs[video][fps]": {"type": "number", "minimum": 0.2, "maximum": 5},
                    },
                }
            }
        },
    }
}

log = structlog.get_logger(__name__)


def router(files: FileStore, elsewhere: BackendFiles, remote: Remote, silence: float) -> APIRouter:
    """``silence`` is how long an upload may stand still, in seconds."""
    api = APIRouter(tags=["Files"])

    @api.post("/files", summary="Upload a file", openapi_extra=_UPLOAD_FORM)
    async def create(request: Request) -> dict[str, Any]:
        with files.incoming() as incoming:
            form = await read_form(request, incoming, silence)
            _check_source(form)
            expires_at = wire_files.expiry(form.fields, int(time.time()))
            preprocess_configs = wire_files.preprocess_configs(form.fields)
            part = form.file or await _fetched(remote, form.fields["url"], incoming)
            stored = await files.keep(
                incoming,
                request.state.principal.owner,
                filename=part.filename or "file",
                purpose=form.fields.get("purpose") or "user_data",
                mime_type=_mime(part),
                expires_at=expires_at,
                preprocess_configs=preprocess_configs,
            )
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

    @api.get("/files/{file_id}", summary="One file", response_model=None)
    async def retrieve(file_id: str, request: Request) -> dict[str, Any] | Response:
        if not is_own_id(file_id):
            return await _relayed(elsewhere, request, file_id)
        return told(await _found(files, request, file_id), request.state.dialect)

    @api.delete("/files/{file_id}", summary="Delete a file", response_model=None)
    async def delete(file_id: str, request: Request) -> dict[str, Any] | Response:
        if not is_own_id(file_id):
            return await _relayed(elsewhere, request, file_id)
        principal = request.state.principal
        file = await files.delete(principal.owner, file_id)
        if file is None:
            raise _not_found(file_id)
        await elsewhere.drop_copies(file, principal.upstream_key)
        return {"id": file_id, "object": "file", "deleted": True}

    @api.get("/files/{file_id}/content", summary="A file's bytes", response_class=FileResponse)
    async def content(file_id: str, request: Request) -> FileResponse:
        if not is_own_id(file_id):
            text = f"There is no content of {file_id!r} here: only files that were uploaded to this gateway can be downloaded, Ark's own cannot."
            raise InvalidRequest(text, param="file_id", code="file_not_found", status=404)
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
    if file.preprocess_configs:
        common["preprocess_configs"] = file.preprocess_configs
    if dialect == "ark":
        return {**common, "mime_type": file.mime_type, "expire_at": file.expires_at, "status": "active"}
    return {**common, "expires_at": file.expires_at, "status": "processed", "status_details": None}


async def _relayed(elsewhere: BackendFiles, request: Request, file_id: str) -> Response:
    """A backend's own file: its answer, under /v1 in OpenAI's terms."""
    found = await elsewhere.ask(request.method, file_id, request.state.principal.upstream_key)
    if found is None:
        raise _not_found(file_id)
    backend, reply = found
    request.state.record.backend = backend.name
    body = reply.body
    if request.state.dialect == "openai":
        file = Event("", body).json()
        if file is None:
            text = f"{backend.title} answered without a file object."
            raise UpstreamError(502, text, code="upstream_invalid")
        body = wire_body.dump(wire_files.as_openai(file))
    headers = {"x-arkway-backend": backend.name}
    return Response(body, reply.status, headers, "application/json")


async def _found(files: FileStore, request: Request, file_id: str) -> StoredFile:
    file = await files.get(request.state.principal.owner, file_id)
    if file is None:
        raise _not_found(file_id)
    return file


def _not_found(file_id: str, param: str = "file_id") -> InvalidRequest:
    return InvalidRequest(f"There is no file {file_id!r}.", param=param, code="file_not_found", status=404)


def _check_source(form: Form) -> None:
    """Either a file or the URL of one, and no wish for a place that the gateway does not have."""
    url = form.fields.get("url")
    if form.file is None and not url:
        text = "The part `file` is missing: send the file's bytes in a part of that name, or its address as `url`."
        raise InvalidRequest(text, param="file", code="missing_required_parameter")
    if form.file is not None and url:
        raise InvalidRequest("Send either `file` or `url`, not both.", param="url", code="invalid_form")
    if form.fields.get("purpose") == RESPONSE_INPUT:
        text = (
            f"`purpose` cannot be {RESPONSE_INPUT}: the gateway keeps its own files under it; use user_data."
        )
        raise InvalidRequest(text, param="purpose", code="invalid_value")
    for param in form.fields:
        if param.startswith("tos["):
            text = f"`{param[:100]}` cannot be served: the gateway keeps files itself, not in a TOS bucket."
            raise InvalidRequest(text, param=param[:100], code="unsupported_parameter")
    if url and not url.lower().startswith(("http://", "https://")):
        scheme = url.partition(":")[0][:20] if "://" in url else "an address without a scheme"
        text = f"`url` must be an http or https address, the only ones that are fetched here, not {scheme}; upload the bytes as `file`."
        raise InvalidRequest(text, param="url", code="invalid_url")


async def _fetched(remote: Remote, url: str, target: Incoming) -> FilePart:
    try:
        fetched = await remote.fetch(url)
    except FetchFailed as failed:
        log.info("file.unfetched", url=redact(url), reason=failed.reason, cause=repr(failed.__cause__))
        text = f"{redact(url)} could not be fetched: {failed.reason}."
        raise InvalidRequest(text, param="url", code="invalid_url") from failed
    await target.write(fetched.data)
    return FilePart(unquote(urlsplit(url).path.rpartition("/")[2]), fetched.content_type or "")


def _mime(part: FilePart) -> str:
    """The declared type, or what the name says where that is none."""
    declared = part.content_type.partition(";")[0].strip().lower()
    if _TYPE.fullmatch(declared) and declared != _UNKNOWN_TYPE:
        return declared
    return mimetypes.guess_type(part.filename)[0] or _UNKNOWN_TYPE
