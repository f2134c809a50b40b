"""The Files API through both SDKs: the gateway's own copy, told in the dialect of the prefix."""

import asyncio
import io
import time
from typing import Any

import aiohttp
import openai
import pytest

from .conftest import Answer, Gateway, Http, Simulated
from .pictures import asked, file_part, seen, shape, small
from .servers import Gallery

DAY = 86_400


async def test_course_of_a_file_with_openais_sdk(gateway: Gateway, sim: Simulated) -> None:
    client = gateway.openai
    data = small("blue")
    made = await client.files.create(file=("a b 图.png", data, "image/png"), purpose="user_data")
    assert (made.object, made.bytes, made.filename, made.purpose) == (
        "file",
        len(data),
        "a b 图.png",
        "user_data",
    )
    assert made.status == "processed"
    assert made.expires_at
    assert abs(made.expires_at - made.created_at - 7 * DAY) <= 1
    assert await client.files.retrieve(made.id) == made
    assert await client.files.wait_for_processing(made.id) == made
    assert [file.id async for file in client.files.list()] == [made.id]
    assert (await client.files.content(made.id)).content == data
    deleted = await client.files.delete(made.id)
    assert (deleted.id, deleted.deleted, deleted.object) == (made.id, True, "file")
    with pytest.raises(openai.NotFoundError) as gone:
        await client.files.retrieve(made.id)
    assert gone.value.code == "file_not_found"
    assert not list((gateway.folder / "files").iterdir())
    assert not await sim.requests()  # all of it is the gateway's own


async def test_course_of_a_file_with_arks_sdk(gateway: Gateway) -> None:
    client = gateway.ark
    made = await client.files.create(file=io.BytesIO(small("blue")), purpose="user_data")
    assert made.status == "active"
    assert abs(made.expire_at - made.created_at - 7 * DAY) <= 1
    assert (await client.files.wait_for_processing(made.id)).id == made.id
    assert (await client.files.retrieve(made.id)).mime_type
    assert [file.id async for file in await client.files.list()] == [made.id]
    said = await client.responses.create(
        model="doubao-vision", **asked("responses", file_part("responses", made.id))
    )
    assert seen(said.output[-1].content[0].text) == [shape(small("blue"), "blue")]
    assert (await client.files.delete(made.id)).deleted


def test_synchronous_client(gateway: Gateway) -> None:
    with openai.OpenAI(base_url=gateway.v1, api_key="k", max_retries=0) as client:
        made = client.files.create(file=("a.txt", b"hello"), purpose="assistants")
        assert client.files.wait_for_processing(made.id).status == "processed"
        assert client.files.content(made.id).read() == b"hello"
        assert client.files.delete(made.id).deleted


async def test_pages(gateway: Gateway, http: Http) -> None:
    client = gateway.openai
    ids = [
        (await client.files.create(file=(f"{n}.txt", b"x"), purpose="user_data" if n % 2 else "batch")).id
        for n in range(7)
    ]
    listed = [file.id async for file in client.files.list(limit=2)]
    assert sorted(listed) == sorted(ids)
    assert [file.id async for file in client.files.list(limit=3, order="asc")] == listed[::-1]
    assert {file.id async for file in client.files.list(purpose="batch")} == {ids[n] for n in (0, 2, 4, 6)}
    assert [file.id async for file in await gateway.ark.files.list(limit=3)] == listed
    first = (await http.get(f"{gateway.v1}/files?limit=3")).json
    assert (first["has_more"], first["first_id"], first["last_id"]) == (True, listed[0], listed[2])
    rest = (await http.get(f"{gateway.v1}/files?limit=10&after={listed[2]}")).json
    assert ([file["id"] for file in rest["data"]], rest["has_more"]) == (listed[3:], False)


@pytest.mark.parametrize(
    ("query", "status", "param"),
    [
        ("limit=0", 400, "limit"),
        ("limit=10001", 400, "limit"),
        ("limit=x", 400, "limit"),
        ("order=up", 400, "order"),
        ("after=file-none", 404, "after"),
    ],
)
async def test_pages_that_are_none(gateway: Gateway, http: Http, query: str, status: int, param: str) -> None:
    answer = await http.get(f"{gateway.v1}/files?{query}")
    assert (answer.status, answer.error["param"]) == (status, param)


