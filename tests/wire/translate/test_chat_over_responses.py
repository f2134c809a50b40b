"""A chat request as Ark's Responses API takes it: nothing lost without a word, media one for one, wrong values named."""

import copy
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.simulator.ark.input_items import input_items
from gateway.wire import media
from gateway.wire.translate.chat_over_responses import request
from tests.strategies import json_values, refusal, spoilt_objects

DATA = "data:image/png;base64,iVBORw0KGgo="
AUDIO = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgA"
TOOL = {"type": "image_process", "zoom": {"type": "enabled"}}
FUNCTION = {"name": "look", "description": "d", "parameters": {"type": "object"}, "strict": True}
FULL = {
    "model": "m",
    "messages": [
        {"role": "developer", "content": "Be brief.", "name": "boss"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "数一数🍓"},
                {
                    "type": "image_url",
                    "image_url": {"url": DATA, "detail": "high", "min_pixels": 9, "max_pixels": 99},
                },
                {"type": "image_url", "image_url": "https://example.com/b.png"},
                {"type": "video_url", "video_url": {"url": "https://example.com/c.mp4", "fps": 0.5}},
                {"type": "input_audio", "input_audio": {"data": AUDIO, "format": "wav"}},
                {
                    "type": "file",
                    "file": {"file_data": "data:application/pdf;base64,JVBERi0=", "filename": "a.pdf"},
                },
                {
                    "type": "image_url",
                    "image_url": {"file_id": "file-1", "image_pixel_limit": {"max_pixels": 5}},
                },
            ],
        },
        {
            "role": "assistant",
            "content": "I look.",
            "reasoning_content": "Hm.",
            "image_process": [{"id": "ip_1"}],
            "tool_calls": [
                {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
            ],
        },
        {
            "role": "tool",
            "tool_call_id": "call_1",
            "content": [{"type": "image_url", "image_url": {"url": "https://example.com/d.png"}}],
        },
    ],
    "tools": [TOOL, {"type": "function", "function": FUNCTION}, {"type": "custom", "custom": {"name": "c"}}],
    "tool_choice": {"type": "function", "function": {"name": "look"}},
    "parallel_tool_calls": False,
    "max_completion_tokens": 100,
    "response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": {}, "strict": True}},
    "reasoning_effort": "low",
    "thinking": {"type": "enabled"},
    "temperature": 0.5,
    "top_p": 0.9,
    "stream": True,
    "stream_options": {"include_usage": True, "chunk_include_usage": True, "include_obfuscation": False},
    "store": True,
    "seed": 7,
    "user": "u",
    "metadata": {"a": "b"},
    "n": 1,
    "stop": None,
    "logprobs": False,
}


def asked(**fields: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": "q"}], **fields}


def saying(*messages: dict[str, Any]) -> list[dict[str, Any]]:
    return request({"model": "m", "messages": list(messages)}).body["input"]


def changes(body: dict[str, Any]) -> list[str]:
    return [change.what for change in request(body).changes]


def test_a_request_with_everything_is_told_in_the_other_apis_words() -> None:
    before = copy.deepcopy(FULL)
    body, changes = request(FULL)
    assert before == FULL
    assert body == {
        "model": "m",
        "input": [
            {"type": "message", "role": "developer", "content": "Be brief."},
            {
                "type": "message",
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "数一数🍓"},
                    {
                        "type": "input_image",
                        "image_url": DATA,
                        "detail": "high",
                        "image_pixel_limit": {"min_pixels": 9, "max_pixels": 99},
                    },
                    {"type": "input_image", "image_url": "https://example.com/b.png"},
                    {"type": "input_video", "video_url": "https://example.com/c.mp4", "fps": 0.5},
                    {"type": "input_audio", "audio_url": f"data:audio/wav;base64,{AUDIO}"},
                    {
                        "type": "input_file",
                        "file_data": "data:application/pdf;base64,JVBERi0=",
                        "filename": "a.pdf",
                    },
                    {"type": "input_image", "file_id": "file-1", "image_pixel_limit": {"max_pixels": 5}},
                ],
            },
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]},
            {"type": "message", "role": "assistant", "content": "I look."},
            {"type": "function_call", "call_id": "call_1", "name": "look", "arguments": "{}"},
            {
                "type": "function_call_output",
                "call_id": "call_1",
                "output": [{"type": "input_image", "image_url": "https://example.com/d.png"}],
            },
        ],
        "tools": [
            TOOL,
            {"type": "function", "name": "look", "description": "d", "parameters": {"type": "object"}},
        ],
        "tool_choice": {"type": "function", "name": "look"},
        "parallel_tool_calls": False,
        "max_output_tokens": 100,
        "text": {"format": {"type": "json_schema", "name": "s", "schema": {}, "strict": True}},
        "reasoning": {"effort": "low"},
        "thinking": {"type": "enabled"},
        "temperature": 0.5,
        "top_p": 0.9,
        "stream": True,
        "store": False,
    }
    assert [change.what for change in changes] == [
        "drop:messages[0].name",
        "drop:messages[2].image_process",
        "drop:tools[1].function.strict",
        "drop:tools[2]",
        "drop:stream_options.chunk_include_usage",
        "drop:store",
        "drop:seed",
        "drop:user",
        "drop:metadata",
    ]


