"""image_process from chat and from Responses on Ark: each of its tools, several rounds, and what went wrong in one."""

import re
from typing import Any

import pytest

from tests.e2e.conftest import Launch, Simulated
from tests.e2e.pictures import data_url, small

from .conftest import Place, Rig, by_name, each_way
from .talk import Json

pytestmark = pytest.mark.asyncio(loop_scope="module")

PICTURE = data_url(small("red", size=(80, 60)))
CHAT, RESPONSES = by_name("chat-ark")._replace(spoken="responses"), by_name("responses-ark")
CHANGES = ["add-header:ark-beta-image-process", "translated:chat-over-responses"]
TOOL = {"type": "image_process"}
OFF = {"thinking": {"type": "disabled"}}
SHOWN = re.compile(r"!\[(\w+)\]\((http://127\.0\.0\.1:\d+/_simulator/pictures/\w+\.png)\)\n\n")
ARGUMENTS: Json = {
    "zoom": {"bbox_str": "<bbox>250 250 749 749</bbox>", "scale": 2},
    "point": {"points": "<point>500 500</point>", "draw_line": False},
    "grounding": {"bbox_str": "<bbox>250 250 749 749</bbox>", "crop": False},
    "rotate": {"degree": 90},
}
SIZES = {"zoom": "80x60", "point": "80x60", "grounding": "80x60", "rotate": "60x80"}
PROMPTS = (*ARGUMENTS, "zoom then point", "rotate then grounding then point then zoom")


def body(place: Place, prompt: str, **more: Any) -> Json:
    if place.api == "chat":
        parts = [{"type": "image_url", "image_url": {"url": PICTURE}}, {"type": "text", "text": prompt}]
        extra = {"tools": [TOOL], **OFF, **more.pop("extra_body", {})}
        return {"messages": [{"role": "user", "content": parts}], "extra_body": extra, **more}
    parts = [
        {"type": "input_image", "image_url": PICTURE, "detail": "auto"},
        {"type": "input_text", "text": prompt},
    ]
    extra = {**OFF, **more.pop("extra_body", {})}
    return {"input": [{"role": "user", "content": parts}], "tools": [TOOL], "extra_body": extra, **more}


def actions(prompt: str) -> list[str]:
    return prompt.split(" then ")


async def check_picture(sim: Simulated, url: str, action: str) -> None:
    """The URL that the caller got leads to what the tool made."""
    answer = await sim.http.get(url)
    assert answer.status == 200
    assert answer.body.startswith(b"\x89PNG")


@each_way
@pytest.mark.parametrize("prompt", PROMPTS)
async def test_chat(rig: Rig, prompt: str, stream: bool) -> None:
    """The pictures come as Markdown before the text, in order."""
    asked = await rig.ask(CHAT, body(CHAT, prompt), stream=stream)
    text = asked.answer.heard.text
    made = SHOWN.findall(text)
    assert [action for action, _ in made] == actions(prompt)
    for action, url in made:
        await check_picture(rig.sim, url, action)
    rest = SHOWN.sub("", text)
    assert rest.startswith(f"I see {1 + len(made)} pictures in 1 message.\n")
    assert rest.endswith(f'last user text: "{prompt}"')
    if len(made) == 1:
        assert f"PNG {SIZES[prompt]}" in rest
    assert asked.answer.heard.finish == "stop"
    assert asked.changes == CHANGES


@each_way
async def test_chat_with_reasoning(rig: Rig, stream: bool) -> None:
    """What was thought before each round and at the end is one text, apart from the answer."""
    thinking = {"thinking": {"type": "enabled"}}
    asked = await rig.ask(CHAT, body(CHAT, "zoom then point", extra_body=thinking), stream=stream)
    thoughts = asked.answer.heard.thought.split("\n\n")
    assert thoughts[:2] == ["I use zoom on the picture.", "I use point on the picture."]
    assert thoughts[2:] == ["There are 3 pictures and 1 message; I tell what I see."]
    assert [action for action, _ in SHOWN.findall(asked.answer.heard.text)] == ["zoom", "point"]


