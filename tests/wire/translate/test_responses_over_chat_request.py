"""Responses requests as chat requests: what is said otherwise, left out and told, or refused by name."""

import copy
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import InvalidRequest
from gateway.wire import media
from gateway.wire.translate.responses_over_chat import request
from tests.strategies import json_values, refusal, spoilt

Json = dict[str, Any]

USER = {"role": "user", "content": "hi"}
FUNCTION = {
    "type": "function",
    "name": "f",
    "description": "d",
    "parameters": {"type": "object"},
    "strict": True,
}
OTHER = {"type": "function", "name": "g"}
CALLED = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"a":1}', "id": "fc_1"}
GIVEN = {"type": "function_call_output", "call_id": "c1", "output": "42"}
THOUGHT = {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}]}
PICTURE = {"type": "input_image", "image_url": "https://e.com/a.png"}


def sent(**body: Any) -> Json:
    return request({"model": "m", "input": "hi", **body}).body


def told(**body: Any) -> list[str]:
    return [change.what for change in request({"model": "m", "input": "hi", **body}).changes]


def messages(*items: Any) -> list[Json]:
    found: list[Json] = sent(input=list(items))["messages"]
    return found


def refused(**body: Any) -> str | None:
    with pytest.raises(InvalidRequest) as raised:
        sent(**body)
    assert raised.value.status == 400
    return raised.value.param


def calling(id: str, name: str, arguments: str) -> Json:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


def test_a_string_is_what_the_user_says_and_the_instructions_come_first() -> None:
    assert request({"model": "m", "input": "hi", "instructions": "Be brief.", "top_k": 3}) == (
        {"model": "m", "top_k": 3, "messages": [{"role": "system", "content": "Be brief."}, USER]},
        (),
    )


@pytest.mark.parametrize("role", ["user", "system", "developer", "assistant"])
def test_each_role_stays(role: str) -> None:
    for kind in ({}, {"type": "message"}):
        assert messages({**kind, "role": role, "content": "x"}) == [{"role": role, "content": "x"}]


def test_parts_are_named_as_in_chat_and_keep_their_other_fields_and_their_order() -> None:
    parts = [
        {"type": "input_image", "image_url": "data:image/png;base64,AA", "detail": "low", "file_id": None},
        {"type": "input_text", "text": "a"},
        {"type": "input_image", "file_id": "file-1", "image_pixel_limit": {"max_pixels": 9}},
        {"type": "input_video", "video_url": "https://e.com/v.mp4", "fps": 2},
        {"type": "input_audio", "audio_url": "https://e.com/a.mp3"},
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
        {"type": "input_file", "file_data": "data:application/pdf;base64,AA", "filename": "a.pdf"},
        {"type": "input_text", "text": "b"},
    ]
    assert messages({"role": "user", "content": parts})[0]["content"] == [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA", "detail": "low"}},
        {"type": "text", "text": "a"},
        {"type": "image_url", "image_url": {"file_id": "file-1", "image_pixel_limit": {"max_pixels": 9}}},
        {"type": "video_url", "video_url": {"url": "https://e.com/v.mp4", "fps": 2}},
        {"type": "input_audio", "input_audio": {"url": "https://e.com/a.mp3"}},
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,AA", "filename": "a.pdf"}},
        {"type": "text", "text": "b"},
    ]


def test_one_text_is_a_string_and_several_of_the_assistant_are_one() -> None:
    one = {"role": "user", "content": [{"type": "input_text", "text": "a"}]}
    said = [
        {"type": "output_text", "text": "b", "annotations": [], "logprobs": []},
        {"type": "refusal", "refusal": "no"},
    ]
    assert messages(one, {"type": "message", "role": "assistant", "id": "msg_1", "content": said}) == [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "bno"},
    ]


def test_reasoning_text_and_calls_are_one_message_of_the_assistant() -> None:
    second = {**CALLED, "call_id": "c2", "arguments": {"b": "北京"}}
    said = {"role": "assistant", "content": "Let me see."}
    given_too = {**GIVEN, "call_id": "c2", "output": {"t": 3}}
    assert messages(USER, THOUGHT, said, CALLED, second, GIVEN, given_too) == [
        USER,
        {
            "role": "assistant",
            "content": "Let me see.",
            "reasoning_content": "hm",
            "tool_calls": [calling("c1", "f", '{"a":1}'), calling("c2", "f", '{"b":"北京"}')],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "42"},
        {"role": "tool", "tool_call_id": "c2", "content": '{"t":3}'},
    ]


