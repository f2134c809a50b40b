"""Ark's chat completions: shapes, order of fields, and what the answer tells of the request."""

from typing import Any

import orjson
import pytest

from .conftest import NOW, Client
from .media import data_url, image_part, picture, text_part

WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
        },
    },
}


async def test_whole_answer_has_arks_fields_in_arks_order(http: Client) -> None:
    answer = (await http.chat(text_part("hello"))).json
    assert list(answer) == ["choices", "created", "id", "model", "service_tier", "object", "usage"]
    (choice,) = answer["choices"]
    assert list(choice) == ["finish_reason", "index", "logprobs", "message"]
    assert list(choice["message"]) == ["content", "role"]
    assert list(answer["usage"]) == [
        "completion_tokens",
        "prompt_tokens",
        "total_tokens",
        "prompt_tokens_details",
        "completion_tokens_details",
    ]
    assert answer["created"] == int(NOW)
    assert answer["id"].startswith(f"02{int(NOW * 1000)}")
    assert len(answer["id"]) == 53


async def test_response_headers_carry_arks_request_ids(http: Client) -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
    answer = await http.post(f"{http.ark}/chat/completions", body, x_client_request_id="mine")
    assert answer.headers["x-client-request-id"] == "mine"
    assert answer.headers["x-request-id"] == answer.json["id"]
    assert answer.headers["content-type"] == "application/json; charset=utf-8"


async def test_answer_describes_each_picture_in_the_order_of_the_parts(http: Client) -> None:
    red, blue = picture("red"), picture("blue", (30, 20), "JPEG")
    answer = await http.chat(
        image_part(red), text_part("compare"), image_part(blue, "image/jpeg"), text_part("please")
    )
    assert answer.text.splitlines() == [
        "I see 2 pictures in 1 message.",
        'order: user: [image 0] text "compare" [image 1] text "please"',
        f"image 0: PNG 64x48, dominant colour red (#ff0000), {len(red)} bytes",
        f"image 1: JPEG 30x20, dominant colour blue (#0000fe), {len(blue)} bytes",
        'last user text: "compare please"',
    ]


async def test_pictures_in_system_and_tool_messages_are_seen(http: Client) -> None:
    messages = [
        {"role": "system", "content": [image_part(picture("green")), text_part("style")]},
        {"role": "user", "content": "go"},
        {"role": "tool", "tool_call_id": "1", "content": [image_part(picture("white"))]},
    ]
    answer = await http.post(f"{http.ark}/chat/completions", {"model": "m", "messages": messages})
    assert 'order: system: [image 0] text "style" | user: text "go" | tool: [image 1]' in answer.text
    assert "image 1: PNG 64x48, dominant colour white" in answer.text


async def test_other_media_are_told_by_kind_and_size(http: Client) -> None:
    pdf, video = b"%PDF-1.4 x", b"\0\0\0\x18ftypmp42"
    answer = await http.chat(
        {"type": "file", "file": {"file_data": data_url(pdf, "application/pdf"), "filename": "a.pdf"}},
        {"type": "video_url", "video_url": {"url": data_url(video, "video/mp4")}},
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
    )
    assert "order: user: [PDF] [video] [audio]" in answer.text
    assert "PDF: 10 bytes\nvideo: 12 bytes\naudio: 3 bytes" in answer.text


async def test_answer_is_the_same_for_the_same_request(http: Client) -> None:
    first, second = [await http.chat(image_part(picture("pink")), text_part("?")) for _ in range(2)]
    assert first.text == second.text


async def test_last_user_text_is_cut_at_200_characters(http: Client) -> None:
    answer = await http.chat(text_part("x" * 300))
    assert f'last user text: "{"x" * 200}"' in answer.text


async def test_stream_is_arks(http: Client) -> None:
    answer = await http.chat(text_part("hello"), stream=True)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.frames[-1] == b"data: [DONE]"
    assert all(frame.startswith(b"data: ") for frame in answer.frames)
    *chunks, last = answer.events
    for chunk in chunks:
        assert list(chunk) == ["choices", "created", "id", "model", "service_tier", "object", "usage"]
        assert chunk["usage"] is None
        assert list(chunk["choices"][0]) == ["delta", "index"]
        assert chunk["choices"][0]["delta"]["role"] == "assistant"
    assert last["choices"] == [
        {"delta": {"content": "", "role": "assistant"}, "finish_reason": "stop", "index": 0}
    ]
    streamed = "".join(chunk["choices"][0]["delta"]["content"] for chunk in chunks)
    assert streamed == (await http.chat(text_part("hello"))).text


async def test_usage_comes_last_and_only_when_asked_for(http: Client) -> None:
    plain = await http.chat(text_part("hello"), stream=True)
    assert all(chunk["choices"] for chunk in plain.events)
    asked = await http.chat(text_part("hello"), stream=True, stream_options={"include_usage": True})
    assert asked.events[-1]["choices"] == []
    assert asked.events[-1]["usage"]["completion_tokens"] > 0


async def test_running_usage(http: Client) -> None:
    answer = await http.chat(text_part("hello"), stream=True, stream_options={"chunk_include_usage": True})
    assert all(chunk["usage"] for chunk in answer.events)


