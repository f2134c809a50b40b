"""Large data URLs stay in the bytes of their body; nothing can be told from a body that was read in full."""

import os
from typing import Any

import orjson
import pybase64
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.wire import body as wire_body
from gateway.wire import lump
from gateway.wire.lump import LEAST, Lump
from tests.strategies import json_values

TEXT = pybase64.b64encode_as_string(os.urandom(LEAST))
OTHER = pybase64.b64encode_as_string(os.urandom(LEAST + 1))
URL = f"data:image/png;base64,{TEXT}"


def asked(url: Any, **more: Any) -> dict[str, Any]:
    content = [{"type": "text", "text": "q"}, {"type": "image_url", "image_url": {"url": url, **more}}]
    return {"model": "m", "messages": [{"role": "user", "content": content}]}


def url_of(body: Any) -> Any:
    return body["messages"][0]["content"][1]["image_url"]["url"]


def plain(value: Any) -> Any:
    """With strings in the place of lumps."""
    if isinstance(value, Lump):
        return str(value)
    if isinstance(value, dict):
        return {name: plain(inner) for name, inner in value.items()}
    return [plain(inner) for inner in value] if isinstance(value, list) else value


def test_a_large_data_url_is_a_lump_and_goes_out_as_it_came() -> None:
    raw = orjson.dumps(asked(URL))
    body = wire_body.parse(raw, lumps=True)
    assert isinstance(url_of(body), Lump)
    assert wire_body.dump(body) == raw
    assert plain(body) == asked(URL)


@pytest.mark.parametrize("more", [0, 3 * LEAST])
def test_a_body_is_not_kept_for_a_small_part_of_it(more: int) -> None:
    raw = orjson.dumps(asked(URL) | {"user": "x" * more})
    assert (url_of(wire_body.parse(raw, lumps=True)).text.obj is raw) == (not more)


def test_it_reads_like_a_string() -> None:
    read = url_of(wire_body.parse(orjson.dumps(asked(URL)), lumps=True))
    assert len(read) == len(URL)
    assert (read[:5], read[5:9], read[-3:], str(read)) == ("data:", URL[5:9], URL[-3:], URL)
    assert read == URL
    assert read != URL[:-4]
    assert read != URL[:-1] + "é"
    assert read == url_of(wire_body.parse(orjson.dumps(asked(URL)), lumps=True))
    assert read.endswith(URL[-2:])
    assert not read.endswith("?")
    assert len(repr(read)) < 100


def test_others_of_the_body_may_change_around_it() -> None:
    body = wire_body.parse(orjson.dumps(asked(URL, detail="high")), lumps=True)
    body["model"] = "upstream"
    body["messages"].append({"role": "user", "content": '\0 \x01 \\ " 图'})
    wanted = asked(URL, detail="high") | {"model": "upstream"}
    wanted["messages"].append({"role": "user", "content": '\0 \x01 \\ " 图'})
    assert orjson.loads(wire_body.dump(body)) == wanted


@pytest.mark.parametrize(
    "url",
    [
        f"data:image/png;base64,{TEXT[:1000]}",  # small
        TEXT,  # no data URL
        f"data:image/png,{TEXT}",  # no base64 by its head
        f"data:image/png;base64,{TEXT}===",  # padded too much
        f"data:image/png;base64,{TEXT[:-5]}",  # of no whole length
        f"data:image/png;base64,{TEXT[:100]}-{TEXT[101:]}",  # the alphabet of URLs
        f"data:image/png;base64,{TEXT[:100]}\n{TEXT}",  # white space
        f"data:image/png;base64,{TEXT[:100]}é{TEXT[101:]}",
        f'data:image/png;name="x";base64,{TEXT}',
        f" data:image/png;base64,{TEXT}",
        f"data:;base64,{TEXT}",
    ],
)
def test_what_is_anything_else_is_read_as_ever(url: str) -> None:
    raw = orjson.dumps(asked(url))
    body = wire_body.parse(raw, lumps=True)
    assert body == asked(url)
    assert wire_body.dump(body) == raw


