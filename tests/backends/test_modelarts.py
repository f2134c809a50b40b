"""ModelArts: what differs from the plain form."""

import pytest

from gateway.backends.modelarts import ModelArts
from gateway.wire import sse

BACKEND = ModelArts("maas", "https://h/v2/infer/id/v1", "k")


def test_a_streamed_refusal_is_unwrapped_from_its_event() -> None:
    body = (
        b'data:{"error":{"code":"ModelArts.81001","message":"too long","param":null,"type":"BadRequest"},'
        b'"error_code":"ModelArts.81001","error_msg":"too long","span_id":"s"}'
    )
    error = BACKEND.error(400, {}, body)
    assert (error.status, error.code, error.type, error.request_id) == (
        400,
        "ModelArts.81001",
        "BadRequest",
        "s",
    )
    assert error.raw is None


@pytest.mark.parametrize(
    ("code", "status"),
    [("81011", 403), ("81004", 502), ("81005", 502), ("81006", 502), ("81014", 502), ("81109", 502)],
)
def test_refused_content_is_told_from_what_the_account_forbids(code: str, status: int) -> None:
    body = b'{"error_code":"ModelArts.%b","error_msg":"m"}' % code.encode()
    error = BACKEND.error(403, {}, body)
    assert (error.status, error.code) == (status, f"ModelArts.{code}")
    assert (error.message == "m") == (status == 403)


@pytest.mark.parametrize(
    "frame",
    [
        b'data:{"error_code":"ModelArts.81101","error_msg":"slow down"}\n\n',
        b'data:{"error":{"code":"c","message":"m"},"error_code":"c"}\n\n',
        b'data:{"object":"error","message":"m","code":400}\n\n',
    ],
)
def test_an_error_of_any_shape_ends_the_stream(frame: bytes) -> None:
    stream = BACKEND.stream("chat", "openai", {})
    stream.feed(frame)
    assert stream.finished()


@pytest.mark.parametrize("dialect", ["openai", "ark"])
def test_the_flat_error_is_put_into_openais_form_among_other_frames(dialect: str) -> None:
    stream = BACKEND.stream("chat", dialect, {})  # type: ignore[arg-type]
    chunk = b'data:{"choices":[{"delta":{"content":"\\"error_code\\":"}}]}\n\n'
    told = stream.feed(chunk + b'data:{"error_code":"ModelArts.81101","error_msg":"slow down"}\n\n' + chunk)
    first, error, last = sse.frames(told)
    assert first == last == chunk
    event = sse.read(error)
    assert event is not None
    assert event.json() == {
        "error": {"message": "slow down", "type": "server_error", "param": None, "code": "ModelArts.81101"}
    }


@pytest.mark.parametrize(
    "frame",
    [b'data:{"error_code":null,"choices":[]}\n\n', b'data:{"error_code": \n\n', b'data:["error_code":]\n\n'],
)
def test_a_frame_that_only_looks_like_an_error_passes(frame: bytes) -> None:
    assert BACKEND.stream("chat", "openai", {}).feed(frame) == frame


def test_the_base64_of_a_picture_stays_under_ten_mib() -> None:
    rules = BACKEND.media["chat"].image
    assert rules
    assert rules.max_encoded == 10 * 1024 * 1024 - 1
    assert not rules.takes_urls


def test_responses_are_served_by_chat() -> None:
    assert BACKEND.lacks("responses") is None
    assert BACKEND.spoken("responses", {}) == "chat"


def test_an_effort_of_none_switches_thinking_off() -> None:
    body, _, changes = BACKEND.prepare("chat", {"messages": [], "reasoning_effort": "none"})
    assert body == {"messages": [], "thinking": {"type": "disabled"}}
    assert [change.what for change in changes] == ["reasoning_effort:none=thinking:disabled"]


@pytest.mark.parametrize("effort", ["low", None, ["none"]])
def test_any_other_effort_goes_up_as_it_is(effort: object) -> None:
    body, _, changes = BACKEND.prepare("chat", {"messages": [], "reasoning_effort": effort})
    assert (body, changes) == ({"messages": [], "reasoning_effort": effort}, [])


def test_the_callers_own_thinking_stays() -> None:
    asked = {"messages": [], "reasoning_effort": "none", "thinking": {"type": "auto"}}
    assert BACKEND.prepare("chat", asked)[0]["thinking"] == {"type": "auto"}
