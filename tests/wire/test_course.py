"""A stream is followed to its end, or gets one; a finished response can be told as a stream again."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.wire import sse
from gateway.wire.course import Course, sequence_number
from gateway.wire.replay import replayed
from tests.strategies import json_values

MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "status": "completed",
    "content": [{"type": "output_text", "text": "你好", "annotations": [], "logprobs": []}],
}
CALL = {
    "id": "fc_1",
    "type": "function_call",
    "call_id": "c",
    "name": "f",
    "arguments": "{}",
    "status": "completed",
}
THOUGHT = {"id": "rs_1", "type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]}
IMAGE = {"id": "ip_1", "type": "image_process", "action": {"type": "zoom"}, "error": {"message": "no"}}
DONE = {
    "id": "resp_1",
    "object": "response",
    "status": "completed",
    "output": [THOUGHT, MESSAGE, CALL, IMAGE],
    "usage": {},
}


def frames(**more: Any) -> list[bytes]:
    return list(replayed({**DONE, **more}))


def events(blocks: list[bytes]) -> list[Any]:
    read = [sse.read(block) for block in blocks]
    return [one.json() for one in read if one]


def test_a_replay_tells_the_whole_response() -> None:
    told = events(frames())
    assert [event["sequence_number"] for event in told] == list(range(len(told)))
    assert [event["type"].removeprefix("response.") for event in told] == [
        "created",
        "in_progress",
        "output_item.added",
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
        "output_item.done",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
        "output_item.added",
        "output_item.done",
        "completed",
    ]
    assert told[-1]["response"] == DONE
    assert told[0]["response"]["output"] == []
    assert [event["item"] for event in told if event["type"].endswith("item.done")] == DONE["output"]
    assert all(not event.get("error") for event in told)


@pytest.mark.parametrize("status", ["completed", "incomplete", "failed", "cancelled"])
def test_a_course_ends_with_the_response(status: str) -> None:
    blocks = frames(status=status)
    course = Course()
    for block in blocks[:-1]:
        course.feed(block)
        assert not course.ended
    course.feed(blocks[-1])
    assert course.ended
    assert course.response == {**DONE, "status": status}


@given(st.integers(0, 20), st.booleans())
def test_a_course_can_be_cut_anywhere(at: int, together: bool) -> None:
    blocks = frames()[:at]
    course = Course({"id": "resp_1", "status": "queued", "output": []})
    for block in [b"".join(blocks)] if together else blocks:
        course.feed(block + sse.KEEP_ALIVE)
    event = events([course.close("failed", code="gateway_stopping", message="stopping")])[0]
    done = [event["item"] for event in events(blocks) if event["type"].endswith("item.done")]
    assert (event["type"], event["sequence_number"]) == ("response.failed", at)
    assert event["response"] == course.response
    assert course.ended
    assert course.response["output"] == done
    assert course.response["error"] == {"code": "gateway_stopping", "message": "stopping"}


def test_other_events_are_passed_over() -> None:
    course = Course()
    course.feed(b": hi\n\nevent: response.created\ndata: [1]\n\nevent: x\ndata: {}\n\ndata: [DONE]\n\n")
    assert course.id is None
    assert not course.ended


@given(json_values)
def test_anything_can_be_replayed(value: Any) -> None:
    for response in (
        {"status": "completed", "output": value},
        {"output": [{"content": value, "summary": value}]},
    ):
        numbers = [sequence_number(frame) for frame in replayed(response)]
        assert numbers == list(range(len(numbers)))


@given(json_values)
def test_anything_can_be_fed(value: Any) -> None:
    course = Course()
    for name in ("created", "output_item.done", "completed"):
        course.feed(b"event: response.%s\ndata: %s\n\n" % (name.encode(), orjson.dumps(value)))
        body = {"response": value, "item": value, "sequence_number": value}
        course.feed(sse.encode(body, f"response.{name}"))
    course.close("cancelled")
