"""The way to a connection: names, addresses, and those that lead nowhere."""

import asyncio
import contextlib
import socket
from typing import Any

import pytest

from gateway.backends.ark import Ark
from gateway.backends.base import UpstreamRequest
from gateway.errors import UpstreamError
from gateway.http1.names import Names
from gateway.http1.pool import NotConnected, Pool
from gateway.settings import Timeouts, Upstream
from gateway.upstream import Upstreams

from .servers import OK, answering, ask, serving, unreachable_port

V4, V6 = socket.AF_INET, socket.AF_INET6


def answer_names(monkeypatch: pytest.MonkeyPatch, *answers: list[tuple[int, str]]) -> list[str]:
    """Answers the n-th question about backend.test with the n-th addresses, the last for ever; what was asked.

    None are an error.
    """
    asked: list[str] = []
    loop = asyncio.get_running_loop()
    known = loop.getaddrinfo

    async def getaddrinfo(host: str, port: int, **more: Any) -> Any:
        if host != "backend.test":
            return await known(host, port, **more)
        asked.append(host)
        await asyncio.sleep(0)
        found = answers[min(len(asked), len(answers)) - 1]
        if not found:
            raise socket.gaierror(socket.EAI_AGAIN, "no name server answers")
        return [(family, socket.SOCK_STREAM, 6, "", (address, port)) for family, address in found]

    monkeypatch.setattr(loop, "getaddrinfo", getaddrinfo)
    return asked


def has_v6() -> bool:
    with contextlib.suppress(OSError), socket.socket(V6) as probe:
        probe.bind(("::1", 0))
        return True
    return False


needs_v6 = pytest.mark.skipif(not has_v6(), reason="this machine has no IPv6 on loopback")


async def test_nobody_listens(pool: Pool) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        with pytest.raises(NotConnected) as caught:
            await ask(pool, f"http://127.0.0.1:{bound.getsockname()[1]}")
    assert isinstance(caught.value.__cause__, ConnectionRefusedError)


@pytest.mark.parametrize("host", ["name.invalid", "a" * 64, "a..b", "[::ffff:0:0:0:0:0:1%none]"])
async def test_name_that_leads_nowhere(pool: Pool, host: str) -> None:
    with pytest.raises(NotConnected):
        await ask(pool, f"http://{host}:1")


async def test_connecting_that_takes_too_long(pool: Pool) -> None:
    with unreachable_port(V4, "127.0.0.1") as port, pytest.raises(TimeoutError):
        await ask(pool, f"http://127.0.0.1:{port}", connect=0.05)


async def test_no_connection_is_tried_again_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    upstreams = Upstreams(Upstream(retries=1), {})
    await upstreams.start()
    ark = Ark("ark", "http://name.invalid", "key")
    with pytest.raises(UpstreamError) as caught:
        await upstreams.open(ark, "key", UpstreamRequest("GET", "/models"))
    assert (caught.value.status, caught.value.code) == (502, "upstream_unreachable")
    assert isinstance(caught.value.__cause__, NotConnected)
    await upstreams.close()


async def test_connecting_that_takes_too_long_is_a_504() -> None:
    upstreams = Upstreams(Upstream(timeouts=Timeouts(connect=0.05)), {})
    await upstreams.start()
    with unreachable_port(V4, "127.0.0.1") as port, pytest.raises(UpstreamError) as caught:
        await upstreams.open(
            Ark("ark", f"http://127.0.0.1:{port}", "k"), "k", UpstreamRequest("GET", "/models")
        )
    assert (caught.value.status, caught.value.code) == (504, "upstream_timeout")
    assert "0.05 s" in caught.value.message
    await upstreams.close()


@needs_v6
async def test_ipv6_in_brackets(pool: Pool) -> None:
    async with serving(answering(OK), host="::1") as server:
        assert (await ask(pool, f"http://[::1]:{server.port}/v1")).body == b"hi"
        assert b"\r\nhost: [::1]:%d\r\n" % server.port in server.peers[0].heads[0]


@needs_v6
async def test_dead_ipv6_beside_an_ipv4_that_answers(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Happy eyeballs: the second address is tried before the first has failed."""
    answer_names(monkeypatch, [(V6, "::1"), (V4, "127.0.0.1")])
    async with serving(answering(OK)) as server:
        with unreachable_port(V6, "::1", server.port):
            assert (await ask(pool, f"http://backend.test:{server.port}")).body == b"hi"


@needs_v6
async def test_refusing_ipv6_beside_an_ipv4_that_answers(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    answer_names(monkeypatch, [(V6, "::1"), (V4, "127.0.0.1")])
    async with serving(answering(OK)) as server:
        assert (await ask(pool, f"http://backend.test:{server.port}")).body == b"hi"


@needs_v6
async def test_leaving_between_two_addresses(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    answer_names(monkeypatch, [(V6, "::1"), (V4, "127.0.0.1")])
    with (
        unreachable_port(V4, "127.0.0.1") as port,
        unreachable_port(V6, "::1", port),
        pytest.raises(TimeoutError),
    ):
        await ask(pool, f"http://backend.test:{port}", connect=0.4)  # both are being tried by then


async def test_burst_of_connections_asks_for_the_name_once(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = answer_names(monkeypatch, [(V4, "127.0.0.1")])
    async with serving(answering(OK)) as server:
        base = f"http://backend.test:{server.port}"
        await asyncio.gather(*(ask(pool, base) for _ in range(20)))
        assert len(server.peers) == 20
        assert asked == ["backend.test"]


async def test_name_is_looked_up_again_where_its_address_failed(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a backend moves."""
    async with serving(answering(OK)) as server:
        asked = answer_names(monkeypatch, [(V4, "127.0.0.2")], [(V4, "127.0.0.1")])
        base = f"http://backend.test:{server.port}"
        with pytest.raises(NotConnected):
            await ask(pool, base)
        assert (await ask(pool, base)).body == b"hi"
        assert len(asked) == 2


async def test_failure_of_a_lookup_is_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is it a complaint of the loop where all who waited for it have left."""
    names, name = Names(), ("backend.test", 80)
    asked = answer_names(monkeypatch, [], [], [(V4, "127.0.0.1")])
    with pytest.raises(socket.gaierror):
        await names.find(name)
    left = asyncio.create_task(names.find(name))
    await asyncio.sleep(0)
    left.cancel()
    with pytest.raises(asyncio.CancelledError):
        await left
    for _ in range(10):
        await asyncio.sleep(0)
    assert [address for *_, address in await names.find(name)] == [("127.0.0.1", 80)]
    assert len(asked) == 3
    names.forget(("never.asked", 80))
