"""What one API has and the other has not: it is served, left out and told, or refused by name."""

from typing import Any

import openai
import pytest
from pydantic import BaseModel

from .conftest import MODELARTS_RESPONSES, PLACES, Place, Rig, by_name, each_place, each_way
from .talk import Conversation, Json

pytestmark = pytest.mark.asyncio(loop_scope="module")

LOOK: Json = {"name": "look", "parameters": {"type": "object"}}


def question(place: Place, **settings: Any) -> Json:
    name, value = ("messages", [{"role": "user", "content": "Go on."}])
    return {name if place.api == "chat" else "input": value, **settings}


async def refusal(rig: Rig, place: Place, body: Json, *, stream: bool) -> openai.BadRequestError:
    with pytest.raises(openai.BadRequestError) as caught:
        await rig.call(place, body, stream=stream)
    assert await rig.sim.requests() == []
    return caught.value


@each_way
@pytest.mark.parametrize(("name", "value"), [("stop", ["x"]), ("logit_bias", {"1": 5}), ("seed", 7)])
async def test_parameter_of_chat_alone(rig: Rig, name: str, value: Any, stream: bool) -> None:
    """Chat backends get it; over Ark's Responses a hint is dropped, and what changes the answer is refused."""
    for place in PLACES[0], PLACES[2]:
        asked = await rig.ask(place, question(place, **{name: value}), stream=stream)
        assert asked.sent[name] == value
    place = by_name("chat-ark-by-responses")
    if name == "seed":
        asked = await rig.ask(place, question(place, seed=value), stream=stream)
        assert asked.changes == place.changed("drop:seed")
        assert "seed" not in asked.sent
        return
    rig.sim.renew()
    assert (await refusal(rig, place, question(place, **{name: value}), stream=stream)).param == name


@each_way
async def test_several_choices(rig: Rig, stream: bool) -> None:
    """Chat backends give them; over Ark's Responses, and to callers of Responses, they are refused."""
    for place in PLACES[0], PLACES[2]:
        await rig.sim.fault(path=place.path, text="One of two.", thought="")
        _, raw = await rig.call(place, question(place, n=2), stream=stream)
        texts, roles = ["", ""], ["", ""]
        for choice in (choice for one in (raw if stream else [raw]) for choice in one["choices"]):
            said = choice["delta" if stream else "message"]
            texts[choice["index"]] += said.get("content") or ""
            roles[choice["index"]] += said.get("role") or ""
        assert texts == ["One of two."] * 2
        assert roles == ["assistant"] * 2
    rig.sim.renew()
    place = by_name("chat-ark-by-responses")
    assert (await refusal(rig, place, question(place, n=2), stream=stream)).param == "n"
    body = question(MODELARTS_RESPONSES, extra_body={"n": 2})
    assert (await refusal(rig, MODELARTS_RESPONSES, body, stream=stream)).param == "n"


@each_way
async def test_unknown_field(rig: Rig, stream: bool) -> None:
    """It survives; but Ark's Responses API, which refuses such, gets it from its own callers alone."""
    for name in "chat-ark", "chat-modelarts", "responses-modelarts":
        place = by_name(name)
        asked = await rig.ask(place, question(place, extra_body={"x_new": {"a": [1]}}), stream=stream)
        assert asked.sent["x_new"] == {"a": [1]}
        assert asked.changes == place.changed()
    place = by_name("chat-ark-by-responses")
    asked = await rig.ask(place, question(place, extra_body={"x_new": 1}), stream=stream)
    assert asked.changes == place.changed("drop:x_new")
    place = by_name("responses-ark")
    with pytest.raises(openai.BadRequestError, match='unknown field "x_new"'):
        await rig.call(place, question(place, extra_body={"x_new": 1}), stream=stream)


@each_way
async def test_hosted_tools_are_left_out_and_told(rig: Rig, stream: bool) -> None:
    place = MODELARTS_RESPONSES
    tools: list[Json] = [
        {"type": "web_search"},
        {"type": "function", **LOOK},
        {"type": "custom", "name": "shell"},
        {"type": "namespace", "name": "x", "tools": []},
    ]
    asked = await rig.ask(place, question(place, tools=tools), stream=stream)
    assert asked.changes == place.changed(*(f"drop:tools[{i}]" for i in (0, 2, 3)))
    assert asked.sent["tools"] == [{"type": "function", "function": LOOK}]
    for response in asked.responses:
        assert [tool["type"] for tool in response["tools"]] == [tool["type"] for tool in tools]