async def test_content_cannot_run_in_a_browser(gateway: Gateway, http: Http) -> None:
    page = b"<script>alert(1)</script>"
    made = await gateway.openai.files.create(file=("<x>.html", page, "text/html"), purpose="user_data")
    answer = await http.get(f"{gateway.v1}/files/{made.id}/content")
    assert answer.body == page
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''%3Cx%3E.html"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-length"] == str(len(page))
    ranged = await http.get(f"{gateway.v1}/files/{made.id}/content", headers={"range": "bytes=0-6"})
    assert (ranged.status, ranged.body) in ((206, page[:7]), (200, page))


async def upload(gateway: Gateway, http: Http, prefix: str = "/v1", **fields: str) -> Answer:
    form = aiohttp.FormData({"purpose": "user_data", **fields})
    form.add_field("file", b"hello", filename="a.txt")
    return await http.send("POST", f"{gateway.url}{prefix}/files", data=form)


async def test_expiry(gateway: Gateway, http: Http) -> None:
    now = int(time.time())
    openai_way = {"expires_after[anchor]": "created_at", "expires_after[seconds]": str(3 * DAY)}
    one = (await upload(gateway, http, **openai_way)).json
    assert abs(one["expires_at"] - now - 3 * DAY) < 60
    two = (await upload(gateway, http, "/api/v3", expire_at=str(now + 20 * DAY))).json
    assert two["expire_at"] == now + 20 * DAY


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"expires_after[anchor]": "created_at", "expires_after[seconds]": "3600"}, "expires_after[seconds]"),
        ({"expires_after[seconds]": str(31 * DAY)}, "expires_after[seconds]"),
        ({"expires_after[seconds]": "soon"}, "expires_after[seconds]"),
        ({"expires_after[seconds]": "-5"}, "expires_after[seconds]"),
        ({"expires_after[seconds]": "9" * 400}, "expires_after[seconds]"),
        ({"expire_at": "1"}, "expire_at"),
        ({"expire_at": "99999999999"}, "expire_at"),
    ],
)
async def test_expiry_out_of_range(gateway: Gateway, http: Http, fields: dict[str, str], param: str) -> None:
    answer = await upload(gateway, http, **fields)
    assert (answer.status, answer.error["param"]) == (400, param)
    assert not list((gateway.folder / "files").iterdir())


@pytest.mark.parametrize(
    ("kind", "body", "status", "param"),
    [
        ("application/json", b"{}", 415, None),
        ("text/plain", b"hello", 415, None),
        ("multipart/form-data", b"hello", 400, None),
        ("multipart/form-data; boundary=b", b"", 400, None),
        ("multipart/form-data; boundary=b", b"--b--\r\n", 400, "file"),
        ("multipart/form-data; boundary=b", b"no boundary at all", 400, None),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\ncontent-disposition: form-data; name="file"\r\n\r\nnot a file part\r\n--b--\r\n',
            400,
            "file",
        ),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\ncontent-disposition: form-data; name="other"; filename="a"\r\n\r\nx\r\n--b--\r\n',
            400,
            "file",
        ),
    ],
)
@pytest.mark.parametrize("prefix", ["/v1", "/api/v3"])
async def test_uploads_that_are_none(
    gateway: Gateway, http: Http, prefix: str, kind: str, body: bytes, status: int, param: str | None
) -> None:
    headers = {"content-type": kind}
    answer = await http.send("POST", f"{gateway.url}{prefix}/files", data=body, headers=headers)
    assert (answer.status, answer.error["param"]) == (status, param)
    assert not list((gateway.folder / "files").iterdir())


async def test_settings_for_a_video(gateway: Gateway, http: Http) -> None:
    settings = {"video": {"fps": 0.3, "max_video_tokens": 20_000}}
    expire_at = int(time.time()) + 3 * DAY
    made = await gateway.ark.files.create(
        file=("a.mp4", b"video"), purpose="user_data", preprocess_configs=settings, expire_at=expire_at
    )
    assert (made.preprocess_configs, made.expire_at) == (settings, expire_at)
    assert (await gateway.ark.files.retrieve(made.id)).preprocess_configs == settings
    assert [file.preprocess_configs async for file in await gateway.ark.files.list()] == [settings]
    told = (await http.get(f"{gateway.v1}/files/{made.id}")).json
    assert (told["preprocess_configs"], told["status"]) == (settings, "processed")
    also = await gateway.openai.files.create(
        file=("a.mp4", b"video"), purpose="user_data", extra_body={"preprocess_configs": settings}
    )
    assert also.model_extra is not None
    assert also.model_extra["preprocess_configs"] == settings


