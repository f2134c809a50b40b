"""A full gateway: who comes then waits with his body unread, is served when there is room, or is told to come again."""

import asyncio
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest

from .conftest import Gateway, Http, Launch, Run, Simulated, until
from .servers import Gallery

CHAT = "/chat/completions"


def call(*, stream: bool = False, text: str = "hello") -> dict[str, Any]:
    return {"model": "doubao-vision", "stream": stream, "messages": [{"role": "user", "content": text}]}


class Held:
    """A stream that holds the only place until it is let go."""

    def __init__(self, gateway: Gateway, http: Http, sim: Simulated) -> None:
        self._gateway, self._http, self._sim = gateway, http, sim

    async def __aenter__(self) -> "Held":
        await self._sim.fault(stall_after=1)
        self._opened = self._http.open(self._gateway.v1 + CHAT, call(stream=True))
        self._response = await self._opened.__aenter__()
        await self._response.content.readany()
        return self

    def let_go(self) -> None:
        self._response.close()

    async def __aexit__(self, *error: Any) -> None:
        self.let_go()
        await self._sim.idle()


def single(launch: Launch, queue_timeout: float) -> Gateway:
    return launch(admission={"max_requests": 1, "queue_timeout": queue_timeout})


@dataclass
class Raw:
    """A request on a connection of its own, byte by byte."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @classmethod
    async def send(cls, gateway: Gateway, request: bytes) -> "Raw":
        raw = cls(*await asyncio.open_connection("127.0.0.1", urlsplit(gateway.url).port))
        raw.writer.write(request)
        await raw.writer.drain()
        return raw

    async def answer(self) -> bytes:
        """All that comes until the gateway closes the connection."""
        async with asyncio.timeout(10):
            told = await self.reader.read()
        await self.leave()
        return told

    async def leave(self) -> None:
        self.writer.close()
        await self.writer.wait_closed()


def head(size: int, *more: str) -> bytes:
    lines = [f"POST /v1{CHAT} HTTP/1.1", "host: 127.0.0.1", "connection: close", f"content-length: {size}"]
    return "\r\n".join([*lines, *more, "", ""]).encode()


async def queued(gateway: Gateway, http: Http) -> Raw:
    """A request that waits for its turn: what was sent after it on another connection has been answered."""
    body = orjson.dumps(call())
    raw = await Raw.send(gateway, head(len(body)) + body)
    assert (await http.get(f"{gateway.url}/health/live")).status == 200
    return raw


@pytest.mark.parametrize("prefix", ["/v1", "/api/v3"])
async def test_without_room_it_is_told_when_to_come_again(
    launch: Launch, http: Http, sim: Simulated, prefix: str
) -> None:
    gateway = single(launch, 0.05)
    async with Held(gateway, http, sim):
        answer = await http.post(f"{gateway.url}{prefix}{CHAT}", call())
        assert (answer.status, answer.headers["retry-after"]) == (503, "1")
        assert (answer.error["type"], answer.error["code"]) == ("server_error", "overloaded")
        assert "admission.max_requests" in answer.error["message"]
        assert answer.headers["x-request-id"].startswith("req_")
        assert len(await sim.requests()) == 1
    assert (await http.post(gateway.v1 + CHAT, call())).status == 200


async def test_the_body_is_not_read_before_its_turn(launch: Launch, http: Http, sim: Simulated) -> None:
    """Whoever asks for leave to send the body gets it only when there is room for it."""
    gateway = single(launch, 0.05)
    body = orjson.dumps(call())
    asking = head(len(body), "expect: 100-continue")
    async with Held(gateway, http, sim):
        refused = await Raw.send(gateway, asking)
        assert (await refused.answer()).startswith(b"HTTP/1.1 503 ")
    served = await Raw.send(gateway, asking)
    async with asyncio.timeout(10):
        assert await served.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    served.writer.write(body)
    assert (await served.answer()).startswith(b"HTTP/1.1 200 ")


async def test_a_large_body_that_is_turned_away_leaves_a_sound_connection(
    launch: Launch, http: Http, sim: Simulated
) -> None:
    gateway = single(launch, 0.05)
    async with Held(gateway, http, sim):
        answers = [await http.post(gateway.v1 + CHAT, call(text="x" * 3_000_000)) for _ in range(3)]
        assert [answer.status for answer in answers] == [503] * 3


async def test_it_is_served_as_soon_as_there_is_room(launch: Launch, http: Http, sim: Simulated) -> None:
    gateway = single(launch, 20)
    async with Held(gateway, http, sim) as held:
        waiting = [await queued(gateway, http) for _ in range(3)]
        assert len(await sim.requests()) == 1
        held.let_go()
        answers = [await one.answer() for one in waiting]
    assert [answer[:13] for answer in answers] == [b"HTTP/1.1 200 "] * 3


async def test_what_is_no_work_needs_no_room(launch: Launch, http: Http, sim: Simulated) -> None:
    gateway = single(launch, 0.05)
    async with Held(gateway, http, sim):
        file = await gateway.openai.files.create(file=("a.txt", b"hello"), purpose="user_data")
        assert (await gateway.openai.files.content(file.id)).content == b"hello"
        for path in ("/health/live", "/health/ready", "/v1/models", "/v1/files", f"/v1/files/{file.id}"):
            assert (await http.get(gateway.url + path)).status == 200


async def test_few_bytes_at_a_time_and_all_are_served(launch: Launch, http: Http, sim: Simulated) -> None:
    body = call(text="x" * 3000)
    gateway = launch(admission={"max_bytes": 2 * len(orjson.dumps(body)) + 500, "queue_timeout": 30})
    await sim.fault(times=32, delay=0.01)
    most = 0

    async def look() -> None:
        nonlocal most
        while True:
            most = max(most, await sim.open())

    looking = asyncio.create_task(look())
    answers = await asyncio.gather(*(http.post(gateway.v1 + CHAT, body) for _ in range(32)))
    looking.cancel()
    await asyncio.wait({looking})
    assert [answer.status for answer in answers] == [200] * 32
    assert 1 <= most <= 4  # two at a time; the backend still counts one whose answer has just been sent


async def test_one_that_is_larger_than_all_room_is_served_alone(
    launch: Launch, http: Http, sim: Simulated
) -> None:
    gateway = launch(admission={"max_bytes": 1000, "queue_timeout": 30})
    texts = ["x" * 5000, "small", "y" * 5000, "small"]
    answers = await asyncio.gather(*(http.post(gateway.v1 + CHAT, call(text=text)) for text in texts))
    assert [answer.status for answer in answers] == [200] * 4


async def test_a_body_of_unknown_size_holds_no_more_than_it_had_once_it_is_read(
    launch: Launch, http: Http, gallery: Gallery
) -> None:
    gateway = launch(server={"max_body_bytes": 5000}, admission={"max_bytes": 5000, "queue_timeout": 5})
    picture = {"type": "image_url", "image_url": {"url": f"{gallery.url}/never-admitted"}}
    body = orjson.dumps(call() | {"messages": [{"role": "user", "content": [picture]}]})
    lines = [
        f"POST /v1{CHAT} HTTP/1.1",
        "host: 127.0.0.1",
        "transfer-encoding: chunked",
        "",
        f"{len(body):x}",
        "",
    ]
    chunked = await Raw.send(gateway, "\r\n".join(lines).encode() + body + b"\r\n0\r\n\r\n")
    await until(lambda: gallery.waiting == 1, "the picture is asked for")
    assert (await http.post(gateway.v1 + CHAT, call())).status == 200
    await chunked.leave()
    await until(lambda: gallery.waiting == 0, "the fetch ends")


async def test_who_leaves_while_he_waits_takes_no_place_along(run: Run, http: Http, sim: Simulated) -> None:
    running = run(admission={"max_requests": 1, "queue_timeout": 20})
    gateway = running.gateway
    async with Held(gateway, http, sim) as held:
        left, *others = [await queued(gateway, http) for _ in range(3)]
        await left.leave()
        held.let_go()
        answers = [await one.answer() for one in others]
    assert [answer[:13] for answer in answers] == [b"HTTP/1.1 200 "] * 2
    assert len(await sim.requests()) == 3  # nothing was asked for him

    def outcomes() -> list[str]:
        return [line["outcome"] for line in running.process.requests() if line["path"] == f"/v1{CHAT}"]

    await until(lambda: len(outcomes()) == 4, "all log lines")
    assert sorted(outcomes()) == ["left", "left", "ok", "ok"]
    assert (await http.post(gateway.v1 + CHAT, call())).status == 200


async def test_what_is_refused_and_what_fails_gives_its_place_back(
    launch: Launch, http: Http, sim: Simulated
) -> None:
    gateway = single(launch, 0.5)
    url = gateway.v1 + CHAT
    await sim.fault(status=500)
    statuses = [
        (await http.post(url, call())).status,
        (await http.post(url, b"no JSON")).status,
        (await http.post(url, {"model": "unknown"})).status,
        (await http.post(url, call(), content_encoding="gzip")).status,
        (await http.post(url, call())).status,
    ]
    assert statuses == [500, 400, 404, 415, 200]
