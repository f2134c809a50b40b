"""Input items: written out, named, listed by page, and found again in errors."""

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import InvalidRequest
from gateway.wire import items
from tests.strategies import json_values

DIGITS = "ab" * 16
TEXT = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hello"}]}
objects = st.dictionaries(st.sampled_from(["type", "id", "role", "content", "status", "x"]), json_values)
named = st.lists(st.builds(lambda n: {"id": f"msg_{n}"}, st.integers(0, 30)), unique_by=str, max_size=25)


def test_a_string_is_one_message() -> None:
    assert items.of_input("hello") == [TEXT]
    assert items.of_input(None) == []


def test_short_messages_are_written_out() -> None:
    said = [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "hi", "phase": "x"}]
    told = items.of_input(said)
    assert told[0] == TEXT
    assert told[1]["content"] == [{"type": "output_text", "text": "hi"}]
    assert told[1]["phase"] == "x"
    assert items.of_input([{"role": "user", "content": []}]) == [
        {"type": "message", "role": "user", "content": []}
    ]


@pytest.mark.parametrize(
    ("wrong", "param"), [(5, "input"), ({}, "input"), (["x"], "input[0]"), ([{}, None], "input[1]")]
)
def test_what_is_no_input(wrong: Any, param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        items.of_input(wrong)
    assert refused.value.param == param


@given(st.lists(objects, max_size=8))
def test_nothing_but_type_and_content_is_rewritten(said: list[dict[str, Any]]) -> None:
    for before, after in zip(said, items.of_input(said), strict=True):
        rewritten = ("type", "content", "role")
        assert {name: value for name, value in before.items() if name not in rewritten} == {
            name: value for name, value in after.items() if name not in rewritten
        }
        assert after.get("role") == before.get("role")


@given(st.lists(objects, max_size=12))
def test_each_item_has_an_id_of_its_own(said: list[dict[str, Any]]) -> None:
    kept = items.with_ids(said, DIGITS)
    ids = [item["id"] for item in kept]
    assert len(set(ids)) == len(said)
    assert all(isinstance(id, str) and id for id in ids)
    assert items.with_ids(kept, DIGITS) == kept


def test_ids_tell_the_type_and_the_response() -> None:
    said = [
        TEXT,
        {"type": "function_call", "call_id": "c"},
        {"type": "function_call_output", "call_id": "c"},
        {"type": "reasoning", "id": "rs_own"},
        {"type": "reasoning", "id": "rs_own"},
        {"type": "item_reference"},
    ]
    kept = items.with_ids(said, DIGITS)
    assert [item["id"] for item in kept] == [
        f"msg_{DIGITS}f000",
        f"fc_{DIGITS}f001",
        f"fco_{DIGITS}f002",
        "rs_own",
        f"rs_{DIGITS}f004",
        f"item_{DIGITS}f005",
    ]
    assert [item.get("status") for item in kept] == ["completed"] * 5 + [None]


@given(named, st.integers(1, 7), st.booleans())
def test_pages_cover_all_once(said: list[dict[str, Any]], limit: int, newest_first: bool) -> None:
    seen: list[Any] = []
    after = None
    while True:
        page = items.page(said, after=after, before=None, limit=limit, newest_first=newest_first)
        seen += page["data"]
        after = page["last_id"]
        if not page["has_more"]:
            break
    assert seen == (said[::-1] if newest_first else said)


@given(named.filter(bool), st.data())
def test_before_ends_where_after_begins(said: list[dict[str, Any]], data: st.DataObject) -> None:
    at = data.draw(st.sampled_from(said))["id"]
    head = items.page(said, after=None, before=at, limit=100, newest_first=False)["data"]
    tail = items.page(said, after=at, before=None, limit=100, newest_first=False)["data"]
    assert [*head, {"id": at}, *tail] == said


def test_an_empty_page() -> None:
    told = items.page([], after=None, before=None, limit=20, newest_first=True)
    assert told == {"object": "list", "data": [], "first_id": None, "last_id": None, "has_more": False}


@pytest.mark.parametrize("limit", [0, -1, 101])
def test_a_limit_is_not_clamped(limit: int) -> None:
    with pytest.raises(InvalidRequest, match=f"1 and 100, not {limit}") as refused:
        items.page([], after=None, before=None, limit=limit, newest_first=True)
    assert refused.value.param == "limit"


@pytest.mark.parametrize("param", ["after", "before"])
def test_an_item_that_is_not_there(param: str) -> None:
    where: dict[str, Any] = {"after": None, "before": None, param: "msg_x"}
    with pytest.raises(InvalidRequest) as refused:
        items.page([TEXT], limit=20, newest_first=True, **where)
    assert (refused.value.param, refused.value.code) == (param, "item_not_found")


def test_a_list_in_a_query_is_written_in_four_ways() -> None:
    query = [("include[]", "a"), ("include", "b,c"), ("include[0]", "d"), ("included", "e"), ("include", "")]
    assert items.includes(query) == ["a", "b", "c", "d"]


def test_where_a_picture_comes_from_is_told_when_asked() -> None:
    part = {"type": "input_image", "image_url": "https://a/b.png", "detail": "auto"}
    item = {**TEXT, "content": [TEXT["content"][0], part]}
    assert items.shown(item, ["message.input_image.image_url"]) == item
    assert items.shown(item, [])["content"] == [TEXT["content"][0], {**part, "image_url": None}]


@given(objects)
def test_anything_can_be_shown(item: dict[str, Any]) -> None:
    items.shown(item, [])


@pytest.mark.parametrize(
    ("param", "earlier", "told"),
    [
        ("input[5].content[1].image_url", 3, "input[2].content[1].image_url"),
        ("input[2].content[1].image_url", 3, "previous_response_id"),
        ("input[2]", 0, "input[2]"),
        ("tools[1]", 3, "tools[1]"),
        (None, 3, None),
    ],
)
def test_params_are_those_that_the_caller_knows(param: str | None, earlier: int, told: str | None) -> None:
    assert items.callers_place(param, earlier) == told


@given(json_values)
def test_no_input_surprises(value: Any) -> None:
    with contextlib.suppress(InvalidRequest):
        items.with_ids(items.of_input(value), DIGITS)
