"""Whole Response objects in the ``/v1`` dialect: what Ark leaves out is filled in, and what it says stays."""

import copy
from typing import Any

import orjson
import pytest
from hypothesis import given

from gateway.wire import complete
from tests.open_responses import TABLES, wrong_with_item, wrong_with_part, wrong_with_response
from tests.strategies import json_values, spoilt_objects

ANSWER: dict[str, Any] = {
    "created_at": 1774944664,
    "id": "resp_1",
    "max_output_tokens": 32768,
    "model": "doubao-seed-2-0-pro-260215",
    "object": "response",
    "output": [
        {"id": "rs_1", "type": "reasoning", "status": "completed"},
        {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "三"}],
            "id": "msg_1",
        },
        {"id": "ip_1", "type": "image_process", "error": {"message": "failed"}, "arguments": {"scale": 2.0}},
    ],
    "service_tier": "fast",
    "status": "completed",
    "usage": {"input_tokens": 1},
    "store": False,
}
# The least that Ark says of each: the rest was empty, and its server omits what is empty.
BARE_ITEMS: dict[str, dict[str, Any]] = {
    "message": {"id": "msg_1"},
    "reasoning": {"id": "rs_1"},
    "function_call": {"id": "fc_1", "call_id": "call_1", "name": "now"},
    "web_search_call": {"id": "ws_1"},
}
FUNCTION = {"type": "function", "name": "now"}


def answered(body: object, **request: object) -> dict[str, Any]:
    value = orjson.loads(complete.answer(orjson.dumps(body), complete.settings(request)))
    assert isinstance(value, dict)
    return value


def test_the_table_holds_the_31_fields_of_the_specification() -> None:
    assert len(TABLES["response"]) == 31


@pytest.mark.parametrize("status", ["in_progress", "completed", "incomplete", "failed"])
def test_a_bare_response_becomes_a_whole_one(status: str) -> None:
    told = complete.response({"id": "resp_1", "created_at": 5, "model": "m"}, {}, status)
    assert list(wrong_with_response(told)) == []
    assert told["status"] == status
    assert told["completed_at"] == (5 if status == "completed" else None)


@pytest.mark.parametrize("name", sorted(TABLES["response"].keys() - {"id", "created_at", "model"}))
def test_null_counts_as_unsaid_where_it_is_no_value(name: str) -> None:
    told = complete.response({"id": "resp_1", "created_at": 5, "model": "m", name: None}, {})
    assert list(wrong_with_response(told)) == []


@pytest.mark.parametrize("kind", sorted(TABLES["items"]))
def test_a_bare_item_becomes_a_whole_one(kind: str) -> None:
    value = {"type": kind, **BARE_ITEMS[kind]}
    assert list(wrong_with_item(value)) != []
    complete.item(value)
    assert list(wrong_with_item(value)) == []
    assert value.items() >= BARE_ITEMS[kind].items()


@pytest.mark.parametrize("kind", sorted(TABLES["parts"]))
def test_a_bare_part_becomes_a_whole_one(kind: str) -> None:
    value = {"type": kind}
    assert list(wrong_with_part(value)) != []
    complete.part(value)
    assert list(wrong_with_part(value)) == []


def test_a_citation_gets_the_place_that_ark_does_not_tell() -> None:
    citation = {"type": "url_citation", "title": "天气", "url": "https://w.example.com", "site_name": "w"}
    document = {"type": "doc_citation", "doc_id": "d"}
    value: dict[str, Any] = {"type": "output_text", "text": "晴", "annotations": [citation, document, "odd"]}
    complete.part(value)
    assert value["annotations"] == [{**citation, "start_index": 0, "end_index": 0}, document, "odd"]


@pytest.mark.parametrize(
    ("status", "wanted"),
    [
        ("in_progress", "in_progress"),
        ("completed", "completed"),
        ("incomplete", "incomplete"),
        ("failed", "incomplete"),
    ],
)
def test_an_item_without_a_status_has_the_one_of_its_response(status: str, wanted: str) -> None:
    output = [{"type": "message", "id": "m"}, {"type": "message", "id": "n", "status": "completed"}]
    told = complete.response({"output": output, "status": status}, {})
    assert [one["status"] for one in told["output"]] == [wanted, "completed"]


def test_an_answer_keeps_what_it_says() -> None:
    told = answered(ANSWER)
    assert list(wrong_with_response(told)) == []
    for name in ANSWER.keys() - {"output", "usage"}:
        assert told[name] == ANSWER[name]
    reasoning, message, tool = told["output"]
    assert reasoning == {**ANSWER["output"][0], "summary": []}
    assert message["content"] == [{"type": "output_text", "text": "三", "annotations": [], "logprobs": []}]
    assert tool == ANSWER["output"][2]


def test_usage_is_counted_up_where_ark_leaves_out_what_is_zero() -> None:
    assert answered(ANSWER)["usage"] == {
        "input_tokens": 1,
        "output_tokens": 0,
        "total_tokens": 1,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens_details": {"reasoning_tokens": 0},
    }
    said = {"total_tokens": 9, "input_tokens_details": {"cached_tokens": 4}, "tool_usage": {"web_search": 1}}
    usage = answered(ANSWER | {"usage": said})["usage"]
    assert (usage["total_tokens"], usage["tool_usage"]) == (9, {"web_search": 1})
    assert usage["input_tokens_details"] == {"cached_tokens": 4, "cache_write_tokens": 0}


