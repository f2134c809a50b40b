"""qwen-image: OpenAI's terms as ModelArts takes them, and its answers in OpenAI's form."""

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.backends.modelarts import ModelArts
from gateway.errors import InvalidRequest
from gateway.simulator.modelarts.images import _size as simulated
from tests.strategies import json_values, refusal

BACKEND = ModelArts("maas", "https://h/v2/infer/id/v1", "k")
MAKE, EDIT = "qwen-image", "qwen_image_edit"


def prepare(model: str, **fields: Any) -> tuple[dict[str, Any], list[str]]:
    body, _, changes = BACKEND.prepare("images", {"model": model, "prompt": "p", **fields})
    return {name: body[name] for name in body if name not in ("model", "prompt")}, [
        one.what for one in changes
    ]


def refused(model: str, **fields: Any) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        prepare(model, **fields)
    assert caught.value.status == 400
    return caught.value


def sent(body: dict[str, Any]) -> dict[str, Any]:
    request = BACKEND.request("images", body, {})
    assert request.body is not None
    parsed: dict[str, Any] = orjson.loads(request.body)
    return parsed


def answered(request: dict[str, Any], **answer: Any) -> dict[str, Any]:
    parsed: dict[str, Any] = orjson.loads(BACKEND.answer("images", "openai", request, orjson.dumps(answer)))
    return parsed


@pytest.mark.parametrize(
    ("asked", "size", "changes"),
    [
        ({}, "1024x1024", ["add-field:size"]),
        ({"size": None}, "1024x1024", ["add-field:size"]),
        ({"size": "auto"}, "1024x1024", ["size:auto=1024x1024"]),
        ({"size": "1536x1024"}, "1536x1024", []),
        ({"size": "600x530"}, "592x528", ["size:600x530=592x528"]),
        ({"size": "256x256"}, "512x512", ["size:256x256=512x512"]),
        ({"size": "300x100"}, "1536x512", ["size:300x100=1536x512"]),
        ({"size": "3080x512"}, "3072x512", ["size:3080x512=3072x512"]),
    ],
)
def test_a_size_goes_up_in_modelarts_steps(asked: dict[str, Any], size: str, changes: list[str]) -> None:
    assert prepare(MAKE, **asked) == ({"size": size}, changes)


@pytest.mark.parametrize(
    ("asked", "figure"),
    [
        ("4096x4096", "3072"),
        ("3072x256", "6144x512"),
        ("2K", "WIDTHxHEIGHT"),
        ("1024*1024", "WIDTH"),
        (5, "a number"),
    ],
)
def test_an_impossible_size_is_refused_with_the_limit(asked: object, figure: str) -> None:
    error = refused(MAKE, size=asked)
    assert (error.param, figure in error.message) == ("size", True)


@given(st.integers(1, 9999), st.integers(1, 9999))
def test_every_size_that_goes_up_is_one_that_modelarts_takes_as_it_is(width: int, height: int) -> None:
    asked = {"model": MAKE, "size": f"{width}x{height}"}
    error = refusal(BACKEND.prepare, "images", asked)
    if error:
        assert error.param == "size"
    else:
        size = BACKEND.prepare("images", asked)[0]["size"]
        assert "{}x{}".format(*simulated(size)) == size


def test_an_edited_picture_keeps_its_own_size() -> None:
    assert prepare(EDIT, image="x", size="1024x1024") == ({"image": "x"}, ["drop:size"])
    assert prepare(EDIT, image="x", size=None) == ({"image": "x"}, [])


def test_one_picture_goes_up_without_its_list_and_more_are_refused() -> None:
    body, changes = prepare(EDIT, image=["data:a"])
    assert (sent(body)["image"], changes) == ("data:a", [])
    error = refused(EDIT, image=["data:a", "data:b"])
    assert (error.param, "2 pictures" in error.message, "takes 1" in error.message) == ("image", True, True)


@pytest.mark.parametrize("asked", [None, "b64_json", "url"])
def test_base64_is_asked_for_always(asked: str | None) -> None:
    body, changes = prepare(EDIT, response_format=asked)
    assert sent(body)["response_format"] == "b64_json"
    assert changes == (["response_format:url=data-url"] if asked == "url" else [])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("response_format", "png"),
        ("response_format", 5),
        ("stream", True),
        ("background", "transparent"),
        ("output_format", "png"),
        ("output_format", "webp"),
    ],
)
def test_what_would_change_the_answer_is_refused_by_name(field: str, value: object) -> None:
    assert refused(EDIT, **{field: value}).param == field


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("background", "auto"),
        ("background", "opaque"),
        ("output_format", "jpg"),
        ("quality", "hd"),
        ("user", "u"),
    ],
)
def test_hints_go_and_are_told(field: str, value: str) -> None:
    assert prepare(EDIT, **{field: value, "stream": False}) == ({}, [f"drop:{field}"])


def test_the_answer_is_in_openais_form() -> None:
    picture = {"url": None, "b64_json": "data:image/jpeg;base64,/9j/"}
    usage = {"model_latency": 0.5, "total_tokens": 0}
    told = answered({}, model="m", created=1757948064800, data=[picture], usage=usage, error=None)
    assert told == {"model": "m", "created": 1757948064, "data": [{"b64_json": "/9j/"}], "usage": usage}


@pytest.mark.parametrize("encoded", ["data:image/jpeg;base64,/9j/", "/9j/"])
def test_a_wanted_url_is_the_data_url(encoded: str) -> None:
    told = answered({"response_format": "url"}, data=[{"url": None, "b64_json": encoded}])
    assert told["data"] == [{"url": "data:image/jpeg;base64,/9j/"}]


def test_seconds_and_bare_base64_stay() -> None:
    told = answered({}, created=1757948064, data=[{"b64_json": "/9j/"}, {"error": {"code": "c"}}])
    assert told == {"created": 1757948064, "data": [{"b64_json": "/9j/"}, {"error": {"code": "c"}}]}


@settings(max_examples=40)
@given(st.dictionaries(st.sampled_from(["created", "data", "error", "usage"]), json_values))
def test_no_answer_crashes_the_reading(answer: dict[str, Any]) -> None:
    answered({"response_format": "url"}, **answer)
    assert BACKEND.status_of("images", "openai", answer) in (None, 400, 502)


@pytest.mark.parametrize(
    ("error", "status"),
    [(None, None), ({"code": "ModelArts.81011", "message": "m"}, 400), ({"code": "x", "message": "m"}, 502)],
)
@pytest.mark.parametrize("dialect", ["openai", "ark"])
def test_an_error_under_200_is_one(error: object, status: int | None, dialect: Any) -> None:
    assert BACKEND.status_of("images", dialect, {"data": None, "error": error}) == status
    assert BACKEND.status_of("images", dialect, {"data": [{"b64_json": "a"}], "error": error}) is None