@each_way
@pytest.mark.parametrize(
    "choice", ["required", {"type": "web_search"}, {"type": "custom", "name": "shell"}], ids=str
)
async def test_hosted_tool_that_is_needed_is_refused(rig: Rig, choice: Any, stream: bool) -> None:
    tools = [{"type": "web_search"}, {"type": "custom", "name": "shell"}]
    body = question(MODELARTS_RESPONSES, tools=tools, tool_choice=choice)
    refused = await refusal(rig, MODELARTS_RESPONSES, body, stream=stream)
    named = isinstance(choice, dict) and choice["type"] == "custom"
    assert (refused.param, refused.code) == (f"tools[{int(named)}]", "unsupported_tool")


@each_way
@pytest.mark.parametrize("name", ["chat-modelarts", "responses-modelarts"])
async def test_image_process_on_modelarts_is_refused(rig: Rig, name: str, stream: bool) -> None:
    place = by_name(name)
    look = {"function": LOOK} if place.api == "chat" else LOOK
    tools = [{"type": "function", **look}, {"type": "image_process"}]
    refused = await refusal(rig, place, question(place, tools=tools), stream=stream)
    assert (refused.param, refused.code) == ("tools[1]", "unsupported_tool")


@pytest.mark.parametrize("name", ["chat-ark", "chat-ark-by-responses", "chat-modelarts"])
async def test_usage_of_a_stream_as_asked_for(rig: Rig, name: str) -> None:
    """With it the last chunk tells what the whole answer tells; without it none does, but ModelArts' own."""
    place = by_name(name)
    whole = await rig.ask(place, question(place), stream=False)
    rig.sim.renew()
    body = question(place, stream_options={"include_usage": True})
    streamed = await rig.ask(place, body, stream=True)
    assert streamed.raw[-1]["usage"]["prompt_tokens"] == 2
    assert streamed.answer == whole.answer
    for options in ({}, {"stream_options": {"include_usage": False}}):
        asked = await rig.ask(place, question(place, **options), stream=True)
        by_itself = name == "chat-modelarts" and not options
        assert (asked.answer.usage is not None) == by_itself


@each_way
async def test_usage_is_the_same_everywhere(rig: Rig, stream: bool) -> None:
    """Reasoning, text and a call: ModelArts alone does not tell how much of it was reasoning."""
    counted = {}
    for place in PLACES:
        script: Json = {"thought": "Hm, well. ", "text": "So it is. ", "calls": [{"name": "look"}]}
        await rig.sim.fault(path=place.path, **script)
        conversation = Conversation(place.api)
        tools = {"functions": [LOOK]}
        more = {"stream_options": {"include_usage": True}} if place.api == "chat" and stream else {}
        body = {**conversation.body(tools), **question(place), **more}
        counted[place.name] = (await rig.ask(place, body, stream=stream)).answer.usage
    assert {name: usage and usage[:2] for name, usage in counted.items()} == dict.fromkeys(counted, (2, 6))
    ark = {usage[2] for name, usage in counted.items() if usage and "modelarts" not in name}
    assert ark == {2}


class Found(BaseModel):
    colour: str
    count: int


@each_place
async def test_helpers_of_the_sdk(rig: Rig, place: Place) -> None:
    """They read streams strictly and parse what was asked for."""
    await rig.sim.fault(path=place.path, times=2, text='{"colour":"红","count":3}', thought="Hm.")
    client: Any = rig.gateway.openai
    if place.api == "chat":
        body = {"model": place.model, "messages": [{"role": "user", "content": "Go on."}]}
        async with client.chat.completions.stream(**body, response_format=Found) as stream:
            kinds = [event.type async for event in stream]
            streamed = (await stream.get_final_completion()).choices[0].message.parsed
        parsed = await client.chat.completions.parse(**body, response_format=Found)
        whole = parsed.choices[0].message.parsed
        assert kinds[-1] == "content.done"
    else:
        body = {"model": place.model, "input": "Go on."}
        async with client.responses.stream(**body, text_format=Found) as stream:
            kinds = [event.type async for event in stream]
            streamed = (await stream.get_final_response()).output_parsed
        whole = (await client.responses.parse(**body, text_format=Found)).output_parsed
        assert kinds[-1] == "response.completed"
    assert streamed == whole == Found(colour="红", count=3)
