"""ModelArts' pictures, embeddings and models."""

import base64
import io
from typing import Any

import pytest
from PIL import Image

from .conftest import NOW, Answer, Client
from .media import data_url, picture


async def generate(http: Client, **more: Any) -> Answer:
    body = {"model": "qwen-image", "prompt": "a blue lake", "size": "512x512", **more}
    return await http.post(f"{http.base}/v1/images/generations", body)


async def test_picture_is_a_data_url_made_in_milliseconds(http: Client) -> None:
    answer = (await generate(http, size="600x530")).json
    assert list(answer) == ["model", "created", "data", "usage", "error"]
    assert answer["created"] == int(NOW * 1000)
    (item,) = answer["data"]
    assert (list(item), item["url"]) == (["url", "b64_json"], None)
    head, encoded = item["b64_json"].split(",")
    assert head == "data:image/jpeg;base64"
    image = Image.open(io.BytesIO(base64.b64decode(encoded)))
    assert image.size == (592, 528)  # rounded down to multiples of 16
    assert image.getpixel((300, 300)) == (0, 0, 254)


async def test_edit(http: Client) -> None:
    answer = await generate(http, model="qwen_image_edit", image=data_url(picture("red", (520, 512))))
    encoded = answer.json["data"][0]["b64_json"].split(",")[1]
    image = Image.open(io.BytesIO(base64.b64decode(encoded))).convert("RGB")
    assert image.size == (520, 512)
    assert image.getpixel((20, 20))[0] > 240


@pytest.mark.parametrize(
    "fields",
    [
        {"size": None},
        {"size": "auto"},
        {"size": "256x256"},
        {"size": "3088x512"},
        {"prompt": ""},
        {"response_format": "url"},
        {"model": "qwen_image_edit"},
        {"model": "qwen_image_edit", "image": "https://example.com/a.png"},
        {"model": "qwen_image_edit", "image": data_url(picture("red", (64, 64), "GIF"), "image/gif")},
        {"model": "qwen_image_edit", "image": "data:image/png;base64," + "A" * 3_145_728},
    ],
)
async def test_refused(http: Client, fields: dict[str, Any]) -> None:
    answer = await generate(http, **fields)
    assert (answer.status, answer.json["error_code"]) == (400, "ModelArts.81001")


async def test_embeddings(http: Client) -> None:
    url = f"{http.maas}/embeddings"
    answer = (await http.post(url, {"model": "bge-m3", "input": ["a", "b"]})).json
    assert [len(item["embedding"]) for item in answer["data"]] == [1024, 1024]
    assert (await http.post(url, {"model": "bge-m3", "input": [1]})).status == 400
    assert (await http.post(url, {"model": "bge-m3", "input": "a", "dimensions": -1})).status == 400


async def test_models(http: Client) -> None:
    answer = (await http.send("GET", f"{http.maas}/models")).json
    assert "Qwen3-VL-30B-A3B" in [model["id"] for model in answer["data"]]
