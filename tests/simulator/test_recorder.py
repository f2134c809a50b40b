"""The record of requests, above all of callers that leave."""

import asyncio
from typing import Any

import pytest

from gateway.simulator.recorder import Recorder, shortened

from .conftest import Client, chat_body
from .media import data_url, image_part, picture, text_part


async def leave(
    http: Client, body: dict[str, Any], *, read: int = 0, path: str = "/chat/completions"
) -> None:
    """Posts, reads so many bytes of the answer, and closes the connection."""
    async with (
        asyncio.timeout(2),
        http.session.post(http.ark + path, json=body, headers=http.headers) as response,
    ):
        if read:
            await response.content.readexactly(read)
        response.close()


async def ended(http: Client) -> dict[str, Any]:
    """The first record, once its request has ended."""
    async with asyncio.timeout(2):
        while (record := (await http.records())[0])["outcome"] == "running":
            await asyncio.sleep(0)
    return dict(record)


async def open_requests(http: Client) -> int:
    return int((await http.send("GET", f"{http.base}/_simulator/state")).json["open"])


async def test_complete_request(http: Client) -> None:
    url = data_url(picture())
    await http.chat(image_part(picture()), text_part("hi"), stream=True)
    (record,) = await http.records()
    assert list(record) == [
        "n",
        "method",
        "path",
        "headers",
        "body",
        "bytes",
        "status",
        "outcome",
        "chunks_sent",
    ]
    assert (record["n"], record["method"], record["path"]) == (1, "POST", "/api/v3/chat/completions")
    assert record["headers"]["authorization"] == "Bearer key"
    assert record["body"]["messages"][0]["content"][0]["image_url"]["url"] == f"{url[:60]}…({len(url)})"
    assert record["bytes"] > len(url)
    assert (record["status"], record["outcome"]) == (200, "complete")
    assert record["chunks_sent"] > 5


async def test_after_and_clear(http: Client) -> None:
    for text in ("one", "two", "three"):
        await http.chat(text_part(text))
    later = (await http.send("GET", f"{http.base}/_simulator/requests?after=2")).json["data"]
    assert [record["n"] for record in later] == [3]
    assert (await http.send("GET", f"{http.base}/_simulator/requests?after=x")).status == 400
    await http.send("DELETE", f"{http.base}/_simulator/requests")
    assert await http.records() == []
    await http.chat(text_part("four"))
    assert [record["n"] for record in await http.records()] == [4]


async def test_unparsable_bodies_and_refusals_are_recorded(http: Client) -> None:
    await http.send("POST", f"{http.ark}/responses", data=b"{")
    await http.send("GET", f"{http.ark}/nothing")
    first, second = await http.records()
    assert (first["body"], first["bytes"], first["status"]) == (None, 1, 400)
    assert (second["status"], second["outcome"]) == (404, "complete")


async def test_caller_leaves_during_the_stream(http: Client) -> None:
    await leave(
        http, chat_body(text_part('[[fault: {"chunks": 10000, "chunk_delay": 0.01}]]'), stream=True), read=500
    )
    record = await ended(http)
    assert (record["outcome"], record["status"]) == ("aborted", 200)
    assert 1 < record["chunks_sent"] < 1000


async def test_caller_leaves_during_a_stall(http: Client) -> None:
    await leave(http, chat_body(text_part('[[fault: {"stall_after": 0}]]'), stream=True))
    record = await ended(http)
    assert (record["outcome"], record["status"], record["chunks_sent"]) == ("aborted", 200, 0)


async def test_caller_leaves_before_the_headers(http: Client) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await http.chat(text_part('[[fault: {"delay": 60}]]'))
    record = await ended(http)
    assert (record["outcome"], record["status"]) == ("aborted", None)
    assert await open_requests(http) == 0


async def test_running_requests_are_counted(http: Client) -> None:
    waiting = asyncio.create_task(http.chat(text_part('[[fault: {"delay": 60}]]')))
    async with asyncio.timeout(2):
        while await open_requests(http) == 0:
            await asyncio.sleep(0)
    (record,) = await http.records()
    assert (record["outcome"], record["status"]) == ("running", None)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert (await ended(http))["outcome"] == "aborted"


async def test_caller_leaves_in_the_middle_of_the_upload(http: Client) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", int(http.base.rpartition(":")[2]))
    writer.write(b"POST /api/v3/responses HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n{")
    async with asyncio.timeout(2):
        await writer.drain()
        while await open_requests(http) == 0:
            await asyncio.sleep(0)
    writer.close()
    await writer.wait_closed()
    assert (await ended(http))["outcome"] == "aborted"


def test_record_is_bounded() -> None:
    recorder = Recorder()
    for _ in range(1200):
        recorder.end(recorder.begin("GET", "/", {}))
    assert [recorder.after(0)[0]["n"], len(recorder.after(0)), recorder.open] == [201, 1000, 0]


def test_long_texts_are_shortened() -> None:
    long, url = "x" * 20_001, "data:" + "y" * 196
    assert shortened({"a": [long, url, "data:short", 5]}) == {
        "a": [f"{'x' * 60}…(20001)", f"{url[:60]}…(201)", "data:short", 5]
    }
