"""The ``/v1`` dialect: what Ark leaves out is filled in, what it says stays, and hostile shapes pass through."""

import copy

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import UpstreamError
from gateway.wire import complete, sse
from gateway.wire.complete import CompleteChat, CompleteResponses
from tests.strategies import json_values, spoilt, spoilt_objects

ANSWER = {
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
        {"id": "ip_1", "type": "image_process", "error": {"message": "failed"}},
    ],
    "service_tier": "fast",
    "status": "completed",
    "usage": {"input_tokens": 1},
    "store": False,
}
# What a Response must have by the Open Responses specification.
REQUIRED = {
    "id", "object", "created_at", "completed_at", "status", "incomplete_details", "model", "previous_response_id",
    "instructions", "output", "error", "tools", "tool_choice", "truncation", "parallel_tool_calls", "text", "top_p",
    "presence_penalty", "frequency_penalty", "top_logprobs", "temperature", "reasoning", "usage", "max_output_tokens",
    "max_tool_calls", "store", "background", "service_tier", "metadata", "safety_identifier", "prompt_cache_key",
}  # fmt: skip


def answered(body: object, **request: object) -> dict[str, object]:
    value = orjson.loads(complete.answer(orjson.dumps(body), complete.settings(request)))
    assert isinstance(value, dict)
    return value


def chunk(*choices: object, **more: object) -> dict[str, object]:
    return {"choices": list(choices), "id": "1", **more}


def completed_chat(*chunks: object) -> list[object]:
    stream = CompleteChat()
    return [_json(stream.feed(sse.encode(one))) for one in chunks]


def _json(frame: bytes) -> object:
    event = sse.read(frame)
    assert event is not None
    return event.json()


def test_an_answer_has_every_required_field_and_keeps_its_own() -> None:
    told = answered(ANSWER)
    assert told.keys() >= REQUIRED
    for name in ANSWER.keys() - {"output"}:
        assert told[name] == ANSWER[name]


def test_the_items_of_an_answer_are_completed_too() -> None:
    reasoning, message, tool = answered(ANSWER)["output"]  # type: ignore[misc]
    assert reasoning["summary"] == []
    assert message["content"] == [{"type": "output_text", "text": "三", "annotations": [], "logprobs": []}]
    assert tool == ANSWER["output"][2]  # type: ignore[index]


def test_the_requests_settings_are_told_back() -> None:
    request = {
        "temperature": 0,
        "tools": [{"type": "image_process"}],
        "instructions": "Be brief.",
        "top_p": None,
    }
    told = answered({"object": "response"}, **request, input="not a setting", model="not this one")
    assert (told["temperature"], told["tools"], told["instructions"]) == (0, request["tools"], "Be brief.")
    assert told["top_p"] == 0.7
    assert "input" not in told
    assert "model" not in told


def test_what_the_backend_says_wins_over_the_request() -> None:
    assert answered(ANSWER, store=True, service_tier="auto")["service_tier"] == "fast"


def test_status_and_output_are_never_taken_from_the_request() -> None:
    told = answered({"object": "response"}, status="failed", output=["x"], error="x", usage=1, object="y")
    assert (told["status"], told["output"], told["error"], told["usage"]) == ("in_progress", [], None, None)


def test_defaults_are_not_shared_between_answers() -> None:
    first = complete.response({}, {})
    first["output"].append("x")
    first["metadata"]["a"] = "b"
    second = complete.response({}, {})
    assert (second["output"], second["metadata"]) == ([], {})


@pytest.mark.parametrize("raw", [b"", b"[]", b"<html>", b'{"object":"list"}', b'{"error":{"code":"x"}}'])
def test_what_is_no_response_stays_as_it_is(raw: bytes) -> None:
    assert complete.answer(raw, {}) == raw


def test_hostile_answers_do_not_crash() -> None:
    for value in spoilt_objects(ANSWER):
        complete.answer(orjson.dumps(value), {})


@given(json_values, json_values)
def test_no_json_crashes_the_completion(value: object, setting: object) -> None:
    complete.item(copy.deepcopy(value))
    complete.part(copy.deepcopy(value))
    told = complete.settings({"tools": setting, "text": setting})
    answered({"object": "response", "output": value}, tools=setting)
    stream = CompleteResponses(told)
    for kind in sorted(complete._EVENTS):
        for event in (value, {"response": value, "item": value, "part": value, "error": value}):
            assert _json(stream.feed(sse.encode(event, kind))) is not None or not isinstance(event, dict)
    stream.error(UpstreamError(502, "m"))


def test_hostile_events_do_not_crash() -> None:
    event = {"type": "response.created", "response": ANSWER, "sequence_number": 0}
    for value in spoilt(event):
        stream = CompleteResponses({})
        stream.feed(sse.encode(value, "response.created"))
        assert sse.read(stream.error(UpstreamError(502, "m"))) is not None


