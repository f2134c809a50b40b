"""Several pictures asked for at once: one call each, failures among them, all of them failed, and callers who leave."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import openai
import orjson
import pytest

from gateway.access.gate import Principal
from gateway.admission import Ticket
from gateway.app import Gateway as Wired
from gateway.app import wire
from gateway.backends.ark import Ark
from gateway.backends.base import Api, Json
from gateway.errors import UpstreamError
from gateway.exchange import Call
from gateway.relay import Relay
from gateway.reply import Whole
from gateway.routing import Candidate, Router
from gateway.settings import Settings
from gateway.telemetry import Record

from .conftest import VISION, Gateway, Http, Launch, Running, Simulated, sections
from .pictures import asked, data_url, large, seen, shape, url_part
from .servers import unused_port

PATH = "/images/generations"
V40 = "doubao-seedream-4-0-250828"
PAIR = {
    "painter": [{"backend": "maas", "model": "qwen-image"}, {"backend": "ark", "model": V40, "weight": 0}]
}


def call(model: str = V40, n: int = 3, **more: Any) -> dict[str, Any]:
    return {"model": model, "prompt": "hills", "size": "1024x1024", "n": n, **more}


def kinds(data: list[Json]) -> list[str]:
    return ["failed" if "error" in one else "made" for one in data]


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 500},
        {"status": 429, "retry_after": 5},
        {"status": 400},
        {"status": 401},
        {"reset_after": 2},
        {"cut_after": 2},
        {"garbage": True},
        {"html": True},
        {"failed_images": [0]},
    ],
)
@pytest.mark.parametrize("prefix", ["/v1", "/api/v3"])
async def test_a_failure_among_several_is_told_in_its_place(
    gateway: Gateway, http: Http, sim: Simulated, prefix: str, fault: dict[str, Any]
) -> None:
    await sim.fault(PATH, **fault)
    answer = await http.post(gateway.url + prefix + PATH, call())
    assert answer.status == 200
    assert sorted(kinds(answer.json["data"])) == ["failed", "made", "made"]
    (failed,) = (one for one in answer.json["data"] if "error" in one)
    assert failed["error"]["code"]
    assert failed["error"]["message"]
    assert answer.json["usage"]["generated_images"] == 2
    assert len(await sim.requests(PATH)) == 3


async def test_a_failure_among_several_of_modelarts(launch: Launch, http: Http, sim: Simulated) -> None:
    gateway = launch(models=PAIR)
    await sim.fault(PATH, status=503)
    answer = await http.post(gateway.v1 + PATH, call("painter", 2))
    assert (answer.status, answer.headers["x-arkway-backend"]) == (200, "maas")
    assert sorted(kinds(answer.json["data"])) == ["failed", "made"]
    assert not await sim.requests("/api/v3")


class Deaf:
    """A backend that cuts the connection of every request with one seed, before any answer, and serves the others."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        seed = orjson.loads(await reader.readexactly(int(length.partition(b":")[2])))["seed"]
        if seed != self._seed:
            body = orjson.dumps({"created": 1, "data": [{"url": f"https://example.com/{seed}.jpg"}]})
            writer.write(
                b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n"
                b"content-length: %d\r\n\r\n%b" % (len(body), body)
            )
        writer.close()


@pytest.fixture
async def deaf() -> AsyncIterator[str]:
    server = await asyncio.start_server(Deaf(seed=8), "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/api/v3"
    server.close()


async def test_one_that_gets_no_answer_at_all_does_not_take_the_others_along(
    launch: Launch, http: Http, deaf: str
) -> None:
    gateway = launch(backends={"ark": {"kind": "ark", "base_url": deaf, "api_key": "k"}})
    answer = await http.post(gateway.v1 + PATH, call(seed=7))
    assert answer.status == 200
    first, second, third = answer.json["data"]
    assert (first["url"][-5:], third["url"][-5:]) == ("7.jpg", "9.jpg")
    assert second["error"]["code"] == "upstream_unreachable"


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ({"status": 500, "code": "TheCode"}, 500, "TheCode"),
        ({"status": 429, "code": "TheCode", "retry_after": 7}, 429, "TheCode"),
        ({"status": 400, "code": "TheCode"}, 400, "TheCode"),
        ({"status": 401, "code": "TheCode"}, 502, "TheCode"),
        ({"garbage": True}, 502, "upstream_garbage"),
        ({"failed_images": [0]}, 400, "OutputImageSensitiveContentDetected"),
    ],
)
async def test_where_all_failed_it_is_one_error(
    gateway: Gateway, http: Http, sim: Simulated, fault: dict[str, Any], status: int, code: str
) -> None:
    await sim.fault(PATH, times=3, **fault)
    answer = await http.post(gateway.v1 + PATH, call())
    assert (answer.status, answer.error["code"]) == (status, code)
    assert answer.headers.get("retry-after") == ("7" if "retry_after" in fault else None)
    assert len(await sim.requests(PATH)) == 3


