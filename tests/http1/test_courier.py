"""What goes by aiohttp: forms, and ways through a proxy."""

import asyncio
import hashlib
import io
import socket
import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.backends.ark import Ark
from gateway.backends.base import Form, UpstreamReply, UpstreamRequest
from gateway.errors import UpstreamError
from gateway.http1.connection import Broken
from gateway.http1.courier import Courier
from gateway.http1.pool import NotConnected
from gateway.settings import Upstream
from gateway.upstream import Upstreams

from .answers import BAD
from .servers import OK, Act, Peer, answering, apart, rest, serving, silent, unreachable_port

PARTS = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n"


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "no_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
async def courier() -> AsyncIterator[Courier]:
    courier = Courier()
    yield courier
    await courier.close()


async def fetched(base: str, request: UpstreamRequest | None = None, **policy: object) -> UpstreamReply:
    """What the gateway gets, with the proxies of the environment as they are now."""
    upstreams = Upstreams(Upstream.model_validate(policy), {})
    await upstreams.start()
    try:
        async with asyncio.timeout(20):
            ark = Ark("ark", base, "key")
            return await upstreams.fetch(ark, "key", request or UpstreamRequest("GET", "/models"))
    finally:
        await upstreams.close()


async def test_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(answering(OK)) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.base)
        request = UpstreamRequest("POST", "/chat/completions", body=b'{"model":"m"}')
        assert (await fetched("http://backend.test:81/v1", request)).body == b"hi"
        assert (await fetched("http://backend.test:81/v1")).body == b"hi"
        posted, got = proxy.peers
        assert posted.heads[0].startswith(b"POST http://backend.test:81/v1/chat/completions HTTP/1.1\r\n")
        assert posted.bodies == [b'{"model":"m"}']
        for line in (b"host: backend.test:81", b"authorization: bearer key", b"content-length: 13"):
            assert b"\r\n" + line + b"\r\n" in posted.heads[0].lower()
        assert got.heads[0].startswith(b"GET http://backend.test:81/v1/models HTTP/1.1\r\n")


