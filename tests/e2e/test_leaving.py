"""Callers who leave at any moment: the backend's work ends at once, and the log has one quiet line."""

import asyncio
import contextlib
import random
from typing import Any
from urllib.parse import urlsplit

import openai
import pytest

from .conftest import Http, Running, Simulated, until
from .pictures import PATHS, asked, data_url, large, seen, shape, small, text_part, url_part
from .servers import Gallery

PLACES = [("chat", "doubao-vision"), ("chat", "qwen-vl"), ("responses", "doubao-vision")]
PLACE = pytest.mark.parametrize(("api", "model"), PLACES)


def call(api: str, model: str, *, stream: bool = True) -> dict[str, Any]:
    return {"model": model, "stream": stream, **asked(api, text_part(api, "hello"))}


async def leave(task: "asyncio.Task[Any]") -> None:
    """Closes the connection of a request under way."""
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def gone(shared: Running, sim: Simulated, before: int) -> None:
    """The backend was left, and the log says so in one line."""
    await sim.idle()
    assert {record["outcome"] for record in await sim.requests()} == {"aborted"}
    line = await shared.request(after=before)
    assert line["outcome"] == "left"
    assert shared.seen() == before + 1


@PLACE
@pytest.mark.parametrize(
    ("fault", "stream"),
    [
        ({"delay": 60}, True),
        ({"delay": 60}, False),
        ({"stall_after": 0}, True),
        ({"stall_after": 3}, True),
        ({"stall_after": 3}, False),
        ({"slow_bytes": 0.01}, True),
        ({"slow_bytes": 0.01}, False),
    ],
    ids=["headers", "headers whole", "first frame", "stream", "whole", "drip", "drip whole"],
)
async def test_leaving(
    shared: Running, http: Http, sim: Simulated, api: str, model: str, fault: dict[str, Any], stream: bool
) -> None:
    await sim.fault(**fault)
    before = shared.seen()
    url = shared.gateway.v1 + PATHS[api]
    task = asyncio.create_task(http.post(url, call(api, model, stream=stream)))
    await sim.busy(chunks=fault.get("stall_after", 0))
    await leave(task)
    await gone(shared, sim, before)


@PLACE
async def test_leaving_in_the_middle_of_what_was_read(
    shared: Running, http: Http, sim: Simulated, api: str, model: str
) -> None:
    await sim.fault(chunks=100_000, text="word ")
    before = shared.seen()
    async with http.open(shared.gateway.v1 + PATHS[api], call(api, model)) as response:
        for _ in range(20):
            assert await response.content.readany()
        response.close()
    await gone(shared, sim, before)


async def test_sdk_that_stops_reading(shared: Running, sim: Simulated) -> None:
    await sim.fault(chunks=100_000, text="word ")
    before = shared.seen()
    async with openai.AsyncOpenAI(base_url=shared.gateway.v1, api_key="k") as client:
        stream: Any = await client.responses.create(model="doubao-vision", input="hello", stream=True)
        async for event in stream:
            if event.type == "response.output_text.delta":
                break
        await stream.close()
    await gone(shared, sim, before)


async def test_sdk_that_loses_patience(shared: Running, sim: Simulated) -> None:
    await sim.fault(delay=60)
    before = shared.seen()
    async with openai.AsyncOpenAI(base_url=shared.gateway.v1, api_key="k", max_retries=0) as client:
        with pytest.raises(openai.APITimeoutError):
            await client.responses.create(model="doubao-vision", input="hello", timeout=0.3)
    await gone(shared, sim, before)


async def test_leaving_while_a_picture_is_fetched(
    shared: Running, http: Http, sim: Simulated, gallery: Gallery
) -> None:
    before = shared.seen()
    body = asked("chat", url_part("chat", f"{gallery.url}/never"), model="qwen-vl")
    task = asyncio.create_task(http.post(f"{shared.gateway.v1}/chat/completions", body))
    await until(lambda: gallery.waiting == 1, "the picture is asked for")
    await leave(task)
    await until(lambda: gallery.waiting == 0, "the fetch ends")
    assert (await shared.request(after=before))["outcome"] == "left"
    assert not await sim.requests()


async def test_leaving_does_not_end_the_fetch_for_others(
    shared: Running, http: Http, sim: Simulated, gallery: Gallery
) -> None:
    url = f"{shared.gateway.v1}/chat/completions"
    body = asked("chat", url_part("chat", f"{gallery.url}/never-2"), model="qwen-vl")
    first, second = (asyncio.create_task(http.post(url, body)) for _ in range(2))
    await until(lambda: gallery.waiting == 1, "the picture is asked for")
    before = shared.seen()
    await leave(first)
    await shared.request(after=before)
    assert gallery.waiting == 1
    await leave(second)
    await until(lambda: gallery.waiting == 0, "the fetch ends with its last caller")


