"""A model with several places: drawn by weight, the others stand in before the first byte, never for a 4xx."""

import asyncio
from typing import Any

import pytest

from .conftest import ARK_KEY, MAAS_KEY, QWEN, VISION, Gateway, Http, Launch, Simulated
from .pictures import asked, data_url, seen, shape, small, text_part, url_part
from .servers import unused_port

PAIR = {"pair": [{"backend": "maas", "model": QWEN}, {"backend": "ark", "model": VISION, "weight": 0}]}
STREAM = pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])


def call(*, stream: bool, model: str = "pair") -> dict[str, Any]:
    picture = url_part("chat", data_url(small("blue"), "image/gif"))
    return {"model": model, "stream": stream, **asked("chat", picture, text_part("chat", "hello"))}


@STREAM
@pytest.mark.parametrize(
    "fault",
    [
        {"status": 500},
        {"status": 503, "retry_after": 60},
        {"status": 429},
        {"status": 401},  # our key there is wrong: the caller can do nothing about it
        {"reset_after": 0},
        {"garbage": True},
        {"html": True},
        {"body": '{"error":{"message":"m"}}'},
    ],
)
async def test_stands_in(
    launch: Launch, http: Http, sim: Simulated, fault: dict[str, Any], stream: bool
) -> None:
    gateway = launch(models=PAIR)
    await sim.fault(path="/v2/infer", times=3, **fault)
    answer = await http.post(f"{gateway.v1}/chat/completions", call(stream=stream))
    assert answer.status == 200
    assert answer.headers["x-arkway-backend"] == "ark"
    assert answer.headers["x-arkway-model"] == VISION
    assert answer.changes == ["image:inlined=1"]
    assert (await sim.last())["headers"]["authorization"] == f"Bearer {ARK_KEY}"


@STREAM
async def test_stands_in_for_one_that_does_not_listen(launch: Launch, http: Http, stream: bool) -> None:
    gone = {"kind": "modelarts", "base_url": f"http://127.0.0.1:{unused_port()}/v1", "api_key": "k"}
    gateway = launch(models=PAIR, backends={"maas": gone}, upstream={"retries": 0})
    answer = await http.post(f"{gateway.v1}/chat/completions", call(stream=stream))
    assert (answer.status, answer.headers["x-arkway-backend"]) == (200, "ark")


@STREAM
async def test_stands_in_for_one_that_is_silent(
    launch: Launch, http: Http, sim: Simulated, stream: bool
) -> None:
    gateway = launch(models=PAIR, upstream={"timeouts": {"first_token": 0.3, "total": 0.3}})
    await sim.fault(path="/v2/infer", delay=30)
    answer = await http.post(f"{gateway.v1}/chat/completions", call(stream=stream))
    assert (answer.status, answer.headers["x-arkway-backend"]) == (200, "ark")
    await sim.idle()


@STREAM
@pytest.mark.parametrize("status", [400, 404, 413, 422])
async def test_callers_own_mistake_goes_no_further(
    launch: Launch, http: Http, sim: Simulated, status: int, stream: bool
) -> None:
    gateway = launch(models=PAIR)
    await sim.fault(path="/v2/infer", status=status)
    answer = await http.post(f"{gateway.v1}/chat/completions", call(stream=stream))
    assert answer.status == status
    assert len(await sim.requests()) == 1


@STREAM
async def test_refused_content_is_the_callers_own_mistake(
    launch: Launch, http: Http, sim: Simulated, stream: bool
) -> None:
    gateway = launch(models=PAIR)
    refusal = '{"error_code":"ModelArts.81011","error_msg":"May contain sensitive information."}'
    await sim.fault(path="/v2/infer", status=403, body=refusal)
    answer = await http.post(f"{gateway.v1}/chat/completions", call(stream=stream))
    assert (answer.status, answer.error["code"]) == (403, "ModelArts.81011")
    assert answer.error["message"] == "May contain sensitive information."
    assert len(await sim.requests()) == 1


