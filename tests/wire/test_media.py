"""Pictures in bodies: found wherever they may stand, told apart, taken apart, and put back with nothing else touched."""

import base64
import copy
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import InvalidRequest
from gateway.wire import media
from gateway.wire.media import Source
from tests.strategies import json_values, refusal, spoilt_objects

URL = "https://example.com/a.png"
DATA = "data:image/png;base64,iVBORw0KGgo="
CHAT = {
    "model": "m",
    "messages": [
        {"role": "system", "content": [{"type": "image_url", "image_url": {"url": URL}}]},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "a"},
                {"type": "image_url", "image_url": {"url": DATA, "detail": "high"}},
                {"type": "text", "text": "b"},
                {"type": "image_url", "image_url": URL},
            ],
        },
        {"role": "assistant", "content": "words"},
        {
            "role": "tool",
            "tool_call_id": "c",
            "content": [{"type": "image_url", "image_url": {"file_id": "file-1"}}],
        },
    ],
}
RESPONSES = {
    "model": "m",
    "input": [
        {
            "role": "user",
            "content": [{"type": "input_image", "image_url": URL}, {"type": "input_text", "text": "a"}],
        },
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {
            "type": "function_call_output",
            "call_id": "c",
            "output": [
                {"type": "input_text", "text": "b"},
                {"type": "input_image", "file_id": "file-1", "image_url": None},
            ],
        },
        {"role": "user", "content": "words"},
    ],
}


def test_chat_pictures_are_found_in_every_role_and_in_order() -> None:
    found = media.find("chat", CHAT)
    assert [(ref.param, ref.source) for ref in found] == [
        ("messages[0].content[0].image_url", Source("remote", URL)),
        ("messages[1].content[1].image_url", Source("data", DATA)),
        ("messages[1].content[3].image_url", Source("remote", URL)),
        ("messages[3].content[0].image_url", Source("file_id", "file-1")),
    ]
    assert [ref.path for ref in found][1] == ("messages", 1, "content", 1)


def test_responses_pictures_are_found_in_messages_and_function_outputs() -> None:
    assert [(ref.param, ref.source) for ref in media.find("responses", RESPONSES)] == [
        ("input[0].content[0].image_url", Source("remote", URL)),
        ("input[2].output[1].file_id", Source("file_id", "file-1")),
    ]


@pytest.mark.parametrize("api", ["images", "embeddings"])
def test_other_apis_have_no_pictures_to_find(api: str) -> None:
    assert media.find(api, CHAT | RESPONSES) == []


@pytest.mark.parametrize(
    ("part", "param"),
    [
        ({"type": "image_url"}, "messages[0].content[0].image_url"),
        ({"type": "image_url", "image_url": 5}, "messages[0].content[0].image_url"),
        ({"type": "image_url", "image_url": {"url": ["x"]}}, "messages[0].content[0].image_url"),
        ({"type": "image_url", "image_url": {"url": ""}}, "messages[0].content[0].image_url"),
        ({"type": "image_url", "image_url": {"url": "a.png"}}, "messages[0].content[0].image_url"),
    ],
)
def test_a_picture_that_points_nowhere_is_refused_with_its_place(part: dict[str, object], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        media.find("chat", {"messages": [{"role": "user", "content": [part]}]})
    assert caught.value.param == param


@pytest.mark.parametrize(("api", "body"), [("chat", CHAT), ("responses", RESPONSES)])
def test_a_wrong_type_at_any_place_is_a_refusal_or_nothing(api: str, body: dict[str, object]) -> None:
    for spoilt in spoilt_objects(body):
        error = refusal(media.find, api, spoilt)
        if error is not None:
            assert error.param
        else:
            refs = media.find(api, spoilt)
            assert media.replace(spoilt, {ref.path: ref.part for ref in refs}) == spoilt


@given(json_values, st.sampled_from(["chat", "responses"]))
def test_no_json_crashes_the_search(value: object, api: str) -> None:
    name, kind = ("messages", "image_url") if api == "chat" else ("input", "input_image")
    part = {"type": kind, "image_url": value, "file_id": value}
    for body in ({name: value}, {name: [{"content": value, "output": value}]}, {name: [{"content": [part]}]}):
        error = refusal(media.find, api, body)
        if error is not None:
            assert error.param == f"{name}[0].content[0].image_url"


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("http://a/b", "remote"),
        ("HTTPS://a/b", "remote"),
        (DATA, "data"),
        ("DATA:image/png;base64,AAAA", "data"),
        ("file:///tmp/a.png", "local"),
        ("FILE:///tmp/a.png", "local"),
        ("iVBORw0KGgo" * 5, "base64"),
        ("AAAA\n" * 20 + "AA==", "base64"),
        ("AAAA" * 20 + "=\n=\n", "base64"),
        ("_-" * 30, "base64"),
    ],
)
def test_a_pictures_text_is_told_apart(value: str, kind: str) -> None:
    assert media.classify(value, "p") == Source(kind, value)