def test_three_rounds_of_calls_stay_three() -> None:
    rounds = [
        item for i in range(3) for item in ({**CALLED, "call_id": f"c{i}"}, {**GIVEN, "call_id": f"c{i}"})
    ]
    told_roles = [message["role"] for message in messages(USER, *rounds)]
    assert told_roles == ["user", *["assistant", "tool"] * 3]


def test_nothing_comes_between_calls_and_their_outputs() -> None:
    late = {"role": "assistant", "content": "Looking."}
    assert messages(CALLED, late, THOUGHT, {**CALLED, "call_id": "c2"}, GIVEN) == [
        {
            "role": "assistant",
            "content": "Looking.",
            "tool_calls": [calling("c1", "f", '{"a":1}'), calling("c2", "f", '{"a":1}')],
            "reasoning_content": "hm",
        },
        {"role": "tool", "tool_call_id": "c1", "content": "42"},
    ]


def test_pictures_of_outputs_follow_the_last_of_them_and_say_whose_they_are() -> None:
    shown = {**GIVEN, "output": [{"type": "input_text", "text": "seen"}, PICTURE]}
    only = {**GIVEN, "call_id": "c2", "output": [PICTURE]}
    picture = {"type": "image_url", "image_url": {"url": "https://e.com/a.png"}}
    assert messages(CALLED, {**CALLED, "call_id": "c2"}, shown, only, USER)[1:] == [
        {"role": "tool", "tool_call_id": "c1", "content": "seen"},
        {"role": "tool", "tool_call_id": "c2", "content": "See the next message."},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Output of the tool call c1:"},
                picture,
                {"type": "text", "text": "Output of the tool call c2:"},
                picture,
            ],
        },
        USER,
    ]


@pytest.mark.parametrize(
    ("items", "changes"),
    [
        ([{"type": "web_search_call", "id": "ws_1"}, USER], ["drop:input[0]"]),
        ([USER, {"type": "image_process", "id": "ip_1"}], ["drop:input[1]"]),
        ([{"type": "custom_tool_call"}, {"type": "custom_tool_call_output", "output": "x"}, USER],
         ["drop:input[0]", "drop:input[1]"]),
        ([{"type": "reasoning", "summary": [], "encrypted_content": "e"}, USER], ["drop:input[0]"]),
        ([{**THOUGHT, "encrypted_content": "e"}, {"role": "assistant", "content": "x"}],
         ["drop:input[0].encrypted_content"]),
        ([THOUGHT, USER], ["drop:input[0]"]),
        ([USER, THOUGHT], ["drop:input[1]"]),
        ([USER, {"role": "assistant", "content": []}, USER], ["drop:input[1]"]),
    ],
)  # fmt: skip
def test_what_chat_cannot_hold_of_the_history_is_left_out_and_told(
    items: list[Json], changes: list[str]
) -> None:
    assert told(input=items) == changes
    assert all(message["role"] in ("user", "assistant") for message in messages(*items))


@pytest.mark.parametrize(
    ("item", "param"),
    [
        (1, "input[1]"),
        ({"id": "msg_1"}, "input[1]"),
        ({"type": "item_reference", "id": "msg_1"}, "input[1]"),
        ({"type": "compaction", "encrypted_content": "x"}, "input[1]"),
        ({"type": ["x"]}, "input[1]"),
        ({"role": "tool", "content": "x"}, "input[1].role"),
        ({"role": "user"}, "input[1].content"),
        ({"role": "user", "content": [3]}, "input[1].content[0]"),
        ({"role": "user", "content": [{"type": "image_url"}]}, "input[1].content[0]"),
        ({"role": "user", "content": [{"type": "input_text"}]}, "input[1].content[0].text"),
        ({**CALLED, "call_id": None}, "input[1].call_id"),
        ({**CALLED, "name": ""}, "input[1].name"),
        ({"type": "function_call_output", "output": "x"}, "input[1].call_id"),
        ({**GIVEN, "output": [{"type": "audio"}]}, "input[1].output[0]"),
        ({"type": "custom_tool_call_output", "output": [PICTURE]}, "input[1].output[0]"),
        ({**USER, "output": [PICTURE]}, "input[1].output[0]"),
    ],
)
def test_an_item_that_cannot_be_said_is_refused_at_its_place(item: Any, param: str) -> None:
    assert refused(input=[USER, item]) == param


@pytest.mark.parametrize("value", [None, 3, {}])
def test_an_input_must_be_there(value: Any) -> None:
    assert refused(input=value) == "input"