@pytest.mark.parametrize("escaped", [TEXT.replace("A", "\\u0041"), TEXT.replace("/", "\\/")])
def test_an_escaped_text_is_read_as_ever(escaped: str) -> None:
    raw = orjson.dumps(asked("URL")).replace(b"URL", f"data:image/png;base64,{escaped}".encode())
    assert wire_body.parse(raw, lumps=True) == asked(URL)


def test_a_data_url_in_a_text_is_a_text() -> None:
    said = {"model": "m", "input": [{"role": "user", "content": [{"type": "input_text", "text": URL}]}]}
    assert wire_body.parse(orjson.dumps(said), lumps=True) == said
    quoted = {"model": "m", "input": f'see "{URL}" and \\"{URL}'}
    assert wire_body.parse(orjson.dumps(quoted), lumps=True) == quoted


def test_as_a_name_it_is_a_name() -> None:
    value = {URL: 1, "a": [URL]}
    assert plain(wire_body.parse(orjson.dumps(value), lumps=True)) == value


def test_in_a_list_it_is_a_lump() -> None:
    body = wire_body.parse(orjson.dumps({"image": [URL, "https://a/b", URL]}), lumps=True)
    assert [type(one) for one in body["image"]] == [Lump, str, Lump]
    assert orjson.loads(wire_body.dump(body)) == {"image": [URL, "https://a/b", URL]}


@pytest.mark.parametrize("mark", ["\0", "\x000", "\x001", "\x002", "\x00x"])
@pytest.mark.parametrize("first", [True, False])
def test_a_text_that_looks_like_a_mark_is_left_alone(mark: str, first: bool) -> None:
    pictures = {"image": [URL, URL]}
    value = {"user": mark, **pictures} if first else {**pictures, "user": mark}
    assert plain(wire_body.parse(orjson.dumps(value), lumps=True)) == value


def test_of_equal_names_the_last_counts_as_ever() -> None:
    raw = b'{"url":"data:image/png;base64,%b","url":"x"}' % TEXT.encode()
    assert wire_body.parse(raw, lumps=True) == {"url": "x"}


@pytest.mark.parametrize(
    "raw",
    [
        b'{"url":"x"data:image/png;base64,%b"}',
        b'{"url":"data:image/png;base64,%b}',
        b'{"url":"data:image/png;base64,%b"',
        b'{"url":data:image/png;base64,%b"}',
        b'{"url":"data:image/png;base64,%b""}',
        b'["data:image/png;base64,%b"]',
        b'"data:image/png;base64,%b"',
    ],
)
def test_what_is_no_json_object_is_told_as_ever(raw: bytes) -> None:
    raw %= TEXT.encode()
    errors = []
    for lumps in (False, True):
        with pytest.raises(wire_body.InvalidRequest) as caught:
            wire_body.parse(raw, lumps=lumps)
        errors.append(caught.value.envelope())
    assert errors[0] == errors[1]


@st.composite
def bodies(draw: st.DrawFn) -> Any:
    """JSON with large data URLs in places where media stand and where they do not."""
    names = st.sampled_from(["url", "image_url", "file_data", "text", "image", "a"])
    texts = st.sampled_from([URL, f"data:application/pdf;base64,{OTHER}", "data:,", "\0", "x", TEXT])
    values = st.recursive(
        texts | json_values,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
    )
    return draw(st.dictionaries(names, values, max_size=4))


@given(bodies(), st.sampled_from([0, orjson.OPT_INDENT_2, orjson.OPT_SORT_KEYS]))
def test_a_body_with_lumps_is_the_body(body: dict[str, Any], option: int) -> None:
    raw = orjson.dumps(body, option=option)
    read = wire_body.parse(raw, lumps=True)
    assert plain(read) == orjson.loads(raw)
    assert orjson.loads(wire_body.dump(read)) == orjson.loads(raw)


def test_what_json_cannot_hold_is_told_as_such() -> None:
    with pytest.raises(TypeError):
        lump.dumps({"a": object()})
