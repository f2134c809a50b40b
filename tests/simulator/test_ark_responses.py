"""Ark's Responses API: the body, what is kept, and what the answer tells of the request."""

from typing import Any

import orjson
import pytest

from .conftest import NOW, Client, Clock
from .media import data_url, input_image, input_text, picture

HELLO = input_text("hello")
WEATHER = {
    "type": "function",
    "name": "weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}
REQUIRED_KEYS = [
    "created_at",
    "id",
    "max_output_tokens",
    "model",
    "object",
    "output",
    "service_tier",
    "status",
    "usage",
]


async def test_body_has_arks_fields_in_arks_order(http: Client) -> None:
    answer = (await http.respond(HELLO)).json
    assert list(answer) == [*REQUIRED_KEYS, "caching", "store", "expire_at"]
    assert answer["created_at"] == int(NOW)
    assert answer["expire_at"] == int(NOW) + 259_200
    assert answer["max_output_tokens"] == 32_768
    assert answer["caching"] == {"type": "disabled"}
    assert answer["store"] is True
    reasoning, message = answer["output"]
    assert list(reasoning) == ["id", "type", "summary", "status"]
    assert list(message) == ["type", "role", "content", "status", "id"]
    assert list(message["content"][0]) == ["type", "text"]
    assert list(answer["usage"])[:3] == ["input_tokens", "output_tokens", "total_tokens"]


async def test_ids(http: Client) -> None:
    answer = (await http.respond(HELLO)).json
    start = f"02{int(NOW * 1000)}"
    assert answer["id"].startswith(f"resp_{start}")
    assert [item["id"].partition("_")[0] for item in answer["output"]] == ["rs", "msg"]
    assert all(item["id"].partition("_")[2].startswith(start + "0" * 20) for item in answer["output"])


async def test_only_what_was_set_is_told_back(http: Client) -> None:
    answer = (await http.respond(HELLO, instructions="be kind", temperature=0.5, tools=[WEATHER])).json
    assert (answer["instructions"], answer["temperature"], answer["tools"]) == ("be kind", 0.5, [WEATHER])
    assert not {"top_p", "tool_choice", "parallel_tool_calls", "metadata"} & set(answer)
    assert not {"annotations", "logprobs"} & set(answer["output"][1]["content"][0])


async def test_plain_text_input(http: Client) -> None:
    answer = await http.post(f"{http.ark}/responses", {"model": "m", "input": "hello"})
    assert answer.text.startswith("I see 0 pictures in 1 message.")


async def test_pictures_everywhere(http: Client) -> None:
    items = [
        {"role": "system", "content": [input_image(picture("black"))]},
        {
            "type": "message",
            "role": "user",
            "content": [input_text("a"), input_image(picture("yellow")), input_text("b")],
        },
        {"type": "function_call", "call_id": "1", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "1", "output": [input_image(picture("cyan"))]},
    ]
    answer = await http.post(f"{http.ark}/responses", {"model": "m", "input": items})
    assert 'order: system: [image 0] | user: text "a" [image 1] text "b" | tool: [image 2]' in answer.text
    assert "image 2: PNG 64x48, dominant colour cyan (#00ffff)" in answer.text


async def test_instructions_are_seen(http: Client) -> None:
    answer = await http.respond(HELLO, instructions="be kind")
    assert 'order: system: text "be kind" | user: text "hello"' in answer.text


async def test_instructions_hold_for_one_round(http: Client) -> None:
    first = (await http.respond(HELLO, instructions="be kind")).json
    second = await http.respond(input_text("and?"), previous_response_id=first["id"])
    assert "system:" not in second.text
    assert second.text.startswith("I see 0 pictures in 3 messages.")


async def test_other_media(http: Client) -> None:
    answer = await http.respond(
        {"type": "input_file", "file_data": data_url(b"%PDF-1", "application/pdf"), "filename": "a.pdf"},
        {"type": "input_video", "video_url": data_url(b"12345", "video/mp4"), "fps": 1},
        {"type": "input_audio", "audio_url": data_url(b"123", "audio/mpeg")},
    )
    assert "PDF: 6 bytes\nvideo: 5 bytes\naudio: 3 bytes" in answer.text


@pytest.mark.parametrize("switch", [{"thinking": {"type": "disabled"}}, {"reasoning": {"effort": "minimal"}}])
async def test_without_thinking_there_is_no_reasoning_item(http: Client, switch: dict[str, Any]) -> None:
    answer = (await http.respond(HELLO, **switch)).json
    assert [item["type"] for item in answer["output"]] == ["message"]
    assert answer["usage"]["output_tokens_details"]["reasoning_tokens"] == 0


async def test_small_limit_is_incomplete(http: Client) -> None:
    answer = (await http.respond(HELLO, max_output_tokens=20)).json
    assert answer["status"] == "incomplete"
    assert answer["incomplete_details"] == {"reason": "length"}
    assert [item["status"] for item in answer["output"]] == ["completed", "incomplete"]
    assert answer["usage"]["output_tokens"] == 20
    tiny = (await http.respond(HELLO, max_output_tokens=2)).json
    assert [(item["type"], item["status"]) for item in tiny["output"]] == [("reasoning", "incomplete")]


async def test_function_calls(http: Client) -> None:
    answer = (await http.respond(input_text("call weather"), tools=[WEATHER])).json
    call = answer["output"][1]
    assert list(call) == ["type", "id", "call_id", "name", "arguments", "status"]
    assert (call["name"], call["arguments"]) == ("weather", '{"city":"example"}')
    both = [WEATHER, {"type": "function", "name": "time"}]
    said = input_text("call time, call weather")
    names = [item["name"] for item in (await http.respond(said, tools=both)).json["output"][1:]]
    assert names == ["time", "weather"]
    single = (await http.respond(said, tools=both, parallel_tool_calls=False)).json
    assert [item["type"] for item in single["output"]] == ["reasoning", "function_call"]


async def test_json_text(http: Client) -> None:
    schema = {"type": "object", "properties": {"colour": {"type": "string"}, "sure": {"type": "boolean"}}}
    answer = await http.respond(
        HELLO, text={"format": {"type": "json_schema", "name": "a", "schema": schema}}
    )
    assert orjson.loads(answer.text)["sure"] is True
    assert answer.json["text"]["format"]["name"] == "a"


async def test_retrieved_answer_is_the_created_one_byte_for_byte(http: Client) -> None:
    made = await http.respond(HELLO)
    kept = await http.send("GET", f"{http.ark}/responses/{made.json['id']}")
    assert kept.body == made.body


async def test_deleted_and_unstored_answers_are_not_found(http: Client) -> None:
    id = (await http.respond(HELLO)).json["id"]
    gone = await http.send("DELETE", f"{http.ark}/responses/{id}")
    assert gone.body == orjson.dumps({"id": id, "object": "response", "deleted": True})
    unstored = (await http.respond(HELLO, store=False)).json
    assert unstored["store"] is False
    for missing in (id, unstored["id"]):
        answer = await http.send("GET", f"{http.ark}/responses/{missing}")
        assert (answer.status, answer.error["code"]) == (404, "NotFound.Response")


async def test_answers_expire(http: Client, clock: Clock) -> None:
    made = (await http.respond(HELLO, expire_at=int(NOW) + 60)).json
    assert made["expire_at"] == int(NOW) + 60
    clock.now += 61
    assert (await http.send("GET", f"{http.ark}/responses/{made['id']}")).status == 404


async def test_conversation_goes_on_and_pictures_count_on(http: Client) -> None:
    first = (await http.respond(input_image(picture("red")), input_text("one"))).json
    second = await http.respond(
        input_image(picture("blue")), input_text("two"), previous_response_id=first["id"]
    )
    assert second.json["previous_response_id"] == first["id"]
    assert second.text.startswith("I see 2 pictures in 3 messages.")
    assert "image 0: PNG 64x48, dominant colour red" in second.text
    assert "image 1: PNG 64x48, dominant colour blue" in second.text


async def test_unknown_previous_response(http: Client) -> None:
    answer = await http.respond(HELLO, previous_response_id="resp_none")
    assert (answer.status, answer.error["param"]) == (400, "previous_response_id")
    assert answer.error["code"] == "InvalidParameter.PreviousResponseNotFound"


async def test_input_items(http: Client) -> None:
    made = await http.post(
        f"{http.ark}/responses",
        {
            "model": "m",
            "input": [
                {"role": "user", "content": [HELLO, input_image(picture())]},
                {"role": "user", "content": "b"},
            ],
        },
    )
    url = f"{http.ark}/responses/{made.json['id']}/input_items"
    newest = (await http.send("GET", url)).json
    assert list(newest) == ["object", "data", "first_id", "last_id", "has_more"]
    assert newest["data"][0]["content"] == "b"
    assert newest["data"][1]["content"][1] == {"type": "input_image"}
    oldest = (await http.send("GET", f"{url}?order=asc&limit=1&include[]=message.input_image.image_url")).json
    assert oldest["has_more"] is True
    assert oldest["data"][0]["content"][1]["image_url"].startswith("data:")
    rest = (await http.send("GET", f"{url}?order=asc&after={oldest['last_id']}")).json
    assert [item["content"] for item in rest["data"]] == ["b"]
    assert (await http.send("GET", f"{url}?limit=101")).status == 400


async def test_item_reference(http: Client) -> None:
    made = (await http.respond(HELLO)).json
    reference = {"type": "item_reference", "id": made["output"][1]["id"]}
    items = [reference, {"role": "user", "content": "and?"}]
    answer = await http.post(f"{http.ark}/responses", {"model": "m", "input": items})
    assert 'order: assistant: text "I see 0 pictures' in answer.text
    reference["id"] = "msg_none"
    answer = await http.post(f"{http.ark}/responses", {"model": "m", "input": items})
    assert (answer.status, answer.error["code"]) == (404, "NotFound.Item")