def test_functions_are_nested_and_other_tools_left_out() -> None:
    tools = [{"type": "web_search"}, FUNCTION, {"type": "custom", "name": "c"}, OTHER, {"type": "namespace"}]
    nested = {name: FUNCTION[name] for name in ("name", "description", "parameters", "strict")}
    body = sent(tools=tools, tool_choice="auto", parallel_tool_calls=False)
    assert body["tools"] == [
        {"type": "function", "function": nested},
        {"type": "function", "function": {"name": "g"}},
    ]
    assert (body["tool_choice"], body["parallel_tool_calls"]) == ("auto", False)
    assert told(tools=tools) == ["drop:tools[0]", "drop:tools[2]", "drop:tools[4]"]


@pytest.mark.parametrize("choice", [None, "auto", "none"])
def test_without_a_function_nothing_is_said_of_tools(choice: Any) -> None:
    body = sent(tools=[{"type": "web_search"}], tool_choice=choice, parallel_tool_calls=True)
    assert body.keys() == {"model", "messages"}


@pytest.mark.parametrize(
    ("choice", "names", "said"),
    [
        ("required", ["f", "g"], "required"),
        ({"type": "function", "name": "g"}, ["f", "g"], {"type": "function", "function": {"name": "g"}}),
        ({"type": "allowed_tools", "mode": "required", "tools": [OTHER, {"type": "mcp"}]}, ["g"], "required"),
        ({"type": "allowed_tools", "tools": [OTHER]}, ["g"], "auto"),
    ],
)
def test_a_choice_among_functions(choice: Any, names: list[str], said: Any) -> None:
    body = sent(tools=[FUNCTION, OTHER], tool_choice=choice)
    assert ([tool["function"]["name"] for tool in body["tools"]], body["tool_choice"]) == (names, said)


@pytest.mark.parametrize(
    ("tools", "choice", "param"),
    [
        ([FUNCTION, {"type": "image_process"}], None, "tools[1]"),
        ([FUNCTION, {"type": "web_search"}], {"type": "web_search"}, "tools[1]"),
        ([{"type": "custom", "name": "a"}, {"type": "custom", "name": "b"}],
         {"type": "custom", "name": "b"}, "tools[1]"),
        ([{"type": "mcp", "server_label": "s"}], {"type": "mcp", "server_label": "s", "name": "t"}, "tools[0]"),
        ([{"type": "web_search"}], "required", "tools[0]"),
        ([], "required", "tool_choice"),
        ([FUNCTION], {"type": "function", "name": "h"}, "tool_choice"),
        ([FUNCTION], {"type": "web_search"}, "tool_choice"),
        ([FUNCTION], {"type": "allowed_tools", "mode": "required", "tools": [OTHER]}, "tool_choice"),
        ([FUNCTION], {"type": "allowed_tools", "mode": "x"}, "tool_choice.mode"),
        ([FUNCTION], "f", "tool_choice"),
        ([3], None, "tools[0]"),
        ([{"type": "function", "function": {"name": "f"}}], None, "tools[0].name"),
        ({}, None, "tools"),
    ],
)  # fmt: skip
def test_a_tool_that_is_needed_and_not_there_is_refused(tools: Any, choice: Any, param: str) -> None:
    assert refused(tools=tools, tool_choice=choice) == param


def test_settings_take_their_names_in_chat() -> None:
    schema = {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": True}
    body = sent(
        stream=True,
        max_output_tokens=5,
        temperature=0.5,
        user="u",
        text={"format": schema},
        reasoning={"effort": "low"},
        include=["message.output_text.logprobs"],
        top_logprobs=2,
        stream_options={"chunk_include_usage": True},
        metadata={"a": "b"},
        store=False,
        background=True,
        truncation="disabled",
        thinking={"type": "disabled"},
        chat_template_kwargs={"enable_thinking": False},
    )
    del body["model"], body["messages"]
    assert body == {
        "stream": True,
        "temperature": 0.5,
        "user": "u",
        "thinking": {"type": "disabled"},
        "chat_template_kwargs": {"enable_thinking": False},
        "max_tokens": 5,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "n", "schema": {"type": "object"}, "strict": True},
        },
        "reasoning_effort": "low",
        "stream_options": {"chunk_include_usage": True, "include_usage": True},
        "logprobs": True,
        "top_logprobs": 2,
    }


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ({"text": {"format": {"type": "text"}, "verbosity": "low"}}, ["drop:text.verbosity"]),
        ({"reasoning": {"effort": None, "summary": "auto"}}, ["drop:reasoning.summary"]),
        ({"include": ["reasoning.encrypted_content"]}, ["drop:include[0]"]),
        ({"truncation": "auto"}, ["drop:truncation"]),
        ({"stream_options": {"include_obfuscation": True}}, ["drop:stream_options.include_obfuscation"]),
        *(({name: "x"}, [f"drop:{name}"]) for name in
          ("service_tier", "prompt_cache_key", "safety_identifier", "max_tool_calls", "context_management")),
        ({"store": True, "metadata": {}, "background": False, "truncation": None, "n": 1}, []),
    ],
)  # fmt: skip
def test_what_only_hints_is_left_out_and_told(field: Json, changes: list[str]) -> None:
    assert told(**field) == changes
    assert sent(**field) == sent()


