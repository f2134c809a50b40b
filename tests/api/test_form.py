"""Forms as they come over the wire: in pieces of any size, broken off, too large, or none at all."""

import asyncio
import contextlib
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.requests import Request

from gateway.api import form as form_api
from gateway.api.form import FilePart, Form, read_form
from gateway.errors import InvalidRequest
from gateway.storage.incoming import Incoming
from gateway.telemetry import Record

BOUNDARY = "a-boundary"
KIND = f"multipart/form-data; boundary={BOUNDARY}"


def field(name: str, value: bytes) -> bytes:
    return part(f'form-data; name="{name}"', value)


def file(data: bytes, name: str = "file", filename: str = "a.png", kind: str = "image/png") -> bytes:
    return part(f'form-data; name="{name}"; filename="{filename}"', data, f"content-type: {kind}\r\n")


def part(disposition: str, value: bytes, more: str = "") -> bytes:
    head = f"--{BOUNDARY}\r\nContent-Disposition: {disposition}\r\n{more}\r\n"
    return head.encode() + value + b"\r\n"


END = f"--{BOUNDARY}--\r\n".encode()


class Sender:
    """The server's side of a request: its body in pieces, and then the caller's leaving or nothing."""

    def __init__(self, pieces: Iterable[bytes], *, whole: bool) -> None:
        pieces = list(pieces)
        self.messages = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
        if whole:
            self.messages.append({"type": "http.request", "body": b""})
        self.whole = whole

    async def __call__(self) -> Any:
        if self.messages:
            return self.messages.pop(0)
        if self.whole:
            await asyncio.Event().wait()
        return {"type": "http.disconnect"}


def scope(kind: str, headers: Mapping[str, str] = MappingProxyType({})) -> dict[str, Any]:
    raw = [(name.encode(), value.encode()) for name, value in {"content-type": kind, **headers}.items()]
    return {"type": "http", "headers": raw, "state": {"record": Record("req", "POST", "/v1/files")}}


async def read(
    folder: Path,
    pieces: Sequence[bytes],
    kind: str = KIND,
    *,
    whole: bool = True,
    headers: dict[str, str] | None = None,
) -> tuple[Form, bytes, Incoming]:
    """The form, its file's bytes, and the incoming file that has been taken away again."""
    incoming = Incoming(folder / "incoming-1")
    try:
        request = Request(scope(kind, headers or {}), Sender(pieces, whole=whole))
        form = await read_form(request, incoming, 5)
        await incoming.finish()
        return form, incoming.path.read_bytes(), incoming
    finally:
        incoming.discard()


async def refused(folder: Path, *pieces: bytes, **more: Any) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        await read(folder, pieces, **more)
    assert list(folder.iterdir()) == []
    return caught.value


@given(
    data=st.one_of(st.binary(max_size=300), st.text("\r\n-a-boundary", max_size=60).map(str.encode)),
    before=st.dictionaries(st.sampled_from(["purpose", "图", "x"]), st.text(max_size=20)),
    after=st.dictionaries(st.sampled_from(["expire_at", "z"]), st.text(max_size=20)),
    size=st.integers(1, 200),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=80, deadline=None)
def test_any_cut_gives_the_same_form(
    tmp_path: Path, data: bytes, before: dict[str, str], after: dict[str, str], size: int
) -> None:
    fields = [field(name, value.encode()) for name, value in before.items()]
    rest = [field(name, value.encode()) for name, value in after.items()]
    texts = [data, *(value.encode() for value in (*before.values(), *after.values()))]
    if any(f"--{BOUNDARY}".encode() in text for text in texts):
        return
    body = b"".join([*fields, file(data), *rest, END])
    pieces = [body[i : i + size] for i in range(0, len(body), size)]
    form, stored, _ = asyncio.run(read(tmp_path, pieces))
    assert form == Form({**before, **after}, FilePart("a.png", "image/png"))
    assert stored == data


@given(body=st.one_of(st.binary(max_size=200), st.text('\r\n-:a-boundary;="', max_size=200).map(str.encode)))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
def test_random_bodies_are_read_or_refused(tmp_path: Path, body: bytes) -> None:
    with contextlib.suppress(InvalidRequest):
        asyncio.run(read(tmp_path, [f"--{BOUNDARY}\r\n".encode() + body]))
    assert list(tmp_path.iterdir()) == []


async def test_a_large_file_is_written_piece_by_piece_and_hashed(tmp_path: Path) -> None:
    data = bytes(range(256)) * (3 << 12)  # 3 MiB
    body = file(data) + END
    _, stored, incoming = await read(tmp_path, [body[i : i + 65536] for i in range(0, len(body), 65536)])
    assert stored == data
    assert (incoming.size, incoming.sha256) == (3 << 20, hashlib.sha256(data).hexdigest())