@pytest.mark.parametrize("fault", [{"status": 503}, {"status": 429}, {"garbage": True}])
async def test_where_all_failed_another_place_stands_in(
    launch: Launch, http: Http, sim: Simulated, fault: dict[str, Any]
) -> None:
    gateway = launch(models=PAIR)
    await sim.fault("/v2/infer", times=3, **fault)
    answer = await http.post(gateway.v1 + PATH, call("painter"))
    assert (answer.status, answer.headers["x-arkway-backend"]) == (200, "ark")
    assert kinds(answer.json["data"]) == ["made"] * 3
    assert answer.changes == ["n:3=3-calls"]
    assert len(await sim.requests(PATH)) == 6


async def test_another_place_stands_in_for_one_that_does_not_listen(launch: Launch, http: Http) -> None:
    gone = {"kind": "modelarts", "base_url": f"http://127.0.0.1:{unused_port()}/v1", "api_key": "k"}
    gateway = launch(models=PAIR, backends={"maas": gone}, upstream={"retries": 0})
    answer = await http.post(gateway.v1 + PATH, call("painter"))
    assert (answer.status, answer.headers["x-arkway-backend"]) == (200, "ark")


async def test_callers_own_mistake_goes_no_further(launch: Launch, http: Http, sim: Simulated) -> None:
    gateway = launch(models=PAIR)
    await sim.fault("/v2/infer", times=3, status=422)
    answer = await http.post(gateway.v1 + PATH, call("painter"))
    assert answer.status == 422
    assert not await sim.requests("/api/v3")


@pytest.mark.parametrize("fault", [{"delay": 60}, {"stall_after": 1}, {"slow_bytes": 0.02}])
async def test_who_leaves_ends_all_calls(
    gateway: Gateway, http: Http, sim: Simulated, fault: dict[str, Any]
) -> None:
    await sim.fault(PATH, times=4, **fault)
    task = asyncio.create_task(http.post(gateway.v1 + PATH, call(n=4)))
    await sim.busy(4)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    await sim.idle()
    assert [one["outcome"] for one in await sim.requests(PATH)] == ["aborted"] * 4
    assert (await http.post(gateway.v1 + PATH, call(n=2))).status == 200


async def test_one_that_never_ends_is_no_reason_to_wait_for_ever(
    launch: Launch, http: Http, sim: Simulated
) -> None:
    gateway = launch(upstream={"timeouts": {"total": 0.5}})
    await sim.fault(PATH, delay=60)
    answer = await http.post(gateway.v1 + PATH, call())
    assert (answer.status, answer.error["code"]) == (504, "upstream_timeout")
    await sim.idle()


async def test_the_log_tells_the_tokens_of_all_calls(shared: Running, http: Http, sim: Simulated) -> None:
    before = shared.seen()
    await http.post(shared.gateway.v1 + PATH, call(n=3))
    line = await shared.request(PATH, after=before)
    assert line["output_tokens"] == 3 * 1024 * 1024 // 256
    assert line["outcome"] == "ok"


async def test_the_sdk_reads_all_of_it(gateway: Gateway, sim: Simulated) -> None:
    await sim.fault(PATH, status=500)
    answer: openai.types.ImagesResponse = await gateway.openai.images.generate(
        model=V40, prompt="hills", size="1024x1024", n=4
    )
    assert sorted(bool(one.url) for one in answer.data or []) == [False, True, True, True]
    assert answer.usage
    assert answer.usage.output_tokens == 3 * 1024 * 1024 // 256


class Twice(Ark):
    """A backend that is asked twice for each answer; no real one is, where it takes file ids."""

    def split(self, api: Api, body: Json) -> list[Json]:
        return [body, body]


@pytest.fixture
async def wired(sim: Simulated, tmp_path: Any) -> AsyncIterator[Wired]:
    wired = wire(Settings.model_validate(sections(sim.url, tmp_path)))
    await wired.upstreams.start()
    yield wired
    await wired.close()


def relay(wired: Wired, sim: Simulated) -> Relay:
    twice = Candidate(Twice("ark", f"{sim.url}/api/v3", "k"), VISION)
    return replace(wired.relay, router=Router({"twice": [twice]}))


def respond(wired: Wired, data: bytes) -> Call:
    body = asked("responses", url_part("responses", data_url(data)), model="twice")
    ticket, caller = Ticket(wired.admission, 0), Principal("open", "open")
    return Call("responses", "openai", {}, body, caller, Record("r", "POST", "/"), ticket)


async def test_files_that_are_gone_are_uploaded_again_once_for_all_calls(
    wired: Wired, sim: Simulated
) -> None:
    data, serve = large("green"), relay(wired, sim)
    await serve(respond(wired, data))
    await sim.fault("/responses", file_gone=True)
    reply = await serve(respond(wired, data))
    assert isinstance(reply, Whole)
    assert seen(orjson.loads(reply.body)["output"][-1]["content"][0]["text"]) == [shape(data, "green")]
    posts = [one for one in await sim.requests("/files") if one["method"] == "POST"]
    assert len(posts) == 2
    await sim.idle()


async def test_files_that_are_gone_again_are_told(wired: Wired, sim: Simulated) -> None:
    data, serve = large("green"), relay(wired, sim)
    await serve(respond(wired, data))
    await sim.fault("/responses", times=4, status=404, message="The file is not found.")
    with pytest.raises(UpstreamError, match="not found"):
        await serve(respond(wired, data))
    await sim.idle()