def test_ark_takes_what_comes_out() -> None:
    body = request(FULL).body
    assert input_items(body["input"], orjson.dumps(body)) == body["input"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("n", 2),
        ("stop", "END"),
        ("stop", ["END"]),
        ("frequency_penalty", 0.5),
        ("presence_penalty", -1),
        ("repetition_penalty", 1.1),
        ("logit_bias", {"1": -100}),
        ("logprobs", True),
        ("top_logprobs", 3),
        ("modalities", ["text", "audio"]),
        ("web_search_options", {}),
        ("functions", [{"name": "f"}]),
        ("function_call", {"name": "f"}),
    ],
)
def test_what_would_change_the_answer_is_refused_by_name(field: str, value: Any) -> None:
    refused = refusal(request, asked(**{field: value}))
    assert refused is not None
    assert (refused.status, refused.param, refused.code) == (400, field, "unsupported_parameter")


@pytest.mark.parametrize(
    "fields",
    [
        {"n": 1, "stop": [], "frequency_penalty": 0, "presence_penalty": 0.0, "repetition_penalty": 1},
        {"logit_bias": {}, "logprobs": False, "top_logprobs": 0, "modalities": ["text"], "functions": []},
        {"function_call": "none", "store": False, "metadata": {}, "user": "", "prediction": None},
        {"tools": None, "tool_choice": None, "response_format": None, "stream_options": None, "seed": None},
    ],
)
def test_what_asks_for_nothing_goes_without_a_word(fields: dict[str, Any]) -> None:
    body, changes = request(asked(**fields))
    assert changes == ()
    assert body == request(asked()).body


@pytest.mark.parametrize(
    "name",
    [
        "seed",
        "user",
        "metadata",
        "safety_identifier",
        "prompt_cache_key",
        "prediction",
        "verbosity",
        "of_tomorrow",
    ],
)
def test_hints_and_unknown_fields_are_left_out_and_told(name: str) -> None:
    body, changes = request(asked(**{name: {"x": 1}}))
    assert name not in body
    assert [change.what for change in changes] == [f"drop:{name}"]


def test_an_unknown_field_that_is_false_is_still_told() -> None:
    assert changes(asked(enable_thinking=False)) == ["drop:enable_thinking"]


def test_nothing_is_kept_at_ark() -> None:
    assert request(asked()).body["store"] is False
    assert request(asked(store=True)).body["store"] is False


def test_the_old_name_of_the_limit_is_taken_alone() -> None:
    assert request(asked(max_tokens=5)).body["max_output_tokens"] == 5
    refused = refusal(request, asked(max_tokens=5, max_completion_tokens=6))
    assert refused is not None
    assert refused.param == "max_tokens"


@pytest.mark.parametrize(
    ("format", "told"),
    [
        ({"type": "text"}, {"type": "text"}),
        ({"type": "json_object"}, {"type": "json_object"}),
        (
            {"type": "json_schema", "json_schema": {"name": "n", "schema": {"a": 1}, "description": None}},
            {"type": "json_schema", "name": "n", "schema": {"a": 1}},
        ),
    ],
)
def test_the_form_of_the_answer_is_flattened(format: Any, told: Any) -> None:
    assert request(asked(response_format=format)).body["text"] == {"format": told}


@pytest.mark.parametrize("kind", ["image_process", "web_search", "mcp", "knowledge_search", "doubao_app"])
def test_arks_own_tools_pass_as_they_are(kind: str) -> None:
    tool = {"type": kind, "anything": {"a": [1]}}
    assert request(asked(tools=[tool])).body["tools"] == [tool]


