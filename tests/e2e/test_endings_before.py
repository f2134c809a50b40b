"""Failures before the first byte: they have a status of their own, and the backend's own words."""

from typing import Any

import pytest

from .conftest import Gateway, Http, Launch, Simulated
from .pictures import PATHS, asked, text_part
from .servers import unused_port

PLACES = [("chat", "doubao-vision"), ("chat", "qwen-vl"), ("responses", "doubao-vision")]
STREAM = pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
PLACE = pytest.mark.parametrize(("api", "model"), PLACES)
PREFIX = pytest.mark.parametrize("prefix", ["/v1", "/api/v3"])


def call(api: str, model: str, *, stream: bool) -> dict[str, Any]:
    return {"model": model, "stream": stream, **asked(api, text_part(api, "hello"))}


@STREAM
@PLACE
@pytest.mark.parametrize("status", [400, 413, 429, 500, 503])
async def test_status_code_and_patience_are_kept(
    gateway: Gateway, http: Http, sim: Simulated, api: str, model: str, status: int, stream: bool
) -> None:
    await sim.fault(status=status, code="TheCode", message="The message.", retry_after=11)
    answer = await http.post(gateway.v1 + PATHS[api], call(api, model, stream=stream))
    assert answer.status == status
    assert answer.error["message"].startswith("The message.")
    assert answer.error["code"] == "TheCode"
    assert answer.error["type"]
    assert answer.headers["retry-after"] == "11"
    assert answer.headers["x-request-id"].startswith("req_")
    assert answer.headers["x-upstream-request-id"]
    assert len(await sim.requests()) == 1


@STREAM
@PLACE
@PREFIX
@pytest.mark.parametrize("status", [401, 403])
async def test_refused_key_is_the_gateways_fault(
    gateway: Gateway, http: Http, sim: Simulated, prefix: str, api: str, model: str, status: int, stream: bool
) -> None:
    await sim.fault(status=status, code="TheCode")
    answer = await http.post(gateway.url + prefix + PATHS[api], call(api, model, stream=stream))
    assert answer.status == 502
    assert (answer.error["type"], answer.error["code"]) == ("upstream_error", "TheCode")
    assert "key" in answer.error["message"]


@STREAM
@pytest.mark.parametrize("status", [401, 403])
async def test_refused_key_of_the_caller_is_told_as_it_is(
    launch: Launch, http: Http, sim: Simulated, status: int, stream: bool
) -> None:
    gateway = launch(access={"mode": "passthrough"})
    for api, model in PLACES:
        await sim.fault(status=status, code="TheCode")
        body = call(api, model, stream=stream)
        answer = await http.post(gateway.v1 + PATHS[api], body, authorization="Bearer own")
        assert (answer.status, answer.error["code"]) == (status, "TheCode")


@STREAM
@PREFIX
@pytest.mark.parametrize(
    ("shape", "status", "code"),
    [
        ("a", 400, "ModelArts.81001"),
        ("b", 400, "ModelArts.81001"),
        ("c", 400, "ModelArts.81001"),
        ("d", 400, "400"),
        ("e", 400, None),
        ("a", 429, "ModelArts.81101"),
        ("b", 429, "ModelArts.81101"),
        ("c", 429, "ModelArts.81101"),
        ("d", 429, "429"),
        ("e", 405, None),
    ],
)
async def test_shapes_of_modelarts(
    gateway: Gateway,
    http: Http,
    sim: Simulated,
    prefix: str,
    shape: str,
    status: int,
    code: str | None,
    stream: bool,
) -> None:
    """A streamed 400 comes framed as an event; it is JSON again here."""
    await sim.fault(status=status, shape=shape, message="Because.")
    url = f"{gateway.url}{prefix}/chat/completions"
    answer = await http.post(url, call("chat", "qwen-vl", stream=stream))
    assert (answer.status, answer.error["message"], answer.error["code"]) == (status, "Because.", code)
    assert answer.headers["x-upstream-request-id"]


@STREAM
@PLACE
@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ({"garbage": True}, "upstream_garbage"),
        ({"html": True}, "upstream_garbage"),
        ({"body": ""}, None),
        ({"body": "[1, 2"}, "upstream_garbage"),
        ({"reset_after": 0}, None),
        ({"cut_after": 0}, None),
    ],
    ids=["garbage", "html", "empty", "half", "reset", "cut"],
)
async def test_answer_that_is_none(
    gateway: Gateway,
    http: Http,
    sim: Simulated,
    api: str,
    model: str,
    fault: dict[str, Any],
    code: str | None,
    stream: bool,
) -> None:
    await sim.fault(times=5, **fault)
    answer = await http.post(gateway.v1 + PATHS[api], call(api, model, stream=stream))
    assert answer.status == 502
    assert answer.error["code"] == code or (code is None and answer.error["code"].startswith("upstream_"))


@PLACE
@pytest.mark.parametrize("fault", [{"reset_after": 3}, {"cut_after": 3}, {"cut_mid_frame": True}])
async def test_whole_answer_that_breaks_off(
    gateway: Gateway, http: Http, sim: Simulated, api: str, model: str, fault: dict[str, Any]
) -> None:
    await sim.fault(times=5, **fault)
    answer = await http.post(gateway.v1 + PATHS[api], call(api, model, stream=False))
    assert answer.status == 502
    assert answer.error["code"] in ("upstream_broken", "upstream_garbage")


@PLACE
@STREAM
async def test_error_under_a_status_of_200(
    gateway: Gateway, http: Http, sim: Simulated, api: str, model: str, stream: bool
) -> None:
    await sim.fault(body='{"error":{"message":"Quota is gone.","code":"Quota","type":"t","param":null}}')
    answer = await http.post(gateway.v1 + PATHS[api], call(api, model, stream=stream))
    assert (answer.status, answer.error["code"]) == (502, "Quota")
    assert answer.error["message"] == "Quota is gone."


@STREAM
@PLACE
async def test_silence_before_the_first_byte(
    launch: Launch, http: Http, sim: Simulated, api: str, model: str, stream: bool
) -> None:
    gateway = launch(upstream={"timeouts": {"first_token": 0.2, "total": 0.2}})
    await sim.fault(delay=30)
    answer = await http.post(gateway.v1 + PATHS[api], call(api, model, stream=stream))
    assert (answer.status, answer.error["code"]) == (504, "upstream_timeout")
    await sim.idle()


@STREAM
async def test_backend_that_does_not_listen(launch: Launch, http: Http, stream: bool) -> None:
    gone = f"http://127.0.0.1:{unused_port()}/v1"
    backends = {"ark": {"kind": "ark", "base_url": gone}, "maas": {"kind": "modelarts", "base_url": gone}}
    gateway = launch(backends=backends, upstream={"retries": 1})
    for api, model in PLACES:
        answer = await http.post(gateway.v1 + PATHS[api], call(api, model, stream=stream))
        assert (answer.status, answer.error["code"]) == (502, "upstream_unreachable")
        assert "127.0.0.1" not in answer.error["message"]