async def test_no_stand_in_after_the_first_byte(launch: Launch, http: Http, sim: Simulated) -> None:
    gateway = launch(models=PAIR)
    await sim.fault(path="/v2/infer", reset_after=2)
    answer = await http.post(f"{gateway.v1}/chat/completions", call(stream=True))
    assert answer.events[-1]["error"]["code"] == "upstream_broken"
    assert len(await sim.requests()) == 1


async def test_last_failure_is_told(launch: Launch, http: Http, sim: Simulated) -> None:
    gateway = launch(models=PAIR)
    await sim.fault(path="/v2/infer", status=500)
    await sim.fault(path="/api/v3", status=429, retry_after=9)
    answer = await http.post(f"{gateway.v1}/chat/completions", call(stream=False))
    assert (answer.status, answer.headers["retry-after"]) == (429, "9")


async def test_api_that_one_place_lacks_goes_to_the_other(launch: Launch, http: Http) -> None:
    gateway = launch(models=PAIR)
    body = {"model": "pair", "input": [{"type": "text", "text": "hello"}]}
    answer = await http.post(f"{gateway.v1}/embeddings/multimodal", body)
    assert (answer.status, answer.headers["x-arkway-backend"]) == (200, "ark")


async def test_api_that_no_place_has(gateway: Gateway, http: Http, sim: Simulated) -> None:
    body = {"model": "qwen-vl", "input": [{"type": "text", "text": "hello"}]}
    answer = await http.post(f"{gateway.v1}/embeddings/multimodal", body)
    assert (answer.status, answer.error["param"]) == (400, "model")
    assert "Huawei ModelArts" in answer.error["message"]
    assert not await sim.requests()


@STREAM
@pytest.mark.parametrize("path", ["/chat/completions", "/responses"])
async def test_tool_that_one_place_refuses_goes_to_the_other(
    launch: Launch, http: Http, sim: Simulated, path: str, stream: bool
) -> None:
    gateway = launch(models=PAIR)
    api = "chat" if path == "/chat/completions" else "responses"
    body = {"model": "pair", "stream": stream, "tools": [{"type": "image_process"}]}
    body |= asked(api, text_part(api, "hello"))
    answer = await http.post(f"{gateway.v1}{path}", body)
    assert (answer.status, answer.headers["x-arkway-backend"]) == (200, "ark")
    assert await sim.requests("/v2/infer") == []


async def test_tool_that_every_place_refuses(launch: Launch, http: Http, sim: Simulated) -> None:
    gateway = launch(models={"pair": [{"backend": "maas"}, {"backend": "maas", "model": QWEN}]})
    body = call(stream=False) | {"tools": [{"type": "image_process"}]}
    answer = await http.post(f"{gateway.v1}/chat/completions", body)
    assert (answer.status, answer.error["param"]) == (400, "tools[0]")
    assert "only Volcengine Ark has it" in answer.error["message"]
    assert not await sim.requests()


async def test_weights(launch: Launch, http: Http, sim: Simulated) -> None:
    entries = [
        {"backend": "maas", "model": QWEN, "weight": 3},
        {"backend": "ark", "model": VISION, "weight": 1},
    ]
    gateway = launch(models={"weighted": entries})
    calls = [
        http.post(f"{gateway.v1}/chat/completions", call(stream=False, model="weighted")) for _ in range(120)
    ]
    answers = await asyncio.gather(*calls)
    to_maas = [answer.headers["x-arkway-backend"] for answer in answers].count("maas")
    assert 60 < to_maas < 118  # 90 are expected, and less or more by 28 once in a billion runs


async def test_picture_takes_each_places_form(launch: Launch, http: Http, sim: Simulated) -> None:
    """What was prepared for the first place does not go to the second."""
    gateway = launch(models=PAIR)
    await sim.fault(path="/v2/infer", status=503)
    answer = await http.post(f"{gateway.v1}/chat/completions", call(stream=False))
    assert seen(answer.text) == [shape(small("blue"), "blue")]
    first, second = await sim.requests("/chat/completions")
    assert (first["body"]["model"], second["body"]["model"]) == (QWEN, VISION)
    assert first["headers"]["authorization"] == f"Bearer {MAAS_KEY}"
