"""Streamed chat answers as the events of a response: in order, numbered, each item opened and closed."""

from collections.abc import Iterable
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai import omit
from openai._models import construct_type
from openai.lib.streaming.responses._responses import ResponseStreamState
from openai.types.responses import ResponseStreamEvent

from gateway.errors import UpstreamError
from gateway.wire import sse
from gateway.wire.stream import Stream
from gateway.wire.translate import responses_over_chat
from gateway.wire.translate.translation import Mark
from gateway.wire.usage import Usage
from tests.strategies import cut, json_values, spoilt

Json = dict[str, Any]

MARK = Mark("0123456789abcdef" * 2, 1_700_000_000)
REQUEST = {"model": "m", "input": "hi", "stream": True, "instructions": "Be brief."}
HEAD = {"id": "chat-1", "object": "chat.completion.chunk", "created": 1_700_000_001, "model": "Qwen3"}
USAGE = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
DONE = b"data:[DONE]\n\n"
MODELS = {
    model.model_fields["type"].annotation.__args__[0]: model
    for model in ResponseStreamEvent.__origin__.__args__
}


def reply() -> Any:
    return responses_over_chat.reply(REQUEST, MARK)


def chunk(delta: Any = None, finish: Any = None, **more: Any) -> Json:
    choice = {"index": 0, "delta": delta or {}, "finish_reason": finish}
    if "logprobs" in more:
        choice["logprobs"] = more.pop("logprobs")
    return {**HEAD, "choices": [choice], **more}


def calling(index: Any = 0, id: Any = None, name: Any = None, arguments: Any = None) -> Json:
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    call: Json = {"index": index, "function": function} | ({"id": id} if id else {})
    return chunk({"tool_calls": [call]})


def framed(chunks: Iterable[Any]) -> bytes:
    return b"".join(b"data:" + orjson.dumps(value) + b"\n\n" for value in chunks)


def relayed(stream: Stream, pieces: Iterable[bytes]) -> bytes:
    framer = sse.Framer()
    told = b"".join(stream.feed(block) for piece in pieces if (block := framer.feed(piece)))
    return told + stream.end() if stream.finished() else told


def told_of(raw: bytes) -> list[Json]:
    found = []
    for frame in sse.frames(raw):
        event = sse.read(frame)
        if event:
            body = orjson.loads(event.data)
            assert event.name == body["type"]
            found.append(body)
    return found


def events(*chunks: Any) -> list[Json]:
    return told_of(relayed(reply().stream(), [framed(chunks), DONE]))


def types(told: list[Json]) -> list[str]:
    return [body["type"].removeprefix("response.") for body in told]


def check(told: list[Json]) -> Json:
    """The rules that hold for each stream that ended properly; gives the final response."""
    assert [body["sequence_number"] for body in told] == list(range(len(told)))
    assert types(told[:2]) == ["created", "in_progress"]
    items: dict[int, Json] = {}
    parts: dict[tuple[str, int], str] = {}
    done: list[int] = []
    for body in told[2:-1]:
        kind, index = body["type"].removeprefix("response."), body["output_index"]
        if kind == "output_item.added":
            assert index == len(items)
            items[index] = body["item"]
            continue
        assert index not in done
        place = (items[index]["id"], body.get("content_index", body.get("summary_index", 0)))
        assert body.get("item_id", place[0]) == place[0]
        if kind.endswith("part.added"):
            parts[place] = ""
        elif kind.endswith(".delta"):
            parts[place] = parts.get(place, "") + body["delta"]
        elif kind == "output_item.done":
            assert body["item"]["id"] == place[0]
            items[index] = body["item"]
            done.append(index)
        elif not kind.endswith("part.done"):
            [text] = [body[name] for name in ("text", "refusal", "arguments") if name in body]
            assert parts.get(place, "") == text
    assert sorted(done) == list(range(len(items)))
    last = told[-1]
    assert last["type"] in ("response.completed", "response.incomplete")
    assert last["response"]["output"] == [items[index] for index in sorted(items)]
    final: Json = last["response"]
    return final


