"""What a compaction asks for, what it is made of, and what becomes of it in a later request."""

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import InvalidRequest, UpstreamError
from gateway.responses import compaction
from gateway.wire import items
from gateway.wire.translate.translation import Mark
from tests.strategies import json_values, spoilt_objects

MARK = Mark("0123456789abcdef" * 2, 1_000_000)
USAGE = {"input_tokens": 7, "output_tokens": 3, "total_tokens": 10}


def user(text: str, **more: Any) -> dict[str, Any]:
    return {
        "type": "message",
        "role": "user",
        "content": [{"type": "input_text", "text": text}],
        **more,
    }


def answer(*texts: str, **more: Any) -> dict[str, Any]:
    message = {
        "type": "message",
        "role": "assistant",
        "content": [{"type": "output_text", "text": text} for text in texts],
    }
    thought = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]}
    return {"id": "resp_1", "status": "completed", "output": [thought, message], "usage": USAGE, **more}


def made(summary: str = "All is well.", said: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    return compaction.resource(answer(summary), said or [], MARK)


def read(item: dict[str, Any]) -> str:
    """The text that a later request says instead of a compaction."""
    (message,) = compaction.opened({"input": [item]})["input"]
    assert (message["type"], message["role"]) == ("message", "user")
    (part,) = message["content"]
    return str(part["text"])


def test_the_summary_is_asked_for_after_all_that_was_said() -> None:
    body = {"model": "m", "input": "hello", "instructions": "Be brief.", "temperature": 0.2}
    asked = compaction.request(body)
    assert asked.changes == ()
    told = compaction.instructed(asked.body)
    assert told | {"input": None} == body | {"input": None, "store": False}
    first, last = told["input"]
    assert first == user("hello")
    assert last["role"] == "user"
    assert body["input"] == "hello"


def test_what_a_summary_has_no_use_for_is_left_out_and_told() -> None:
    tools = [{"type": "function", "name": "look"}]
    more = {
        "tools": tools,
        "tool_choice": "auto",
        "text": {"verbosity": "low"},
        "store": True,
        "include": ["x"],
    }
    asked = compaction.request({"model": "m", "input": "hello", **more})
    assert set(asked.body) == {"model", "input", "store"}
    assert sorted(change.what for change in asked.changes) == sorted(f"drop:{name}" for name in more)
    nothing = {
        "tools": [],
        "tool_choice": None,
        "store": False,
        "stream": False,
        "parallel_tool_calls": False,
    }
    asked = compaction.request({"model": "m", "input": "hello", **nothing})
    assert (set(asked.body), asked.changes) == ({"model", "input", "store"}, ())


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "input"),
        ({"input": []}, "input"),
        ({"input": "x", "stream": True}, "stream"),
        ({"input": "x", "background": True}, "background"),
        ({"input": "x", "stream": 1}, "stream"),
        ({"input": 5}, "input"),
        ({"input": ["x"]}, "input[0]"),
    ],
)
def test_what_cannot_be_compacted_is_refused(body: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        compaction.request({"model": "m", **body})
    assert refused.value.param == param


def test_no_strange_request_crashes_it() -> None:
    item = made()["output"][-1]
    body = {"model": "m", "input": [user("x"), item], "tools": [{}], "store": True, "stream": False}
    params = set()
    for value in spoilt_objects(body):
        try:
            asked = compaction.instructed(compaction.request(value).body)
            told = compaction.opened(asked)["input"]
            assert len(told) == len(asked["input"])
        except InvalidRequest as refused:
            params.add(refused.param)
    assert params == {"input", "input[0]", "input[1]", "input[1].encrypted_content", "stream"}


def test_the_users_messages_stay_and_the_rest_is_one_item() -> None:
    picture = {"type": "input_image", "image_url": "https://example.com/a.png"}
    said = [
        {**user("be kind"), "role": "system"},
        user("one", id="msg_own", status="completed"),
        {"type": "reasoning", "summary": []},
        *answer("1")["output"],
        {"type": "function_call", "call_id": "c", "name": "look", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "seen"},
        user("two", content=[{"type": "input_text", "text": "two"}, picture]),
        made()["output"][-1],
    ]
    told = made(said=said)
    *users, last = told["output"]
    assert users[0] == said[1]
    assert users[1] == {**said[7], "id": f"msg_{MARK.digits}f001", "status": "completed"}
    assert len(users) == 2
    assert set(last) == {"id", "type", "encrypted_content"}
    assert (last["id"], last["type"]) == (f"cmp_{MARK.digits}", "compaction")
    del told["output"]
    assert told == {
        "id": f"resp_{MARK.digits}",
        "object": "response.compaction",
        "created_at": MARK.created_at,
        "usage": USAGE,
    }


def test_several_texts_are_one_summary() -> None:
    item = compaction.resource(answer(" one", "two "), [], MARK)["output"][-1]
    assert read(item).endswith("\n\none\n\ntwo")


@given(st.text(min_size=1).filter(str.strip))
def test_any_summary_comes_back(summary: str) -> None:
    (item,) = made(summary)["output"]
    assert item["encrypted_content"].isascii()
    assert read(item).endswith(summary.strip())


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"output": []}, "summary."),
        ({"output": None}, "summary."),
        (
            {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}},
            "max_output_tokens",
        ),
        ({"status": "failed", "error": {"code": "x", "message": "Out of luck."}}, "Out of luck."),
        ({"status": "in_progress"}, "summary."),
    ],
)
def test_an_answer_that_is_no_summary_is_the_backends_failure(more: dict[str, Any], why: str) -> None:
    with pytest.raises(UpstreamError) as refused:
        compaction.resource(answer("Half of", **more), [], MARK)
    assert (refused.value.status, refused.value.code) == (502, "compaction_failed")
    assert why in refused.value.message


def test_no_strange_answer_crashes_it() -> None:
    outcomes = set()
    for value in spoilt_objects(answer("x")):
        try:
            outcomes.add(read(compaction.resource(value, [], MARK)["output"][-1])[-3:])
        except UpstreamError as error:
            outcomes.add(error.code)
    assert outcomes == {"\n\nx", "compaction_failed"}


def sealed(text: bytes, format: str = "arkway1.") -> str:
    return format + base64.urlsafe_b64encode(text).decode()


@pytest.mark.parametrize(
    "content",
    [
        None,
        5,
        "",
        "arkway1.",
        "gAAAAABopaque",
        sealed(b"x", ""),
        sealed(b"x", "arkway2."),
        sealed(b"\xff\xfe"),
        "arkway1.####",
        "arkway1.abc",
        "arkway1.总结",
        sealed(b"summary") + "x",
    ],
)
def test_what_we_did_not_make_is_refused_by_its_place(content: Any) -> None:
    body = {"input": [user("x"), {"type": "compaction", "encrypted_content": content}]}
    with pytest.raises(InvalidRequest) as refused:
        compaction.opened(body)
    assert (refused.value.status, refused.value.param) == (400, "input[1].encrypted_content")


@given(json_values | st.lists(json_values))
def test_other_input_stays_as_it_is(value: Any) -> None:
    body = {"input": value}
    assert compaction.opened(body) is body


def test_the_place_of_the_others_stays() -> None:
    entries = [user("one"), made()["output"][-1], user("two")]
    told = compaction.opened({"input": entries, "x": 1})
    assert (told["input"][0], told["input"][2], told["x"]) == (entries[0], entries[2], 1)
    assert items.of_input(told["input"]) == told["input"]
