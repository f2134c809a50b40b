"""Each SDK, API, mode and backend with a picture from each source: the right pixels arrive."""

from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest

from .calls import ask
from .conftest import Gateway, Launch, Simulated
from .pictures import asked, base64_of, data_url, file_part, large, seen, shape, small, text_part, url_part
from .servers import Gallery

Part = dict[str, Any]
Source = Callable[[str, bytes, Gateway, Gallery], Awaitable[Part]]

PLACES = [("chat", "doubao-vision"), ("chat", "qwen-vl"), ("responses", "doubao-vision")]


async def by_url(api: str, data: bytes, gateway: Gateway, gallery: Gallery) -> Part:
    return url_part(api, gallery.put("matrix.jpg", data))


async def by_data_url(api: str, data: bytes, gateway: Gateway, gallery: Gallery) -> Part:
    return url_part(api, data_url(data, "image/png"))


async def by_base64(api: str, data: bytes, gateway: Gateway, gallery: Gallery) -> Part:
    return url_part(api, base64_of(data))


async def by_path(api: str, data: bytes, gateway: Gateway, gallery: Gallery) -> Part:
    path = gateway.pictures / "ein Bild 图.png"
    path.write_bytes(data)
    return url_part(api, path.as_uri())


async def by_file_id(api: str, data: bytes, gateway: Gateway, gallery: Gallery) -> Part:
    file = await gateway.openai.files.create(file=("a.bin", data), purpose="user_data")
    return file_part(api, file.id)


SOURCES: dict[str, Source] = {
    "url": by_url,
    "data": by_data_url,
    "base64": by_base64,
    "local": by_path,
    "file_id": by_file_id,
}


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize(("api", "model"), PLACES)
@pytest.mark.parametrize("sdk", ["openai", "ark"])
async def test_small_picture(
    gateway: Gateway,
    sim: Simulated,
    gallery: Gallery,
    sdk: str,
    api: str,
    model: str,
    source: str,
    stream: bool,
) -> None:
    data = small("blue", format="WEBP")
    part = await SOURCES[source](api, data, gateway, gallery)
    body = asked(api, part, text_part(api, "What is it?"), model=model)
    told = await ask(gateway.client(sdk), api, body, stream=stream)
    assert seen(told.text) == [shape(data, "blue")]
    assert 'last user text: "What is it?"' in told.text
    sent = (await sim.last())["body"]
    assert f"data:image/webp;base64,{base64_of(data)}" in str(sent)
    assert told.changes == ["image:inlined=1"]


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("sdk", ["openai", "ark"])
async def test_large_picture_to_ark_responses_is_uploaded_once(
    gateway: Gateway, sim: Simulated, gallery: Gallery, sdk: str, source: str, stream: bool
) -> None:
    data = large("green")
    changes, parts = [], []
    for _ in range(2):
        part = await SOURCES[source]("responses", data, gateway, gallery)
        body = asked("responses", part, model="doubao-vision")
        told = await ask(gateway.client(sdk), "responses", body, stream=stream)
        assert seen(told.text) == [shape(data, "green")]
        changes += told.changes
        parts.append((await sim.last("/responses"))["body"]["input"][0]["content"][0])
    assert changes == ["image:uploaded=1", "image:reused=1"]
    assert parts[0] == parts[1]
    assert parts[0]["file_id"].startswith("file-20")
    assert len(await sim.requests("/files")) == 1


@pytest.mark.parametrize("model", ["doubao-vision", "qwen-vl"])
@pytest.mark.parametrize("source", SOURCES)
async def test_large_picture_to_chat_is_inlined(
    gateway: Gateway, sim: Simulated, gallery: Gallery, model: str, source: str
) -> None:
    data = large("green")
    part = await SOURCES[source]("chat", data, gateway, gallery)
    told = await ask(gateway.openai, "chat", asked("chat", part, model=model), stream=False)
    assert seen(told.text) == [shape(data, "green")]
    assert not await sim.requests("/files")


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
@pytest.mark.parametrize(("api", "model"), PLACES)
async def test_type_is_the_real_one_whatever_was_declared(
    gateway: Gateway, sim: Simulated, api: str, model: str, format: str
) -> None:
    data = small("white", format=format)
    declared = "image/png" if format != "PNG" else "image/jpeg"
    body = asked(api, url_part(api, data_url(data, declared)), model=model)
    told = await ask(gateway.openai, api, body, stream=False)
    assert seen(told.text) == [shape(data, "white")]
    assert told.changes == ["image:inlined=1"]
    assert f"data:image/{format.lower()};base64," in str((await sim.last())["body"])


@pytest.mark.parametrize(("api", "model"), PLACES)
async def test_picture_that_is_right_already_is_left_alone(gateway: Gateway, api: str, model: str) -> None:
    body = asked(api, url_part(api, data_url(small())), model=model)
    told = await ask(gateway.openai, api, body, stream=True)
    assert told.changes == []


async def test_file_of_arks_own_passes_by_its_id(gateway: Gateway, sim: Simulated) -> None:
    form = aiohttp.FormData({"purpose": "user_data"})
    form.add_field("file", small("cyan"), filename="a.png")
    url = f"{sim.url}/api/v3/files"
    key = {"authorization": "Bearer k"}
    file_id = (await sim.http.send("POST", url, data=form, headers=key)).json["id"]
    body = asked("responses", file_part("responses", file_id), model="doubao-vision")
    told = await ask(gateway.openai, "responses", body, stream=False)
    assert seen(told.text) == [shape(small("cyan"), "cyan")]
    assert told.changes == []


async def test_public_url_is_forwarded_where_so_configured(launch: Launch, sim: Simulated) -> None:
    gateway = launch(images={"remote": "forward", "allow_hosts": []})
    url = "https://ark-project.tos-cn-beijing.volces.com/images/view.jpeg"
    for api in ("chat", "responses"):
        told = await ask(
            gateway.openai, api, asked(api, url_part(api, url), model="doubao-vision"), stream=True
        )
        assert "JPEG 1200x800" in told.text
        assert told.changes == []
        assert url in str((await sim.last())["body"])


async def test_url_of_the_operators_own_network_is_never_forwarded(
    launch: Launch, sim: Simulated, gallery: Gallery
) -> None:
    gateway = launch(images={"remote": "forward"})
    part = url_part("chat", gallery.put("own.png", small("pink")))
    told = await ask(gateway.openai, "chat", asked("chat", part, model="doubao-vision"), stream=False)
    assert seen(told.text) == [shape(small("pink"), "pink")]
    assert told.changes == ["image:inlined=1"]


async def test_url_is_normalised_for_a_backend_that_fetches_none(launch: Launch, gallery: Gallery) -> None:
    gateway = launch(images={"remote": "forward"})
    part = url_part("chat", gallery.put("maas.png", small("pink")))
    told = await ask(gateway.openai, "chat", asked("chat", part, model="qwen-vl"), stream=False)
    assert seen(told.text) == [shape(small("pink"), "pink")]