def test_a_stream_of_everything_has_the_whole_sequence() -> None:
    told = events(
        chunk({"role": "assistant", "content": ""}),
        chunk({"reasoning_content": "看"}),
        chunk({"reasoning_content": "图"}),
        chunk({"content": "三颗"}),
        chunk({"content": "🍓"}),
        calling(0, "call_1", "f", ""),
        calling(0, arguments='{"a":'),
        calling(0, arguments="1}"),
        chunk({}, "tool_calls"),
        {**HEAD, "choices": [], "usage": USAGE},
    )
    assert types(told) == [
        "created", "in_progress",
        "output_item.added", "reasoning_summary_part.added",
        "reasoning_summary_text.delta", "reasoning_summary_text.delta",
        "reasoning_summary_text.done", "reasoning_summary_part.done", "output_item.done",
        "output_item.added", "content_part.added", "output_text.delta", "output_text.delta",
        "output_text.done", "content_part.done", "output_item.done",
        "output_item.added", "function_call_arguments.delta", "function_call_arguments.delta",
        "function_call_arguments.done", "output_item.done",
        "completed",
    ]  # fmt: skip
    final = check(told)
    assert final["usage"]["total_tokens"] == 7
    assert [body["response"]["status"] for body in told[:2]] == ["in_progress", "in_progress"]
    assert [body["response"]["output"] for body in told[:2]] == [[], []]
    for body in told:
        MODELS[body["type"]].model_validate(body)


def test_openais_own_helper_reads_it() -> None:
    state = ResponseStreamState(text_format=omit, input_tools=omit)
    told = events(
        chunk({"reasoning_content": "r"}), chunk({"content": "a"}), chunk({"content": "b"}),
        calling(0, "c1", "f", "{}"), calling(1, "c2", "g", "{}"), chunk({}, "tool_calls"),
    )  # fmt: skip
    seen = [
        one
        for body in told
        for one in state.handle_event(construct_type(type_=ResponseStreamEvent, value=body))
    ]  # type: ignore[arg-type]
    final = seen[-1].response  # type: ignore[union-attr]
    assert final.output_text == "ab"
    assert [item.type for item in final.output] == ["reasoning", "message", "function_call", "function_call"]


def test_a_stream_without_a_word_holds_an_empty_message_as_a_whole_answer_does() -> None:
    told = events(chunk({"role": "assistant"}), chunk({"content": ""}, "stop"))
    assert types(told[2:-1]) == [
        "output_item.added", "content_part.added", "output_text.done", "content_part.done", "output_item.done",
    ]  # fmt: skip
    assert check(told)["usage"] is None


def test_calls_that_come_interleaved_stay_apart() -> None:
    told = events(
        calling(0, "c1", "f", '{"a"'), calling(1, "c2", "g", '{"b"'),
        calling(0, arguments=":1}"), calling(1, arguments=":2}"), chunk({}, "tool_calls"),
    )  # fmt: skip
    output = check(told)["output"]
    assert [(item["call_id"], item["name"], item["arguments"]) for item in output] == [
        ("c1", "f", '{"a":1}'),
        ("c2", "g", '{"b":2}'),
    ]


@pytest.mark.parametrize(
    "chunks",
    [
        [calling(0, "c1", "f", '{"a":1}'), calling(0, "c2", "g", '{"b":2}')],  # all numbered 0
        [calling(None, "c1", "f", '{"a":1}'), calling(None, "c2", "g", '{"b":2}')],
        [calling(0, "c1", "f", {"a": 1}), calling(1, "c2", "g", {"b": 2})],  # as objects
        [calling(0, "c1", "f"), calling(0, "c1", "f", '{"a"'), calling(0, "c1", "f", ":1}"),  # repeated
         calling(1, "c2", "g", '{"b":2}'), calling(1, "c2", "g", "")],
        [calling(0, "c1", ""), calling(0, arguments='{"a":1}'), calling(0, name="f"),  # the name last
         calling(1, "c2", "g", '{"b":2}')],
        [chunk({"tool_calls": [{"index": i, "id": id, "function": {"name": name, "arguments": text}}
                               for i, id, name, text in ((0, "c1", "f", '{"a":1}'), (1, "c2", "g", '{"b":2}'))]})],
    ],
)  # fmt: skip
def test_calls_of_every_drift_are_the_same_two(chunks: list[Json]) -> None:
    output = check(events(*chunks, chunk({}, "tool_calls")))["output"]
    assert [(item["call_id"], item["name"], item["arguments"]) for item in output] == [
        ("c1", "f", '{"a":1}'),
        ("c2", "g", '{"b":2}'),
    ]