@pytest.mark.parametrize("switch", [{"thinking": {"type": "enabled"}}, {"reasoning_effort": "high"}])
async def test_thinking(http: Client, switch: dict[str, Any]) -> None:
    whole = (await http.chat(text_part("hello"), **switch)).json
    message = whole["choices"][0]["message"]
    assert list(message) == ["content", "reasoning_content", "role"]
    assert whole["usage"]["completion_tokens_details"]["reasoning_tokens"] > 0
    streamed = await http.chat(text_part("hello"), stream=True, **switch)
    first = streamed.events[0]["choices"][0]["delta"]
    assert list(first) == ["content", "reasoning_content", "role"]
    assert first["content"] == ""


async def test_small_limit_ends_with_length(http: Client) -> None:
    answer = (await http.chat(text_part("hello"), max_tokens=3)).json
    assert answer["choices"][0]["finish_reason"] == "length"
    assert answer["usage"]["completion_tokens"] == 3


async def test_max_completion_tokens_covers_thinking(http: Client) -> None:
    answer = (await http.chat(text_part("hi"), max_completion_tokens=4, thinking={"type": "enabled"})).json
    assert answer["usage"]["completion_tokens_details"]["reasoning_tokens"] == 4
    assert answer["choices"][0]["message"]["content"] == ""


async def test_function_call(http: Client) -> None:
    answer = (await http.chat(text_part("call weather"), tools=[WEATHER])).json
    choice = answer["choices"][0]
    assert choice["finish_reason"] == "tool_calls"
    (call,) = choice["message"]["tool_calls"]
    assert list(call) == ["function", "id", "type"]
    assert orjson.loads(call["function"]["arguments"]) == {"city": "example", "days": 1}


async def test_several_function_calls_streamed(http: Client) -> None:
    other = {"type": "function", "function": {"name": "time"}}
    answer = await http.chat(text_part("call time then call weather"), tools=[WEATHER, other], stream=True)
    deltas = [chunk["choices"][0]["delta"] for chunk in answer.events]
    calls = [call for delta in deltas for call in delta.get("tool_calls", ())]
    assert [(call["index"], call["function"]["name"]) for call in calls] == [(0, "time"), (1, "weather")]
    assert answer.events[-1]["choices"][0]["finish_reason"] == "tool_calls"


async def test_function_calls_in_rounds(http: Client) -> None:
    """A round follows when as many outputs are there as the rounds before had calls."""
    tools = [{"type": "function", "function": {"name": name}} for name in ("a", "b")]
    said = {"role": "user", "content": "call a and call b, afterwards call b"}
    told = {"role": "tool", "tool_call_id": "1", "content": "done"}
    called = []
    for outputs in range(4):
        body = {"model": "m", "messages": [said, *[told] * outputs], "tools": tools}
        message = (await http.post(f"{http.ark}/chat/completions", body)).json["choices"][0]["message"]
        called.append([call["function"]["name"] for call in message.get("tool_calls", ())])
    assert called == [["a", "b"], [], ["b"], []]


@pytest.mark.parametrize(
    ("choice", "called"),
    [
        ("none", False),
        ("auto", False),
        ("required", True),
        ({"type": "function", "function": {"name": "weather"}}, True),
    ],
)
async def test_tool_choice(http: Client, choice: Any, called: bool) -> None:
    answer = (await http.chat(text_part("hello"), tools=[WEATHER], tool_choice=choice)).json
    assert ("tool_calls" in answer["choices"][0]["message"]) is called


async def test_no_call_after_the_tool_has_answered(http: Client) -> None:
    messages = [
        {"role": "user", "content": "call weather"},
        {"role": "tool", "tool_call_id": "1", "content": "sunny"},
    ]
    body = {"model": "m", "messages": messages, "tools": [WEATHER]}
    answer = await http.post(f"{http.ark}/chat/completions", body)
    assert answer.json["choices"][0]["finish_reason"] == "stop"
    assert 'tool: text "sunny"' in answer.text


async def test_json_answers(http: Client) -> None:
    schema = {
        "type": "object",
        "properties": {
            "kind": {"enum": ["cat"]},
            "sizes": {"type": "array", "items": {"$ref": "#/$defs/size"}},
        },
        "$defs": {"size": {"anyOf": [{"type": "integer"}]}},
    }
    format = {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}}
    answer = await http.chat(text_part("hello"), response_format=format)
    assert orjson.loads(answer.text) == {"kind": "cat", "sizes": [1]}
    free = await http.chat(text_part("hello"), response_format={"type": "json_object"})
    assert orjson.loads(free.text)["answer"].startswith("I see 0 pictures in 1 message.")


async def test_context_is_remembered(http: Client) -> None:
    body = {"model": "ep-1", "messages": [{"role": "system", "content": [image_part(picture("brown"))]}]}
    context = (await http.post(f"{http.ark}/context/create", body)).json
    assert list(context) == ["id", "model", "mode", "ttl", "truncation_strategy", "usage"]
    said = {"model": "ep-1", "context_id": context["id"], "messages": [{"role": "user", "content": "and?"}]}
    answer = await http.post(f"{http.ark}/context/chat/completions", said)
    assert "order: system: [image 0] | user: text" in answer.text
    said["context_id"] = "ctx-none"
    assert (await http.post(f"{http.ark}/context/chat/completions", said)).error["code"] == "NotFound.Context"


async def test_bots_and_batch(http: Client) -> None:
    body = {"model": "bot-1", "messages": [{"role": "user", "content": "hi"}]}
    bot = (await http.post(f"{http.ark}/bots/chat/completions", body)).json
    assert list(bot)[-3:] == ["references", "bot_usage", "metadata"]
    assert (await http.post(f"{http.ark}/batch/chat/completions", body)).status == 200
