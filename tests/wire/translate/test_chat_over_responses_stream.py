"""A Responses stream as chat chunks: the same message as the whole answer, however it is cut and whatever is left out."""

from collections.abc import Iterable, Iterator
from typing import Any, Literal

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.lib.streaming.chat._completions import ChatCompletionStreamState
from openai.types.chat import ChatCompletionChunk

from gateway.errors import UpstreamError
from gateway.wire import sse
from gateway.wire.stream import Stream
from gateway.wire.translate.chat_over_responses import reply
from gateway.wire.usage import Usage
from tests.strategies import cut, json_values
from tests.wire.translate.test_chat_over_responses_answer import (
    CALL,
    FAILED,
    MARK,
    REQUEST,
    USAGE,
    ZOOM,
    response,
    said,
    thought,
)

Json = dict[str, Any]
Output = Literal["markdown", "field"]
DONE = b"data: [DONE]\n\n"


def stream(process_output: Output = "markdown", include_usage: bool = True) -> Stream:
    asked = {**REQUEST, "stream": True, "stream_options": {"include_usage": include_usage}}
    return reply(asked, MARK, process_output=process_output).stream()


def event(kind: str, **fields: Any) -> bytes:
    return sse.encode({"type": kind, **fields}, kind)


def created() -> bytes:
    return event("response.created", response={"id": "resp_1", "object": "response", "model": "doubao"})


def chunks(raw: bytes) -> list[Json]:
    events = [told for frame in sse.frames(raw) if (told := sse.read(frame))]
    return [orjson.loads(told.data) for told in events if not told.done]


def deltas(raw: bytes) -> list[Json]:
    return [choice["delta"] for chunk in chunks(raw) for choice in chunk["choices"]]


def fed(*frames: bytes, process_output: Output = "markdown") -> list[Json]:
    """What some events add to the role of the first chunk."""
    first, *rest = deltas(stream(process_output).feed(b"".join((created(), *frames))))
    assert first == {"role": "assistant", "content": None}
    return rest


def text(delta: str, **place: Any) -> bytes:
    return event(
        "response.output_text.delta", content_index=0, delta=delta, item_id="m", output_index=0, **place
    )


def completed(*output: Any, **fields: Any) -> bytes:
    whole = response(*output, **fields)
    return event(f"response.{whole['status']}", response=whole)


def joined(raw: bytes) -> Json:
    """The completion that the chunks make, put together the plain way."""
    message: Json = {}
    reason, usage, called = None, None, {}
    for chunk in chunks(raw):
        usage = chunk["usage"] or usage
        for choice in chunk["choices"]:
            reason = choice["finish_reason"] or reason
            for name, value in choice["delta"].items():
                if name == "tool_calls":
                    for call in value:
                        known = called.setdefault(call["index"], {**call, "function": {"arguments": ""}})
                        arguments = known["function"]["arguments"] + call["function"].get("arguments", "")
                        known["function"] |= call["function"] | {"arguments": arguments}
                elif isinstance(value, list):
                    message.setdefault(name, []).extend(
                        {key: inner for key, inner in entry.items() if key != "index"} for entry in value
                    )
                elif value is not None:
                    message[name] = value if name == "role" else message.get(name, "") + value
    if called:
        message["tool_calls"] = [
            {key: inner for key, inner in call.items() if key != "index"} for call in called.values()
        ]
    return {"message": message, "finish_reason": reason, "usage": usage}


def wanted(whole: Json, process_output: Output) -> Json:
    told = reply(REQUEST, MARK, process_output=process_output).answer(whole)
    [choice] = told["choices"]
    message = {name: value for name, value in choice["message"].items() if value not in (None, "")}
    return {"message": message, "finish_reason": choice["finish_reason"], "usage": told.get("usage")}


# --- streams of drawn answers ---

_TEXT = st.text(alphabet='三颗草莓🍓👨‍👩‍👧 a"\\\n\u2028', min_size=1, max_size=8)
_CITATIONS = st.lists(st.just({"type": "url_citation", "title": "t", "url": "u"}), max_size=2)
_ITEMS = st.one_of(
    st.builds(thought, _TEXT),
    st.builds(
        lambda texts, cited: said(*texts, annotations=cited),
        st.lists(_TEXT, min_size=1, max_size=2),
        _CITATIONS,
    ),
    st.builds(lambda text: {"type": "message", "content": [{"type": "refusal", "refusal": text}]}, _TEXT),
    st.builds(lambda n, text: {**CALL, "call_id": f"c{n}", "arguments": text}, st.integers(0, 9), _TEXT),
    st.sampled_from([ZOOM, FAILED]),
)
_ENDS = st.sampled_from(
    [
        {"status": "completed"},
        {"status": "completed", "usage": None},
        {"status": "incomplete", "incomplete_details": {"reason": "length"}},
        {"status": "incomplete", "incomplete_details": {"reason": "content_filter"}},
    ]
)


