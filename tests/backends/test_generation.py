"""Several pictures by several calls: how a body is split and its answers merged."""

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.backends import generation
from gateway.backends.ark import Ark
from gateway.backends.base import Backend
from gateway.backends.modelarts import ModelArts
from gateway.errors import InvalidRequest
from tests.strategies import json_values

BACKENDS: tuple[Backend, ...] = (Ark("ark", "https://a", "k"), ModelArts("maas", "https://m", "k"))
each = pytest.mark.parametrize("backend", BACKENDS, ids=lambda one: one.kind)
REFUSED = {"code": "OutputImageSensitiveContentDetected", "message": "no"}


def answer(*urls: str, **more: Any) -> bytes:
    data = [{"url": url} for url in urls]
    usage = {"generated_images": len(urls), "tool_usage": {"web_search": 1}, "note": "x"}
    return orjson.dumps({"model": "m", "created": 5, "data": data, "usage": usage, **more})


@each
@pytest.mark.parametrize("body", [{}, {"n": None}, {"n": 1}])
def test_one_picture_is_one_call_without_n(backend: Backend, body: dict[str, Any]) -> None:
    prepared, _, changes = backend.prepare("images", {"model": "m", "size": "1024x1024", **body})
    assert "n" not in prepared
    assert backend.split("images", prepared) == [prepared]
    assert [change.what for change in changes] == (["drop:n"] if body.get("n") else [])


@each
def test_n_pictures_are_n_calls_with_seeds_of_their_own(backend: Backend) -> None:
    asked = {"model": "m", "size": "1024x1024", "n": 3, "seed": 2**31 - 2}
    prepared, _, changes = backend.prepare("images", asked)
    assert [change.what for change in changes] == ["n:3=3-calls"]
    bodies = backend.split("images", prepared)
    assert bodies == [{"model": "m", "size": "1024x1024", "seed": seed} for seed in (2**31 - 2, 2**31 - 1, 0)]


@each
@pytest.mark.parametrize("seed", [None, -1, True, "x"])
def test_a_seed_that_names_none_stays(backend: Backend, seed: object) -> None:
    assert backend.split("images", {"n": 2, "seed": seed}) == [{"seed": seed}] * 2


@each
def test_nothing_else_is_split(backend: Backend) -> None:
    assert backend.split("chat", {"n": 3}) == [{"n": 3}]


@each
@pytest.mark.parametrize("count", [0, -1, 11, 1.0, 2.5, "2", True, [], {}])
def test_a_strange_n_is_refused(backend: Backend, count: object) -> None:
    with pytest.raises(InvalidRequest, match="from 1 to 10") as caught:
        backend.prepare("images", {"model": "m", "size": "1024x1024", "n": count})
    assert (caught.value.status, caught.value.param) == (400, "n")


@each
def test_answers_become_one(backend: Backend) -> None:
    merged = orjson.loads(
        backend.merge("images", [answer("a", tools=[1]), answer("b", created=9), answer("c")])
    )
    assert merged == {
        "model": "m",
        "created": 5,
        "data": [{"url": "a"}, {"url": "b"}, {"url": "c"}],
        "usage": {"generated_images": 3, "tool_usage": {"web_search": 3}, "note": "x"},
        "tools": [1],
    }


@pytest.mark.parametrize("failure", [orjson.dumps({"model": "m", "created": 1, "error": REFUSED})])
def test_a_failed_call_is_a_picture_with_an_error(failure: bytes) -> None:
    merged = orjson.loads(generation.merge([failure, answer("a"), failure]))
    assert merged["data"] == [{"error": REFUSED}, {"url": "a"}, {"error": REFUSED}]
    assert (merged["created"], merged["usage"]["generated_images"]) == (5, 1)
    assert "error" not in merged


def test_an_answer_that_cannot_be_read_is_a_picture_with_an_error() -> None:
    merged = orjson.loads(generation.merge([b"<html>", answer("a")]))
    assert merged["data"][0]["error"]["code"] == "upstream_garbage"


def test_where_all_failed_the_first_error_is_the_answer() -> None:
    failures = [b'{"error":{"code":"a"}}', b'{"error":{"code":"b"}}']
    assert generation.merge(failures) == failures[0]
    assert generation.merge([b"<html>", failures[1]]) == b"<html>"


@settings(max_examples=40)
@given(st.lists(json_values | st.fixed_dictionaries({"data": json_values, "usage": json_values}), min_size=1))
def test_no_answers_crash_the_merging(values: list[object]) -> None:
    assert isinstance(generation.merge([orjson.dumps(value) for value in values]), bytes)
