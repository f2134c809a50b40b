"""What a connection remembers: its latest response, as long as nothing goes wrong with it."""

from typing import Any

import pytest

from gateway.errors import InvalidRequest
from gateway.responses.chain import Chain
from gateway.responses.recall import Recalled

MOST = 1000


def said(text: str) -> dict[str, Any]:
    return {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]}


def response(id: str, text: str = "yes", **more: Any) -> dict[str, Any]:
    return {"id": id, "status": "completed", "store": False, "output": [said(text)], **more}


def turn(chain: Chain, body: dict[str, Any], *answers: dict[str, Any]) -> Recalled:
    """A turn as the relay takes it; without an answer it fails."""
    continuation = chain.next(body)
    joined = continuation.joined(body)
    for answer in answers:
        continuation.done(joined.body, answer)
    return joined


def texts(recalled: Recalled) -> list[str]:
    return [part["text"] for item in recalled.body["input"] for part in item["content"]]


def test_three_turns() -> None:
    chain = Chain(MOST)
    first = turn(chain, {"input": "one"}, response("a", "1"))
    assert first == Recalled({"input": "one"})
    second = turn(chain, {"input": "two", "previous_response_id": "a", "x": 1}, response("b", "2"))
    assert (texts(second), second.earlier) == (["one", "1", "two"], 2)
    assert set(second.body) == {"input", "x"}
    third = turn(chain, {"previous_response_id": "b"}, response("c"))
    assert (texts(third), third.earlier) == (["one", "1", "two", "2"], 4)


def test_a_turn_that_fails_takes_with_it_what_it_went_on_from() -> None:
    chain = Chain(MOST)
    turn(chain, {"input": "one"}, response("a"))
    body = {"input": "two", "previous_response_id": "a"}
    assert turn(chain, body).earlier == 2
    assert turn(chain, body) == Recalled(body)


@pytest.mark.parametrize("status", ["failed", "cancelled", "in_progress", None])
def test_a_response_that_came_to_nothing_is_not_remembered(status: str | None) -> None:
    chain = Chain(MOST)
    turn(chain, {"input": "one"}, response("a"))
    turn(chain, {"input": "two", "previous_response_id": "a"}, response("b", status=status))
    for id in ("a", "b"):
        body = {"input": "x", "previous_response_id": id}
        assert turn(chain, body) == Recalled(body)


def test_a_turn_that_goes_on_from_nothing_leaves_the_latest_until_it_has_succeeded() -> None:
    chain = Chain(MOST)
    turn(chain, {"input": "one"}, response("a"))
    turn(chain, {"input": "else"})
    turn(chain, {"input": "else", "previous_response_id": "unknown"})
    assert turn(chain, {"input": "two", "previous_response_id": "a"}, response("b")).earlier == 2
    turn(chain, {"input": "else"}, response("c"))
    body = {"input": "three", "previous_response_id": "b"}
    assert turn(chain, body) == Recalled(body)


def test_one_that_was_cut_short_can_be_continued() -> None:
    chain = Chain(MOST)
    turn(chain, {"input": "one"}, response("a", status="incomplete"))
    assert turn(chain, {"input": "go on", "previous_response_id": "a"}).earlier == 2


@pytest.mark.parametrize(
    ("asked", "told", "kept"),
    [
        ({}, {"store": False}, True),
        ({"store": False}, {"store": False}, True),
        ({"store": False}, {}, True),
        ({}, {}, False),
        ({"store": True}, {}, False),
        ({}, {"store": True}, False),
        ({}, {"store": None}, False),
    ],
)
def test_only_what_nobody_stores_is_remembered(
    asked: dict[str, Any], told: dict[str, Any], *, kept: bool
) -> None:
    chain = Chain(MOST)
    turn(chain, {"input": "zero"}, response("z"))
    answer = {"id": "a", "status": "completed", "output": [said("1")], **told}
    turn(chain, {"input": "one", **asked}, answer)
    assert turn(chain, {"input": "x", "previous_response_id": "a"}).earlier == (2 if kept else 0)
    assert turn(chain, {"input": "x", "previous_response_id": "z"}).earlier == 0


def test_what_a_backend_keeps_is_gone_on_from_there() -> None:
    chain = Chain(MOST)
    turn(chain, {"input": "one", "previous_response_id": "resp_of_ark"}, response("b"))
    recalled = turn(chain, {"input": "two", "previous_response_id": "b"})
    assert recalled.body["previous_response_id"] == "resp_of_ark"
    assert texts(recalled) == ["one", "yes", "two"]


def test_too_much_is_not_remembered() -> None:
    for letters, fits in ((MOST - 100, True), (MOST, False)):
        chain = Chain(MOST)
        turn(chain, {"input": "x" * letters}, response("a"))
        body = {"input": "two", "previous_response_id": "a"}
        if fits:
            assert turn(chain, body).earlier == 2
            continue
        with pytest.raises(InvalidRequest) as refused:
            turn(chain, body)
        assert (refused.value.param, refused.value.code) == (
            "previous_response_id",
            "previous_response_not_found",
        )
        assert "server.max_body_bytes" in refused.value.message


def test_texts_at_any_depth_count() -> None:
    deep: dict[str, Any] = {"arguments": "x" * MOST}
    for _ in range(2000):
        deep = {"item": [deep]}
    chain = Chain(MOST)
    turn(chain, {"input": "one"}, response("a", output=[deep]))
    with pytest.raises(InvalidRequest):
        turn(chain, {"input": "two", "previous_response_id": "a"})


def test_an_input_that_cannot_be_remembered_is_refused_before_it_is_sent() -> None:
    for value, param in ((5, "input"), ([5], "input[0]")):
        with pytest.raises(InvalidRequest) as refused:
            turn(Chain(MOST), {"input": value})
        assert refused.value.param == param


def test_an_output_that_answers_no_call_is_refused_where_all_is_known() -> None:
    output = {"type": "function_call_output", "call_id": "c1", "output": "x"}
    chain = Chain(MOST)
    turn(chain, {"input": "one"}, response("a"))
    with pytest.raises(InvalidRequest) as refused:
        turn(chain, {"input": [output], "previous_response_id": "a"})
    assert refused.value.param == "input[0].call_id"
    turn(chain, {"input": "one", "previous_response_id": "resp_of_ark"}, response("b"))
    assert turn(chain, {"input": [output], "previous_response_id": "b"}).earlier == 2
