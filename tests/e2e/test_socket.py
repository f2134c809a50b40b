"""Responses over a WebSocket, through the OpenAI SDK's own connection and a bare one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest
from openai import AsyncOpenAI
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from .conftest import Gateway, Launch, Simulated, until
from .pictures import asked, data_url, seen, shape, small, url_part

KEY = "sk-socket-key"


def address(gateway: Gateway, path: str = "/v1/responses") -> str:
    return gateway.url.replace("http", "ws", 1) + path


@asynccontextmanager
async def opened(
    gateway: Gateway, path: str = "/v1/responses", **headers: str
) -> AsyncIterator[ClientConnection]:
    async with connect(
        address(gateway, path), additional_headers=headers, max_size=None, proxy=None
    ) as socket:
        yield socket


async def create(socket: ClientConnection, **body: Any) -> None:
    await socket.send(orjson.dumps({"type": "response.create", "model": "doubao-vision", **body}).decode())


async def events(socket: ClientConnection) -> list[dict[str, Any]]:
    """The messages of one response, to its end."""
    told: list[dict[str, Any]] = []
    while not told or told[-1]["type"] not in ("response.completed", "response.failed", "error"):
        told.append(orjson.loads(await socket.recv()))
    return told


def text(told: list[dict[str, Any]]) -> str:
    return "".join(event["delta"] for event in told if event["type"] == "response.output_text.delta")


async def test_the_sdks_connection_carries_one_response_after_another(gateway: Gateway, sdks: Any) -> None:
    client: AsyncOpenAI = gateway.openai
    picture = url_part("responses", data_url(small("blue")))
    async with client.responses.connect() as connection:
        for question in ("first", "second"):
            body = asked("responses", picture, {"type": "input_text", "text": question})
            await connection.response.create(model="doubao-vision", **body)
            told = []
            async for event in connection:
                told.append(event)
                if event.type == "response.completed":
                    break
            assert [event.sequence_number for event in told] == list(range(len(told)))
            assert seen(told[-1].response.output_text) == [shape(small("blue"), "blue")]
            assert question in told[-1].response.output_text


@pytest.mark.parametrize("path", ["/v1/responses", "/responses", "/api/v3/responses"])
async def test_it_stands_under_every_prefix(gateway: Gateway, path: str) -> None:
    async with opened(gateway, path) as socket:
        await create(socket, input="hello")
        told = await events(socket)
    assert told[0]["type"] == "response.created"
    assert '"hello"' in text(told)


async def test_an_error_leaves_the_connection_open(gateway: Gateway, sim: Simulated) -> None:
    async with opened(gateway) as socket:
        bodies = [b"{", b'"x"', b'{"type":"response.steer"}', b'{"type":"response.create"}']
        bodies.append(orjson.dumps({"type": "response.create", "model": "no-such-model", "input": "x"}))
        bodies.append(orjson.dumps({"type": "response.create", "model": "doubao-vision", "background": True}))
        for body in bodies:
            await socket.send(body.decode())
            (told,) = await events(socket)
            assert list(told) == ["type", "status", "error"]
            assert list(told["error"]) == ["message", "type", "param", "code"]
            assert told["status"] in (400, 404)
        await sim.fault(status=429)
        await create(socket, input="x")
        assert (await events(socket))[-1]["status"] == 429
        await create(socket, input="still here")
        assert "still here" in text(await events(socket))


async def test_one_response_at_a_time(gateway: Gateway, sim: Simulated) -> None:
    await sim.fault(stall_after=2, stall=60)
    async with opened(gateway) as socket:
        await create(socket, input="slow")
        await sim.busy(chunks=2)
        await create(socket, input="too soon")
        told = await events(socket)
        assert (told[-1]["status"], told[-1]["error"]["code"]) == (409, "response_in_progress")
    await sim.idle()  # leaving ended the first one


async def test_a_failure_midway_is_an_event_and_not_the_end(gateway: Gateway, sim: Simulated) -> None:
    await sim.fault(reset_after=3)
    async with opened(gateway) as socket:
        await create(socket, input="x")
        assert (await events(socket))[-1]["type"] == "response.failed"
        await create(socket, input="again")
        assert (await events(socket))[-1]["type"] == "response.completed"


@pytest.mark.parametrize("header", [None, "Bearer wrong", f"Basic {KEY}"])
async def test_a_bad_key_is_a_401_at_the_handshake(launch: Launch, header: str | None) -> None:
    gateway = launch(access={"mode": "keys", "keys": [{"name": "a", "key": KEY}]})
    with pytest.raises(InvalidStatus) as refused:
        async with opened(gateway, **({"authorization": header} if header else {})):
            pass
    response = refused.value.response
    assert response.status_code == 401
    assert orjson.loads(response.body)["error"]["code"] == "invalid_api_key"
    async with opened(gateway, authorization=f"Bearer {KEY}") as socket:
        await create(socket, input="good key")
        assert "good key" in text(await events(socket))


async def test_other_paths_have_none(gateway: Gateway) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with opened(gateway, "/v1/chat/completions"):
            pass
    assert refused.value.response.status_code == 404


async def test_pages_of_other_origins_are_kept_out(gateway: Gateway) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with opened(gateway, origin="https://example.org"):
            pass
    assert refused.value.response.status_code == 403


async def test_each_response_has_its_log_line(
    gateway: Gateway, sim: Simulated, capsys: pytest.CaptureFixture[str]
) -> None:
    async with opened(gateway) as socket:
        await create(socket, input="x")
        await events(socket)
    lines = ""

    def told() -> bool:
        nonlocal lines
        lines += capsys.readouterr().out
        return "method=WS" in lines and "outcome=ok" in lines

    await until(told, "the log line")


async def test_callers_who_leave_at_any_moment_leave_nothing_behind(gateway: Gateway, sim: Simulated) -> None:
    async def leave(moment: float) -> None:
        async with opened(gateway) as socket:
            await create(socket, input="x")
            await asyncio.sleep(moment)

    sim.renew(chunk_delay=0.002)
    await asyncio.gather(*(leave(i / 500) for i in range(12)))
    await sim.idle()