def test_a_call_without_an_id_gets_one_and_its_name_may_be_cut() -> None:
    told = events(
        calling(0, name="get_"), calling(0, name="weather"), calling(0, arguments="{}"), chunk({}, "stop")
    )
    [item] = check(told)["output"]
    assert (item["call_id"], item["name"]) == (f"call_{MARK.digits}0000", "get_weather")
    assert told[2]["item"]["name"] == "get_weather"


def test_two_calls_without_ids_at_one_place_are_two() -> None:
    told = events(
        calling(0, name="f", arguments="{}"), calling(0, name="f", arguments="{}"), chunk({}, "stop")
    )
    assert [item["arguments"] for item in check(told)["output"]] == ["{}", "{}"]


def test_a_call_without_arguments_is_opened_and_closed() -> None:
    told = events(calling(0, "c1", "f", ""), calling(1, "c2", "g", ""), chunk({}, "tool_calls"))
    assert [item["name"] for item in check(told)["output"]] == ["f", "g"]


def test_text_after_a_call_is_a_message_of_its_own() -> None:
    told = events(
        chunk({"content": "a"}), calling(0, "c1", "f", "{}"), chunk({"content": "b"}), chunk({}, "stop")
    )
    assert [item["type"] for item in check(told)["output"]] == ["message", "function_call", "message"]


def test_a_refusal_is_a_part_of_its_own() -> None:
    told = events(chunk({"content": "Hm."}), chunk({"refusal": "N"}), chunk({"refusal": "o."}, "stop"))
    [message] = check(told)["output"]
    assert [part["type"] for part in message["content"]] == ["output_text", "refusal"]
    assert types(told).count("refusal.delta") == 2
    assert message["content"][1]["refusal"] == "No."


def test_logprobs_come_with_their_deltas() -> None:
    chance = {"token": "x", "logprob": -0.5, "bytes": [120], "top_logprobs": []}
    told = events(
        chunk({"content": "x"}, logprobs={"content": [chance]}), chunk({"content": "y"}), chunk({}, "stop")
    )
    deltas = [body["logprobs"] for body in told if body["type"] == "response.output_text.delta"]
    assert deltas == [[chance], []]
    assert check(told)["output"][0]["content"][0]["logprobs"] == [chance]


@pytest.mark.parametrize(
    ("finish", "reason"), [("length", "max_output_tokens"), ("content_filter", "content_filter")]
)
def test_an_answer_cut_short_is_incomplete_and_so_is_its_last_item(finish: str, reason: str) -> None:
    told = events(chunk({"reasoning_content": "r"}), chunk({"content": "a"}), chunk({}, finish))
    final = check(told)
    assert (told[-1]["type"], final["status"]) == ("response.incomplete", "incomplete")
    assert final["incomplete_details"] == {"reason": reason}
    assert [item["status"] for item in final["output"]] == ["completed", "incomplete"]


def test_the_last_usage_counts_wherever_it_stands() -> None:
    stream = reply().stream()
    raw = framed(
        [
            chunk({"content": "a"}, usage={"prompt_tokens": 3, "completion_tokens": 1}),
            chunk({}, "stop", usage=None),
            {**HEAD, "choices": [], "usage": {**USAGE, "completion_tokens_details": {"reasoning_tokens": 2}}},
        ]
    )
    final = check(told_of(relayed(stream, [raw])))
    assert final["usage"]["output_tokens"] == 4
    assert stream.usage() == Usage(3, 4, 0, 2)