@st.composite
def streams(draw: st.DrawFn) -> tuple[Json, bytes]:
    """A whole answer and its stream, in which any of the events may be missing that a later one makes up for."""
    whole = response(*draw(st.lists(_ITEMS, max_size=5)), **draw(_ENDS))
    frames = [created(), b": a comment\n\n", event("response.doubao_app_call.failed", error="x")]
    streamed = draw(st.integers(0, len(whole["output"])))  # those after come with the end alone
    for index, item in enumerate(whole["output"][:streamed]):
        frames += _events(item, index, draw)
    return whole, b"".join([*frames, event(f"response.{whole['status']}", response=whole), DONE])


def _events(item: Json, index: int, draw: st.DrawFn) -> Iterator[bytes]:
    place = {"item_id": "x", "output_index": index}
    yield event("response.output_item.added", item={**item, "arguments": "", "content": []}, **place)
    done = draw(st.booleans()) or item["type"] == "image_process"
    if done and draw(st.booleans()):
        pass  # nothing comes before the item is done
    elif item["type"] == "image_process":
        error = {"error": item["error"]} if "error" in item else {}
        yield event("response.image_process_call.completed", action=item["action"], **place, **error)
    elif item["type"] == "function_call":
        yield from _told(draw, "response.function_call_arguments", "arguments", item["arguments"], place)
    else:
        yield from _parts(item, place, draw)
    if done:
        yield event("response.output_item.done", item=item, **place)


def _parts(item: Json, place: Json, draw: st.DrawFn) -> Iterator[bytes]:
    name, number_of_part, prefix, whole_part = (
        ("summary", "summary_index", "reasoning_", "reasoning_summary_part")
        if item["type"] == "reasoning"
        else ("content", "content_index", "", "content_part")
    )
    for number, part in enumerate(item[name]):
        at = place | {number_of_part: number}
        field = "refusal" if part["type"] == "refusal" else "text"
        told = list(_told(draw, f"response.{prefix}{part['type']}", field, part[field], at))
        yield from told
        for annotation in part.get("annotations", ())[: draw(st.integers(0, 2))]:
            yield event("response.output_text.annotation.added", annotation=annotation, **at)
        if not told or draw(st.booleans()):
            yield event(f"response.{whole_part}.done", part=part, **at)


def _told(draw: st.DrawFn, kind: str, field: str, whole: str, place: Json) -> Iterator[bytes]:
    """A text in deltas of any length, empty ones too, or not until it is done, or not even then."""
    if draw(st.booleans()):
        places = sorted(draw(st.lists(st.integers(0, len(whole)), max_size=3)))
        for start, end in zip([0, *places], [*places, len(whole)], strict=True):
            yield event(f"{kind}.delta", delta=whole[start:end], **place)
    if draw(st.booleans()):
        yield event(f"{kind}.done", **{field: whole}, **place)


def relayed(told: Stream, pieces: Iterable[bytes]) -> bytes:
    framer = sse.Framer()
    blocks = [framer.feed(piece) for piece in pieces]
    return b"".join(told.feed(block) for block in blocks if block)


@given(streams(), st.sampled_from(["markdown", "field"]), st.data())
def test_the_chunks_make_the_whole_answer_wherever_the_bytes_are_cut(
    drawn: tuple[Json, bytes], process_output: Output, data: st.DataObject
) -> None:
    whole, raw = drawn
    told = stream(process_output)
    got = relayed(told, data.draw(cut(raw)))
    assert got == stream(process_output).feed(raw)
    assert joined(got)["message"].pop("role") == "assistant"
    assert wanted(whole, process_output) == _normal(joined(got))
    assert got.endswith(DONE)
    assert got.count(DONE) == 1
    assert told.finished()
    assert told.end() == b""
    assert told.usage() == (Usage(10, 5, 2, 3) if whole["usage"] else None)


def _normal(told: Json) -> Json:
    message = told["message"]
    return {**told, "message": {name: message[name] for name in message if message[name] != ""}}


