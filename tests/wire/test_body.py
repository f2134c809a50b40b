"""Request bodies: whatever the bytes, a JSON object or one sentence that says what to mend."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import InvalidRequest
from gateway.wire import body
from tests.strategies import json_values, refusal


def refused(raw: bytes) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        body.parse(raw)
    assert caught.value.status == 400
    assert caught.value.type == "invalid_request_error"
    return caught.value


@given(st.dictionaries(st.text(max_size=8), json_values, max_size=5))
def test_an_object_is_read_as_it_was_written(value: dict[str, object]) -> None:
    assert body.parse(body.dump(value)) == value


@given(st.binary(max_size=80) | st.text('{}[]:,"/*\\ 1enul', max_size=30).map(str.encode))
def test_no_bytes_crash_the_parser(raw: bytes) -> None:
    error = refusal(body.parse, raw)
    if error is None:
        assert isinstance(body.parse(raw), dict)
    else:
        assert (error.status, error.type) == (400, "invalid_request_error")


@pytest.mark.parametrize("raw", [b"", b"  \r\n\t"])
def test_an_empty_body_is_named_as_such(raw: bytes) -> None:
    assert refused(raw).code == "empty_body"


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (b"[]", "an array"),
        (b'"x"', "a string"),
        (b"null", "null"),
        (b"true", "a boolean"),
        (b"1", "a number"),
        (b"1.5", "a number"),
    ],
)
def test_what_is_no_object_is_named_by_its_type(raw: bytes, kind: str) -> None:
    error = refused(raw)
    assert error.code == "invalid_type"
    assert error.message == f"The request body must be a JSON object, not {kind}."


@pytest.mark.parametrize(
    ("raw", "line"),
    [
        ('{"a":1} // the end', 1),
        ('{"url": "https://例子/图.png", // 图片\n "b": 1}', 1),
        ('{\n  "a": 1,\n  /* b */ "b": 2\n}', 3),
        ("// first\n{}", 1),
    ],
)
def test_a_comment_is_named_with_its_line(raw: str, line: int) -> None:
    error = refused(raw.encode())
    assert error.code == "invalid_json"
    assert f"comment on line {line};" in error.message


def test_slashes_inside_a_string_are_no_comment() -> None:
    assert body.parse(b'{"url":"https://a/*b*/"}') == {"url": "https://a/*b*/"}
    assert "comment" not in refused(b'{"url":"https://a" "b"}').message


def test_a_fault_is_named_with_line_and_column() -> None:
    error = refused(b'{\n  "a": 1,\n  "b": tru\n}')
    assert "line 3 column " in error.message


@pytest.mark.parametrize("raw", [b'{"a":"\xff"}', b'{"a":"\\ud800"}', b'{"a":NaN}', b"\xef\xbb\xbf{}"])
def test_text_and_numbers_that_are_not_json_are_refused(raw: bytes) -> None:
    assert refused(raw).code == "invalid_json"


def nested(levels: int) -> bytes:
    return b'{"a":' + b"[" * (levels - 1) + b"]" * (levels - 1) + b"}"


@pytest.mark.parametrize("levels", [255, 300, 1000, 100_000])
def test_a_body_that_is_nested_too_deeply_is_refused_and_not_a_crash(levels: int) -> None:
    with pytest.raises(InvalidRequest) as caught:
        body.dump(body.parse(nested(levels)))
    assert caught.value.code == "invalid_json"


def test_a_deep_body_within_the_limit_passes() -> None:
    assert body.dump(body.parse(nested(254))) == nested(254)


def test_a_body_goes_out_compact_and_in_its_order() -> None:
    assert body.dump({"b": "图", "a": [1, None]}) == '{"b":"图","a":[1,null]}'.encode()


def test_a_required_string_is_given_back() -> None:
    assert body.string({"model": "m"}, "model") == "m"


@pytest.mark.parametrize("value", [None, ...])
def test_a_missing_string_is_named(value: object) -> None:
    with pytest.raises(InvalidRequest) as caught:
        body.string({} if value is ... else {"model": value}, "model")
    assert (caught.value.param, caught.value.code) == ("model", "missing_required_parameter")


@pytest.mark.parametrize(
    ("value", "told"),
    [("", "an empty one"), (1, "a number"), ([], "an array"), ({}, "an object"), (False, "a boolean")],
)
def test_what_is_no_string_is_named_by_its_type(value: object, told: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        body.string({"model": value}, "model")
    assert (caught.value.param, caught.value.code) == ("model", "invalid_type")
    assert caught.value.message == f"`model` must be a non-empty string, not {told}."


@pytest.mark.parametrize(
    ("given_", "flag"),
    [({}, False), ({"stream": None}, False), ({"stream": False}, False), ({"stream": True}, True)],
)
def test_a_flag_is_false_unless_it_is_true(given_: dict[str, object], flag: bool) -> None:
    assert body.flag(given_, "stream") is flag


@pytest.mark.parametrize("value", [0, 1, "true", [], {}])
def test_nothing_else_is_taken_for_a_flag(value: object) -> None:
    with pytest.raises(InvalidRequest) as caught:
        body.flag({"stream": value}, "stream")
    assert (caught.value.param, caught.value.code) == ("stream", "invalid_type")


@given(json_values)
def test_items_are_a_list_or_a_refusal(value: object) -> None:
    if value is None or isinstance(value, list):
        assert body.items({"tools": value}, "tools") == (value or [])
    else:
        with pytest.raises(InvalidRequest, match="`tools` must be an array"):
            body.items({"tools": value}, "tools")


def test_the_refusal_is_openais_envelope() -> None:
    assert orjson.loads(orjson.dumps(refused(b"").envelope())) == {
        "error": {
            "message": "The request body is empty; send a JSON object.",
            "type": "invalid_request_error",
            "param": None,
            "code": "empty_body",
        }
    }
