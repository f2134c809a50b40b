"""The vendors' customers: OpenAI's SDK and Ark's own."""

import io
from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
from volcenginesdkarkruntime import AsyncArk

from gateway.simulator import create_simulator

from .conftest import Clock, Stage
from .media import data_url, image_part, input_image, input_text, picture, text_part

BETA = {"ark-beta-image-process": "true"}


@pytest.fixture
async def ark_sdk(base: str) -> AsyncIterator[Any]:
    client = AsyncArk(base_url=f"{base}/api/v3", api_key="key", max_retries=0)
    yield client
    await client.close()


@pytest.mark.parametrize("vendor", ["ark", "maas"])
async def test_openai_chat(vendor: str, ark: openai.AsyncOpenAI, maas: openai.AsyncOpenAI) -> None:
    client = {"ark": ark, "maas": maas}[vendor]
    messages: Any = [{"role": "user", "content": [image_part(picture("orange")), text_part("what?")]}]
    whole = await client.chat.completions.create(model="m", messages=messages)
    assert "dominant colour orange" in (whole.choices[0].message.content or "")
    stream = await client.chat.completions.create(model="m", messages=messages, stream=True)
    text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
    assert text == whole.choices[0].message.content


async def test_openai_responses(ark: openai.AsyncOpenAI) -> None:
    content: Any = [{"role": "user", "content": [input_image(picture("orange")), input_text("what?")]}]
    whole = await ark.responses.create(model="m", input=content)
    assert "dominant colour orange" in whole.output_text
    stream = await ark.responses.create(model="m", input=content, stream=True)
    deltas = [event.delta async for event in stream if event.type == "response.output_text.delta"]
    assert "".join(deltas) == whole.output_text
    items = await ark.responses.input_items.list(whole.id, include=["message.input_image.image_url"])
    assert len(items.data) == 1
    assert (await ark.responses.retrieve(whole.id)).output_text == whole.output_text
    await ark.responses.delete(whole.id)


async def test_openai_image_process(ark: openai.AsyncOpenAI) -> None:
    tools: Any = [{"type": "image_process", "zoom": {"type": "enabled"}}]
    content: Any = [{"role": "user", "content": [input_image(picture()), input_text("前方路牌写了什么？")]}]
    stream = await ark.responses.create(
        model="m", input=content, tools=tools, stream=True, extra_headers=BETA
    )
    types = [event.type async for event in stream]
    assert "response.image_process_call.completed" in types
    assert types[-1] == "response.completed"


async def test_openai_files_and_images(ark: openai.AsyncOpenAI, clock: Clock) -> None:
    file = await ark.files.create(file=("a.png", picture("white")), purpose="user_data")
    clock.now += 1
    assert (await ark.files.retrieve(file.id)).status == "active"
    assert [listed.id async for listed in ark.files.list()] == [file.id]
    content: Any = [{"role": "user", "content": [{"type": "input_image", "file_id": file.id}]}]
    answer = await ark.responses.create(model="m", input=content)
    assert "dominant colour white" in answer.output_text
    assert (await ark.files.delete(file.id)).deleted
    made = await ark.images.generate(model="doubao-seedream-4-0-250828", prompt="a hill", size="1024x1024")
    assert made.data
    assert made.data[0].url


async def test_openai_errors(ark: openai.AsyncOpenAI, maas: openai.AsyncOpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        await ark.responses.create(model="m", input="hi", prompt_cache_key="x")
    assert refused.value.code == "InvalidParameter"
    with pytest.raises(openai.RateLimitError):
        await maas.chat.completions.create(
            model="m", messages=[{"role": "user", "content": '[[fault: {"status": 429}]]'}]
        )
    with pytest.raises(openai.NotFoundError):
        await maas.responses.create(model="m", input="hi")


async def test_openai_embeddings_and_models(ark: openai.AsyncOpenAI, maas: openai.AsyncOpenAI) -> None:
    for client in (ark, maas):
        vector = (await client.embeddings.create(model="m", input="hello")).data[0].embedding
        assert len(vector) in (1024, 2048)
        assert [model.id async for model in client.models.list()]


async def test_arks_sdk_chat(ark_sdk: Any) -> None:
    messages = [{"role": "user", "content": [image_part(picture("cyan")), text_part("what?")]}]
    whole = await ark_sdk.chat.completions.create(model="m", messages=messages)
    assert "dominant colour cyan" in whole.choices[0].message.content
    stream = await ark_sdk.chat.completions.create(model="m", messages=messages, stream=True)
    text = "".join([chunk.choices[0].delta.content async for chunk in stream])
    assert text == whole.choices[0].message.content


async def test_arks_sdk_responses_with_a_file(ark_sdk: Any, stage: Stage, clock: Clock) -> None:
    stage.app = create_simulator(clock=clock, chunk_delay=0, processing_time=0)
    file = await ark_sdk.files.create(file=io.BytesIO(picture("brown")), purpose="user_data")
    await ark_sdk.files.wait_for_processing(file.id)
    content = [{"type": "input_image", "file_id": file.id}, input_text("zoom")]
    stream = await ark_sdk.responses.create(
        model="m",
        input=[{"role": "user", "content": content}],
        tools=[{"type": "image_process", "zoom": {"type": "enabled"}}],
        stream=True,
    )
    events = [event async for event in stream]
    assert events[-1].type == "response.completed"
    assert "dominant colour brown" in events[-1].response.output[-1].content[0].text


async def test_arks_sdk_images(ark_sdk: Any) -> None:
    made = await ark_sdk.images.generate(
        model="doubao-seedream-4-0-250828",
        prompt="a hill",
        image=data_url(picture()),
        size="1K",
        response_format="b64_json",
    )
    assert made.data[0].b64_json