@pytest.mark.parametrize(
    ("field", "param"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"prompt": {"id": "p"}}, "prompt"),
        ({"messages": []}, "messages"),
        ({"n": 2}, "n"),
        ({"instructions": ["x"]}, "instructions"),
        ({"text": "x"}, "text"),
        ({"text": {"format": {"type": "grammar"}}}, "text.format"),
        ({"text": {"format": "text"}}, "text.format"),
        ({"reasoning": "low"}, "reasoning"),
        ({"stream": "yes"}, "stream"),
        ({"stream_options": 1}, "stream_options"),
        ({"include": "x"}, "include"),
    ],
)
def test_what_changes_the_answer_is_refused_by_its_name(field: Json, param: str) -> None:
    assert refused(**field) == param


def test_settings_that_could_not_be_told_back_are_refused() -> None:
    deep = orjson.loads(b'{"a":' * 253 + b"1" + b"}" * 253)
    assert sent(metadata={"a": "b"})
    with pytest.raises(InvalidRequest, match="nested too deeply"):
        sent(metadata=deep)


FULL: Json = {
    "model": "m",
    "instructions": "i",
    "input": [USER, THOUGHT, {"role": "assistant", "content": [{"type": "output_text", "text": "x"}]}, CALLED,
              {**GIVEN, "output": [{"type": "input_text", "text": "t"}, PICTURE]}, {"type": "web_search_call"}],
    "tools": [FUNCTION, {"type": "web_search"}],
    "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [FUNCTION]},
    "text": {"format": {"type": "json_schema", "name": "n", "schema": {}}},
    "reasoning": {"effort": "low"},
    "include": ["message.output_text.logprobs"],
    "stream_options": {},
}  # fmt: skip


def test_whatever_is_wrong_is_refused_by_name_and_never_crashes() -> None:
    for body in spoilt(FULL):
        if isinstance(body, dict):
            before = copy.deepcopy(body)
            error = refusal(request, body)
            assert error is None or error.param
            assert body == before


@given(st.dictionaries(st.sampled_from(sorted(FULL)), json_values), st.lists(json_values, max_size=3))
def test_no_json_crashes_the_translation(body: Json, items: list[Any]) -> None:
    refusal(request, body)
    refusal(request, {"input": items})
    refusal(request, {"input": [{"role": "user", "content": items}]})


URLS = st.sampled_from(["https://e.com/a", "data:image/png;base64,AAAA", "file:///tmp/x"])
IDS = st.just({"file_id": "file-1"})
MEDIA = (
    st.one_of(
        st.builds(lambda kind, url: {"type": f"input_{kind}", f"{kind}_url": url}, kind, URLS) | (
            st.builds(lambda kind, id: {"type": f"input_{kind}", **id}, kind, IDS)
        )
        for kind in map(st.just, ("image", "video", "audio"))
    )
    | st.builds(lambda url: {"type": "input_file", "file_url": url, "filename": "f"}, URLS)
    | st.just({"type": "input_audio", "input_audio": {"data": "data:audio/wav;base64,AA", "format": "wav"}})
)  # fmt: skip
PARTS = st.lists(MEDIA | st.just({"type": "input_text", "text": "t"}), max_size=4)
ITEMS = st.one_of(
    st.builds(
        lambda role, parts: {"role": role, "content": parts},
        st.sampled_from(["user", "assistant", "system"]),
        PARTS,
    ),
    st.builds(lambda parts: {**GIVEN, "output": parts}, PARTS),
    st.sampled_from([USER, CALLED, GIVEN, THOUGHT, {"type": "mcp_call"}]),
)


@given(st.lists(ITEMS, max_size=8))
def test_as_many_media_come_out_as_went_in_and_in_their_order(items: list[Json]) -> None:
    asked = {"model": "m", "input": items}
    came, went = media.find("responses", asked), media.find("chat", request(asked).body)
    assert [(ref.kind, ref.source) for ref in went] == [(ref.kind, ref.source) for ref in came]