def test_the_requests_settings_are_told_back() -> None:
    request = {
        "temperature": 0,
        "tools": [{"type": "image_process"}, FUNCTION, {**FUNCTION, "strict": True, "description": "d"}],
        "instructions": "Be brief.",
        "top_p": None,
        "reasoning": {"effort": "low"},
        "text": {"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}}},
        "metadata": {"a": "b"},
        "user": "u",
    }
    asked = copy.deepcopy(request)
    told = answered({"object": "response"}, **request, input="not a setting", model="not this one")
    assert (told["temperature"], told["instructions"], told["top_p"]) == (0, "Be brief.", 0.7)
    assert (told["metadata"], told["user"]) == ({"a": "b"}, "u")
    assert told["tools"] == [
        {"type": "image_process"},
        {**FUNCTION, "description": None, "parameters": None, "strict": None},
        {**FUNCTION, "description": "d", "parameters": None, "strict": True},
    ]
    assert told["reasoning"] == {"effort": "low", "summary": None}
    assert told["text"]["format"] == {
        "type": "json_schema",
        "name": "n",
        "schema": {"type": "object"},
        "description": None,
        "strict": False,
    }
    assert "input" not in told
    assert "model" not in told
    assert request == asked


def test_text_without_a_format_is_text() -> None:
    told = answered({"object": "response"}, text={"verbosity": "low"})
    assert told["text"] == {"verbosity": "low", "format": {"type": "text"}}


def test_what_the_backend_says_wins_over_the_request() -> None:
    assert answered(ANSWER, store=True, service_tier="auto")["service_tier"] == "fast"


def test_status_and_output_are_never_taken_from_the_request() -> None:
    request = {
        "status": "failed",
        "output": ["x"],
        "error": "x",
        "usage": 1,
        "object": "y",
        "completed_at": 1,
    }
    told = answered({"object": "response"}, **request, incomplete_details={"reason": "x"})
    assert (told["status"], told["output"], told["error"], told["usage"]) == ("completed", [], None, None)
    assert (told["completed_at"], told["incomplete_details"]) == (None, None)


def test_an_answer_that_was_cut_off_says_so_in_openais_word() -> None:
    details = {"reason": "length", "content_filter": {"type": "x"}}
    told = answered(ANSWER | {"status": "incomplete", "incomplete_details": details})
    assert told["incomplete_details"] == {"reason": "max_output_tokens", "content_filter": {"type": "x"}}
    assert told["completed_at"] is None
    filtered = answered(ANSWER | {"incomplete_details": {"reason": "content_filter"}})
    assert filtered["incomplete_details"] == {"reason": "content_filter"}


def test_an_error_has_its_two_fields() -> None:
    told = answered(ANSWER | {"status": "failed", "error": {"message": "It broke."}})
    assert told["error"] == {"code": "server_error", "message": "It broke."}


def test_defaults_are_not_shared_between_answers() -> None:
    first = complete.response({"usage": {}}, {})
    first["output"].append("x")
    first["metadata"]["a"] = "b"
    first["text"]["format"]["type"] = "x"
    first["usage"]["input_tokens_details"]["cached_tokens"] = 7
    second = complete.response({"usage": {}}, {})
    assert (second["output"], second["metadata"]) == ([], {})
    assert second["text"] == {"format": {"type": "text"}}
    assert second["usage"]["input_tokens_details"]["cached_tokens"] == 0


def test_completing_twice_changes_nothing_more() -> None:
    once = answered(ANSWER, tools=[FUNCTION])
    assert answered(once) == once


@pytest.mark.parametrize("raw", [b"", b"[]", b"<html>", b'{"object":"list"}', b'{"error":{"code":"x"}}'])
def test_what_is_no_response_stays_as_it_is(raw: bytes) -> None:
    assert complete.answer(raw, {}) == raw


def test_hostile_answers_do_not_crash() -> None:
    whole = answered(ANSWER, tools=[FUNCTION], reasoning={"effort": "low"})
    for value in spoilt_objects(whole | {"error": {}, "incomplete_details": {"reason": "length"}}):
        complete.answer(orjson.dumps(value), {})


@given(json_values, json_values)
def test_no_json_crashes_the_completion(value: object, setting: object) -> None:
    complete.item(copy.deepcopy(value))
    complete.part(copy.deepcopy(value))
    complete.annotation(copy.deepcopy(value))
    request = dict.fromkeys(("tools", "text", "reasoning", "metadata"), setting)
    answered({"object": "response", "output": value, "usage": setting}, **request)


def test_the_previous_response_is_the_one_that_the_request_named() -> None:
    """What the backend was told may be one before it, with the rest of the conversation as input."""
    told = {"previous_response_id": "resp_b"}
    for said in ({}, {"previous_response_id": None}, {"previous_response_id": "resp_a"}):
        assert complete.response({**ANSWER, **said}, told)["previous_response_id"] == "resp_b"
    kept = complete.response({**ANSWER, "previous_response_id": "resp_a"}, {})
    assert kept["previous_response_id"] == "resp_a"
