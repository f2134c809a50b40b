"""A whole Responses answer as a chat completion."""

from typing import Any

import pytest
from hypothesis import given
from openai.types.chat import ChatCompletion

from gateway.errors import UpstreamError
from gateway.wire.translate.chat_over_responses import reply
from gateway.wire.translate.translation import Mark
from tests.strategies import json_values, spoilt_objects

MARK = Mark("0123456789abcdef" * 2, 1_700_000_000)
REQUEST = {"model": "the-callers-name", "messages": [{"role": "user", "content": "q"}]}
URL = "https://tos.example.com/zoom.png?X-Tos-Expires=86400"
ZOOM = {
    "type": "image_process",
    "action": {"type": "zoom", "result_image_url": URL},
    "arguments": {"image_index": 0, "bbox_str": "<bbox>1 2 3 4</bbox>", "scale": 2.0},
    "status": "completed",
    "id": "ip_1",
}
FAILED = {
    "type": "image_process",
    "action": {"type": "rotate"},
    "arguments": {"image_index": 1, "degree": 90},
    "error": {"message": "image 1\nis too small"},
    "status": "failed",
    "id": "ip_2",
}
CALL = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "look", "arguments": '{"城":1}'}
USAGE = {
    "input_tokens": 10,
    "output_tokens": 5,
    "total_tokens": 15,
    "input_tokens_details": {"cached_tokens": 2},
    "output_tokens_details": {"reasoning_tokens": 3},
}


def thought(text: str) -> dict[str, Any]:
    return {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": text}]}


def said(*texts: str, **fields: Any) -> dict[str, Any]:
    parts = [{"type": "output_text", "text": text, **fields} for text in texts]
    return {"type": "message", "role": "assistant", "id": "msg_1", "content": parts}


def response(*output: Any, **fields: Any) -> dict[str, Any]:
    known = {"id": "resp_1", "object": "response", "model": "doubao", "status": "completed"}
    return {**known, "created_at": 1.5, "output": list(output), "usage": USAGE, **fields}


def answer(*output: Any, process_output: Any = "markdown", **fields: Any) -> dict[str, Any]:
    return reply(REQUEST, MARK, process_output=process_output).answer(response(*output, **fields))


def message(*output: Any, process_output: Any = "markdown") -> dict[str, Any]:
    told: dict[str, Any] = answer(*output, process_output=process_output)["choices"][0]["message"]
    return told


def test_an_answer_is_a_whole_chat_completion() -> None:
    assert answer(thought("Hm."), said("三颗🍓", ".")) == {
        "id": f"chatcmpl-{MARK.digits}",
        "object": "chat.completion",
        "created": MARK.created_at,
        "model": "doubao",
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": "三颗🍓.",
                    "refusal": None,
                    "reasoning_content": "Hm.",
                },
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {
            "prompt_tokens": 10,
            "completion_tokens": 5,
            "total_tokens": 15,
            "prompt_tokens_details": {"cached_tokens": 2},
            "completion_tokens_details": {"reasoning_tokens": 3},
        },
    }


def test_openais_types_take_it() -> None:
    told = answer(thought("Hm."), ZOOM, said("x"), CALL, process_output="field")
    read = ChatCompletion.model_validate(told, strict=True)
    assert read.choices[0].message.model_extra == {"image_process": [ZOOM], "reasoning_content": "Hm."}


