"""A multipart form with one file, read as it comes: the fields into memory, the file straight to disk."""

import asyncio
from typing import Any, NamedTuple

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from gateway.errors import InvalidRequest
from gateway.storage.incoming import Incoming

MAX_FILE = 512 << 20  # Ark's limit, in bytes
_MAX_FIELDS = 64
_MAX_FIELD = 64 << 10
_MAX_FIELDS_BYTES = 1 << 20
_MAX_AROUND = 2 << 20  # bytes of a form besides its file
_PIECE = 1 << 20  # bytes written at once


class FilePart(NamedTuple):
    """What a form says of its file."""

    filename: str
    content_type: str


class Form(NamedTuple):
    """A form that has been read; of fields with one name the last counts."""

    fields: dict[str, str]
    file: FilePart | None


async def read_form(request: Request, target: Incoming, silence: float) -> Form:
    """Reads the form and writes its file to ``target``. ``silence`` is how long nothing may come, in seconds.

    Raises InvalidRequest, and StorageUnavailable.
    """
    parts = _Parts(_boundary(request.headers.get("content-type", "")))
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > MAX_FILE + _MAX_AROUND:
        raise _too_large()
    room, more = MAX_FILE + _MAX_AROUND, True
    while more:
        message = await _message(request, silence)
        chunk, more = message.get("body", b""), message.get("more_body", False)
        request.state.record.bytes_in += len(chunk)
        room -= len(chunk)
        if room < 0:
            raise _too_large()
        parts.feed(chunk)
        if len(parts.pending) >= _PIECE:
            await target.write(parts.take())
    parts.close()
    await target.write(parts.take())
    return Form(parts.fields, parts.file)


async def _message(request: Request, silence: float) -> dict[str, Any]:
    try:
        async with asyncio.timeout(silence):
            message = await request.receive()
    except TimeoutError:
        text = f"The upload stood still for {silence:g} s (server.body_timeout)."
        raise InvalidRequest(text, code="request_timeout", status=408) from None
    if message["type"] == "http.disconnect":
        request.state.record.left = True
        raise InvalidRequest("The upload broke off.", code="upload_aborted") from ClientDisconnect()
    return dict(message)


def _boundary(content_type: str) -> bytes:
    kind, options = parse_options_header(content_type)
    if kind != b"multipart/form-data":
        raise InvalidRequest("Send the file as multipart/form-data.", code="invalid_content_type", status=415)
    boundary = options.get(b"boundary")
    if not boundary:
        raise _invalid("The form's boundary is missing: `Content-Type` has to name it.")
    return boundary


class _Parts:
    """The parser's callbacks, and what they have gathered. ``pending`` are bytes of the file, not yet written."""

    def __init__(self, boundary: bytes) -> None:
        self.fields: dict[str, str] = {}
        self.file: FilePart | None = None
        self.pending = bytearray()
        self._count = self._fields_bytes = self._file_bytes = 0
        self._ended = False
        self._header, self._value = bytearray(), bytearray()
        self._headers: dict[bytes, bytes] = {}
        self._name = ""
        self._text: bytearray | None = None
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin,
                    "on_header_field": self._on_header,
                    "on_header_value": self._on_value,
                    "on_header_end": self._on_header_end,
                    "on_headers_finished": self._on_headers,
                    "on_part_data": self._on_data,
                    "on_part_end": self._on_part_end,
                    "on_end": self._on_end,
                },
            )
        except FormParserError as error:
            raise _invalid("The form's boundary is too long.") from error

    def feed(self, chunk: bytes) -> None:
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            text = "The form cannot be read: it is no multipart/form-data with the boundary that `Content-Type` names."
            raise _invalid(text) from error

    def take(self) -> bytes:
        taken, self.pending = self.pending, bytearray()
        return bytes(taken)

    def close(self) -> None:
        """Nothing more comes."""
        if not self._ended:
            raise _invalid("The form breaks off: its closing boundary is missing.")

    def _begin(self) -> None:
        self._headers = {}

    def _on_header(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        self._headers[bytes(self._header).lower()] = bytes(self._value)
        self._header, self._value = bytearray(), bytearray()

    def _on_headers(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition"))
        if b"name" not in options:
            raise _invalid("A part of the form has no name: `Content-Disposition` has to give it.")
        self._name = _decoded(options[b"name"])
        filename = options.get(b"filename")
        self._text = bytearray() if filename is None else None
        if filename is None:
            self._count_field()
        else:
            self._take_file(_decoded(filename))

    def _count_field(self) -> None:
        self._count += 1
        if self._count > _MAX_FIELDS:
            raise _invalid(f"The form has more than {_MAX_FIELDS} fields.")

    def _take_file(self, filename: str) -> None:
        if self._name != "file":
            text = (
                f"The part {self._name[:100]!r} holds a file; send the file's bytes in a part named `file`."
            )
            raise InvalidRequest(text, param="file", code="invalid_form")
        if self.file is not None:
            text = "The form has several files; send one form for each."
            raise InvalidRequest(text, param="file", code="invalid_form")
        self.file = FilePart(filename, _decoded(self._headers.get(b"content-type", b"")))

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        size = end - start
        if self._text is None:
            self._file_bytes += size
            if self._file_bytes > MAX_FILE:
                raise _too_large()
            self.pending += memoryview(data)[start:end]
            return
        self._text += data[start:end]
        self._fields_bytes += size
        if len(self._text) > _MAX_FIELD:
            raise _field_too_large(f"The field {self._name[:100]!r} is", _MAX_FIELD, self._name[:100])
        if self._fields_bytes > _MAX_FIELDS_BYTES:
            raise _field_too_large("The form's fields are together", _MAX_FIELDS_BYTES, None)

    def _on_part_end(self) -> None:
        if self._text is not None:
            self.fields[self._name] = _decoded(bytes(self._text))

    def _on_end(self) -> None:
        self._ended = True


def _decoded(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _invalid(message: str) -> InvalidRequest:
    return InvalidRequest(message, code="invalid_form")


def _too_large() -> InvalidRequest:
    text = f"The file is over the limit of {MAX_FILE} bytes."
    return InvalidRequest(text, param="file", code="file_too_large", status=413)


def _field_too_large(what: str, limit: int, param: str | None) -> InvalidRequest:
    return InvalidRequest(
        f"{what} over the limit of {limit} bytes.", param=param, code="field_too_large", status=413
    )