@pytest.mark.parametrize(
    "value", ["", "cat", "ftp://a/b", "A" * 39, "A" * 50 + "!", "=" * 50, "A" * 50 + "===", "图" * 50]
)
def test_what_can_be_no_picture_is_refused(value: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        media.classify(value, "input[0].content[1].image_url")
    assert (caught.value.param, caught.value.code) == ("input[0].content[1].image_url", "invalid_image_url")


@pytest.mark.parametrize("text", ["A" + " " * 200_000 + "!", "A" * 200_000 + "!", "A=" + " " * 200_000 + "!"])
def test_a_long_text_is_refused_in_no_time(text: str) -> None:
    started = time.process_time()
    with pytest.raises(InvalidRequest):
        media.classify(text, "p")
    assert time.process_time() - started < 1


@given(st.text() | st.text("data:;,base64/+=-_ \n", max_size=60))
def test_no_text_crashes_what_reads_it(text: str) -> None:
    for read in (media.classify, media.parse_data_url, media.decode, media.head):
        error = refusal(read, text, "p")
        assert error is None or (error.param, error.status) == ("p", 400)


@given(st.binary(max_size=200), st.booleans(), st.booleans(), st.integers(1, 80))
def test_base64_is_read_with_line_breaks_without_padding_and_in_either_alphabet(
    data: bytes, padded: bool, url_safe: bool, width: int
) -> None:
    text = (base64.urlsafe_b64encode if url_safe else base64.b64encode)(data).decode()
    text = text if padded else text.rstrip("=")
    folded = "\r\n".join(text[i : i + width] for i in range(0, len(text), width))
    assert media.decode(folded, "p") == data


@pytest.mark.parametrize("text", ["A", "AAAAA", "AA!A", "A=AA", "图图", "AAAA\x00"])
def test_broken_base64_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        media.decode(text, "p")
    assert caught.value.code == "invalid_base64"


@given(st.binary(min_size=1, max_size=300), st.integers(4, 64), st.integers(1, 80))
def test_the_head_is_the_beginning_of_what_is_decoded(data: bytes, size: int, width: int) -> None:
    text = base64.b64encode(data).decode()
    folded = "\n".join(text[i : i + width] for i in range(0, len(text), width))
    head = media.head(folded, "p", size)
    assert data.startswith(head)
    assert len(folded) > size or head == data


@pytest.mark.parametrize(
    ("value", "mime", "text"),
    [
        (DATA, "image/png", "iVBORw0KGgo="),
        ("data:image/PNG;charset=utf-8;base64,AAAA", "image/PNG", "AAAA"),
        ("data:;base64,AAAA", "", "AAAA"),
        ("DATA:image/png;BASE64,AAAA", "image/png", "AAAA"),
        ("data: image/png ;base64,A,B", "image/png", "A,B"),
    ],
)
def test_a_data_url_is_taken_apart(value: str, mime: str, text: str) -> None:
    url = media.parse_data_url(value, "p")
    assert (url.mime, url.text, url.size, url.beginning) == (mime, text, len(text), text)


@pytest.mark.parametrize(
    "value", ["data:", "data:image/png;base64", "data:image/png,AAAA", "data:image/png;base64,", "data:,"]
)
def test_a_data_url_without_base64_data_is_refused(value: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        media.parse_data_url(value, "p")
    assert (caught.value.param, caught.value.code) == ("p", "invalid_image_url")


@given(st.sampled_from(["image/png", "image/jpeg"]), st.binary(min_size=1))
def test_a_data_url_that_was_built_is_taken_apart_again(mime: str, data: bytes) -> None:
    text = base64.b64encode(data).decode()
    url = media.parse_data_url(media.data_url(mime, text), "p")
    assert (url.mime, url.text) == (mime, text)


def test_a_chat_part_becomes_a_data_url_and_keeps_what_else_it_says() -> None:
    part = {
        "type": "image_url",
        "image_url": {"file_id": "f", "detail": "low", "image_pixel_limit": {"max_pixels": 9}},
        "x": 1,
    }
    assert media.as_url("chat", part, DATA) == {
        "type": "image_url",
        "image_url": {"detail": "low", "image_pixel_limit": {"max_pixels": 9}, "url": DATA},
        "x": 1,
    }
    assert media.as_url("chat", {"type": "image_url", "image_url": URL}, DATA)["image_url"] == {"url": DATA}


def test_a_responses_part_becomes_a_data_url_or_a_file_id_and_keeps_what_else_it_says() -> None:
    part = {"type": "input_image", "file_id": "f", "detail": "xhigh"}
    url = media.as_url("responses", part, DATA)
    assert url == {"type": "input_image", "image_url": DATA, "detail": "xhigh"}
    assert media.as_file_id(url, "file-2") == {"type": "input_image", "file_id": "file-2", "detail": "xhigh"}


@pytest.mark.parametrize(
    ("path", "name"), [(("input", 0, "content", 1), "input[0].content[1]"), (("tools",), "tools")]
)
def test_a_path_is_spelt_as_errors_name_it(path: media.Path, name: str) -> None:
    assert media.spelled(path) == name


@pytest.mark.parametrize(("api", "body"), [("chat", CHAT), ("responses", RESPONSES)])
@given(data=st.data())
def test_replacing_pictures_changes_nothing_else_and_not_the_input(
    data: st.DataObject, api: str, body: dict[str, object]
) -> None:
    before = copy.deepcopy(body)
    refs = media.find(api, body)
    chosen = data.draw(st.lists(st.sampled_from(refs), unique_by=lambda ref: ref.path))
    new = {ref.path: {"type": "new", "at": i} for i, ref in enumerate(chosen)}
    replaced = media.replace(body, new)
    assert body == before
    for path, part in new.items():
        assert _at(replaced, path) == part
    assert media.replace(replaced, {ref.path: ref.part for ref in chosen}) == body


def test_replacing_nothing_gives_the_body_itself() -> None:
    assert media.replace(CHAT, {}) is CHAT


def _at(value: object, path: media.Path) -> object:
    for step in path:
        value = value[step]  # type: ignore[index]
    return value
