"""Responses events in the ``/v1`` dialect: complete for strict clients, and spliced where there is one a token."""

import copy
from collections.abc import Iterable
from typing import Any

import orjson
import pytest
from hypothesis import given

from gateway.errors import UpstreamError
from gateway.wire import sse
from gateway.wire.complete import CompleteResponses
from tests.open_responses import TABLES, wrong_with_event, wrong_with_response
from tests.strategies import json_values, spoilt

HEAD = {"id": "resp_1", "created_at": 5, "model": "m"}
PLACE = {
    "item_id": "x_1",
    "output_index": 0,
    "content_index": 0,
    "summary_index": 0,
    "annotation_index": 0,
    "sequence_number": 3,
}
# What the events of the reference's table hold when Ark has left out all that is empty.
BARE: dict[str, dict[str, Any]] = {
    **{kind: {"response": HEAD} for kind in TABLES["events"] if kind.count(".") == 1},
    "response.output_item.added": {"item": {"type": "message", "id": "msg_1"}},
    "response.output_item.done": {"item": {"type": "reasoning", "id": "rs_1"}},
    "response.content_part.added": {"part": {"type": "output_text"}},
    "response.content_part.done": {"part": {"type": "refusal"}},
    "response.reasoning_summary_part.added": {"part": {"type": "summary_text"}},
    "response.reasoning_summary_part.done": {"part": {"type": "summary_text"}},
    "response.output_text.annotation.added": {"annotation": {"type": "url_citation", "url": "https://w"}},
}
DELTAS = sorted(kind for kind in TABLES["events"] if kind.endswith(".delta"))
TOOLS = (
    "response.image_process_call.in_progress",
    "response.image_process_call.progressing",
    "response.image_process_call.completed",
    "response.image_process_call.failed",
    "response.knowledge_search_call.failed",
    "response.web_search_call.completed",
    "response.doubao_app_call.failed",
    "response.doubao_app_call_block.done",
    "response.mcp_call.failed",
)


def fed(stream: CompleteResponses, body: dict[str, Any]) -> dict[str, Any]:
    (frame,) = sse.frames(stream.feed(sse.encode(body, body["type"])))
    return _json(frame)


def _json(frame: bytes) -> dict[str, Any]:
    event = sse.read(frame)
    assert event is not None
    body = event.json()
    assert body is not None
    return body


@pytest.mark.parametrize("kind", sorted(TABLES["events"].keys() - {"response.queued"}))
def test_a_bare_event_becomes_a_whole_one(kind: str) -> None:
    body = {"type": kind, **PLACE, **BARE.get(kind, {})}
    assert list(wrong_with_event(body)) != []
    told = fed(CompleteResponses({}), body)
    assert list(wrong_with_event(told)) == []
    assert told.keys() >= body.keys()


@pytest.mark.parametrize("kind", sorted(TABLES["events"].keys() - {"response.queued"}))
def test_a_whole_event_stays_as_it_is(kind: str) -> None:
    told = fed(CompleteResponses({}), {"type": kind, **PLACE, **BARE.get(kind, {})})
    assert fed(CompleteResponses({}), told) == told


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("created", "in_progress"),
        ("in_progress", "in_progress"),
        ("completed", "completed"),
        ("incomplete", "incomplete"),
        ("failed", "failed"),
    ],
)
def test_a_response_without_a_status_has_the_one_of_its_event(kind: str, status: str) -> None:
    body = {"type": f"response.{kind}", "response": HEAD, "sequence_number": 0}
    assert fed(CompleteResponses({}), body)["response"]["status"] == status


def test_an_item_without_a_status_has_the_one_of_its_event() -> None:
    item = {"type": "function_call", "id": "fc_1", "call_id": "c", "name": "now"}
    for state, status in (("added", "in_progress"), ("done", "completed")):
        body = {"type": f"response.output_item.{state}", "output_index": 0, "item": item}
        told = fed(CompleteResponses({}), body)["item"]
        assert told == {**item, "arguments": "", "status": status}


def test_the_settings_are_told_in_each_response() -> None:
    stream = CompleteResponses({"temperature": 0.5, "tools": [{"type": "function", "name": "now"}]})
    for kind in ("response.created", "response.in_progress", "response.completed"):
        told = fed(stream, {"type": kind, "response": copy.deepcopy(HEAD), "sequence_number": 0})["response"]
        assert told["temperature"] == 0.5
        assert list(wrong_with_response(told)) == []


DELTA = b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta",%s"delta":"x"}\n\n'


def test_a_delta_gets_its_logprobs_without_being_parsed() -> None:
    assert CompleteResponses({}).feed(DELTA % b'"odd": 1,') == DELTA % b'"logprobs":[],"odd": 1,'


@pytest.mark.parametrize("inner", [b'"logprobs":[1],', b'"logprobs":null,'])
def test_a_delta_that_has_logprobs_stays_as_it_is(inner: bytes) -> None:
    assert CompleteResponses({}).feed(DELTA % inner) == DELTA % inner


@pytest.mark.parametrize("kind", [kind for kind in DELTAS if "output_text" not in kind])
def test_a_delta_that_needs_nothing_keeps_its_bytes(kind: str) -> None:
    frame = b'event: %s\ndata: { "type":"%s", "delta":"\\"x" }\n\n' % (kind.encode(), kind.encode())
    assert CompleteResponses({}).feed(frame) == frame