@each_way
async def test_chat_goes_on(rig: Rig, stream: bool) -> None:
    """The answer goes back as text; the tool works again, on the caller's own picture."""
    first = await rig.ask(CHAT, body(CHAT, "zoom"), stream=stream)
    again = body(CHAT, "point")
    again["messages"] = [
        *body(CHAT, "zoom")["messages"],
        *first.answer.history,
        {"role": "user", "content": "point"},
    ]
    second = await rig.ask(CHAT, again, stream=stream)
    assert [action for action, _ in SHOWN.findall(second.answer.heard.text)] == ["point"]
    assert "I see 2 pictures in 3 messages." in second.answer.heard.text
    assert second.sent["input"][1]["role"] == "assistant"
    assert second.sent["input"][1]["content"] == first.answer.heard.text


@each_way
async def test_chat_with_a_function_beside_it(rig: Rig, stream: bool) -> None:
    """The picture is told, and then the function is called."""
    look = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
    asked = await rig.ask(
        CHAT, body(CHAT, "zoom and call look", extra_body={"tools": [look, TOOL]}), stream=stream
    )
    assert asked.answer.heard.calls == (("look", "{}"),)
    assert asked.answer.heard.finish == "tool_calls"
    assert SHOWN.fullmatch(asked.answer.heard.text)


@each_way
async def test_chat_when_the_tool_fails(rig: Rig, stream: bool) -> None:
    await rig.sim.fault(path="/responses", tool_error="too small a picture", thought="")
    asked = await rig.ask(CHAT, body(CHAT, "zoom"), stream=stream)
    assert asked.answer.heard.text.startswith("*zoom failed: too small a picture*\n\nI see 1 picture")


@each_way
@pytest.mark.parametrize("prompt", ["rotate", "zoom then point"])
async def test_chat_with_what_was_processed_in_a_field(
    launch: Launch, shared_rig: Rig, prompt: str, stream: bool
) -> None:
    gateway = launch(images={"process_output": "field"})
    rig = Rig(gateway, shared_rig.sim)
    asked = await rig.ask(CHAT, body(CHAT, prompt), stream=stream)
    assert asked.answer.heard.text.startswith("I see ")
    if stream:
        deltas = [chunk["choices"][0]["delta"] for chunk in asked.raw]
        items = [item for delta in deltas for item in delta.get("image_process", ())]
        assert [item.pop("index") for item in items] == list(range(len(actions(prompt))))
    else:
        items = asked.raw["choices"][0]["message"]["image_process"]
    check_items(items, prompt)


def check_items(items: list[Json], prompt: str) -> None:
    assert [item["action"]["type"] for item in items] == actions(prompt)
    for i, (item, action) in enumerate(zip(items, actions(prompt), strict=True)):
        assert (item["type"], item["status"]) == ("image_process", "completed")
        assert item["arguments"] == {"image_index": i, **ARGUMENTS[action]}
        assert item["action"]["result_image_url"].startswith("http://127.0.0.1:")


@each_way
@pytest.mark.parametrize("prompt", PROMPTS)
async def test_responses(rig: Rig, prompt: str, stream: bool) -> None:
    """Items and events reach the caller as Ark has them, in a stream that is in order."""
    _, raw = await rig.call(RESPONSES, body(RESPONSES, prompt), stream=stream)
    response = raw[-1]["response"] if stream else raw
    *items, message = response["output"]
    check_items(items, prompt)
    assert message["content"][0]["text"].endswith(f'last user text: "{prompt}"')
    if stream:
        assert [event["sequence_number"] for event in raw] == list(range(len(raw)))
        told = [event for event in raw if event["type"].startswith("response.image_process_call.")]
        steps = [event["type"].rpartition(".")[2] for event in told]
        assert steps == ["in_progress", "progressing", "completed"] * len(items)
        done = [event["item"] for event in raw if event["type"] == "response.output_item.done"]
        assert done == response["output"]
        assert [event["action"] for event in told[2::3]] == [item["action"] for item in items]


@each_way
async def test_responses_when_the_tool_fails(rig: Rig, stream: bool) -> None:
    """The SDK would end the stream at an ``error`` on the top level of an event."""
    await rig.sim.fault(path="/responses", tool_error="too small a picture", thought="")
    _, raw = await rig.call(RESPONSES, body(RESPONSES, "zoom"), stream=stream)
    response = raw[-1]["response"] if stream else raw
    item, message = response["output"]
    assert (item["status"], item["error"]) == ("failed", {"message": "too small a picture"})
    assert message["content"][0]["text"].startswith("I see 1 picture")
    if stream:
        [told] = [event for event in raw if event["type"] == "response.image_process_call.completed"]
        assert told["tool_error"] == {"message": "too small a picture"}
        assert "error" not in told