async def test_leaving_while_a_picture_is_uploaded(shared: Running, http: Http, sim: Simulated) -> None:
    await sim.fault(path="/files", delay=60)
    before = shared.seen()
    body = asked("responses", url_part("responses", data_url(large("green"))), model="doubao-vision")
    task = asyncio.create_task(http.post(f"{shared.gateway.v1}/responses", body))
    await sim.busy()
    await leave(task)
    await gone(shared, sim, before)


async def test_leaving_while_an_upload_is_processed(shared: Running, http: Http, sim: Simulated) -> None:
    sim.renew(processing_time=60)
    before = shared.seen()
    body = asked("responses", url_part("responses", data_url(large("green"))), model="doubao-vision")
    task = asyncio.create_task(http.post(f"{shared.gateway.v1}/responses", body))

    async def looked() -> bool:
        return len(await sim.requests("/files/")) >= 1

    await until(looked, "the gateway looks whether the file is ready")
    await leave(task)
    assert (await shared.request(after=before))["outcome"] == "left"
    looks = len(await sim.requests("/files/"))
    sim.renew()
    answer = await http.post(f"{shared.gateway.v1}/responses", {"model": "doubao-vision", "input": "next"})
    assert answer.status == 200
    assert looks >= 1
    assert not await sim.requests("/files/")


async def test_leaving_does_not_end_the_upload_for_others(
    shared: Running, http: Http, sim: Simulated
) -> None:
    sim.renew(processing_time=0.4)
    data = large("green")
    body = asked("responses", url_part("responses", data_url(data)), model="doubao-vision")
    url = f"{shared.gateway.v1}/responses"
    first, second = (asyncio.create_task(http.post(url, body)) for _ in range(2))

    async def uploaded() -> bool:
        return len(await sim.requests("/files")) >= 1

    await until(uploaded, "the upload begins")
    await leave(first)
    assert seen((await second).text) == [shape(data, "green")]
    posts = [one for one in await sim.requests("/files") if one["method"] == "POST"]
    assert len(posts) == 1


async def test_leaving_while_the_body_is_sent(shared: Running, sim: Simulated) -> None:
    before = shared.seen()
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(shared.gateway.url).port)
    head = b"POST /v1/responses HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 1000\r\n\r\n"
    writer.write(head + b'{"model":')
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    line = await shared.request(after=before)
    assert line["outcome"] == "left"
    assert await reader.read() == b""
    assert not await sim.requests()


async def test_leaving_while_a_file_is_sent(shared: Running) -> None:
    before = shared.seen()
    _, writer = await asyncio.open_connection("127.0.0.1", urlsplit(shared.gateway.url).port)
    head = b"POST /v1/files HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 1000000\r\n"
    part = b'--b\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n'
    writer.write(head + b"content-type: multipart/form-data; boundary=b\r\n\r\n" + part + b"x" * 50_000)
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    assert (await shared.request(after=before))["outcome"] == "left"
    assert not list((shared.gateway.folder / "files").iterdir())


async def test_two_hundred_who_leave(shared: Running, http: Http, sim: Simulated) -> None:
    """All at once, from every stage of a request: nothing stays open, and the gateway serves on."""
    dice = random.Random(7)
    before = shared.seen()

    async def one(number: int) -> None:
        api, model = PLACES[number % 3]
        fault = dice.choice(['{"delay": 60}', '{"stall_after": 0}', '{"stall_after": 4}'])
        parts = [text_part(api, f"x [[fault: {fault}]]"), url_part(api, data_url(small("blue"), "image/gif"))]
        body = {"model": model, "stream": dice.random() < 0.7, **asked(api, *parts)}
        await http.post(shared.gateway.v1 + PATHS[api], body)

    tasks = [asyncio.create_task(one(number)) for number in range(200)]

    async def all_there() -> bool:
        return await sim.open() == 200

    await until(all_there, "all calls reach the backend", seconds=20)
    dice.shuffle(tasks)
    await asyncio.gather(*(leave(task) for task in tasks))
    await sim.idle()
    await until(lambda: shared.seen() == before + 200, "all log lines")
    assert {line["outcome"] for line in shared.process.requests()[before:]} == {"left"}
    answer = await http.post(f"{shared.gateway.v1}/responses", {"model": "doubao-vision", "input": "next"})
    assert answer.status == 200
