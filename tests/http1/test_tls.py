"""TLS: who is trusted, and what is made of ends that it vouches for or not."""

import asyncio
from pathlib import Path

import pytest
import uvloop

from gateway.backends.ark import Ark
from gateway.backends.base import UpstreamRequest
from gateway.errors import UpstreamError
from gateway.http1.connection import Broken
from gateway.http1.pool import NotConnected, Pool
from gateway.settings import Timeouts, Upstream
from gateway.upstream import Upstreams
from tests.authority import DAY, Authority

from .servers import OK, Peer, Server, answering, ask, begin, outcome, rest, serving

HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n"


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """Trusted by pools that are made from now on."""
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    return authority


def named(server: Server, host: str = "localhost") -> str:
    return f"https://{host}:{server.port}"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
async def test_trusted_by_name_or_address(authority: Authority, pool: Pool, host: str) -> None:
    async with serving(answering(OK), tls=authority.server(host)) as server:
        for _ in range(2):
            assert (await ask(pool, named(server, host))).body == b"hi"
        assert len(server.peers) == 1


@pytest.mark.parametrize("flaw", ["name", "address", "expired", "stranger", "plain", "closed", "garbage"])
async def test_what_is_not_trusted_is_no_connection(
    authority: Authority, pool: Pool, tmp_path: Path, flaw: str
) -> None:
    (tmp_path / "stranger").mkdir()
    tls = {
        "name": authority.server("other.test"),
        "address": authority.server("127.0.0.2"),
        "expired": authority.server("localhost", -DAY),
        "stranger": Authority(tmp_path / "stranger").server("localhost"),
    }.get(flaw)

    async def act(peer: Peer) -> None:
        await peer.reader.read(1)
        if flaw == "garbage":
            await peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            await peer.stay()

    async with serving(act if flaw in ("closed", "garbage") else answering(OK), tls=tls) as server:
        host = "127.0.0.1" if flaw == "address" else "localhost"
        # "plain" waits for a request that never comes, as its client waits for a handshake.
        expected = TimeoutError if flaw == "plain" else NotConnected
        with pytest.raises(expected):
            await ask(pool, named(server, host), connect=0.05 if flaw == "plain" else 10)
        assert not any(peer.heads for peer in server.peers)


async def test_what_is_not_trusted_is_a_502(authority: Authority) -> None:
    upstreams = Upstreams(Upstream(retries=1), {})
    await upstreams.start()
    async with serving(answering(OK), tls=authority.server("other.test")) as server:
        with pytest.raises(UpstreamError) as caught:
            await upstreams.open(Ark("ark", named(server), "key"), "key", UpstreamRequest("GET", "/models"))
        assert (caught.value.status, caught.value.code) == (502, "upstream_unreachable")
        assert "CERTIFICATE_VERIFY_FAILED" in str(caught.value.__cause__)
    await upstreams.close()


async def test_handshake_that_never_ends_is_a_504(authority: Authority) -> None:
    upstreams = Upstreams(Upstream(timeouts=Timeouts(connect=0.05)), {})
    await upstreams.start()

    async def act(peer: Peer) -> None:
        await peer.stay()

    async with serving(act) as server:
        with pytest.raises(UpstreamError) as caught:
            await upstreams.open(Ark("ark", named(server), "key"), "key", UpstreamRequest("GET", "/models"))
        assert (caught.value.status, caught.value.code) == (504, "upstream_timeout")
        await server.peers[0].gone()
        assert len(server.peers) == 1
    await upstreams.close()


async def test_leaving_at_every_moment(authority: Authority) -> None:
    """As many rounds of the loop after its beginning as it takes until the answer is there."""
    async with serving(answering(OK), tls=authority.server("localhost")) as server:
        for count in range(2000):
            pool = Pool()
            task = asyncio.create_task(ask(pool, named(server)))
            for _ in range(count):
                await asyncio.sleep(0)
            if task.done():
                assert task.result().body == b"hi"
                pool.close()
                break
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            pool.close()
        assert count > 5
        for peer in server.peers:
            await peer.gone()


@pytest.mark.parametrize("vouched", [True, False])
async def test_answer_that_ends_with_the_connection(authority: Authority, pool: Pool, vouched: bool) -> None:
    """Whoever sits on the way can end a connection, but cannot forge TLS's own goodbye (RFC 8446, 6.1)."""

    async def act(peer: Peer) -> None:
        await peer.request()
        await peer.send_apart([b"HTTP/1.1 200 OK\r\n\r\nhi"])
        if not vouched:
            peer.writer.transport.abort()

    async with serving(act, tls=authority.server("localhost")) as server:
        told = await outcome(pool, named(server))
        # asyncio's TLS does not tell one end from the other; uvloop, on which the gateway runs, does.
        tells = isinstance(asyncio.get_running_loop(), uvloop.Loop)
        assert told is Broken if tells and not vouched else told.body == b"hi"  # type: ignore[union-attr]


@pytest.mark.parametrize("sized", [True, False])
async def test_end_behind_a_slow_reader_is_never_mistaken(
    authority: Authority, pool: Pool, sized: bool
) -> None:
    """uvloop drops what has come for a paused reader when the connection ends: then the answer is broken, not short."""
    size = 400 << 10
    closed = asyncio.Event()

    async def act(peer: Peer) -> None:
        await peer.request()
        await peer.send((HEAD % size if sized else b"HTTP/1.1 200 OK\r\n\r\n") + b"x" * size)
        peer.writer.close()
        closed.set()

    async with serving(act, tls=authority.server("localhost")) as server:
        answer = await begin(pool, named(server))
        await closed.wait()
        for _ in range(50):
            await asyncio.sleep(0)
        try:
            assert len(await rest(answer)) == size
        except Broken:
            assert isinstance(asyncio.get_running_loop(), uvloop.Loop)
        finally:
            answer.close()
