"""Files by their ids: the gateway's own on every backend and API, Ark's own where it takes them, nobody else's."""

import base64
import io
from collections.abc import Callable
from typing import Any

import openai
import pytest
from PIL import Image
from volcenginesdkarkruntime import AsyncArk

from .calls import ask
from .clips import MAKERS, NOUNS, part
from .conftest import Answer, Gateway, Http, Launch, Simulated
from .pictures import PATHS, asked, encoded, file_part, large, seen, shape, small

SEEDREAM, QWEN_EDIT = "doubao-seedream-4-0-250828", "qwen_image_edit"
EMBEDDING = "doubao-embedding-vision-251215"
PLACES = [("chat", "doubao-vision"), ("chat", "qwen-vl"), ("responses", "doubao-vision")]
IMAGES = "/images/generations"
KEYS = [{"name": name, "key": f"sk-{name}-0123456789"} for name in ("one", "two")]
UNKNOWN = "file-20261018114827-zzzzz"

Body = dict[str, Any]
Use = Callable[[str], tuple[str, Body, str]]  # of a file id: the path, the body, and the id's place in it


def said(api: str, model: str, given: dict[str, Any], place: str) -> tuple[str, Body, str]:
    root = "messages" if api == "chat" else "input"
    return PATHS[api], asked(api, given, model=model), f"{root}[0].content[0].{place}"


def painted(path: str, model: str, **fields: Any) -> tuple[str, Body, str]:
    return path, {"model": model, "prompt": "a grey wall", **fields}, "image"


def clip(api: str, kind: str, file_id: str) -> dict[str, Any]:
    return part(api, kind, {"file_id": file_id})


PICTURES: dict[str, Use] = {
    "ark chat": lambda i: said("chat", "doubao-vision", file_part("chat", i), "image_url"),
    "ark responses": lambda i: said("responses", "doubao-vision", file_part("responses", i), "file_id"),
    "modelarts chat": lambda i: said("chat", "qwen-vl", file_part("chat", i), "image_url"),
    "ark images": lambda i: painted(IMAGES, SEEDREAM, image=i),
    "ark edits": lambda i: painted("/images/edits", SEEDREAM, image=i),
    "modelarts edits": lambda i: painted("/images/edits", QWEN_EDIT, image=i),
    "ark multimodal": lambda i: (
        "/embeddings/multimodal",
        {"model": EMBEDDING, "input": [file_part("chat", i)]},
        "input[0].image_url",
    ),
}
CLIPS: dict[str, Use] = {
    "video at ark chat": lambda i: said("chat", "doubao-vision", clip("chat", "video", i), "video_url"),
    "file at ark chat": lambda i: said("chat", "doubao-vision", clip("chat", "file", i), "file"),
    "audio at ark chat": lambda i: said("chat", "doubao-vision", clip("chat", "audio", i), "input_audio"),
    "video at ark responses": lambda i: said(
        "responses", "doubao-vision", clip("responses", "video", i), "file_id"
    ),
    "file at ark responses": lambda i: said(
        "responses", "doubao-vision", clip("responses", "file", i), "file_id"
    ),
    "audio at ark responses": lambda i: said(
        "responses", "doubao-vision", clip("responses", "audio", i), "file_id"
    ),
    "video at modelarts": lambda i: said("chat", "qwen-vl", clip("chat", "video", i), "video_url"),
    "file at modelarts": lambda i: said("chat", "qwen-vl", clip("chat", "file", i), "file"),
}
EVERY = PICTURES | CLIPS


@pytest.fixture
def both(launch: Launch) -> Gateway:
    return launch(models={QWEN_EDIT: {"backend": "maas"}})


async def upload(client: Any, data: bytes, name: str = "a.bin") -> str:
    file_id: str = (await client.files.create(file=(name, data), purpose="user_data")).id
    return file_id


async def native(sim: Simulated, data: bytes, name: str) -> str:
    """A file that somebody uploaded to Ark without the gateway."""
    async with openai.AsyncOpenAI(base_url=f"{sim.url}/api/v3", api_key="k") as client:
        return await upload(client, data, name)


def photo(colour: str) -> bytes:
    return encoded(Image.new("RGB", (600, 520), colour))


def shows_in_its_corner(text: str | None, colour: str) -> None:
    """The simulated painters leave what was to be edited in the upper left corner."""
    picture = Image.open(io.BytesIO(base64.b64decode(text or ""))).convert("RGB")
    found, wanted = picture.getpixel((20, 20)), Image.new("RGB", (1, 1), colour).getpixel((0, 0))
    assert isinstance(found, tuple)
    assert isinstance(wanted, tuple)
    assert all(abs(a - b) < 16 for a, b in zip(found, wanted, strict=True)), found


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize(("api", "model"), PLACES)
@pytest.mark.parametrize("sdk", ["openai", "ark"])
async def test_picture_to_be_seen(gateway: Gateway, sdk: str, api: str, model: str, stream: bool) -> None:
    client, data = gateway.client(sdk), large("blue")
    body = asked(api, file_part(api, await upload(client, data)), model=model)
    assert seen((await ask(client, api, body, stream=stream)).text) == [shape(data, "blue")]


@pytest.mark.parametrize("sdk", ["openai", "ark"])
async def test_picture_to_be_painted_over(both: Gateway, sdk: str) -> None:
    client = both.client(sdk)
    file_id = await upload(client, photo("blue"))
    more: Any = {"extra_body": {"image": file_id}} if sdk == "openai" else {"image": file_id}
    for model in (SEEDREAM, QWEN_EDIT):
        answer = await client.images.generate(
            model=model, prompt="a red barn", size="1024x1024", response_format="b64_json", **more
        )
        shows_in_its_corner(answer.data[0].b64_json, "blue")


