"""Ark's files, from upload to expiry, and their use in Responses."""

import io
from typing import Any

import aiohttp
import orjson
import pytest

from .conftest import NOW, Answer, Client, Clock
from .media import input_text, picture

DAY = 86_400


async def upload(
    http: Client, data: bytes, name: str = "a.png", type: str = "image/png", **fields: str
) -> Answer:
    form = aiohttp.FormData({"purpose": "user_data", **fields})
    form.add_field("file", io.BytesIO(data), filename=name, content_type=type)
    return await http.send("POST", f"{http.ark}/files", data=form)


async def use(http: Client, id: str, kind: str = "input_image") -> Answer:
    return await http.respond({"type": kind, "file_id": id}, input_text("what is it?"))


async def test_life_of_a_file(http: Client, clock: Clock) -> None:
    made = (await upload(http, picture("green"))).json
    assert list(made) == [
        "object",
        "id",
        "purpose",
        "filename",
        "bytes",
        "mime_type",
        "created_at",
        "expire_at",
        "status",
    ]
    assert made["id"].startswith("file-20260405194409-")
    assert (made["status"], made["mime_type"], made["filename"]) == ("processing", "image/png", "a.png")
    assert made["expire_at"] == int(NOW) + 7 * DAY

    early = await use(http, made["id"])
    assert (early.status, early.error["code"]) == (403, "OperationDenied.InvalidState")
    clock.now += 0.3
    kept = (await http.send("GET", f"{http.ark}/files/{made['id']}")).json
    assert kept == {**made, "status": "active"}
    used = await use(http, made["id"])
    assert "image 0: PNG 64x48, dominant colour green" in used.text

    clock.now = made["expire_at"]
    assert (await use(http, made["id"])).status == 404
    gone = await http.send("GET", f"{http.ark}/files/{made['id']}")
    assert (gone.status, gone.error["code"]) == (404, "NotFound.File")


async def test_unreadable_picture_fails(http: Client, clock: Clock) -> None:
    made = (await upload(http, b"no picture")).json
    assert made["status"] == "processing"
    clock.now += 1
    failed = (await http.send("GET", f"{http.ark}/files/{made['id']}")).json
    assert failed["status"] == "failed"
    assert list(failed["error"]) == ["code", "message", "param", "type"]
    assert (await use(http, made["id"])).error["code"] == "OperationDenied.InvalidState"


async def test_delete_and_list(http: Client) -> None:
    ids = [(await upload(http, picture(), f"{n}.png")).json["id"] for n in range(3)]
    newest = (await http.send("GET", f"{http.ark}/files?limit=2")).json
    assert list(newest) == ["object", "data", "first_id", "last_id", "has_more"]
    assert [file["id"] for file in newest["data"]] == [ids[2], ids[1]]
    assert (newest["first_id"], newest["last_id"], newest["has_more"]) == (ids[2], ids[1], True)
    rest = (await http.send("GET", f"{http.ark}/files?after={ids[1]}")).json
    assert [file["id"] for file in rest["data"]] == [ids[0]]
    assert (await http.send("GET", f"{http.ark}/files?purpose=agent")).json["data"] == []
    gone = await http.send("DELETE", f"{http.ark}/files/{ids[0]}")
    assert gone.body == orjson.dumps({"deleted": True, "id": ids[0], "object": "file"})
    assert (await http.send("DELETE", f"{http.ark}/files/{ids[0]}")).status == 404
    assert (await http.send("GET", f"{http.base}/_simulator/state")).json["files"] == 2


async def test_other_kinds(http: Client, clock: Clock) -> None:
    pdf = (await upload(http, b"%PDF-1.7", "a.pdf", "application/octet-stream")).json
    video = await upload(http, b"1234", "a.mp4", "video/mp4", **{"preprocess_configs[video][fps]": "0.3"})
    assert pdf["mime_type"] == "application/pdf"
    assert video.json["preprocess_configs"] == {"video": {"fps": 0.3}}
    clock.now += 1
    assert "PDF: 8 bytes" in (await use(http, pdf["id"], "input_file")).text
    assert "video: 4 bytes" in (await use(http, video.json["id"], "input_video")).text
    assert (await use(http, pdf["id"])).error["param"] == "file_id"


async def test_heic(http: Client, clock: Clock) -> None:
    made = (await upload(http, picture("red", (64, 48), "HEIC"), "a.heic", "image/heic")).json
    clock.now += 1
    assert "image 0: HEIC 64x48, dominant colour red" in (await use(http, made["id"])).text


async def test_a_file_may_be_larger_than_an_inline_picture(http: Client, clock: Clock) -> None:
    made = (await upload(http, picture() + b"\0" * (11 * 1024 * 1024))).json
    clock.now += 1
    assert (await use(http, made["id"])).status == 200


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"purpose": ""}, "MissingParameter"),
        ({"purpose": "vision"}, "InvalidParameter"),
        ({"expire_at": str(int(NOW) + 60)}, "InvalidParameter"),
        ({"expire_at": str(int(NOW) + 31 * DAY)}, "InvalidParameter"),
        ({"expire_at": "soon"}, "InvalidParameter"),
    ],
)
async def test_refused_uploads(http: Client, fields: dict[str, str], code: str) -> None:
    answer = await upload(http, picture(), **fields)
    assert (answer.status, answer.error["code"]) == (400, code)


async def test_expiry_is_the_callers(http: Client) -> None:
    wanted = int(NOW) + 2 * DAY
    assert (await upload(http, picture(), expire_at=str(wanted))).json["expire_at"] == wanted


async def test_upload_needs_a_file(http: Client) -> None:
    form = aiohttp.FormData({"purpose": "user_data"}, default_to_multipart=True)
    answer = await http.send("POST", f"{http.ark}/files", data=form)
    assert answer.error["code"] == "MissingParameter"
    assert (await http.post(f"{http.ark}/files", {"purpose": "user_data"})).status == 400


async def test_malformed_form(http: Client) -> None:
    for type in ("multipart/form-data", "multipart/form-data; boundary=x"):
        answer = await http.send("POST", f"{http.ark}/files", data=b"junk", headers={"content-type": type})
        assert answer.status == 400


async def test_upload_by_url(http: Client, clock: Clock) -> None:
    tool: dict[str, Any] = {"type": "image_process"}
    processed = await http.respond(
        {"type": "input_image", "file_id": await active(http, clock)}, tools=[tool]
    )
    url = processed.json["output"][1]["action"]["result_image_url"]
    form = aiohttp.FormData({"purpose": "user_data", "url": url}, default_to_multipart=True)
    made = (await http.send("POST", f"{http.ark}/files", data=form)).json
    assert (made["mime_type"], made["filename"]) == ("image/png", url.rpartition("/")[2])


async def active(http: Client, clock: Clock) -> str:
    id = (await upload(http, picture())).json["id"]
    clock.now += 1
    return str(id)


async def test_lost_file_is_taken_when_uploaded_again(http: Client, clock: Clock) -> None:
    text = input_text('what? [[fault: {"file_gone": true}]]')
    first = await active(http, clock)
    lost = await http.respond({"type": "input_image", "file_id": first}, text)
    assert (lost.status, lost.error["code"]) == (404, "NotFound.File")
    assert (await http.send("GET", f"{http.ark}/files/{first}")).status == 404
    second = await active(http, clock)
    assert (await http.respond({"type": "input_image", "file_id": second}, text)).status == 200
    assert (await http.respond({"type": "input_image", "file_id": second}, text)).status == 404