def test_settings_that_leave_no_room_for_one_more_level_do_not_crash_a_stream() -> None:
    deep = orjson.loads(b"[" * 253 + b"]" * 253)
    frame = sse.encode({"response": {}}, "response.created")
    assert CompleteResponses({"tools": deep}).feed(frame) == frame


DELTA = b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta",%s"delta":"x"}\n\n'


def test_a_delta_gets_its_logprobs_without_being_parsed() -> None:
    assert CompleteResponses({}).feed(DELTA % b"") == DELTA % b'"logprobs":[],'


@pytest.mark.parametrize("inner", [b'"logprobs":[1],', b'"logprobs":null,'])
def test_a_delta_that_has_logprobs_stays_as_it_is(inner: bytes) -> None:
    assert CompleteResponses({}).feed(DELTA % inner) == DELTA % inner


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
        b'event: response.doubao_app_call.completed\ndata: {"error":{"a":1} }\n\n',
        b"event: response.created\ndata: {broken\n\n",
        b"data: [DONE]\n\n",
        b'event: response.output_text.delta\ndata:{"x":1}\n\n'.replace(b".delta", b".new"),
    ):
        assert CompleteResponses({}).feed(frame) == frame


@pytest.mark.parametrize("state", ["completed", "failed"])
def test_a_tools_error_is_renamed_and_a_null_one_is_not(state: str) -> None:
    kind = f"response.image_process_call.{state}"
    stream = CompleteResponses({})
    assert _json(stream.feed(sse.encode({"type": kind, "error": {"message": "m"}}, kind))) == {
        "type": kind,
        "tool_error": {"message": "m"},
    }
    assert _json(stream.feed(sse.encode({"type": kind, "error": None}, kind))) == {
        "type": kind,
        "error": None,
    }


def test_an_error_after_the_beginning_is_a_failed_response() -> None:
    stream = CompleteResponses({"temperature": 0.5})
    stream.feed(
        sse.encode(
            {"type": "response.created", "response": {"id": "resp_1"}, "sequence_number": 0},
            "response.created",
        )
    )
    stream.feed(sse.encode({"type": "x", "sequence_number": 6}, "x"))
    event = sse.read(stream.error(UpstreamError(504, "Too slow.", code="upstream_timeout")))
    assert event is not None
    body = event.json()
    assert body is not None
    assert (event.name, body["type"], body["sequence_number"]) == ("response.failed", "response.failed", 7)
    assert (body["response"]["id"], body["response"]["status"]) == ("resp_1", "failed")
    assert body["response"]["error"] == {"code": "upstream_timeout", "message": "Too slow."}
    assert body["response"].keys() >= REQUIRED - {"created_at", "model"}


def test_the_role_stands_in_the_first_delta_of_each_choice_only() -> None:
    def said(index: int, **delta: object) -> dict[str, object]:
        return {"delta": delta, "index": index}

    told = completed_chat(
        chunk(said(0, content="a", role="assistant")),
        chunk(said(1, content="b", role="assistant"), said(0, content="c", role="assistant")),
        chunk(said(1, role="assistant", content="d")),
        chunk(said(0, role="assistant")),
    )
    assert told == [
        chunk(said(0, content="a", role="assistant")),
        chunk(said(1, content="b", role="assistant"), said(0, content="c")),
        chunk(said(1, content="d")),
        chunk(said(0)),
    ]


def test_a_choice_that_starts_late_keeps_its_role_though_its_tool_call_is_number_zero() -> None:
    call = {"content": "", "tool_calls": [{"function": {"arguments": "{}"}, "index": 0}], "role": "assistant"}
    first = chunk({"delta": {"content": "a", "role": "assistant"}, "index": 0})
    late = chunk({"delta": call, "index": 1})
    assert completed_chat(first, late) == [first, late]


def test_a_role_in_the_answers_own_text_stays() -> None:
    first = chunk({"delta": {"content": "a", "role": "assistant"}, "index": 0})
    text = chunk({"delta": {"content": ',"role":"assistant"},"index":0'}, "index": 0})
    assert completed_chat(first, text) == [first, text]


def test_a_chunk_that_needs_nothing_keeps_its_bytes() -> None:
    stream = CompleteChat()
    for frame in (
        b'data: { "choices": [ ] }\n\n',
        b'data:{"choices":[{"delta":{"role":"assistant"} }]}\n\n',
        b"data: [DONE]\n\n",
    ):
        assert stream.feed(frame) == frame


def test_hostile_chunks_do_not_crash() -> None:
    start = chunk({"delta": {"content": "a", "role": "assistant"}, "index": 0})
    for value in spoilt(start):
        stream = CompleteChat()
        for one in (start, value, start):
            stream.feed(sse.encode(one))


@given(
    st.lists(
        st.binary(max_size=20).map(lambda noise: b'data: {"role":"assistant"' + noise + b"}\n\n"), max_size=3
    )
)
def test_broken_chunks_pass_untouched(frames: list[bytes]) -> None:
    stream = CompleteChat()
    for frame in frames:
        assert stream.feed(frame) == frame
