"""Ark's smaller endpoints."""

import base64
import struct
from typing import Any

import pytest

from .conftest import Client, Clock
from .media import image_part, picture, text_part


async def test_embeddings(http: Client) -> None:
    url = f"{http.ark}/embeddings"
    answer = (await http.post(url, {"model": "m", "input": ["a", "b", "a"]})).json
    assert set(answer) == {"id", "created", "object", "data", "model", "usage"}
    first, second, third = (item["embedding"] for item in answer["data"])
    assert len(first) == 2048
    assert first == third != second
    short = (
        await http.post(url, {"model": "m", "input": "a", "dimensions": 4, "encoding_format": "base64"})
    ).json
    assert list(struct.unpack("<4f", base64.b64decode(short["data"][0]["embedding"]))) == first[:4]


@pytest.mark.parametrize(
    "fields",
    [{"input": [text_part("x")]}, {"input": {}}, {"input": []}, {"dimensions": -1}, {"dimensions": 9999}],
)
async def test_refused_embeddings(http: Client, fields: dict[str, Any]) -> None:
    assert (await http.post(f"{http.ark}/embeddings", {"model": "m", "input": "a", **fields})).status == 400


async def test_multimodal_embedding_is_one_object(http: Client) -> None:
    body = {"model": "m", "input": [text_part("a"), image_part(picture())]}
    answer = (await http.post(f"{http.ark}/embeddings/multimodal", body)).json
    assert answer["data"]["object"] == "embedding"
    assert answer["usage"]["prompt_tokens_details"] == {"text_tokens": 1, "image_tokens": 3}
    assert (await http.post(f"{http.ark}/embeddings/multimodal", {"model": "m", "input": "a"})).status == 400


async def test_tokenization(http: Client) -> None:
    answer = (await http.post(f"{http.ark}/tokenization", {"model": "m", "text": ["two words", "天空"]})).json
    words, signs = answer["data"]
    assert list(words) == ["index", "object", "total_tokens", "token_ids", "offset_mapping"]
    assert (words["total_tokens"], words["offset_mapping"]) == (2, [[0, 4], [4, 9]])
    assert signs["total_tokens"] == 2


async def test_models(http: Client) -> None:
    listed = (await http.send("GET", f"{http.ark}/models")).json
    model = (await http.send("GET", f"{http.ark}/models/{listed['data'][0]['id']}")).json
    assert model == listed["data"][0]
    unknown = await http.send("GET", f"{http.ark}/models/none")
    assert (unknown.status, unknown.error["code"]) == (404, "InvalidEndpointOrModel.NotFound")


async def test_tasks(http: Client, clock: Clock) -> None:
    url = f"{http.ark}/contents/generations/tasks"
    made = (await http.post(url, {"model": "m", "content": [text_part("a film")]})).json
    assert list(made) == ["id"]
    assert (await http.send("GET", f"{url}/{made['id']}")).json["status"] == "running"
    clock.now += 1
    task = (await http.send("GET", f"{url}/{made['id']}")).json
    assert task["status"] == "succeeded"
    assert task["content"]["video_url"].startswith("http")
    assert (await http.send("GET", f"{url}?filter.status=succeeded&page_size=1")).json["total"] == 1
    assert (await http.send("GET", f"{url}?page_num=0")).status == 400
    assert (await http.send("DELETE", f"{url}/{made['id']}")).status == 200
    assert (await http.send("GET", f"{url}/{made['id']}")).status == 404


async def test_the_simulator_tells_what_it_is(http: Client) -> None:
    about = (await http.send("GET", http.base)).json
    assert about["ark"] == "/api/v3"
