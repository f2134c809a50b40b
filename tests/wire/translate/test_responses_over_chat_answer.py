"""Whole chat answers as Response objects."""

from typing import Any

import pytest
from hypothesis import given
from openai.types.responses import Response

from gateway.errors import UpstreamError
from gateway.wire.translate import responses_over_chat
from gateway.wire.translate.translation import Mark, Translation
from tests.strategies import json_values, spoilt

Json = dict[str, Any]

TRANSLATION: Translation = responses_over_chat
MARK = Mark("0123456789abcdef" * 2, 1_700_000_000)
REQUEST: Json = {
    "model": "the-callers-name",
    "input": "hi",
    "instructions": "Be brief.",
    "tools": [{"type": "function", "name": "f", "parameters": {}}, {"type": "web_search"}],
    "metadata": {"a": "b"},
    "store": False,
    "previous_response_id": "resp_before",
    "reasoning": {"effort": "low"},
    "service_tier": "flex",
}
CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
USAGE = {"prompt_tokens": 283, "completion_tokens": 628, "total_tokens": 911, "prompt_tokens_details": None}


def completion(message: Any, finish: Any = "stop", **more: Any) -> Json:
    choice = {"index": 0, "message": message, "finish_reason": finish, "logprobs": more.pop("logprobs", None)}
    head = {
        "id": "chat-1",
        "object": "chat.completion",
        "created": 1_700_000_001,
        "model": "Qwen3-VL-30B-A3B",
    }
    return {**head, "choices": [choice], "usage": USAGE, **more}


def answered(message: Any, finish: Any = "stop", **more: Any) -> Json:
    return TRANSLATION.reply(REQUEST, MARK).answer(completion(message, finish, **more))


def test_an_answer_is_a_response_as_openais_strict_types_want_it() -> None:
    told = answered(
        {"role": "assistant", "content": "三颗🍓", "reasoning_content": "看图", "tool_calls": [CALL]}
    )
    assert told["output"] == [
        {
            "id": f"rs_{MARK.digits}0000",
            "type": "reasoning",
            "summary": [{"type": "summary_text", "text": "看图"}],
            "status": "completed",
        },
        {
            "id": f"msg_{MARK.digits}0001",
            "type": "message",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "三颗🍓", "annotations": [], "logprobs": []}],
            "status": "completed",
        },
        {
            "id": f"fc_{MARK.digits}0002",
            "type": "function_call",
            "call_id": "call_1",
            "name": "f",
            "arguments": '{"a":1}',
            "status": "completed",
        },
    ]
    assert told["usage"] == {
        "input_tokens": 283,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": 628,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 911,
    }
    assert Response.model_validate(told).output_text == "三颗🍓"


def test_the_head_and_the_settings_are_told_back() -> None:
    told = answered({"content": "x"})
    head = ("id", "object", "created_at", "completed_at", "status", "model", "error", "incomplete_details")
    assert [told[name] for name in head] == [
        f"resp_{MARK.digits}", "response", 1_700_000_001, 1_700_000_001, "completed", "Qwen3-VL-30B-A3B", None, None,
    ]  # fmt: skip
    for name in ("instructions", "metadata", "store", "previous_response_id"):
        assert told[name] == REQUEST[name]
    assert told["tools"][0] == {**REQUEST["tools"][0], "description": None, "strict": None}
    assert told["tools"][1] == REQUEST["tools"][1]
    assert told["reasoning"] == {"effort": "low", "summary": None}
    assert (told["top_p"], told["service_tier"]) == (
        1,
        "default",
    )  # the tier was asked for, but not passed on


@pytest.mark.parametrize(
    ("finish", "status", "reason"),
    [
        ("stop", "completed", None),
        ("tool_calls", "completed", None),
        (None, "completed", None),
        ("length", "incomplete", "max_output_tokens"),
        ("content_filter", "incomplete", "content_filter"),
    ],
)
def test_how_it_ended(finish: Any, status: str, reason: str | None) -> None:
    told = answered({"content": "x", "reasoning_content": "y"}, finish)
    assert told["status"] == status
    assert told["incomplete_details"] == (reason and {"reason": reason})
    assert (told["completed_at"] is None) == (status == "incomplete")
    assert [item["status"] for item in told["output"]] == ["completed", status]


