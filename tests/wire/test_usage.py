"""Token counts are read from either API's form, and nothing strange in them is an error."""

import pytest
from hypothesis import given

from gateway.wire import usage
from gateway.wire.usage import Usage
from tests.strategies import json_values, spoilt_objects

RESPONSE = {
    "usage": {
        "input_tokens": 817,
        "output_tokens": 111,
        "total_tokens": 928,
        "input_tokens_details": {"cached_tokens": 5},
        "output_tokens_details": {"reasoning_tokens": 72},
    }
}
CHAT = {
    "choices": [],
    "usage": {
        "completion_tokens": 85,
        "prompt_tokens": 521,
        "prompt_tokens_details": {"cached_tokens": 3},
        "completion_tokens_details": {"reasoning_tokens": 2},
    },
}


def test_responses_counts_are_read() -> None:
    assert usage.of(RESPONSE) == Usage(817, 111, 5, 72)


def test_a_responses_event_holds_them_one_level_deeper() -> None:
    assert usage.of({"type": "response.completed", "response": RESPONSE}) == Usage(817, 111, 5, 72)


def test_chat_counts_are_read() -> None:
    assert usage.of(CHAT) == Usage(521, 85, 3, 2)


def test_embeddings_have_no_output() -> None:
    assert usage.of({"usage": {"prompt_tokens": 8, "total_tokens": 8}}) == Usage(input=8)


def test_null_details_are_zero() -> None:
    told = {"prompt_tokens": 283, "completion_tokens": 628, "prompt_tokens_details": None}
    assert usage.of({"usage": told}) == Usage(283, 628)


@pytest.mark.parametrize(
    "body", [{}, {"usage": None}, {"usage": []}, {"response": {}}, {"response": {"usage": 1}}]
)
def test_no_usage_is_none(body: dict[str, object]) -> None:
    assert usage.of(body) is None


@pytest.mark.parametrize("body", [RESPONSE, CHAT, {"response": RESPONSE}])
def test_no_wrong_type_at_any_place_is_an_error(body: dict[str, object]) -> None:
    for spoilt in spoilt_objects(body):
        _sound(usage.of(spoilt))


@given(json_values)
def test_no_json_is_an_error(value: object) -> None:
    _sound(usage.of({"usage": value}))
    _sound(usage.of({"response": value}))


def _sound(told: Usage | None) -> None:
    assert told is None or all(type(count) is int for count in told)
