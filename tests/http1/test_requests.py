"""A request as it goes over the wire."""

import pytest

from gateway.backends.ark import Ark
from gateway.backends.base import UpstreamRequest
from gateway.http1.pool import Pool
from gateway.settings import Upstream
from gateway.upstream import Upstreams

from .servers import OK, answering, ask, serving


async def test_every_byte(pool: Pool) -> None:
    async with serving(answering(OK)) as server:
        await pool.send(
            "GET", f"{server.base}/v1", "/models?a=b%20c", {"x-a": "1", "x-b": ""}, b"", connect=9
        )
        await server.met()
        await server.peers[0].was_asked()
        assert server.peers[0].heads == [
            b"GET /v1/models?a=b%%20c HTTP/1.1\r\nhost: 127.0.0.1:%d\r\nx-a: 1\r\nx-b: \r\n\r\n" % server.port
        ]


@pytest.mark.parametrize("size", [0, 1, 256 << 10, (256 << 10) + 1, 5_000_000])
async def test_body(pool: Pool, size: int) -> None:
    body = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    async with serving(answering(OK)) as server:
        for _ in range(2):
            assert (await ask(pool, server.base, body=body)).body == b"hi"
        assert server.peers[0].bodies == [body] * 2


@pytest.mark.parametrize("evil", ["a\r\nx-evil: 1", "a\nx-evil: 1", "a\rx", "a\0", "\r\n\r\nGET / HTTP/1.1"])
async def test_header_injection(pool: Pool, evil: str) -> None:
    """By a value or by a name: nothing is sent, and no connection made."""
    async with serving(answering(OK)) as server:
        for headers in ({"x-a": evil}, {evil: "a"}):
            with pytest.raises(ValueError, match="a line break or a NUL"):
                await pool.send("POST", server.base, "/", headers, b"", connect=9)
        assert not server.peers


@pytest.mark.parametrize("path", ["/a b", "/a HTTP/1.1\r\nx-evil: 1\r\n\r\n", "/\0", "/é", "/\x7f", "/a\tb"])
async def test_request_line_injection(pool: Pool, path: str) -> None:
    async with serving(answering(OK)) as server:
        with pytest.raises(ValueError, match="percent-encoded"):
            await ask(pool, server.base, path)
        assert not server.peers


async def test_header_bytes_beyond_ascii_are_those_of_the_caller(pool: Pool) -> None:
    value = bytes(range(0x80, 0x100))
    async with serving(answering(OK)) as server:
        await ask(pool, server.base, x=value.decode("latin-1"))
        assert b"\r\nx: " + value + b"\r\n" in server.peers[0].heads[0]


async def test_character_that_no_header_can_hold(pool: Pool) -> None:
    async with serving(answering(OK)) as server:
        with pytest.raises(ValueError, match="latin-1"):
            await ask(pool, server.base, x="钥")
        assert not server.peers


@pytest.mark.parametrize("trailing", ["", "/", "/chat/completions", "/chat/completions/"])
async def test_base_url_of_a_backend(trailing: str) -> None:
    upstreams = Upstreams(Upstream(), {})
    await upstreams.start()
    async with serving(answering(OK)) as server:
        ark = Ark("ark", f"{server.base}/api/v3{trailing}", "key")
        await upstreams.fetch(ark, "key", UpstreamRequest("GET", "/models"))
        assert server.peers[0].heads[0].startswith(b"GET /api/v3/models HTTP/1.1\r\n")
    await upstreams.close()


async def test_length_is_told_of_what_has_a_body_or_might() -> None:
    """Some servers answer a POST without a length with 411; a GET has none (RFC 9110, 8.6)."""
    upstreams = Upstreams(Upstream(), {})
    await upstreams.start()
    async with serving(answering(OK)) as server:
        ark = Ark("ark", server.base, "key")
        for request in (
            UpstreamRequest("POST", "/a", body=b"{}"),
            UpstreamRequest("POST", "/b"),
            UpstreamRequest("GET", "/c"),
            UpstreamRequest("DELETE", "/d"),
        ):
            assert (await upstreams.fetch(ark, "key", request)).body == b"hi"
        told = [
            head.partition(b"content-length: ")[2].partition(b"\r\n")[0] for head in server.peers[0].heads
        ]
        assert told == [b"2", b"0", b"", b""]
    await upstreams.close()