@pytest.mark.parametrize("written", ["http://user:pass@127.0.0.1:{}", "user:pass@127.0.0.1:{}"])
async def test_proxy_with_a_key_and_without_a_scheme(monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    """As curl takes it; the backend's own key is not the proxy's."""
    async with serving(answering(OK)) as proxy:
        monkeypatch.setenv("http_proxy", written.format(proxy.port))
        assert (await fetched("http://backend.test/v1")).body == b"hi"
        head = proxy.peers[0].heads[0].lower()
        assert b"proxy-authorization: basic dxnlcjpwyxnz\r\n" in head
        assert b"\r\nauthorization: bearer key\r\n" in head


async def test_form_goes_by_the_proxy_too(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(answering(OK)) as proxy:
        monkeypatch.setenv("http_proxy", proxy.base)
        form = Form({"purpose": "user_data"}, "a.txt", "text/plain", b"data")
        request = UpstreamRequest("POST", "/files", form=form)
        assert (await fetched("http://backend.test/v1", request)).body == b"hi"
        assert proxy.peers[0].heads[0].startswith(b"POST http://backend.test/v1/files HTTP/1.1\r\n")


@pytest.mark.parametrize(
    "exception", ["127.0.0.1", "*", "example.com,127.0.0.1:{port}", "localhost,127.0.0.1"]
)
async def test_no_proxy(monkeypatch: pytest.MonkeyPatch, exception: str) -> None:
    async with serving(silent) as proxy, serving(answering(OK)) as server:
        monkeypatch.setenv("HTTP_PROXY", proxy.base)
        monkeypatch.setenv("NO_PROXY", exception.format(port=server.port))
        assert (await fetched(server.base)).body == b"hi"
        assert not proxy.peers


async def test_proxy_for_another_scheme_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(silent) as proxy, serving(answering(OK)) as server:
        monkeypatch.setenv("HTTPS_PROXY", proxy.base)
        assert (await fetched(server.base)).body == b"hi"
        assert not proxy.peers


@pytest.mark.parametrize(
    "proxy", ["http://127.0.0.1:1", "socks5://127.0.0.1:1080", "http://name.invalid", "http://["]
)
async def test_proxy_that_leads_nowhere_is_a_502(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy)
    with pytest.raises(UpstreamError) as caught:
        await fetched("http://backend.test", retries=0)
    assert (caught.value.status, caught.value.code) == (502, "upstream_unreachable")


async def test_proxy_that_refuses_the_way_is_no_connection(courier: Courier) -> None:
    async with serving(answering(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n")) as proxy:
        with pytest.raises(NotConnected):
            await courier.send("GET", "https://backend.test/", {}, b"", connect=9, proxy=proxy.base)
        assert proxy.peers[0].heads[0].startswith(b"CONNECT backend.test:443 HTTP/1.1\r\n")


async def test_key_in_the_users_netrc_is_not_for_backends(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """aiohttp would look there with ``trust_env``, and refuse to send two keys."""
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login user password pass\n", "utf-8")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    async with serving(answering(OK)) as server:
        request = UpstreamRequest("POST", "/files", form=Form({}, "a.txt", "text/plain", b"data"))
        assert (await fetched(server.base, request)).body == b"hi"
        assert b"\r\nauthorization: bearer key\r\n" in server.peers[0].heads[0].lower()


class Counted:
    """Reads a form without keeping it."""

    def __init__(self) -> None:
        self.size = 0
        self.digest = hashlib.sha256()
        self.start = b""

    async def __call__(self, peer: Peer) -> None:
        head = (await peer.head()).lower()
        length = int(head.partition(b"content-length: ")[2].split(b"\r\n")[0])
        while self.size < length:
            data = await peer.reader.read(1 << 16)
            self.start = self.start or data[:400]
            self.size += len(data)
        await peer.send(OK)
        await peer.stay()


async def test_form_of_a_large_file_is_streamed(tmp_path: Path) -> None:
    size = 100 << 20
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(size)
    counted = Counted()
    async with serving(counted) as server:
        form = Form({"purpose": "user_data"}, "large.mp4", "video/mp4", path)
        tracemalloc.start()
        reply = await fetched(server.base, UpstreamRequest("POST", "/files", form=form))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert reply.body == b"hi"
        assert size < counted.size < size + 1000
        assert most < 16 << 20
        assert b'name="purpose"\r\n\r\nuser_data\r\n' in counted.start
        assert b'name="file"; filename="large.mp4"\r\n' in counted.start


async def test_large_body_by_a_proxy_is_sent_in_pieces(courier: Courier) -> None:
    body = bytes(5 << 20) + b"end"
    async with serving(answering(OK)) as server:
        headers = {"content-length": str(len(body))}
        answer = await courier.send("POST", server.base, headers, body, connect=9)
        assert await rest(answer) == b"hi"
        answer.close()
        assert server.peers[0].bodies == [body]
        assert b"transfer-encoding" not in server.peers[0].heads[0].lower()


NO_ANSWER = ["nothing", "no HTTP", "two lengths", "half the headers"]
BROKEN_OFF = ["shorter than its length", "chunks without the last", "half a chunk", "chunk size 'zz'"]


async def posted(courier: Courier, base: str) -> bytes:
    answer = await courier.send("POST", base, {}, b"{}", connect=9)
    try:
        return await rest(answer)
    finally:
        answer.close()


@pytest.mark.parametrize("name", [*NO_ANSWER, *BROKEN_OFF])
async def test_answer_that_is_none_or_breaks_off(courier: Courier, name: str) -> None:
    case = BAD[name]
    async with serving(apart(case.raw, close=case.close)) as server:
        with pytest.raises(Broken):
            await posted(courier, server.base)


async def test_reset_in_the_body_is_broken(courier: Courier) -> None:
    async def act(peer: Peer) -> None:
        await peer.request()
        await peer.send_apart([PARTS])
        peer.writer.transport.abort()

    async with serving(act) as server:
        with pytest.raises(Broken):
            await posted(courier, server.base)


async def test_nobody_listens(courier: Courier) -> None:
    with pytest.raises(NotConnected):
        await courier.send("GET", "http://127.0.0.1:1", {}, b"", connect=9)
    with pytest.raises(NotConnected):
        await courier.send("GET", "http://name.invalid", {}, b"", connect=9)


async def test_connecting_that_takes_too_long(courier: Courier) -> None:
    with unreachable_port(socket.AF_INET, "127.0.0.1") as port, pytest.raises(TimeoutError):
        await courier.send("GET", f"http://127.0.0.1:{port}", {}, b"", connect=0.05)


async def early(peer: Peer) -> None:
    """Answers before the form has come."""
    await peer.head()
    await peer.send(OK)
    await peer.stay()


@pytest.mark.parametrize("act", [answering(OK), early, silent], ids=["answered", "answered early", "left"])
async def test_file_is_closed_however_it_ends(courier: Courier, act: Act) -> None:
    source = io.BytesIO(bytes(32 << 20))
    async with serving(act) as server:
        sending = asyncio.create_task(
            courier.send("POST", server.base, {}, b"", connect=9, file=({}, source, "a", "text/plain"))
        )
        if act is silent:
            await server.met()
            await server.peers[0].was_asked()
            sending.cancel()
            with pytest.raises(asyncio.CancelledError):
                await sending
            await server.peers[0].gone()
        else:
            answer = await sending
            assert await rest(answer) == b"hi"
            answer.close()
        assert source.closed


async def test_form_is_read_anew_for_each_sending(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"content of the file")

    async def breaks(peer: Peer) -> None:
        await peer.request()
        peer.writer.transport.abort()

    async with serving(breaks, answering(OK)) as server:
        form = Form({}, "a.txt", "text/plain", path)
        assert (await fetched(server.base, UpstreamRequest("POST", "/files", form=form))).body == b"hi"
        assert all(b"content of the file" in peer.bodies[0] for peer in server.peers)
        assert len(server.peers) == 2
