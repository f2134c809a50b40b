"""Pictures in bodies: found wherever they may stand, told apart, taken apart, and put back with nothing else touched."""

import copy
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import InvalidRequest
from gateway.wire import data_url, media
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


def test_embeddings_of_texts_have_no_pictures_to_find() -> None:
    assert media.find("embeddings", CHAT | RESPONSES) == []


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
        ("/tmp/a.png", "local"),
        ("/home/someone/pictures/a/folder/without/any/dot/in/it", "local"),
        ("/9j/" + "A" * 40, "base64"),
        ("/0//" + "A" * 40, "base64"),
        ("//uQ" + "A" * 40, "base64"),
        ("/" + "A" * 5000, "base64"),
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
    assert media.classify(text, "p").kind == "base64"  # by its beginning: its decoder looks at the rest
    with pytest.raises(InvalidRequest):
        data_url.decode(text, "p")
    assert time.process_time() - started < 1


@given(st.text() | st.text("data:;,base64/+=-_ \n", max_size=60))
def test_no_text_crashes_what_reads_it(text: str) -> None:
    error = refusal(media.classify, text, "p")
    assert error is None or (error.param, error.status) == ("p", 400)


def only(api: str, part: object) -> media.MediaRef:
    bodies = {
        "chat": {"messages": [{"content": [part]}]},
        "responses": {"input": [{"content": [part]}]},
        "multimodal": {"input": [part]},
        "images": {"image": part},
    }
    (ref,) = media.find(api, bodies[api])
    return ref


FOUND = [
    ("chat", {"type": "video_url", "video_url": {"url": URL, "fps": 2}}, "video", "remote", ".video_url"),
    ("chat", {"type": "video_url", "video_url": {"file_id": "f"}}, "video", "file_id", ".video_url"),
    ("chat", {"type": "input_audio", "input_audio": {"data": "A" * 40}}, "audio", "base64", ".input_audio.data"),
    ("chat", {"type": "input_audio", "input_audio": {"url": URL}}, "audio", "remote", ".input_audio.url"),
    ("chat", {"type": "file", "file": {"file_data": DATA}}, "file", "data", ".file.file_data"),
    ("chat", {"type": "file", "file": {"file_url": URL}}, "file", "remote", ".file.file_url"),
    ("chat", {"type": "file", "file": {"file_id": "f"}}, "file", "file_id", ".file"),
    ("responses", {"type": "input_video", "video_url": URL}, "video", "remote", ".video_url"),
    ("responses", {"type": "input_audio", "audio_url": URL}, "audio", "remote", ".audio_url"),
    ("responses", {"type": "input_audio", "input_audio": {"data": "A" * 40, "format": "mp3"}}, "audio", "base64", ".input_audio.data"),
    ("responses", {"type": "input_file", "file_data": DATA, "filename": "a"}, "file", "data", ".file_data"),
    ("responses", {"type": "input_file", "file_url": URL}, "file", "remote", ".file_url"),
    ("responses", {"type": "input_file", "file_id": "f"}, "file", "file_id", ".file_id"),
    ("multimodal", {"type": "image_url", "image_url": {"url": URL}}, "image", "remote", ".image_url"),
    ("multimodal", {"type": "video_url", "video_url": {"url": URL}}, "video", "remote", ".video_url"),
    ("images", URL, "image", "remote", ""),
    ("images", "file-1", "image", "file_id", ""),
]  # fmt: skip


@pytest.mark.parametrize(("api", "part", "kind", "source", "param"), FOUND)
def test_each_kind_is_found_in_each_form(api: str, part: object, kind: str, source: str, param: str) -> None:
    ref = only(api, part)
    assert (ref.kind, ref.source.kind) == (kind, source)
    assert ref.param == media.spelled(ref.path) + param


def test_pictures_of_an_image_request_stand_alone_or_in_a_list() -> None:
    assert [ref.param for ref in media.find("images", {"image": URL})] == ["image"]
    found = media.find("images", {"image": [URL, DATA, "file-1"]})
    assert [(ref.param, ref.source.kind) for ref in found] == [
        ("image[0]", "remote"),
        ("image[1]", "data"),
        ("image[2]", "file_id"),
    ]


