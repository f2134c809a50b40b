"""Seedream: pictures that exist, sizes by generation, one event each."""

import base64
import io
from typing import Any

import pytest
from PIL import Image

from .conftest import Answer, Client
from .media import data_url, picture

SERIES = {"sequential_image_generation": "auto", "sequential_image_generation_options": {"max_images": 3}}


async def generate(http: Client, model: str = "doubao-seedream-4-0-250828", **more: Any) -> Answer:
    body = {"model": model, "prompt": "a red barn", "size": "1024x1024", **more}
    return await http.post(f"{http.ark}/images/generations", body)


async def test_url(http: Client) -> None:
    answer = (await generate(http)).json
    assert list(answer) == ["model", "created", "data", "usage"]
    assert answer["usage"] == {"generated_images": 1, "output_tokens": 4096, "total_tokens": 4096}
    (item,) = answer["data"]
    assert (list(item), item["size"]) == (["url", "size"], "1024x1024")
    fetched = await http.send("GET", item["url"])
    image = Image.open(io.BytesIO(fetched.body))
    assert (image.format, image.size) == ("JPEG", (1024, 1024))
    assert image.getpixel((500, 500)) == (254, 0, 0)


async def test_colour_is_a_word_of_the_prompt(http: Client) -> None:
    answer = (await generate(http, prompt="scattered blue hills")).json
    image = Image.open(io.BytesIO((await http.send("GET", answer["data"][0]["url"])).body)).convert("RGB")
    assert image.getpixel((500, 500)) == (0, 0, 254)


async def test_base64_is_bare(http: Client) -> None:
    answer = (await generate(http, response_format="b64_json", size="960x960", watermark=False)).json
    image = Image.open(io.BytesIO(base64.b64decode(answer["data"][0]["b64_json"])))
    assert image.size == (960, 960)
    assert image.getpixel((955, 955)) == (254, 0, 0)


async def test_watermark_by_default(http: Client) -> None:
    fetched = await http.send("GET", (await generate(http)).json["data"][0]["url"])
    red, green, blue = Image.open(io.BytesIO(fetched.body)).convert("RGB").getpixel((1020, 1020))
    assert min(red, green, blue) > 240


async def test_reference_shows_in_the_result(http: Client) -> None:
    answer = (await generate(http, image=[data_url(picture("blue")), data_url(picture("lime"))])).json
    image = Image.open(io.BytesIO((await http.send("GET", answer["data"][0]["url"])).body)).convert("RGB")
    assert image.getpixel((60, 60))[2] > 240
    assert image.getpixel((190, 60))[1] > 240


@pytest.mark.parametrize(
    ("model", "size", "status"),
    [
        ("doubao-seedream-4-0-250828", "2K", 200),
        ("doubao-seedream-4-0-250828", "1k", 200),
        ("doubao-seedream-4-5-251128", "1024x1024", 400),
        ("doubao-seedream-4-5-251128", "2048x2048", 200),
        ("doubao-seedream-5-0-pro", "3K", 400),
        ("doubao-seedream-5-0-pro", "1.5K", 200),
        ("doubao-seedream-3-0-t2i", "512x512", 200),
        ("doubao-seedream-4-0-250828", "auto", 400),
        ("doubao-seedream-4-0-250828", "8192x8192", 400),
        ("doubao-seedream-4-0-250828", "8192x400", 400),
        ("doubao-seedream-4-0-250828", "0x1024", 400),
    ],
)
async def test_sizes(http: Client, model: str, size: str, status: int) -> None:
    assert (await generate(http, model, size=size)).status == status


async def test_size_error_in_arks_words(http: Client) -> None:
    answer = await generate(http, "doubao-seedream-4-5-251128")
    assert answer.error["message"].startswith(
        "The parameter `size` specified in the request are not valid: image size must be at least 3686400 pixels."
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"prompt": ""},
        {"response_format": "png"},
        {"output_format": "png"},
        {"sequential_image_generation": "on"},
        {"sequential_image_generation": "auto", "sequential_image_generation_options": {"max_images": 16}},
        {"image": [5]},
        {"image": [data_url(picture())] * 15},
        {"image": data_url(picture("red", (1700, 100)))},
        {"image": data_url(picture("red", (64, 64), "ICO"), "image/x-icon")},
        {"watermark": "yes"},
    ],
)
async def test_refused(http: Client, fields: dict[str, Any]) -> None:
    assert (await generate(http, **fields)).status == 400


async def test_png_where_the_generation_has_it(http: Client) -> None:
    answer = await generate(http, "doubao-seedream-5-0-pro", output_format="png")
    fetched = await http.send("GET", answer.json["data"][0]["url"])
    assert fetched.headers["content-type"] == "image/png"
    assert (await generate(http, "doubao-seedream-5-0-pro", stream=True)).status == 400


async def test_stream(http: Client) -> None:
    answer = await generate(http, stream=True, size="960x960", **SERIES)
    assert [event["type"] for event in answer.events] == [
        *["image_generation.partial_succeeded"] * 3,
        "image_generation.completed",
    ]
    first = answer.events[0]
    assert list(first) == ["type", "model", "created", "image_index", "url", "size"]
    assert list(answer.events[-1]) == ["type", "model", "created", "usage"]
    assert answer.frames[0].startswith(b"event: image_generation.partial_succeeded\ndata: {")
    assert answer.frames[-1] == b"data: [DONE]"


async def test_failed_pictures(http: Client) -> None:
    prompt = 'barns [[fault: {"failed_images": [1]}]]'
    streamed = await generate(http, prompt=prompt, stream=True, size="960x960", **SERIES)
    failed = streamed.events[1]
    assert failed["type"] == "image_generation.partial_failed"
    assert list(failed) == ["type", "model", "created", "image_index", "error"]
    assert streamed.events[-1]["usage"]["generated_images"] == 2
    whole = (await generate(http, prompt=prompt, size="960x960", **SERIES)).json
    assert [list(item) for item in whole["data"]] == [["url", "size"], ["error"], ["url", "size"]]
    none = (await generate(http, prompt='barn [[fault: {"failed_images": [0]}]]')).json
    assert list(none) == ["model", "created", "error"]
