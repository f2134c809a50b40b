"""Streams without completions: bytes pass untouched, ends are known as such, and errors have their API's form."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import UpstreamError
from gateway.wire import sse
from gateway.wire.stream import STREAMS, ChatStream, ImagesStream, ResponsesStream, Stream
from gateway.wire.usage import Usage
from tests.strategies import json_values

BROKEN = UpstreamError(502, "It broke.", code="upstream_broken", param="p")


def fed(stream: Stream, *values: object) -> Stream:
    for value in values:
        stream.feed(value if isinstance(value, bytes) else sse.encode(value))
    return stream


@pytest.mark.parametrize("api", STREAMS)
@given(st.binary(max_size=80))
def test_bytes_pass_untouched(api: str, block: bytes) -> None:
    assert STREAMS[api]().feed(block) == block


@pytest.mark.parametrize("api", STREAMS)
def test_done_ends_every_stream(api: str) -> None:
    assert fed(STREAMS[api](), b"data: [DONE]\n\n").finished()


@pytest.mark.parametrize("api", STREAMS)
def test_a_stream_that_said_nothing_is_not_finished(api: str) -> None:
    assert not STREAMS[api]().finished()
    assert not fed(STREAMS[api](), b": ping\n\n").finished()


@pytest.mark.parametrize("api", STREAMS)
def test_comments_after_the_end_do_not_undo_it(api: str) -> None:
    assert fed(STREAMS[api](), b"data: [DONE]\n\n", b": bye\n\n").finished()


@pytest.mark.parametrize("api", STREAMS)
def test_an_error_of_the_backend_is_an_end(api: str) -> None:
    assert fed(STREAMS[api](), {"error": {"message": "m"}}).finished()


@pytest.mark.parametrize(
    "chunk",
    [
        {"choices": [{"delta": {}, "finish_reason": "stop", "index": 0}]},
        {"choices": [{"delta": {}, "finish_reason": None}, {"finish_reason": "length"}]},
        {"choices": [], "usage": {"prompt_tokens": 1}},
    ],
)
def test_a_finish_reason_or_the_usage_after_it_ends_a_chat(chunk: object) -> None:
    assert fed(ChatStream(), chunk).finished()


@pytest.mark.parametrize(
    "chunk",
    [
        {"choices": [{"delta": {"content": "x"}, "finish_reason": None}], "usage": {"prompt_tokens": 1}},
        {"choices": [{"delta": {"content": "x"}, "finish_reason": ""}]},
        {"choices": [], "usage": None},
        {"choices": None},
        {"choices": [None, 5]},
        {"error": None},
        {},
    ],
)
def test_other_chunks_do_not(chunk: object) -> None:
    assert not fed(ChatStream(), chunk).finished()


@pytest.mark.parametrize("state", ["completed", "incomplete", "failed"])
@pytest.mark.parametrize("named", [True, False])
def test_responses_end_with_their_last_state_with_or_without_an_event_line(state: str, named: bool) -> None:
    kind = f"response.{state}"
    assert fed(ResponsesStream(), sse.encode({"type": kind}, kind if named else "")).finished()


@pytest.mark.parametrize(
    "kind", ["response.created", "response.output_item.done", "response.image_process_call.failed"]
)
def test_other_responses_events_are_no_end(kind: str) -> None:
    event = {"type": kind, "error": {"message": "of a tool"}}
    assert not fed(ResponsesStream(), sse.encode(event, kind)).finished()


def test_one_pictures_failure_is_no_end_of_the_others() -> None:
    failed = {"type": "image_generation.partial_failed", "error": {"code": "x"}}
    stream = fed(ImagesStream(), sse.encode(failed, "image_generation.partial_failed"))
    assert not stream.finished()
    assert fed(
        stream, sse.encode({"type": "image_generation.completed"}, "image_generation.completed")
    ).finished()


def test_the_chat_error_is_the_envelope_alone() -> None:
    assert ChatStream().error(BROKEN) == (
        b'data: {"error":{"message":"It broke.","type":"upstream_error","param":"p","code":"upstream_broken"}}\n\n'
    )


def test_the_responses_error_is_flat_and_counts_on() -> None:
    stream = fed(ResponsesStream(), sse.encode({"type": "x", "sequence_number": 41}, "x"), b": ping\n\n")
    event = sse.read(stream.error(BROKEN))
    assert event is not None
    assert event.name == "error"
    assert event.json() == {
        "type": "error",
        "code": "upstream_broken",
        "message": "It broke.",
        "param": "p",
        "sequence_number": 42,
    }


@pytest.mark.parametrize("number", [None, "7", [], {}, 1.5])
def test_a_sequence_number_that_is_none_starts_at_zero(number: object) -> None:
    event = sse.read(fed(ResponsesStream(), {"sequence_number": number}).error(BROKEN))
    assert event is not None
    assert orjson.loads(event.data)["sequence_number"] == 0


def test_the_usage_is_the_last_one_told() -> None:
    stream = fed(
        ChatStream(),
        {"choices": [{}], "usage": {"prompt_tokens": 5, "completion_tokens": 1}},
        {"choices": [{}], "usage": {"prompt_tokens": 5, "completion_tokens": 2}},
        {"choices": [{}], "usage": None},
        b"data: [DONE]\n\n",
    )
    assert stream.usage() == Usage(5, 2)


def test_a_usage_in_the_answers_own_text_is_not_taken_for_one() -> None:
    assert (
        fed(ChatStream(), {"choices": [{"delta": {"content": '"usage":{"prompt_tokens":9}'}}]}).usage()
        is None
    )


@pytest.mark.parametrize("api", STREAMS)
@given(
    st.lists(
        st.binary(max_size=30)
        | json_values
        | st.builds(lambda v: {"usage": {"x": 1}, "choices": v}, json_values),
        max_size=4,
    )
)
def test_nothing_that_a_backend_sends_crashes_a_stream(api: str, sent: list[object]) -> None:
    stream = fed(STREAMS[api](), *sent)
    assert stream.finished() in (True, False)
    stream.usage()
    assert sse.read(stream.error(BROKEN)) is not None