def test_a_tool_that_ark_lacks_is_refused_where_it_must_be_used() -> None:
    refused = refusal(request, asked(tools=[TOOL, {"type": "custom"}], tool_choice={"type": "custom"}))
    assert refused is not None
    assert (refused.param, refused.code) == ("tools[1]", "unsupported_tool")


@pytest.mark.parametrize("choice", ["none", "auto", "required", {"type": "web_search"}])
def test_a_choice_that_both_apis_have_passes(choice: Any) -> None:
    assert request(asked(tool_choice=choice)).body["tool_choice"] == choice


@pytest.mark.parametrize("choice", [{"type": "allowed_tools"}, {"type": "custom"}, {}, {"type": ["x"]}])
def test_another_choice_is_refused(choice: Any) -> None:
    refused = refusal(request, asked(tool_choice=choice))
    assert refused is not None
    assert refused.param == "tool_choice"


def test_an_assistant_that_only_calls_says_nothing() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": {"城": 1}}}
    assert saying({"role": "assistant", "content": None, "tool_calls": [call]}) == [
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": '{"城":1}'}
    ]


def test_what_was_refused_or_said_in_parts_is_history_like_any_text() -> None:
    assert saying(
        {"role": "assistant", "content": None, "refusal": "No."},
        {
            "role": "assistant",
            "content": [{"type": "text", "text": "a"}, {"type": "refusal", "refusal": "b"}],
        },
        {"role": "assistant", "content": None, "tool_calls": []},
        {"role": "assistant", "content": "So", "partial": True},
    ) == [
        {"type": "message", "role": "assistant", "content": "No."},
        {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "a"}, {"type": "output_text", "text": "b"}],
        },
        {"type": "message", "role": "assistant", "content": ""},
        {"type": "message", "role": "assistant", "content": "So", "partial": True},
    ]


def test_thoughts_that_came_sealed_go_back_sealed() -> None:
    [item, _] = saying({"role": "assistant", "content": "a", "encrypted_content": "xyz"})
    assert item == {"type": "reasoning", "summary": [], "encrypted_content": "xyz"}


@pytest.mark.parametrize(
    ("audio", "told"),
    [
        ({"data": AUDIO, "format": "mp3"}, {"audio_url": f"data:audio/mpeg;base64,{AUDIO}"}),
        ({"data": AUDIO, "format": "m4a"}, {"audio_url": f"data:audio/mp4;base64,{AUDIO}"}),
        (
            {"data": f"data:audio/wav;base64,{AUDIO}", "format": "mp3"},
            {"audio_url": f"data:audio/wav;base64,{AUDIO}"},
        ),
        ({"data": AUDIO}, {"audio_url": AUDIO}),
        ({"url": "https://example.com/a.mp3", "format": "mp3"}, {"audio_url": "https://example.com/a.mp3"}),
        ({"file_id": "file-1", "data": None}, {"file_id": "file-1"}),
    ],
)
def test_audio_becomes_a_url_of_its_type(audio: dict[str, Any], told: dict[str, Any]) -> None:
    [item] = saying({"role": "user", "content": [{"type": "input_audio", "input_audio": audio}]})
    assert item["content"] == [{"type": "input_audio", **told}]


def test_of_two_sources_the_first_counts_and_the_other_is_told() -> None:
    part = {"type": "image_url", "image_url": {"file_id": "file-1", "url": DATA}}
    body, [change] = request(asked(messages=[{"role": "user", "content": [part]}]))
    assert body["input"][0]["content"] == [{"type": "input_image", "image_url": DATA}]
    assert change.what == "drop:messages[0].content[0].image_url.file_id"


@pytest.mark.parametrize(
    ("part", "param"),
    [
        ({"type": "image_url"}, "messages[0].content[0].image_url"),
        ({"type": "image_url", "image_url": {"url": 5}}, "messages[0].content[0].image_url"),
        ({"type": "image_url", "image_url": {"url": "a word"}}, "messages[0].content[0].image_url"),
        ({"type": "image_url", "image_url": {"file_id": 5}}, "messages[0].content[0].image_url.file_id"),
        ({"type": "input_audio", "input_audio": {"data": ""}}, "messages[0].content[0].input_audio.data"),
        ({"type": "file", "file": "x"}, "messages[0].content[0].file"),
        ({"type": "text"}, "messages[0].content[0].text"),
        ({"type": "input_text", "text": "x"}, "messages[0].content[0].type"),
        ("text", "messages[0].content[0]"),
    ],
)
def test_a_part_that_cannot_be_read_is_named(part: Any, param: str) -> None:
    refused = refusal(request, asked(messages=[{"role": "user", "content": [part]}]))
    assert refused is not None
    assert refused.param == param


