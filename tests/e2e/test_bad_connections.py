"""Connections that are silent, slow, broken or malformed."""

import asyncio
from urllib.parse import urlsplit

import orjson
import pytest

from .conftest import Gateway, Http, Launch

HEAD = b"POST /v1/responses HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"


async def exchange(gateway: Gateway, *writes: bytes) -> bytes:
    """Writes, then reads until the gateway closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(gateway.url).port)
    try:
        for data in writes:
            writer.write(data)
            await writer.drain()
        async with asyncio.timeout(10):
            return await reader.read()
    finally:
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize("writes", [(), (b"POST /v1/resp",), (HEAD,)], ids=["silent", "line", "headers"])
async def test_headers_that_do_not_come(launch: Launch, writes: tuple[bytes, ...]) -> None:
    gateway = launch(server={"port": 0, "header_timeout": 0.2})
    assert await exchange(gateway, *writes) == b""


async def test_headers_of_a_further_request_that_do_not_come(launch: Launch) -> None:
    gateway = launch(server={"port": 0, "header_timeout": 0.2})
    live = b"GET /health/live HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"
    answer = await exchange(gateway, live + HEAD)
    assert answer.endswith(b'{"status":"live"}')


async def test_pipelined_requests_are_answered_in_order(launch: Launch) -> None:
    gateway = launch()
    body = b'{"model":"doubao-vision","messages":[{"role":"user","content":"hi"}],"stream":true}'
    ask = (
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: %d\r\n\r\n" % len(body)
        + body
    )
    live = b"GET /health/live HTTP/1.1\r\nhost: 127.0.0.1\r\n%b\r\n"
    answer = await exchange(gateway, live % b"" + ask + ask + live % b"connection: close\r\n")
    told = answer.split(b"HTTP/1.1 200 OK\r\n")[1:]
    assert [b"text/event-stream" in one for one in told] == [False, True, True, False]
    assert [one.count(b"data: [DONE]\n\n\r\n0\r\n\r\n") for one in told] == [0, 1, 1, 0]
    assert [one.endswith(b'{"status":"live"}') for one in told] == [True, False, False, True]


async def test_headers_that_drip(launch: Launch) -> None:
    gateway = launch(server={"port": 0, "header_timeout": 0.3})
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(gateway.url).port)

    async def drip() -> None:
        for byte in HEAD * 100:
            writer.write(bytes((byte,)))
            await asyncio.sleep(0.01)

    dripping = asyncio.create_task(drip())
    async with asyncio.timeout(10):
        assert await reader.read() == b""
    dripping.cancel()
    writer.close()
    await asyncio.wait({dripping})


@pytest.mark.parametrize(
    "length", [b"content-length: 100\r\n", b"transfer-encoding: chunked\r\n"], ids=["length", "chunked"]
)
async def test_body_that_does_not_come(launch: Launch, length: bytes) -> None:
    gateway = launch(server={"port": 0, "body_timeout": 0.2})
    answer = await exchange(gateway, HEAD + length + b"connection: close\r\n\r\n", b"")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408 ")
    assert orjson.loads(body)["error"]["code"] == "request_timeout"
    assert "0.2 s" in orjson.loads(body)["error"]["message"]


async def test_connection_is_kept_for_longer_than_the_headers_may_take(launch: Launch, http: Http) -> None:
    """The deadline is for headers, not for idle connections that clients keep."""
    gateway = launch(server={"port": 0, "header_timeout": 0.2})
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(gateway.url).port)
    request = b"GET /health/live HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"
    for _ in range(2):
        writer.write(request)
        async with asyncio.timeout(5):
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 ")
            assert await reader.readuntil(b"}") == b'{"status":"live"}'
        await asyncio.sleep(0.4)  # idle for twice the deadline
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize(
    "raw",
    [
        b"NONSENSE\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        HEAD + b"content-length: -5\r\n\r\n",
        HEAD + b"content-length: 5\r\ncontent-length: 6\r\n\r\nhello",
        HEAD + b"transfer-encoding: chunked\r\n\r\nzz\r\n",
    ],
)
async def test_what_is_no_http(gateway: Gateway, http: Http, raw: bytes) -> None:
    answer = await exchange(gateway, raw)
    assert answer == b"" or answer.split(b" ")[1].startswith(b"4")
    assert (await http.get(f"{gateway.url}/health/live")).status == 200


async def test_two_requests_in_one_packet(gateway: Gateway) -> None:
    one = b"GET /health/live HTTP/1.1\r\nhost: 127.0.0.1\r\n"
    answer = await exchange(gateway, one + b"\r\n" + one + b"connection: close\r\n\r\n")
    assert answer.count(b"HTTP/1.1 200 OK") == 2


async def test_header_in_a_models_name_is_no_header(gateway: Gateway, http: Http) -> None:
    body = {"model": "doubao-x\r\nx-injected: yes\r\n\r\nbody", "input": "hello"}
    answer = await http.post(f"{gateway.v1}/responses", body)
    assert "x-injected" not in answer.headers
    assert "\n" not in answer.headers["x-arkway-model"]
