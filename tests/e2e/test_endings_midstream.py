"""Failures in the middle of a stream: told in the API's own form, never disguised as success."""

from typing import Any

import openai
import pytest

from .conftest import Answer, Gateway, Http, Launch, Simulated
from .pictures import PATHS, asked, text_part

PLACES = [("chat", "doubao-vision"), ("chat", "qwen-vl"), ("responses", "doubao-vision")]
PLACE = pytest.mark.parametrize(("api", "model"), PLACES)
PREFIX = pytest.mark.parametrize("prefix", ["/v1", "/api/v3"])
AFTER = 6  # frames: in Responses that is after the first reasoning delta


def call(api: str, model: str) -> dict[str, Any]:
    return {"model": model, "stream": True, **asked(api, text_part(api, "hello"))}


async def stream(gateway: Gateway, http: Http, prefix: str, api: str, model: str) -> Answer:
    """A streamed answer; its HTTP body ended well-formed, or reading it would have raised."""
    answer = await http.post(gateway.url + prefix + PATHS[api], call(api, model))
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/event-stream")
    return answer


def told(api: str, prefix: str, answer: Answer) -> dict[str, Any]:
    """The error that ends a stream, having seen that nothing claims success."""
    assert b"[DONE]" not in answer.body
    assert b"response.completed" not in answer.body
    last = answer.events[-1]
    if api == "chat":
        assert list(last) == ["error"]
        assert list(last["error"]) == ["message", "type", "param", "code"]
        error: dict[str, Any] = last["error"]
        return error
    assert last["sequence_number"] == answer.events[-2]["sequence_number"] + 1
    if prefix == "/api/v3":
        assert answer.frames[-1].startswith(b"event: error\n")
        assert list(last) == ["type", "code", "message", "param", "sequence_number"]
        return last
    assert answer.frames[-1].startswith(b"event: response.failed\n")
    assert last["type"] == "response.failed"
    assert last["response"]["status"] == "failed"
    assert last["response"]["id"] == answer.events[0]["response"]["id"]
    failed: dict[str, Any] = last["response"]["error"]
    return failed


@PLACE
@PREFIX
@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ({"reset_after": AFTER}, "upstream_broken"),
        ({"cut_after": AFTER}, "upstream_truncated"),
        ({"cut_after": AFTER, "cut_mid_frame": True}, "upstream_truncated"),
    ],
    ids=["reset", "cut", "half a frame"],
)
async def test_truncation(
    gateway: Gateway,
    http: Http,
    sim: Simulated,
    prefix: str,
    api: str,
    model: str,
    fault: dict[str, Any],
    code: str,
) -> None:
    await sim.fault(**fault)
    answer = await stream(gateway, http, prefix, api, model)
    assert told(api, prefix, answer)["code"] == code
    assert len(answer.events) == AFTER + 1


@PLACE
@PREFIX
async def test_silence(launch: Launch, http: Http, sim: Simulated, prefix: str, api: str, model: str) -> None:
    gateway = launch(upstream={"timeouts": {"idle": 0.2}})
    await sim.fault(stall_after=AFTER)
    answer = await stream(gateway, http, prefix, api, model)
    assert told(api, prefix, answer)["code"] == "upstream_timeout"
    assert len(answer.events) == AFTER + 1
    await sim.idle()


@PLACE
async def test_answer_that_takes_too_long_in_all(
    launch: Launch, http: Http, sim: Simulated, api: str, model: str
) -> None:
    gateway = launch(upstream={"timeouts": {"total": 0.3}})
    await sim.fault(chunks=1000, chunk_delay=0.05)
    answer = await stream(gateway, http, "/v1", api, model)
    assert told(api, "/v1", answer)["code"] == "upstream_timeout"
    await sim.idle()


@PREFIX
async def test_backends_own_error_event(gateway: Gateway, http: Http, sim: Simulated, prefix: str) -> None:
    """It passes, and the gateway does not add one of its own."""
    for api, model in PLACES:
        await sim.fault(error_after=AFTER)
        answer = await stream(gateway, http, prefix, api, model)
        assert len(answer.events) == AFTER + 1
        last = answer.events[-1]
        error = last.get("error", last)
        assert error["code"] in ("InternalServiceError", "ModelArts.4503")
        assert b"[DONE]" not in answer.body


@PREFIX
@pytest.mark.parametrize(("api", "model"), PLACES)
async def test_missing_done_alone_is_no_failure(
    gateway: Gateway, http: Http, sim: Simulated, prefix: str, api: str, model: str
) -> None:
    await sim.fault(no_done=True)
    answer = await stream(gateway, http, prefix, api, model)
    assert b"error" not in answer.frames[-1].replace(b'"error":null', b"")
    assert b"[DONE]" not in answer.body


async def test_last_event_without_its_blank_line_is_not_lost(
    gateway: Gateway, http: Http, sim: Simulated
) -> None:
    await sim.fault(body='data: {"choices":[]}\n\ndata: [DONE]')
    answer = await stream(gateway, http, "/v1", "chat", "qwen-vl")
    assert answer.body == b'data: {"choices":[]}\n\ndata: [DONE]\n\n'


@PREFIX
async def test_modelarts_error_in_its_own_shape_is_put_into_openais(
    gateway: Gateway, http: Http, sim: Simulated, prefix: str
) -> None:
    """The SDK would yield it as an empty chunk."""
    await sim.fault(
        body='data:{"choices":[]}\n\ndata:{"error_code":"ModelArts.81011","error_msg":"Sensitive."}\n\n'
    )
    answer = await stream(gateway, http, prefix, "chat", "qwen-vl")
    assert answer.events[-1]["error"]["message"] == "Sensitive."
    assert answer.events[-1]["error"]["code"] == "ModelArts.81011"


async def test_sdk_raises_the_error_of_a_broken_chat(gateway: Gateway, sim: Simulated) -> None:
    await sim.fault(reset_after=AFTER)
    chunks: Any = await gateway.openai.chat.completions.create(
        model="qwen-vl", messages=[{"role": "user", "content": "hello"}], stream=True
    )
    said: list[Any] = []

    async def read() -> None:
        async for chunk in chunks:
            said.append(chunk)  # noqa: PERF401 - what came before the error counts

    with pytest.raises(openai.APIError, match="broke off"):
        await read()
    assert len(said) == AFTER


async def test_sdk_yields_the_failure_of_a_broken_response(gateway: Gateway, sim: Simulated) -> None:
    await sim.fault(reset_after=AFTER)
    events: Any = await gateway.openai.responses.create(model="doubao-vision", input="hello", stream=True)
    types = [event.type async for event in events]
    assert types[-1] == "response.failed"


async def test_frame_without_end_is_not_collected_for_ever(
    gateway: Gateway, http: Http, sim: Simulated
) -> None:
    """Within the limit of a frame, a long one is a frame like others."""
    text = "x" * 300_000
    await sim.fault(text=text, chunks=1)
    answer = await stream(gateway, http, "/v1", "chat", "qwen-vl")
    assert text in {event["choices"][0]["delta"].get("content") for event in answer.events}