@pytest.mark.parametrize(
    ("message", "param"),
    [
        ({"role": "user"}, "content"),
        ({"role": "robot", "content": "x"}, "role"),
        ({"role": "function", "name": "f", "content": "x"}, "role"),
        ({"role": "tool", "content": "x"}, "tool_call_id"),
        ({"role": "assistant", "function_call": {"name": "f"}}, "function_call"),
        ({"role": "assistant", "audio": {"id": "a"}}, "audio"),
        ({"role": "assistant", "tool_calls": [{"type": "custom"}]}, "tool_calls[0]"),
        ({"role": "assistant", "tool_calls": [{"id": "c", "function": {}}]}, "tool_calls[0].function.name"),
        (
            {"role": "assistant", "content": [{"type": "image_url", "image_url": {"url": DATA}}]},
            "content[0].type",
        ),
    ],
)
def test_a_message_that_cannot_be_said_is_named(message: Any, param: str) -> None:
    refused = refusal(request, asked(messages=[{"role": "user", "content": "q"}, message]))
    assert refused is not None
    assert refused.param == f"messages[1].{param}"


@pytest.mark.parametrize("messages", [None, [], {}, "hi"])
def test_a_request_without_messages_is_refused(messages: Any) -> None:
    refused = refusal(request, {"model": "m", "messages": messages})
    assert refused is not None
    assert refused.param == "messages"


def test_whatever_is_wrong_at_whatever_place_is_refused_or_taken() -> None:
    """And where it is taken, the media are those of the chat body, one for one."""
    taken = 0
    for body in spoilt_objects(FULL):
        refused = refusal(request, body)
        if refused:
            assert refused.param
        elif refusal(media.find, "chat", body) is None:
            taken += 1
            assert _media("responses", request(body).body) == _media("chat", body)
    assert taken > 500


_SOURCES = st.sampled_from(["https://example.com/a", DATA, AUDIO, "file:///a/b.png", "/a/b.png"])
_PARTS = st.one_of(
    st.builds(lambda text: {"type": "text", "text": text}, st.text(max_size=5)),
    st.builds(lambda url: {"type": "image_url", "image_url": url}, _SOURCES),
    *(
        st.builds(
            lambda kind, held: {"type": kind, kind: held},
            st.just(kind),
            st.fixed_dictionaries(
                {name: _SOURCES | st.just("file-1") if name == "file_id" else _SOURCES for name in one},
                optional={
                    "detail": json_values,
                    "fps": json_values,
                    "format": st.sampled_from(["wav", "mp3"]),
                },
            ),
        )
        for kind, sources in {
            "image_url": ("url", "file_id"),
            "video_url": ("url", "file_id"),
            "input_audio": ("url", "data", "file_id"),
            "file": ("file_url", "file_data", "file_id"),
        }.items()
        for one in [*((name,) for name in sources), sources]
    ),
)
_MESSAGES = st.one_of(
    st.builds(
        lambda role, parts: {"role": role, "content": parts},
        st.sampled_from(["system", "user", "developer"]),
        st.lists(_PARTS, max_size=4) | st.text(max_size=3),
    ),
    st.builds(
        lambda parts: {"role": "tool", "tool_call_id": "c", "content": parts}, st.lists(_PARTS, max_size=4)
    ),
    st.just({"role": "assistant", "content": "words"}),
)


@given(st.lists(_MESSAGES, min_size=1, max_size=5))
def test_as_many_media_come_out_as_went_in_and_in_their_order(messages: list[Any]) -> None:
    chat = {"model": "m", "messages": messages}
    assert _media("responses", request(chat).body) == _media("chat", chat)


def _media(api: str, body: dict[str, Any]) -> list[tuple[str, str]]:
    """What each is and points to; the base64 text of audio that came bare has its type before it now."""
    return [(ref.kind, ref.source.value.rpartition(";base64,")[2]) for ref in media.find(api, body)]


@given(st.dictionaries(st.sampled_from(sorted({*FULL, "other"})), json_values, max_size=6))
def test_any_body_is_refused_or_taken(body: dict[str, Any]) -> None:
    refused = refusal(request, body)
    assert refused.param if refused else request(body).body["input"]