def test_text_may_be_missing_beside_calls_and_is_empty_without_them() -> None:
    assert [item["type"] for item in answered({"content": None, "tool_calls": [CALL]})["output"]] == [
        "function_call"
    ]
    for said in ({}, {"content": ""}, {"content": None, "tool_calls": []}):
        [item] = answered(said)["output"]
        assert item["content"] == [{"type": "output_text", "text": "", "annotations": [], "logprobs": []}]


def test_a_refusal_is_a_part_of_its_own() -> None:
    assert answered({"content": None, "refusal": "No."})["output"][0]["content"] == [
        {"type": "refusal", "refusal": "No."}
    ]


def test_calls_of_drifting_types_are_read() -> None:
    calls = [{"function": {"name": "f", "arguments": {"城": "北京"}}}, {"id": "", "function": {"name": "g"}}]
    first, second = answered({"tool_calls": calls})["output"]
    assert (first["call_id"], first["arguments"]) == (f"call_{MARK.digits}0000", '{"城":"北京"}')
    assert (second["call_id"], second["arguments"]) == (f"call_{MARK.digits}0001", "")


def test_logprobs_and_texts_in_parts_are_read() -> None:
    chance = {"token": "x", "logprob": -0.5, "bytes": [120], "top_logprobs": [{"token": "y", "logprob": -1}]}
    [message] = answered({"content": [{"type": "text", "text": "x"}]}, logprobs={"content": [chance]})[
        "output"
    ]
    assert message["content"][0]["logprobs"] == [
        {**chance, "top_logprobs": [{"token": "y", "logprob": -1, "bytes": []}]}
    ]


@pytest.mark.parametrize(
    ("created", "told"),
    [(1_765_193_821, 1_765_193_821), (1765193821.7, 1_765_193_821), (1757948064800, 1_757_948_064),
     (None, MARK.created_at), ("now", MARK.created_at), (-1, MARK.created_at), (1e300, MARK.created_at)],
)  # fmt: skip
def test_the_time_is_whole_seconds(created: Any, told: int) -> None:
    got = answered({"content": "x"}, created=created)["created_at"]
    assert (got, type(got)) == (told, int)


def test_usage_has_its_details_and_may_be_missing() -> None:
    details = {
        "prompt_tokens_details": {"cached_tokens": 3},
        "completion_tokens_details": {"reasoning_tokens": 4},
    }
    told = answered({}, usage={"prompt_tokens": 5.0, "completion_tokens": 6, **details})["usage"]
    assert told == {
        "input_tokens": 5,
        "input_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 0},
        "output_tokens": 6,
        "output_tokens_details": {"reasoning_tokens": 4},
        "total_tokens": 11,
    }
    assert answered({}, usage=None)["usage"] is None


@pytest.mark.parametrize("value", [{}, {"choices": []}, {"choices": [{}]}, {"choices": None}])
def test_an_answer_without_a_message_is_the_backends_fault(value: Json) -> None:
    with pytest.raises(UpstreamError) as raised:
        TRANSLATION.reply(REQUEST, MARK).answer(value)
    assert (raised.value.status, raised.value.code) == (502, "upstream_garbage")


def test_no_drift_crashes_it() -> None:
    whole = completion({"content": "x", "reasoning_content": "y", "refusal": "z", "tool_calls": [CALL]})
    for value in spoilt(whole):
        if isinstance(value, dict):
            _read(value)


@given(json_values)
def test_no_json_crashes_it(value: Any) -> None:
    _read(completion(value))
    _read(completion({"content": value, "reasoning_content": value, "tool_calls": value}, value, usage=value))


def _read(value: Json) -> None:
    try:
        told = TRANSLATION.reply(REQUEST, MARK).answer(value)
    except UpstreamError:
        return
    assert told["output"]