def test_a_chat_part_becomes_a_data_url_and_keeps_what_else_it_says() -> None:
    inner = {"file_id": "f", "detail": "low", "image_pixel_limit": {"max_pixels": 9}}
    ref = only("chat", {"type": "image_url", "image_url": inner, "x": 1})
    assert media.as_url(ref, DATA) == {
        "type": "image_url",
        "image_url": {"detail": "low", "image_pixel_limit": {"max_pixels": 9}, "url": DATA},
        "x": 1,
    }
    bare = only("chat", {"type": "image_url", "image_url": URL})
    assert media.as_url(bare, DATA) == {"type": "image_url", "image_url": {"url": DATA}}


def test_a_responses_part_becomes_a_data_url_or_a_file_id_and_keeps_what_else_it_says() -> None:
    ref = only("responses", {"type": "input_image", "file_id": "f", "detail": "xhigh"})
    assert media.as_url(ref, DATA) == {"type": "input_image", "image_url": DATA, "detail": "xhigh"}
    ref = only("responses", {"type": "input_image", "image_url": URL, "detail": "xhigh"})
    assert media.as_file_id(ref, "file-2") == {"type": "input_image", "file_id": "file-2", "detail": "xhigh"}


@pytest.mark.parametrize(
    ("api", "part", "url", "file_id"),
    [
        (
            "chat",
            {"type": "video_url", "video_url": {"url": URL, "fps": 2}},
            {"type": "video_url", "video_url": {"fps": 2, "url": "data:video/mp4;base64,AAAA"}},
            {"type": "video_url", "video_url": {"fps": 2, "file_id": "f"}},
        ),
        (
            "responses",
            {"type": "input_video", "video_url": URL, "fps": 2},
            {"type": "input_video", "fps": 2, "video_url": "data:video/mp4;base64,AAAA"},
            {"type": "input_video", "fps": 2, "file_id": "f"},
        ),
        (
            "chat",
            {"type": "file", "file": {"file_url": URL, "filename": "a.pdf"}},
            {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:video/mp4;base64,AAAA"}},
            {"type": "file", "file": {"filename": "a.pdf", "file_id": "f"}},
        ),
        (
            "responses",
            {"type": "input_file", "file_url": URL},
            {"type": "input_file", "file_data": "data:video/mp4;base64,AAAA"},
            {"type": "input_file", "file_id": "f"},
        ),
        ("images", URL, "data:video/mp4;base64,AAAA", "f"),
    ],
)
def test_other_parts_are_pointed_anew(api: str, part: object, url: object, file_id: object) -> None:
    assert media.as_url(only(api, part), "data:video/mp4;base64,AAAA") == url
    assert media.as_file_id(only(api, part), "f") == file_id


def test_audio_is_sent_as_each_api_has_it() -> None:
    wav = "data:audio/wav;base64,AAAA"
    chat = only("chat", {"type": "input_audio", "input_audio": {"url": URL}})
    assert media.as_url(chat, wav) == {
        "type": "input_audio",
        "input_audio": {"data": "AAAA", "format": "wav"},
    }
    ark = only("responses", {"type": "input_audio", "audio_url": URL})
    assert media.as_url(ark, wav) == {"type": "input_audio", "audio_url": wav}
    openai = only("responses", {"type": "input_audio", "input_audio": {"data": "A" * 40, "format": "wav"}})
    assert media.as_url(openai, wav) == {"type": "input_audio", "audio_url": wav}
    assert media.as_file_id(openai, "f") == {"type": "input_audio", "file_id": "f"}


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


def test_parts_in_a_row_take_one_place_and_move_no_other() -> None:
    parts = [{"type": "text", "text": name} for name in "abc"]
    body = {"input": [{"content": list(parts)}, {"content": list(parts)}]}
    rows = {
        ("input", 0, "content", 0): [{"n": 1}, {"n": 2}],
        ("input", 0, "content", 2): [],
        ("input", 1, "content", 1): {"n": 3},
    }
    replaced = media.replace(body, rows)
    assert replaced["input"][0]["content"] == [{"n": 1}, {"n": 2}, parts[1]]
    assert replaced["input"][1]["content"] == [parts[0], {"n": 3}, parts[2]]
    assert body["input"][0]["content"] == parts


def test_replacing_nothing_gives_the_body_itself() -> None:
    assert media.replace(CHAT, {}) is CHAT


def _at(value: object, path: media.Path) -> object:
    for step in path:
        value = value[step]  # type: ignore[index]
    return value