async def test_names_in_utf8_and_missing_ones(tmp_path: Path) -> None:
    form, _, _ = await read(tmp_path, [file(b"x", filename="a b 图.png", kind="") + END])
    assert form.file == FilePart("a b 图.png", "")
    form, _, _ = await read(tmp_path, [file(b"x", filename="") + END])
    assert form.file == FilePart("", "image/png")


@pytest.mark.parametrize(
    "kind", ["application/json", "", "multipart/mixed; boundary=x", "multipart/form-dataX"]
)
async def test_another_content_type(tmp_path: Path, kind: str) -> None:
    error = await refused(tmp_path, END, kind=kind)
    assert (error.status, error.code) == (415, "invalid_content_type")


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("multipart/form-data", "missing"),
        ("multipart/form-data; boundary=", "missing"),
        (f"multipart/form-data; boundary={'b' * 300}", "too long"),
    ],
)
async def test_no_boundary(tmp_path: Path, kind: str, text: str) -> None:
    error = await refused(tmp_path, END, kind=kind)
    assert (error.status, error.code) == (400, "invalid_form")
    assert text in error.message


@pytest.mark.parametrize(
    "body",
    [
        b"",
        field("purpose", b"user_data"),
        file(b"x" * 100_000),
        file(b"x")[:-9],
        file(b"x") + END[:-5],
        file(b"x") + f"--{BOUNDARY}\r\n".encode(),
        f"--{BOUNDARY}\r\nContent-Disp".encode(),
    ],
)
async def test_a_form_without_its_end(tmp_path: Path, body: bytes) -> None:
    error = await refused(tmp_path, body)
    assert (error.status, error.code) == (400, "invalid_form")
    assert "closing boundary" in error.message


@pytest.mark.parametrize(
    "body",
    [
        b"no boundary at all",
        END.replace(b"a-", b"b-"),
        part("form-data", b"x") + END,
        file(b"x", name="other") + END,
        file(b"x") + file(b"y") + END,
        f"--{BOUNDARY}\r\nno header\r\n\r\nx\r\n".encode() + END,
        part('form-data; name="a"', b"x", "x-long: " + "y" * 9000 + "\r\n") + END,
        part('form-data; name="a"', b"x", "x-more: y\r\n" * 20) + END,
        b"".join(field(f"f{n}", b"x") for n in range(65)) + END,
    ],
    ids=["none", "another", "nameless", "misnamed", "two", "headless", "long", "many", "fields"],
)
async def test_a_form_that_is_none(tmp_path: Path, body: bytes) -> None:
    error = await refused(tmp_path, body)
    assert (error.status, error.code) == (400, "invalid_form")


async def test_fields_are_bounded(tmp_path: Path) -> None:
    most = field("a", b"x" * (64 << 10))
    form, _, _ = await read(tmp_path, [most + END])
    assert len(form.fields["a"]) == 64 << 10
    error = await refused(tmp_path, field("a", b"x" * ((64 << 10) + 1)) + END)
    assert (error.status, error.param) == (413, "a")
    assert "65536" in error.message
    error = await refused(tmp_path, most * 17 + END)
    assert error.status == 413
    assert "1048576" in error.message


async def test_a_file_over_the_limit_by_its_declared_length(tmp_path: Path) -> None:
    error = await refused(tmp_path, END, headers={"content-length": str(600 << 20)})
    assert (error.status, error.param, error.code) == (413, "file", "file_too_large")
    assert str(form_api.MAX_FILE) in error.message


async def test_a_file_over_the_limit_as_it_comes(tmp_path: Path) -> None:
    class Counted(Incoming):
        """Half a gigabyte has nowhere to go."""

        async def write(self, data: bytes) -> None:
            self.size += len(data)

    class Endless(Sender):
        async def __call__(self) -> Any:
            return self.messages.pop(0) if self.messages else {"type": "http.request", **more}

    more = {"body": bytes(4 << 20), "more_body": True}
    request = Request(scope(KIND), Endless([file(b"")[:-2]], whole=False))
    incoming = Counted(tmp_path / "incoming-1")
    with pytest.raises(InvalidRequest) as caught:
        await read_form(request, incoming, 5)
    incoming.discard()
    assert (caught.value.status, caught.value.param, caught.value.code) == (413, "file", "file_too_large")
    assert incoming.size <= form_api.MAX_FILE


async def test_a_caller_who_leaves(tmp_path: Path) -> None:
    error = await refused(tmp_path, file(b"x" * 2_000_000)[:-9], whole=False)
    assert error.code == "upload_aborted"


async def test_an_upload_that_stands_still(tmp_path: Path) -> None:
    class Silent(Sender):
        async def __call__(self) -> Any:
            return self.messages.pop(0) if self.messages else await asyncio.Event().wait()

    incoming = Incoming(tmp_path / "incoming-1")
    sender = Silent([file(b"x")[:-9]], whole=False)
    with pytest.raises(InvalidRequest) as caught:
        await read_form(Request(scope(KIND), sender), incoming, 0.02)
    incoming.discard()
    assert (caught.value.status, caught.value.code) == (408, "request_timeout")