@pytest.mark.parametrize("model", [SEEDREAM, QWEN_EDIT])
@pytest.mark.parametrize("form", ["image", "images"])
async def test_picture_to_be_edited(both: Gateway, http: Http, model: str, form: str) -> None:
    file_id = await upload(both.openai, photo("blue"))
    given = {"image": file_id} if form == "image" else {"images": [{"file_id": file_id}]}
    body = {"model": model, "prompt": "a red barn", "response_format": "b64_json", **given}
    answer = await http.post(f"{both.v1}/images/edits", body)
    assert answer.status == 200, answer.body
    shows_in_its_corner(answer.json["data"][0]["b64_json"], "blue")


async def test_picture_streamed_and_embedded(both: Gateway, http: Http) -> None:
    file_id = await upload(both.openai, photo("blue"))
    path, body, _ = painted(IMAGES, SEEDREAM, image=[file_id], stream=True)
    events = (await http.post(both.v1 + path, body)).events
    assert [event["type"] for event in events] == [
        "image_generation.partial_succeeded",
        "image_generation.completed",
    ]
    path, body, _ = PICTURES["ark multimodal"](file_id)
    assert len((await http.post(both.v1 + path, body)).json["data"][0]["embedding"]) > 1000


async def test_arks_sdk_uploads_local_files_by_itself(gateway: Gateway, tmp_path: Any) -> None:
    for kind in ("video", "file"):
        name, data = MAKERS[kind][0], MAKERS[kind][1]()
        (tmp_path / name).write_bytes(data)
        async with AsyncArk(base_url=gateway.v3, api_key="k") as client:
            given = part("responses", kind, {"url": (tmp_path / name).as_uri()})
            told = await ask(
                client, "responses", asked("responses", given, model="doubao-vision"), stream=True
            )
        assert f"{len(data)} bytes" in told.text


async def refused(gateway: Gateway, http: Http, use: tuple[str, Body, str], **headers: str) -> Answer:
    path, body, param = use
    answer = await http.post(gateway.v1 + path, body, **headers)
    assert answer.error["param"] == param
    return answer


@pytest.mark.parametrize("use", EVERY)
async def test_file_of_another_key(launch: Launch, http: Http, sim: Simulated, use: str) -> None:
    gateway = launch(access={"mode": "keys", "keys": KEYS}, models={QWEN_EDIT: {"backend": "maas"}})
    owner = gateway.sdks.get(openai.AsyncOpenAI, gateway.v1, KEYS[0]["key"])
    kind = use.partition(" ")[0]
    file_id = await upload(owner, MAKERS[kind][1]() if kind in MAKERS else small())
    for one in (file_id, "file-" + "0" * (len(file_id) - 5)):  # and one that never was
        stranger = f"Bearer {KEYS[1]['key']}"
        answer = await refused(gateway, http, EVERY[use](one), authorization=stranger)
        assert (answer.status, answer.error["code"]) == (404, "file_not_found")
    assert not await sim.requests()


@pytest.mark.parametrize("api", ["chat", "responses"])
@pytest.mark.parametrize("kind", MAKERS)
async def test_arks_own_clip_passes(
    gateway: Gateway, http: Http, sim: Simulated, kind: str, api: str
) -> None:
    name, make = MAKERS[kind]
    data = make()
    file_id = await native(sim, data, name)
    path, body, _ = CLIPS[f"{kind} at ark {api}"](file_id)
    answer = await http.post(gateway.v1 + path, body)
    assert (f"{NOUNS[kind]}: {len(data)} bytes" in answer.text, answer.changes) == (True, [])
    assert file_id in str((await sim.last())["body"])


@pytest.mark.parametrize("use", [use for use in EVERY if use != "ark responses" and " at ark" not in use])
async def test_arks_own_file_where_no_ids_are_taken(
    both: Gateway, http: Http, sim: Simulated, use: str
) -> None:
    answer = await refused(both, http, EVERY[use](UNKNOWN))
    assert (answer.status, answer.error["code"]) == (400, "unsupported_file_id")
    assert UNKNOWN in answer.error["message"]
    assert not await sim.requests()


@pytest.mark.parametrize("use", ["ark responses", "video at ark chat", "file at ark responses"])
async def test_id_that_ark_does_not_know_is_arks_to_refuse(
    gateway: Gateway, http: Http, sim: Simulated, use: str
) -> None:
    path, body, _ = EVERY[use](UNKNOWN)
    answer = await http.post(gateway.v1 + path, body)
    assert (answer.status, answer.error["code"]) == (404, "NotFound.File")
    assert len(await sim.requests()) == 1


@pytest.mark.parametrize("use", EVERY)
async def test_copies_are_nobodys_by_their_id(
    launch: Launch, http: Http, sim: Simulated, tmp_path: Any, use: str
) -> None:
    storage = {"database": f"sqlite:///{tmp_path}/shared.db", "files": f"{tmp_path}/files"}
    first, later = (launch(storage=storage, models={QWEN_EDIT: {"backend": "maas"}}) for _ in range(2))
    data = large()
    picture = asked("responses", file_part("responses", await upload(first.openai, data)))
    assert (await http.post(f"{first.v1}/responses", {**picture, "model": "doubao-vision"})).changes == [
        "image:uploaded=1"
    ]
    copy = (await sim.last("/responses"))["body"]["input"][0]["content"][0]["file_id"]
    count = len(await sim.requests())
    for gateway in (first, later):  # what it has in memory, and what stands in the database
        answer = await refused(gateway, http, EVERY[use](copy))
        assert (answer.status, answer.error["code"]) == (404, "file_not_found")
    assert len(await sim.requests()) == count