@given(streams(), st.sampled_from(["markdown", "field"]))
def test_openais_helper_puts_the_same_message_together(
    drawn: tuple[Json, bytes], process_output: Output
) -> None:
    whole, raw = drawn
    state = ChatCompletionStreamState()
    for chunk in chunks(stream(process_output).feed(raw)):
        state.handle_chunk(ChatCompletionChunk.model_validate(chunk))
    got = state.current_completion_snapshot.choices[0]
    want = reply(REQUEST, MARK, process_output=process_output).answer(whole)["choices"][0]
    assert got.finish_reason == want["finish_reason"]
    assert (got.message.content or "") == (want["message"]["content"] or "")
    extra = got.message.model_extra or {}
    assert extra.get("reasoning_content") == want["message"].get("reasoning_content")
    assert [one["id"] for one in extra.get("image_process", ())] == [
        one["id"] for one in want["message"].get("image_process", ())
    ]
    assert [call.function.arguments for call in got.message.tool_calls or ()] == [
        call["function"]["arguments"] for call in want["message"].get("tool_calls", ())
    ]


@given(streams(), st.data())
def test_the_short_way_for_tokens_and_the_long_way_for_all_events_say_the_same(
    drawn: tuple[Json, bytes], data: st.DataObject
) -> None:
    _, raw = drawn
    long_way = data.draw(
        st.sampled_from(
            [
                raw.replace(b"\n", b"\r\n"),
                raw.replace(b"\ndata: ", b"\ndata:"),
                raw.replace(b"event: response.", b": c\nevent: response."),
                b"".join(_without_names(raw)),
                raw.replace(b'\ndata: {"type"', b'\ndata: {"logprobs":[],\ndata: "type"'),
            ]
        )
    )
    assert stream().feed(long_way) == stream().feed(raw)


def _without_names(raw: bytes) -> Iterator[bytes]:
    for frame in sse.frames(raw):
        yield frame.partition(b"\n")[2] if frame.startswith(b"event:") else frame


@settings(max_examples=100)
@given(
    st.lists(st.binary(max_size=40) | st.builds(lambda value: b"data: " + orjson.dumps(value), json_values))
)
def test_junk_breaks_nothing(junk: list[bytes]) -> None:
    told = stream()
    for block in (created(), *(one + b"\n\n" for one in junk), text("x")):
        told.feed(block)
    told.usage()
    told.finished()


_KINDS = st.sampled_from(
    [
        *(
            f"response.{name}.{end}"
            for name in ("output_text", "refusal", "reasoning_text")
            for end in ("delta", "done")
        ),
        *(f"response.{name}.{end}" for name in ("output_item", "content_part") for end in ("added", "done")),
        *(f"response.function_call_arguments.{end}" for end in ("delta", "done")),
        *(f"response.{end}" for end in ("created", "completed", "incomplete", "failed")),
        "response.output_text.annotation.added",
        "error",
    ]
)
_FIELDS = st.dictionaries(
    st.sampled_from(
        [
            "delta",
            "text",
            "item",
            "part",
            "output_index",
            "content_index",
            "annotation",
            "arguments",
            "response",
            "error",
        ]
    ),
    json_values,
)


@settings(max_examples=80)
@given(st.lists(st.tuples(_KINDS, _FIELDS), max_size=4))
def test_known_events_with_junk_in_them_break_nothing(events: list[tuple[str, Json]]) -> None:
    told = stream()
    chunks(told.feed(created() + b"".join(event(kind, **fields) for kind, fields in events)))


# --- one by one ---


def test_the_first_chunk_tells_the_role_and_what_all_chunks_share() -> None:
    assert chunks(stream().feed(created())) == [
        {
            "id": f"chatcmpl-{MARK.digits}",
            "object": "chat.completion.chunk",
            "created": MARK.created_at,
            "model": "doubao",
            "choices": [
                {
                    "index": 0,
                    "delta": {"role": "assistant", "content": None},
                    "logprobs": None,
                    "finish_reason": None,
                }
            ],
            "usage": None,
        }
    ]


def test_a_stream_that_begins_without_its_beginning_has_the_callers_name_for_the_model() -> None:
    told = chunks(stream().feed(text("a")))
    assert [chunk["model"] for chunk in told] == ["the-callers-name"] * 2
    assert [chunk["choices"][0]["delta"].get("role") for chunk in told] == ["assistant", None]


def test_usage_comes_only_where_it_was_asked_for() -> None:
    raw = created() + text("a") + completed(said("a"))
    with_usage, without = chunks(stream().feed(raw)), chunks(stream(include_usage=False).feed(raw))
    assert [chunk["usage"] for chunk in with_usage[:-1]] == [None] * 3
    assert with_usage[-1]["choices"] == []
    assert with_usage[-1]["usage"]["total_tokens"] == USAGE["total_tokens"]
    assert [len(chunk["choices"]) for chunk in without] == [1, 1, 1]
    assert not any("usage" in chunk for chunk in without)