CRLF_DELTA = DELTA.replace(b"\n", b"\r\n")


@pytest.mark.parametrize(
    "frames",
    [(DELTA, DELTA), (DELTA, CRLF_DELTA), (CRLF_DELTA, DELTA), (DELTA, DELTA, CRLF_DELTA, DELTA)],
)
def test_several_frames_in_one_block_are_all_completed(frames: tuple[bytes, ...]) -> None:
    block = b"".join(frame % b"" for frame in frames)
    told = CompleteResponses({}).feed(block)
    wanted = {"type": "response.output_text.delta", "logprobs": [], "delta": "x"}
    assert [_json(frame) for frame in sse.frames(told)] == [wanted] * len(frames)
    one_by_one = CompleteResponses({})
    assert b"".join(map(one_by_one.feed, sse.frames(block))) == told


def test_unknown_events_comments_and_broken_data_pass_untouched() -> None:
    for frame in (
        b": comment\n\n",
        b'event: response.never_heard_of\ndata: {"error":{"a":1} }\n\n',
        b'event: response.doubao_app_call.completed\ndata: {"blocks":[ ]}\n\n',
        b'event: response.image_process_call.progressing\ndata: {"action":{"type":"zoom"} }\n\n',
        b"event: response.created\ndata: {broken\n\n",
        b"data: [DONE]\n\n",
        b'data: {"delta":"x" }\n\n',
        b'event: response.output_text.new\ndata:{"x":1}\n\n',
    ):
        assert CompleteResponses({}).feed(frame) == frame


@pytest.mark.parametrize("kind", TOOLS)
def test_a_tools_error_is_renamed_and_a_null_one_is_not(kind: str) -> None:
    body = {"type": kind, "action": {"error": "x"}, "sequence_number": 1}
    stream = CompleteResponses({})
    assert fed(stream, {**body, "error": {"message": "m"}}) == {**body, "tool_error": {"message": "m"}}
    assert fed(stream, {**body, "error": None}) == {**body, "error": None}


def test_a_tools_item_keeps_its_own_error() -> None:
    item = {"type": "image_process", "id": "ip_1", "error": {"message": "m"}, "arguments": {"scale": 2.0}}
    body = {"type": "response.output_item.done", "output_index": 0, "item": item, "sequence_number": 1}
    assert fed(CompleteResponses({}), body) == body


def begun(*more: dict[str, Any]) -> CompleteResponses:
    stream = CompleteResponses({"temperature": 0.5})
    fed(stream, {"type": "response.created", "response": copy.deepcopy(HEAD), "sequence_number": 0})
    for body in more:
        fed(stream, body)
    return stream


def test_an_error_after_the_beginning_is_a_failed_response() -> None:
    stream = begun({"type": "x", "sequence_number": 6})
    event = sse.read(stream.error(UpstreamError(504, "Too slow.", code="upstream_timeout")))
    assert event is not None
    body = event.json()
    assert body is not None
    assert list(wrong_with_event(body)) == []
    assert (event.name, body["type"], body["sequence_number"]) == ("response.failed", "response.failed", 7)
    assert (body["response"]["id"], body["response"]["status"]) == ("resp_1", "failed")
    assert body["response"]["error"] == {"code": "upstream_timeout", "message": "Too slow."}
    assert body["response"]["temperature"] == 0.5


def test_a_failed_response_holds_what_was_done_before() -> None:
    done = {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "t"}]}
    open_item = {"type": "message", "id": "msg_1"}
    stream = begun(
        {"type": "response.output_item.done", "output_index": 0, "item": done, "sequence_number": 5},
        {"type": "response.output_item.added", "output_index": 1, "item": open_item, "sequence_number": 6},
    )
    (frame,) = sse.frames(stream.error(UpstreamError(502, "It broke.")))
    assert _json(frame)["response"]["output"] == [done]


def test_an_error_before_the_beginning_is_an_error_event() -> None:
    (frame,) = sse.frames(CompleteResponses({}).error(UpstreamError(502, "It broke.")))
    assert list(wrong_with_event(_json(frame))) == []


def test_hostile_events_do_not_crash() -> None:
    answer = {**HEAD, "output": [{"type": "message", "content": [{"type": "output_text"}]}], "usage": {}}
    for kind in ("response.created", "response.completed"):
        for value in spoilt({"type": kind, "response": answer, "sequence_number": 0}):
            stream = CompleteResponses({})
            stream.feed(sse.encode(value, kind))
            assert sse.read(stream.error(UpstreamError(502, "m"))) is not None


@given(json_values, json_values)
def test_no_json_crashes_a_stream(value: object, setting: object) -> None:
    stream = CompleteResponses({"tools": setting, "text": setting, "reasoning": setting})
    inner = ("response", "item", "part", "annotation", "error", "delta")
    bodies: Iterable[Any] = [value, *({name: value} for name in inner)]
    for kind in (*TABLES["events"], *TOOLS):
        for body in bodies:
            told = stream.feed(sse.encode(body, kind))
            assert [one.name for one in map(sse.read, sse.frames(told)) if one] == [kind]
    stream.error(UpstreamError(502, "m"))


def test_settings_that_leave_no_room_for_one_more_level_do_not_crash_a_stream() -> None:
    deep = orjson.loads(b"[" * 253 + b"]" * 253)
    frame = sse.encode({"response": {}}, "response.created")
    assert CompleteResponses({"tools": deep}).feed(frame) == frame