def test_calls_alone_have_no_content() -> None:
    told = answer(CALL, {**CALL, "call_id": "call_2", "arguments": {"a": [1]}}, {**CALL, "arguments": None})
    assert told["choices"][0]["finish_reason"] == "tool_calls"
    assert told["choices"][0]["message"]["content"] is None
    assert told["choices"][0]["message"]["tool_calls"] == [
        {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"城":1}'}},
        {"id": "call_2", "type": "function", "function": {"name": "look", "arguments": '{"a":[1]}'}},
        {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": ""}},
    ]


def test_what_image_process_made_stands_on_lines_of_its_own_where_it_happened() -> None:
    picture, note = f"![zoom]({URL})\n\n", "*rotate failed: image 1 is too small*\n\n"
    assert message(ZOOM, FAILED, said("Three."))["content"] == picture + note + "Three."
    assert message(said("I look."), ZOOM, ZOOM)["content"] == "I look.\n\n" + picture + picture


def test_or_it_comes_as_a_field() -> None:
    told = message(ZOOM, said("Three."), FAILED, process_output="field")
    assert told["content"] == "Three."
    assert told["image_process"] == [ZOOM, FAILED]


@pytest.mark.parametrize(
    ("item", "told"),
    [
        (
            {"action": {"type": "zoom", "result_image_url": "https://e.com/a (1).png"}},
            "![zoom](https://e.com/a%20%281%29.png)",
        ),
        ({"action": {"type": "x](y", "result_image_url": "https://e.com"}}, "![image](https://e.com)"),
        ({"status": "failed"}, "*image failed*"),
        ({"error": "out of time", "action": {"type": "point"}}, "*point failed: out of time*"),
        ({"error": {"message": 5}, "action": "zoom"}, "*image failed*"),
        ({"action": {"type": "zoom"}, "status": "completed"}, ""),
    ],
)
def test_odd_calls_of_the_tool_neither_break_the_text_nor_vanish(item: Any, told: str) -> None:
    assert message({"type": "image_process", **item})["content"].strip() == told


def test_thoughts_are_paragraphs() -> None:
    several = {"type": "reasoning", "summary": [{"type": "summary_text", "text": text} for text in "ab"]}
    raw = {"type": "reasoning", "content": [{"type": "reasoning_text", "text": "c"}]}
    assert message(several, ZOOM, raw)["reasoning_content"] == "a\n\nb\n\nc"


def test_a_refusal_is_no_content() -> None:
    refusal = {"type": "message", "content": [{"type": "refusal", "refusal": "No."}]}
    assert message(refusal) == {"role": "assistant", "content": None, "refusal": "No."}


def test_citations_have_the_form_of_chats() -> None:
    citation = {"type": "url_citation", "title": "t", "url": "https://e.com"}
    assert message(said("x", annotations=[citation, {"type": "doc_citation"}]))["annotations"] == [
        {
            "type": "url_citation",
            "url_citation": {"start_index": 0, "end_index": 0, "title": "t", "url": "https://e.com"},
        }
    ]


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("length", "length"),
        ("max_output_tokens", "length"),
        ("content_filter", "content_filter"),
        (None, "length"),
    ],
)
def test_an_incomplete_answer_says_why(reason: str | None, told: str) -> None:
    cut = answer(CALL, status="incomplete", incomplete_details={"reason": reason})
    assert cut["choices"][0]["finish_reason"] == told


def test_an_answer_that_says_nothing_is_still_one() -> None:
    told = reply(REQUEST, MARK).answer({"object": "response", "status": "completed"})
    assert told["choices"][0]["message"] == {"role": "assistant", "content": "", "refusal": None}
    assert told["model"] == "the-callers-name"
    assert "usage" not in told


def test_a_failed_answer_is_an_error_with_arks_code() -> None:
    error = {"code": "InternalServiceError", "message": "It broke. Request id: 0217"}
    with pytest.raises(UpstreamError) as told:
        answer(status="failed", error=error)
    assert (told.value.status, told.value.code) == (502, "InternalServiceError")
    assert told.value.request_id == "0217"


def test_what_is_no_answer_is_an_error() -> None:
    with pytest.raises(UpstreamError) as told:
        reply(REQUEST, MARK).answer({"hello": "world"})
    assert told.value.code == "upstream_garbage"


@given(json_values)
def test_junk_in_the_answer_breaks_nothing(junk: Any) -> None:
    answer(
        junk, {"type": "message", "content": junk}, {"type": "image_process", "action": junk, "error": junk}
    )


def test_an_answer_with_something_wrong_at_any_place_is_read_or_refused_as_the_backends_fault() -> None:
    whole = response(thought("a"), ZOOM, FAILED, CALL, said("x", annotations=[{"type": "url_citation"}]))
    read = 0
    for value in spoilt_objects(whole):
        try:
            reply(REQUEST, MARK).answer(value)
        except UpstreamError:
            continue
        read += 1
    assert read > 300
