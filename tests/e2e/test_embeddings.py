"""Embeddings of texts and of media, in a form that each dialect's SDK reads."""

import base64
from typing import Any

import openai
import pytest
from openai.types import CreateEmbeddingResponse

from .conftest import Gateway, Http, Simulated
from .pictures import data_url, small
from .servers import Gallery

MODEL = "doubao-embedding-vision-250615"
PATH = "/embeddings/multimodal"


def asked(url: str, **more: Any) -> dict[str, Any]:
    parts = [{"type": "text", "text": "a red square"}, {"type": "image_url", "image_url": {"url": url}}]
    return {"model": MODEL, "input": parts, **more}


async def embedded(gateway: Gateway, body: dict[str, Any]) -> CreateEmbeddingResponse:
    return await gateway.openai.post(PATH, body=body, cast_to=CreateEmbeddingResponse)


async def test_openais_client_reads_the_one_embedding_as_a_list(gateway: Gateway) -> None:
    answer = await embedded(gateway, asked(data_url(small()), dimensions=8))
    assert answer.object == "list"
    (one,) = answer.data
    assert (one.object, one.index, len(one.embedding)) == ("embedding", 0, 8)
    assert answer.usage.prompt_tokens > 0
    assert answer.usage.model_extra is not None
    assert answer.usage.model_extra["prompt_tokens_details"]["image_tokens"] > 0


async def test_the_very_picture_arrives_from_any_source(gateway: Gateway, gallery: Gallery) -> None:
    picture = small("red")
    by_data = await embedded(gateway, asked(data_url(picture)))
    by_url = await embedded(gateway, asked(gallery.put("embed.png", picture)))
    other = await embedded(gateway, asked(data_url(small("blue"))))
    assert by_data.data[0].embedding == by_url.data[0].embedding != other.data[0].embedding


async def test_base64_embeddings_pass(gateway: Gateway, http: Http) -> None:
    body = asked(data_url(small()), dimensions=8, encoding_format="base64")
    (one,) = (await http.post(f"{gateway.v1}{PATH}", body)).json["data"]
    assert len(base64.b64decode(one["embedding"])) == 8 * 4


async def test_arks_dialect_gets_arks_object(gateway: Gateway, http: Http) -> None:
    body = asked(data_url(small()), dimensions=8)
    answer = (await http.post(f"{gateway.v3}{PATH}", body)).json
    assert list(answer["data"]) == ["object", "embedding"]
    told = await gateway.ark.multimodal_embeddings.create(
        model=MODEL, input=body["input"], encoding_format="float"
    )
    assert len(told.data.embedding) == 2048


async def test_an_unfetchable_picture_is_refused_by_its_place(gateway: Gateway, gallery: Gallery) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        await embedded(gateway, asked(f"{gallery.url}/nothing.png"))
    assert caught.value.param == "input[1].image_url"


async def test_modelarts_has_none_and_says_what_it_has(gateway: Gateway, sim: Simulated) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        await embedded(gateway, asked(data_url(small())) | {"model": "qwen-vl"})
    assert (caught.value.code, caught.value.param) == ("unsupported_api", "model")
    assert "/embeddings" in caught.value.message
    assert await sim.requests(PATH) == []


async def test_a_stream_is_refused(gateway: Gateway) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        await embedded(gateway, asked(data_url(small())) | {"stream": True})
    assert caught.value.param == "stream"


async def test_texts_are_embedded_through_both_sdks(gateway: Gateway) -> None:
    for client in (gateway.openai, gateway.ark):
        answer = await client.embeddings.create(
            model="doubao-embedding-large-text-250515", input=["a", "b"], encoding_format="float"
        )
        assert [one.index for one in answer.data] == [0, 1]