def test_without_a_finish_reason_it_is_not_finished() -> None:
    stream = reply().stream()
    told = stream.feed(framed([chunk({"content": "a"})]) + DONE)
    assert not stream.finished()
    assert stream.end() == b""
    broken = told_of(told + stream.error(UpstreamError(502, "It broke off.", code="upstream_truncated")))
    assert broken[-1]["type"] == "response.failed"
    assert [body["sequence_number"] for body in broken] == list(range(len(broken)))
    failed = broken[-1]["response"]
    assert failed["error"] == {"code": "upstream_truncated", "message": "It broke off."}
    assert (failed["status"], failed["completed_at"]) == ("failed", None)
    [item] = failed["output"]
    assert (item["status"], item["content"][0]["text"]) == ("incomplete", "a")
    assert stream.finished()
    assert stream.error(UpstreamError(502, "again")) == stream.end() == b""


def test_an_error_before_anything_was_said_is_an_event_of_its_own() -> None:
    [event] = told_of(reply().stream().error(UpstreamError(502, "m", code="c")))
    assert event == {"type": "error", "code": "c", "message": "m", "param": None, "sequence_number": 0}


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        ({"error": {"code": "ModelArts.81001", "message": "too long"}}, "ModelArts.81001", "too long"),
        ({"error_code": "ModelArts.81101", "error_msg": "slow down"}, "ModelArts.81101", "slow down"),
        ({"error": {"message": "m", "code": None}, "choices": []}, "server_error", "m"),
        ({"object": "error", "message": "m", "code": 400}, "400", "m"),
    ],
)
@pytest.mark.parametrize("said", [[], [chunk({"content": "a"}), calling(0, "c", "f", "{")]])
def test_an_error_of_the_backend_fails_the_response(
    said: list[Json], error: Json, code: str, message: str
) -> None:
    stream = reply().stream()
    told = told_of(stream.feed(framed([*said, error, chunk({"content": "late"}, "stop")])))
    assert types(told)[:2] == ["created", "in_progress"]
    assert told[-1]["type"] == "response.failed"
    assert told[-1]["response"]["error"] == {"code": code, "message": message}
    assert [item["status"] for item in told[-1]["response"]["output"]] == ["completed", "incomplete"][
        : len(said)
    ]
    assert stream.finished()
    assert stream.end() == b""


@pytest.mark.parametrize("junk", [b"data: {\n\n", b"data: <html>\n\n", b"data: []\n\n", b"data: null\n\n"])
def test_what_is_no_chunk_fails_the_response_and_loses_nothing_before_it(junk: bytes) -> None:
    stream = reply().stream()
    told = told_of(stream.feed(framed([chunk({"content": "a"})]) + junk))
    assert [body["sequence_number"] for body in told] == list(range(len(told)))
    assert told[-1]["response"]["error"]["code"] == "upstream_garbage"


def test_arguments_too_deep_to_be_told_fail_the_response() -> None:
    deep = b'{"a":' * 300 + b"1" + b"}" * 300
    raw = framed([calling(0, "c", "f", "@")]).replace(b'"@"', deep)
    told = told_of(reply().stream().feed(framed([chunk({"content": "a"})]) + raw))
    assert [body["sequence_number"] for body in told] == list(range(len(told)))
    assert told[-1]["response"]["error"]["code"] == "upstream_garbage"


def test_comments_pass_and_other_frames_without_data_do_not() -> None:
    assert reply().stream().feed(b": wait\n\nevent: ping\n\nid: 1\n\n") == b": wait\n\n"


def test_other_choices_and_unknown_fields_are_passed_over() -> None:
    other = {
        **HEAD,
        "choices": [{"index": 1, "delta": {"content": "x"}, "finish_reason": "stop"}],
        "new": [1],
    }
    stream = reply().stream()
    stream.feed(framed([other]))
    assert not stream.finished()


texts = st.lists(st.text(min_size=1, max_size=6), max_size=4)
answers = st.fixed_dictionaries(
    {
        "thoughts": texts,
        "texts": texts | st.just(["草莓🍓" * 400, "👩‍👩‍👧 数一数 \u2028"]),
        "refusals": texts,
        "calls": st.lists(st.tuples(st.sampled_from(["f", "get_weather"]), texts), max_size=3),
        "finish": st.sampled_from(["stop", "tool_calls", "length", "content_filter"]),
        "usage": st.sampled_from([None, USAGE]),
    }
)


