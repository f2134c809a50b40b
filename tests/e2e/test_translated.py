"""Each API on the backend that does not have it, through the SDKs: a caller cannot tell."""

from typing import Any

import pytest

from .conftest import Gateway, Simulated
from .pictures import asked, data_url, seen, shape, small, text_part, url_part


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
async def test_responses_on_modelarts_with_a_picture(gateway: Gateway, stream: bool) -> None:
    picture = url_part("responses", data_url(small("blue")))
    body = asked("responses", picture, text_part("responses", "What is it?"))
    if stream:
        async with gateway.openai.responses.stream(model="qwen-vl", **body) as events:
            kinds = [event.type async for event in events]
            response = await events.get_final_response()
        assert kinds[:2] == ["response.created", "response.in_progress"]
        assert kinds[-1] == "response.completed"
    else:
        response = await gateway.openai.responses.create(model="qwen-vl", **body)
    assert seen(response.output_text) == [shape(small("blue"), "blue")]
    assert response.status == "completed"
    assert response.usage
    assert response.usage.total_tokens


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize("model", ["strawberry-counter", "doubao-vision"])
async def test_image_process_from_chat(gateway: Gateway, sim: Simulated, model: str, stream: bool) -> None:
    picture = url_part("chat", data_url(small("red", size=(640, 480))))
    body: dict[str, Any] = asked("chat", picture, text_part("chat", "Use point on the picture."))
    extra = {} if model == "strawberry-counter" else {"extra_body": {"tools": [{"type": "image_process"}]}}
    client = gateway.openai.chat.completions
    if stream:
        text, finish, usage = "", None, None
        options = {"include_usage": True}
        chunks = await client.create(model=model, stream=True, stream_options=options, **body, **extra)
        async for chunk in chunks:
            usage = chunk.usage or usage
            for choice in chunk.choices:
                text += choice.delta.content or ""
                finish = choice.finish_reason or finish
        assert usage
    else:
        completion = await client.create(model=model, **body, **extra)
        text, finish = completion.choices[0].message.content or "", completion.choices[0].finish_reason
        assert completion.usage
    assert finish == "stop"
    assert "](http" in text
    assert (await sim.last())["path"].endswith("/responses")
    assert (await sim.last())["headers"]["ark-beta-image-process"] == "true"
