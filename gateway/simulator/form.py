"""Multipart bodies: text fields and one file."""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser


@dataclass(frozen=True)
class Upload:
    filename: str
    content_type: str
    data: bytes


@dataclass(frozen=True)
class Form:
    fields: Mapping[str, str]
    files: Mapping[str, Upload]

    def summary(self) -> dict[str, Any]:
        files = {
            name: {"filename": file.filename, "content_type": file.content_type, "bytes": len(file.data)}
            for name, file in self.files.items()
        }
        return {**self.fields, **files}


class Malformed(Exception):
    """The body is not the multipart form that its content type says."""


async def read_form(headers: Headers, body: bytes) -> Form:
    try:
        form = await MultiPartParser(headers, _once(body)).parse()
    except (MultiPartException, KeyError) as error:
        raise Malformed(str(error)) from error
    try:
        items = form.multi_items()
        fields = {name: value for name, value in items if isinstance(value, str)}
        files = {name: await _upload(value) for name, value in items if isinstance(value, UploadFile)}
    finally:
        await form.close()
    return Form(fields, files)


async def _upload(file: UploadFile) -> Upload:
    return Upload(file.filename or "", file.content_type or "", await file.read())


async def _once(body: bytes) -> AsyncGenerator[bytes]:
    yield body