def whole(said: Json) -> Json:
    """The chat answer that says at once what ``pieces`` says in pieces."""
    calls = [
        {"id": f"c{i}", "type": "function", "function": {"name": name, "arguments": "".join(arguments)}}
        for i, (name, arguments) in enumerate(said["calls"])
    ]
    message = {
        "role": "assistant",
        "content": "".join(said["texts"]) or None,
        "reasoning_content": "".join(said["thoughts"]) or None,
        "refusal": "".join(said["refusals"]) or None,
        "tool_calls": calls,
    }
    return {
        **HEAD,
        "choices": [{"message": message, "finish_reason": said["finish"]}],
        "usage": said["usage"],
    }


def pieces(said: Json) -> list[Json]:
    return [
        chunk({"role": "assistant", "content": ""}),
        *(chunk({"reasoning_content": piece}) for piece in said["thoughts"]),
        *(chunk({"content": piece}) for piece in said["texts"]),
        *(chunk({"refusal": piece}) for piece in said["refusals"]),
        *(
            value
            for i, (name, arguments) in enumerate(said["calls"])
            for value in (
                calling(i, f"c{i}", name, ""),
                *(calling(i, arguments=piece) for piece in arguments),
            )
        ),
        chunk({}, said["finish"]),
        {**HEAD, "choices": [], "usage": said["usage"]},
    ]


@given(answers)
def test_the_streamed_response_is_the_whole_one(said: Json) -> None:
    assert check(events(*pieces(said))) == reply().answer(whole(said))


@settings(max_examples=40)
@given(answers, st.data())
def test_cutting_the_bytes_anywhere_changes_nothing(said: Json, data: st.DataObject) -> None:
    raw = framed(pieces(said)) + DONE
    assert relayed(reply().stream(), data.draw(cut(raw))) == relayed(reply().stream(), [raw])


def test_cutting_long_chinese_at_every_byte_changes_nothing() -> None:
    raw = framed([chunk({"content": "草莓🍓，一共三颗。"}), chunk({}, "stop")]) + DONE
    wanted = relayed(reply().stream(), [raw])
    for place in range(len(raw)):
        assert relayed(reply().stream(), [raw[:place], raw[place:]]) == wanted


@pytest.mark.parametrize("end", [b"\r\n", b"\r"])
def test_other_line_ends_and_a_space_after_the_colon_change_nothing(end: bytes) -> None:
    raw = framed([chunk({"content": "a"}), chunk({}, "stop")]) + DONE
    other = raw.replace(b"data:", b"data: ").replace(b"\n", end)
    assert relayed(reply().stream(), [other]) == relayed(reply().stream(), [raw])


def test_no_drift_of_a_chunk_crashes_the_stream() -> None:
    one = chunk(
        {"content": "a", "reasoning_content": "b", "refusal": "c",
         "tool_calls": [{"index": 0, "id": "c", "function": {"name": "f", "arguments": "{}"}}]},
        "stop", usage={**USAGE, "prompt_tokens_details": {"cached_tokens": 1}}, service_tier="default",
        logprobs={"content": [{"token": "t", "logprob": 0, "bytes": [1], "top_logprobs": [{}]}]},
    )  # fmt: skip
    for value in spoilt(one):
        _survives([value, one])


@given(
    st.lists(
        json_values | st.builds(chunk, json_values, json_values) | st.builds(calling, *[json_values] * 4)
    )
)
def test_no_json_crashes_the_stream(chunks: list[Any]) -> None:
    _survives(chunks)


def _survives(chunks: list[Any]) -> None:
    stream = reply().stream()
    told = told_of(relayed(stream, [framed(chunks)]))
    stream.usage()
    ended = bool(told) and told[-1]["type"] in (
        "response.completed",
        "response.incomplete",
        "response.failed",
    )
    assert ended == stream.finished()
    if ended and told[-1]["type"] != "response.failed":
        check(told)
    assert [body["sequence_number"] for body in told] == list(range(len(told)))
