"""Frames are passed on as they come, and a silent backend does not make a silent gateway."""

import asyncio
from typing import Any

import aiohttp
import pytest

from .conftest import Gateway, Http, Launch, Simulated, until
from .pictures import PATHS, asked, text_part

PLACES = [("chat", "doubao-vision"), ("chat", "qwen-vl"), ("responses", "doubao-vision")]
PLACE = pytest.mark.parametrize(("api", "model"), PLACES)
PREFIX = pytest.mark.parametrize("prefix", ["/v1", "/api/v3"])
PING = b": keep-alive\n\n"


def call(api: str, model: str, text: str = "hello") -> dict[str, Any]:
    return {"model": model, "stream": True, **asked(api, text_part(api, text))}


async def read_until(response: aiohttp.ClientResponse, wanted: Any, seconds: float = 10) -> bytes:
    """Reads until what has come is as wanted."""
    body = b""
    async with asyncio.timeout(seconds):
        while not wanted(body):
            chunk = await response.content.readany()
            assert chunk, f"the answer ended: {body[-300:]!r}"
            body += chunk
    return body


@PLACE
@PREFIX
@pytest.mark.parametrize("count", [1, 2, 5])
async def test_frames_arrive_before_the_next_is_sent(
    gateway: Gateway, http: Http, sim: Simulated, prefix: str, api: str, model: str, count: int
) -> None:
    await sim.fault(stall_after=count)
    async with http.open(gateway.url + prefix + PATHS[api], call(api, model)) as response:
        body = await read_until(response, lambda body: body.count(b"\n\n") == count)
        assert body.endswith(b"\n\n")
        assert (await sim.last())["outcome"] == "running"
    await sim.idle()


@PLACE
@PREFIX
async def test_bytes_that_drip_come_as_whole_frames(
    gateway: Gateway, http: Http, sim: Simulated, prefix: str, api: str, model: str
) -> None:
    await sim.fault(slow_bytes=0, text="ab", chunks=2)
    whole = []
    async with http.open(gateway.url + prefix + PATHS[api], call(api, model)) as response:
        async for chunk, _ in response.content.iter_chunks():
            whole.append(chunk)
    assert all(chunk.endswith(b"\n\n") for chunk in whole if chunk)
    assert b"".join(whole).count(b"\n\n") > 3


@PLACE
@PREFIX
@pytest.mark.parametrize("after", [0, 4], ids=["headers alone", "some frames"])
async def test_comments_while_the_backend_is_silent(
    launch: Launch, http: Http, sim: Simulated, prefix: str, api: str, model: str, after: int
) -> None:
    gateway = launch(server={"port": 0, "keep_alive": 0.05})
    await sim.fault(stall_after=after, stall=0.4)
    async with http.open(gateway.url + prefix + PATHS[api], call(api, model)) as response:
        assert response.status == 200
        body = await response.read()
    assert PING in body
    without = body.replace(PING, b"")
    assert without.count(b"\n\n") > after + 1
    assert b"error" not in without.replace(b'"error":null', b"")
    assert b"[DONE]" in without or b"response.completed" in without
    frames = body.split(b"\n\n")
    assert frames[after].startswith(b": keep-alive")  # between the frames, not in one


async def test_comments_go_on_as_long_as_the_silence(launch: Launch, http: Http, sim: Simulated) -> None:
    gateway = launch(server={"port": 0, "keep_alive": 0.05})
    await sim.fault(stall_after=2, stall=60)
    async with http.open(f"{gateway.v1}/chat/completions", call("chat", "qwen-vl")) as response:
        await read_until(response, lambda body: body.count(PING) >= 3)
    await sim.idle()


async def test_comments_disturb_no_sdk(launch: Launch, sim: Simulated) -> None:
    gateway = launch(server={"port": 0, "keep_alive": 0.02})
    await sim.fault(path="/chat", stall_after=2, stall=0.1)
    await sim.fault(path="/responses", times=2, stall_after=0, stall=0.1)
    messages: Any = [{"role": "user", "content": "hello"}]
    for client in (gateway.openai, gateway.ark):
        chunks = await client.chat.completions.create(model="qwen-vl", messages=messages, stream=True)
        text = "".join([chunk.choices[0].delta.content or "" async for chunk in chunks])
        assert '"hello"' in text
        stream = await client.responses.create(model="doubao-vision", input="hello", stream=True)
        assert [event.type async for event in stream][-1] == "response.completed"


async def test_no_comments_for_a_backend_that_speaks(launch: Launch, http: Http, sim: Simulated) -> None:
    gateway = launch(server={"port": 0, "keep_alive": 5})
    answer = await http.post(f"{gateway.v1}/chat/completions", call("chat", "qwen-vl"))
    assert PING not in answer.body


async def test_failure_after_the_first_comment_is_an_event(
    launch: Launch, http: Http, sim: Simulated
) -> None:
    """The status is gone with the first byte; the caller still learns of it."""
    gateway = launch(server={"port": 0, "keep_alive": 0.05}, upstream={"timeouts": {"first_token": 1}})
    await sim.fault(stall_after=0)
    answer = await http.post(f"{gateway.v1}/chat/completions", call("chat", "qwen-vl"))
    assert answer.status == 200
    assert answer.body.startswith(PING)
    assert answer.events[-1]["error"]["code"] == "upstream_timeout"


async def test_headers_of_a_stream(gateway: Gateway, http: Http) -> None:
    answer = await http.post(f"{gateway.v1}/responses", call("responses", "doubao-vision"))
    headers = answer.headers
    assert headers["content-type"] == "text/event-stream; charset=utf-8"
    assert headers["cache-control"] == "no-cache"
    assert headers["x-accel-buffering"] == "no"
    assert "content-encoding" not in headers
    assert headers["x-arkway-backend"] == "ark"
    assert "upstream;dur=" in headers["server-timing"]


async def test_slow_reader_holds_up_the_backend_and_nobody_else(
    gateway: Gateway, http: Http, sim: Simulated
) -> None:
    """A caller that reads nothing does not make the gateway collect the answer."""
    await sim.fault(text="x" * 1000, chunks=60_000)
    async with http.open(f"{gateway.v1}/chat/completions", call("chat", "qwen-vl")) as response:
        assert response.status == 200

        async def stands_still() -> bool:
            before = (await sim.last("/chat"))["chunks_sent"]
            await asyncio.sleep(0.2)
            return (await sim.last("/chat"))["chunks_sent"] == before > 0

        await until(stands_still, "the backend is held up")
        assert (await sim.last("/chat"))["outcome"] == "running"
        other = await http.post(f"{gateway.v1}/responses", {"model": "doubao-vision", "input": "hi"})
        assert other.status == 200
    await sim.idle()
