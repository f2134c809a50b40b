"""An answer scripted in all its kinds: reasoning, then text and a refusal, then calls; and what cut it short."""

from typing import Any

import orjson
import pytest

from .conftest import Answer, Client
from .media import input_text, text_part

CALLS = [{"name": "look", "arguments": '{"at":"图"}'}, {"name": "count"}]
FAULT: dict[str, Any] = {
    "thought": "Well.",
    "text": "Yes, ",
    "refusal": "but no.",
    "calls": CALLS,
    "finish": "content_filter",
}
HELLO = f"hello [[fault: {orjson.dumps(FAULT).decode()}]]"


async def chat(http: Client, vendor: str, *, stream: bool) -> Answer:
    send = http.chat if vendor == "ark" else http.maas_chat
    return await send(text_part(HELLO), stream=stream)


@pytest.mark.parametrize("vendor", ["ark", "modelarts"])
async def test_whole_chat(http: Client, vendor: str) -> None:
    said = (await chat(http, vendor, stream=False)).json["choices"][0]
    message = said["message"]
    assert said["finish_reason"] == "content_filter"
    assert (message["reasoning_content"], message["content"]) == ("Well.", "Yes, ")
    assert message["refusal"] == "but no."
    functions = [call["function"] for call in message["tool_calls"]]
    assert [function["name"] for function in functions] == ["look", "count"]
    assert [function["arguments"] for function in functions] == ['{"at":"图"}', "{}"]


@pytest.mark.parametrize("vendor", ["ark", "modelarts"])
async def test_streamed_chat(http: Client, vendor: str) -> None:
    choices = [chunk["choices"][0] for chunk in (await chat(http, vendor, stream=True)).events]
    told = ("reasoning_content", "content", "refusal", "tool_calls")
    found = [name for choice in choices for name in told if choice["delta"].get(name)]
    assert found == [
        "reasoning_content",
        "content",
        "refusal",
        "refusal",
        "tool_calls",
        "tool_calls",
    ]
    assert choices[-1]["finish_reason"] == "content_filter"


async def test_response(http: Client) -> None:
    response = (await http.respond(input_text(HELLO))).json
    assert response["status"] == "incomplete"
    assert response["incomplete_details"] == {"reason": "content_filter"}
    reasoning, message, *calls = response["output"]
    assert reasoning["summary"] == [{"type": "summary_text", "text": "Well."}]
    assert message["content"] == [
        {"type": "output_text", "text": "Yes, "},
        {"type": "refusal", "refusal": "but no."},
    ]
    assert [call["name"] for call in calls] == ["look", "count"]
    assert [call["status"] for call in calls] == ["completed", "incomplete"]


async def test_streamed_response(http: Client) -> None:
    events = (await http.respond(input_text(HELLO), stream=True)).events
    refused = [event for event in events if event["type"].startswith("response.refusal")]
    assert [event["type"] for event in refused] == [*["response.refusal.delta"] * 2, "response.refusal.done"]
    assert {event["content_index"] for event in refused} == {1}
    assert events[-1]["type"] == "response.incomplete"


async def test_silence(http: Client) -> None:
    body = input_text('hello [[fault: {"thought": "", "text": ""}]]')
    assert (await http.respond(body)).json["output"] == []