def test_several_calls_after_text_are_counted_from_nought() -> None:
    def call(index: int, *more: bytes) -> bytes:
        item = {**CALL, "call_id": f"call_{index}", "arguments": ""}
        return event("response.output_item.added", item=item, output_index=index) + b"".join(more)

    def arguments(index: int, delta: str) -> bytes:
        return event("response.function_call_arguments.delta", output_index=index, delta=delta)

    raw = text("a") + call(1) + call(2) + arguments(2, "{") + arguments(1, "[") + arguments(2, "}")
    told = [one["tool_calls"][0] for one in fed(raw)[1:]]
    assert [(one["index"], one.get("id"), one["function"]["arguments"]) for one in told] == [
        (0, "call_1", ""),
        (1, "call_2", ""),
        (1, None, "{"),
        (0, None, "["),
        (1, None, "}"),
    ]


def test_arguments_that_come_late_come_once() -> None:
    added = event("response.output_item.added", item={**CALL, "arguments": ""}, output_index=0)
    done = event("response.function_call_arguments.done", arguments=CALL["arguments"], output_index=0)
    item = event("response.output_item.done", item=CALL, output_index=0)
    for late in ((added, done, item), (added, item), (added, done), (item,), (done, item), ()):
        told = fed(*late, completed(CALL))[:-1]
        calls = [one["tool_calls"][0] for one in told]
        assert "".join(call["function"]["arguments"] for call in calls) == CALL["arguments"]
        assert [call["id"] for call in calls if "id" in call] == ["call_1"]


def test_a_processed_picture_comes_once_and_in_its_place() -> None:
    item = event("response.output_item.done", item=ZOOM, output_index=1)
    event_of_tool = event("response.image_process_call.completed", output_index=1, action=ZOOM["action"])
    told = fed(text("I look."), event_of_tool, item, text("Yes."), completed(said("I look."), ZOOM))
    picture = f"\n\n![zoom]({ZOOM['action']['result_image_url']})\n\n"  # type: ignore[index]
    assert [one["content"] for one in told[:-1]] == ["I look.", picture, "Yes."]


def test_or_each_as_an_item_with_its_index() -> None:
    items = [
        event("response.output_item.done", item=item, output_index=i) for i, item in enumerate((ZOOM, FAILED))
    ]
    assert fed(*items, process_output="field") == [
        {"image_process": [{**ZOOM, "index": 0}]},
        {"image_process": [{**FAILED, "index": 1}]},
    ]


def test_a_tools_error_is_no_end_of_the_stream() -> None:
    told = stream()
    failed = event("response.image_process_call.failed", output_index=0, error={"message": "m"})
    assert b"error" not in told.feed(created() + failed)
    assert not told.finished()


@pytest.mark.parametrize(
    "end",
    [
        event("error", code="InternalServiceError", message="It broke.", param="", sequence_number=9),
        sse.encode({"code": "InternalServiceError", "message": "It broke."}, "error"),
        sse.encode(
            {"error": {"code": "InternalServiceError", "message": "It broke.", "param": "", "type": ""}}
        ),
        completed(status="failed", error={"code": "InternalServiceError", "message": "It broke."}),
    ],
)
def test_a_failure_is_told_as_chat_tells_it_and_nothing_follows(end: bytes) -> None:
    told = stream()
    raw = told.feed(created() + text("a") + end + text("b") + DONE)
    assert chunks(raw)[2:] == [
        {
            "error": {
                "message": "It broke.",
                "type": "upstream_error",
                "param": None,
                "code": "InternalServiceError",
            }
        }
    ]
    assert DONE not in raw
    assert told.finished()


def test_done_alone_is_no_end() -> None:
    told = stream()
    assert DONE not in told.feed(created() + text("a") + DONE)
    assert not told.finished()


def test_nothing_comes_after_the_end() -> None:
    told = stream()
    assert told.feed(completed(said("a"))).endswith(DONE)
    assert told.feed(text("b") + completed(said("b")) + DONE) == b""
    assert told.finished()


def test_a_stream_that_breaks_off_is_ended_in_chats_form() -> None:
    told = stream()
    told.feed(created() + text("a"))
    end = told.error(UpstreamError(502, "It broke.", code="upstream_truncated"))
    assert end == sse.encode(UpstreamError(502, "It broke.", code="upstream_truncated").envelope())
    assert not told.finished()