@pytest.mark.parametrize(
    ("name", "value"),
    [("fps", "0.1"), ("fps", "fast"), ("max_video_tokens", "1"), ("min_frames", "17"), ("speed", "1")],
)
async def test_settings_that_ark_would_refuse(gateway: Gateway, http: Http, name: str, value: str) -> None:
    param = f"preprocess_configs[video][{name}]"
    answer = await upload(gateway, http, **{param: value})
    assert (answer.status, answer.error["param"]) == (400, param)
    assert not list((gateway.folder / "files").iterdir())


async def test_file_by_its_url(gateway: Gateway, http: Http, gallery: Gallery, sim: Simulated) -> None:
    gallery.put("a b.png", small("blue"), "image/png; q=1")
    url = f"{gallery.url}/a%20b.png?sig=secret"
    made = await gateway.ark.files.create(url=url, purpose="user_data")
    assert (made.filename, made.mime_type, made.bytes) == ("a b.png", "image/png", len(small("blue")))
    assert (await gateway.openai.files.content(made.id)).content == small("blue")
    assert not await sim.requests()


async def form(gateway: Gateway, http: Http, *parts: tuple[str, str]) -> Answer:
    """A form without a file."""
    body = "".join(
        f'--b\r\ncontent-disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in parts
    )
    headers = {"content-type": "multipart/form-data; boundary=b"}
    return await http.send("POST", f"{gateway.v3}/files", data=f"{body}--b--\r\n".encode(), headers=headers)


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("tos://bucket/key", "only ones that are fetched here, not tos"),
        ("ftp://example.com/a", "not ftp"),
        ("a.png", "without a scheme"),
        ("http://10.0.0.1/a.png?sig=secret", "could not be fetched"),
        ("http://[", "could not be fetched"),
    ],
)
async def test_url_that_is_not_fetched(gateway: Gateway, http: Http, url: str, text: str) -> None:
    answer = await form(gateway, http, ("purpose", "user_data"), ("url", url))
    assert (answer.status, answer.error["param"]) == (400, "url")
    assert text in answer.error["message"]
    assert "secret" not in answer.error["message"]
    assert not list((gateway.folder / "files").iterdir())


async def test_url_and_file_or_neither(gateway: Gateway, http: Http) -> None:
    both = await upload(gateway, http, url="http://127.0.0.1/a.png")
    assert (both.status, both.error["param"]) == (400, "url")
    neither = await form(gateway, http, ("purpose", "user_data"))
    assert (neither.status, neither.error["param"]) == (400, "file")
    placed = await upload(gateway, http, **{"tos[bucket]": "mine"})
    assert (placed.status, placed.error["param"]) == (400, "tos[bucket]")
    assert not list((gateway.folder / "files").iterdir())


async def test_upload_that_breaks_off_leaves_nothing(gateway: Gateway, http: Http) -> None:
    async def half() -> Any:
        yield b'--b\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n' + b"x" * 100_000
        raise ConnectionError("the caller breaks off")

    headers = {"content-type": "multipart/form-data; boundary=b"}
    with pytest.raises((aiohttp.ClientError, ConnectionError)):
        await http.send("POST", f"{gateway.v1}/files", data=half(), headers=headers)
    assert (await http.get(f"{gateway.v1}/files")).json["data"] == []
    assert not list((gateway.folder / "files").iterdir())


async def test_many_uploads_at_once(gateway: Gateway) -> None:
    client = gateway.openai

    async def one(number: int) -> None:
        data = bytes([number]) * 50_000
        made = await client.files.create(file=(f"{number}", data), purpose="user_data")
        assert (await client.files.content(made.id)).content == data

    await asyncio.gather(*(one(number) for number in range(20)))


async def test_deleted_file_cannot_be_asked_about(gateway: Gateway, http: Http) -> None:
    made = await gateway.openai.files.create(file=("a.png", small()), purpose="user_data")
    await gateway.openai.files.delete(made.id)
    for api, path in (("chat", "chat/completions"), ("responses", "responses")):
        body = {"model": "doubao-vision", **asked(api, file_part(api, made.id))}
        answer = await http.post(f"{gateway.v1}/{path}", body)
        assert (answer.status, answer.error["code"]) == (404, "file_not_found")
