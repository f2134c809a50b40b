"""Error bodies: Ark's shape, ModelArts' five, errors framed as events, and anything else without a crash."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.wire import fault
from gateway.wire.fault import Fault
from tests.strategies import json_values, spoilt, spoilt_objects

ARK = {
    "error": {
        "code": "InvalidParameter",
        "message": "Image 0 failed: Image exceeds the maximum allowed total pixels. Request id: 021775418249",
        "param": "",
        "type": "BadRequest",
    }
}
MODELARTS = {
    "error": {"code": "ModelArts.81001", "message": "too long", "param": None, "type": "BadRequest"},
    "error_code": "ModelArts.81001",
    "error_msg": "too long",
    "span_id": "span-1",
}
SHAPES = [
    (ARK, Fault(ARK["error"]["message"], "BadRequest", "InvalidParameter", None, "021775418249")),
    (MODELARTS, Fault("too long", "BadRequest", "ModelArts.81001", None, "span-1")),
    (
        {
            "error": {
                "message": "slow down",
                "type": "TooManyRequests",
                "param": "",
                "code": "ModelArts.81101",
            }
        },
        Fault("slow down", "TooManyRequests", "ModelArts.81101"),
    ),
    (
        {"error_code": "APIG.0308", "error_msg": "throttled", "request_id": "r-1"},
        Fault("throttled", None, "APIG.0308", None, "r-1"),
    ),
    (
        {"object": "error", "message": "bad", "type": "BadRequestError", "param": None, "code": 400},
        Fault("bad", "BadRequestError", "400"),
    ),
    ({"detail": "Method Not Allowed"}, Fault("Method Not Allowed")),
    (
        {"detail": [{"loc": ["body", "model"], "msg": "field required"}, {"loc": ["body", 0], "msg": "bad"}]},
        Fault("body.model: field required; body.0: bad"),
    ),
    ({"error": "model not loaded"}, Fault("model not loaded")),
    (
        {"type": "error", "code": "InternalServiceError", "message": "oops Request id: 0217abc", "param": ""},
        Fault("oops Request id: 0217abc", None, "InternalServiceError", None, "0217abc"),
    ),
]


@pytest.mark.parametrize(("body", "told"), SHAPES)
def test_each_vendors_shape_is_read(body: dict[str, object], told: Fault) -> None:
    assert fault.read(orjson.dumps(body)) == told


@pytest.mark.parametrize(
    "frame", [b"data:%s", b"data: %s\n\n", b"event: error\ndata:%s\n\n", b"\n data:%s\r\n\r\n"]
)
@pytest.mark.parametrize(("body", "told"), SHAPES)
def test_an_error_framed_as_an_event_is_unwrapped(frame: bytes, body: dict[str, object], told: Fault) -> None:
    assert fault.read(frame % orjson.dumps(body)) == told


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>502 Bad Gateway</html>",
        b"data:",
        b"event: x\n\n",
        b"[]",
        b"null",
        b"{}",
        b'{"id":"x"}',
        b"\xff",
    ],
)
def test_what_is_no_error_of_theirs_is_none(body: bytes) -> None:
    assert fault.read(body) is None


@pytest.mark.parametrize("error", [None, False, "", [], 0])
def test_an_empty_error_is_no_fault(error: object) -> None:
    assert fault.of({"error": error, "choices": []}) is None


def test_a_fault_without_a_message_still_says_something() -> None:
    assert fault.of({"error": {"code": "X"}}) == Fault("The backend gave no reason.", code="X")


def test_the_outer_message_and_code_stand_in_for_missing_inner_ones() -> None:
    body = {"error": {"type": "BadRequest"}, "error_code": "ModelArts.81001", "error_msg": "too long"}
    assert fault.of(body) == Fault("too long", "BadRequest", "ModelArts.81001")


def test_no_wrong_type_at_any_place_crashes_the_reader() -> None:
    for body, _ in SHAPES:
        for value in spoilt(body):
            _sound(fault.read(orjson.dumps(value)))


@given(
    json_values
    | st.dictionaries(st.sampled_from(["error", "error_code", "detail", "type", "object"]), json_values)
)
def test_no_json_crashes_the_reader(value: object) -> None:
    _sound(fault.read(orjson.dumps(value)))


@given(st.binary(max_size=60))
def test_no_bytes_crash_the_reader(raw: bytes) -> None:
    _sound(fault.read(raw))
    _sound(fault.read(b"data:" + raw))


def _sound(told: Fault | None) -> None:
    if told is not None:
        assert told.message
        assert all(part is None or isinstance(part, str) for part in told)


@pytest.mark.parametrize(
    "body", [ARK, MODELARTS, {"error_code": "APIG.0101"}, {"object": "error", "message": "x"}]
)
def test_an_error_under_status_200_stands_for_the_answer(body: dict[str, object]) -> None:
    assert fault.stands_for(body)


@pytest.mark.parametrize(
    "body",
    [
        {"object": "response", "output": [], "error": {"code": "x", "message": "y"}},
        {"choices": [], "error_code": "x"},
        {"data": [{"error": {"code": "x"}}], "error": None},
        {"object": "chat.completion", "error": None},
        {},
    ],
)
def test_an_answer_that_holds_an_error_is_still_an_answer(body: dict[str, object]) -> None:
    assert not fault.stands_for(body)


def test_no_wrong_type_crashes_the_look_at_an_answer() -> None:
    for body, _ in SHAPES:
        for value in spoilt_objects(body):
            assert fault.stands_for(value) in (True, False)
