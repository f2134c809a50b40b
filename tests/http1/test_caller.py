"""A caller's connection, byte by byte: what may come over it, in which order, and what goes back."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from gateway.http1.caller import Caller
from gateway.http1.request import CallerLeft, Request, TooLarge
from tests.e2e.servers import Served

Act = Callable[[Request], Awaitable[None]]

GET = b"GET /a%20b?c=d HTTP/1.1\r\nHost: h\r\n"
SHORT = 0.15  # seconds


class App:
    """An application of one act, and the requests that it was given."""

    stop: Callable[[], Awaitable[None]]  # of the server

    def __init__(self, act: Act, header_timeout: float) -> None:
        self._act = act
        self._header_timeout = header_timeout
        self.requests: list[Request] = []
        self.failures: list[BaseException] = []

    async def serve(self, request: Request) -> None:
        self.requests.append(request)
        try:
            await self._act(request)
        except (CallerLeft, TooLarge, asyncio.CancelledError) as error:
            self.failures.append(error)

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        while True:
            kind = (await receive())["type"]
            scope["state"]["header_timeout"] = self._header_timeout
            await send({"type": f"{kind}.complete"})
            if kind == "lifespan.shutdown":
                return


class Line:
    """A client's end."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def say(self, *data: bytes) -> None:
        self.writer.write(b"".join(data))

    async def rest(self) -> bytes:
        """All until the connection ends."""
        async with asyncio.timeout(10):
            return await self.reader.read()

    async def answer(self) -> tuple[bytes, bytes]:
        """The head and the body of one answer that tells its length."""
        async with asyncio.timeout(10):
            head = await self.reader.readuntil(b"\r\n\r\n")
            size = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
            return head, await self.reader.readexactly(int(size or 0))


@contextlib.asynccontextmanager
async def serving(
    act: Act, *, header_timeout: float = 10.0, idle: int = 10
) -> AsyncIterator[tuple[App, Callable[[], Awaitable[Line]]]]:
    """An application on a port, and what opens connections to it."""
    app = App(act, header_timeout)
    config = uvicorn.Config(
        app,  # type: ignore[arg-type]  # a name or what is called
        port=0,
        http=Caller,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=idle,
        timeout_graceful_shutdown=5,
    )
    served = await Served.start(config)
    app.stop = served.stop
    lines: list[Line] = []

    async def connect() -> Line:
        lines.append(Line(*await asyncio.open_connection("127.0.0.1", served.port)))
        return lines[-1]

    try:
        yield app, connect
    finally:
        for line in lines:
            line.writer.transport.abort()
        await served.stop()


async def hello(request: Request) -> None:
    body = await request.whole(1 << 20)
    request.begin(200, {"x-a": "b"}, len(body) + 2)
    await request.end(b"hi" + body)


async def streamed(request: Request) -> None:
    request.begin(200, {})
    for block in (b"one", b"", b"two"):
        assert request.write(block)
    await request.end(b"three")


async def test_a_request_is_told_as_it_was_written() -> None:
    async with serving(hello) as (app, connect):
        line = await connect()
        line.say(GET, b"X-Twice: 1\r\nx-twice: 2\r\nContent-Length: 3\r\n\r\nabc")
        head, body = await line.answer()
        assert head.startswith(b"HTTP/1.1 200 OK\r\ndate: ")
        assert head.endswith(b"\r\nx-a: b\r\ncontent-length: 5\r\n\r\n")
        assert body == b"hiabc"
        request = app.requests[0]
        assert (request.method, request.path, request.target) == ("GET", "/a b", b"/a%20b?c=d")
        assert request.headers[1:3] == [(b"x-twice", b"1"), (b"x-twice", b"2")]
        assert request.named[b"x-twice"] == b"1"


@pytest.mark.parametrize("size", [1, 3, 7, 30], ids="in pieces of {}".format)
async def test_a_request_in_pieces(size: int) -> None:
    raw = GET + b"content-length: 5\r\n\r\nhello" + GET + b"\r\n"
    async with serving(hello) as (app, connect):
        line = await connect()
        for start in range(0, len(raw), size):
            line.say(raw[start : start + size])
            await line.writer.drain()
            await asyncio.sleep(0)
        assert (await line.answer())[1] == b"hihello"
        assert (await line.answer())[1] == b"hi"
        assert {request.target for request in app.requests} == {b"/a%20b?c=d"}


async def test_a_body_in_chunks() -> None:
    async with serving(hello) as (_, connect):
        line = await connect()
        line.say(GET, b"transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
        assert (await line.answer())[1] == b"hiabcde"


async def test_trailers_are_no_headers() -> None:
    async with serving(hello) as (app, connect):
        line = await connect()
        line.say(
            GET, b"transfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\nauthorization: x\r\n\r\n", GET, b"\r\n"
        )
        assert (await line.answer())[1] == b"hia"
        assert (await line.answer())[1] == b"hi"
        for request in app.requests:
            assert b"authorization" not in dict(request.headers)
            assert b"authorization" not in request.named


async def test_http_1_0_is_not_told_to_go_on() -> None:
    async with serving(hello) as (app, connect):
        line = await connect()
        line.say(b"POST / HTTP/1.0\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n")
        while not app.requests:
            await asyncio.sleep(0.01)
        line.say(b"ab")
        assert (await line.rest()).startswith(b"HTTP/1.1 200 ")


async def test_a_whole_url_as_target() -> None:
    async with serving(hello) as (app, connect):
        line = await connect()
        line.say(
            b"GET http://h/a?b=c HTTP/1.1\r\nhost: h\r\n\r\n", b"GET http://h HTTP/1.1\r\nhost: h\r\n\r\n"
        )
        await line.answer()
        await line.answer()
        assert [request.target for request in app.requests] == [b"/a?b=c", b"/"]


async def test_an_answer_without_a_length_comes_in_chunks() -> None:
    async with serving(streamed) as (_, connect):
        line = await connect()
        line.say(GET, b"connection: close\r\n\r\n")
        head, _, body = (await line.rest()).partition(b"\r\n\r\n")
        assert head.endswith(b"\r\ntransfer-encoding: chunked\r\nconnection: close")
        assert body == b"3\r\none\r\n3\r\ntwo\r\n5\r\nthree\r\n0\r\n\r\n"


@pytest.mark.parametrize("status", [200, 299, 499, 529, 999])
async def test_any_status_can_be_told(status: int) -> None:
    async def act(request: Request) -> None:
        request.begin(status, {}, 0)
        await request.end()

    async with serving(act) as (_, connect):
        line = await connect()
        line.say(GET, b"\r\n")
        assert (await line.answer())[0].startswith(b"HTTP/1.1 %d " % status)


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 3_000_000])
async def test_answers_of_all_sizes(size: int) -> None:
    async def act(request: Request) -> None:
        request.begin(200, {}, size)
        await request.end(bytes(size))

    async with serving(act) as (_, connect):
        line = await connect()
        for _ in range(2):
            line.say(GET, b"\r\n")
            assert (await line.answer())[1] == bytes(size)


async def test_http_1_0_knows_no_chunks_and_no_second_request() -> None:
    async with serving(streamed) as (_, connect):
        line = await connect()
        line.say(b"GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n")
        head, _, body = (await line.rest()).partition(b"\r\n\r\n")
        assert b"transfer-encoding" not in head
        assert head.endswith(b"\r\nconnection: close")
        assert body == b"onetwothree"


@pytest.mark.parametrize("act", [hello, streamed])
async def test_the_answer_to_head_has_no_body(act: Act) -> None:
    async with serving(act) as (_, connect):
        line = await connect()
        line.say(GET.replace(b"GET", b"HEAD"), b"connection: close\r\n\r\n")
        head, end, body = (await line.rest()).partition(b"\r\n\r\n")
        assert (end, body) == (b"\r\n\r\n", b"")
        assert (b"content-length: 2" in head) == (act is hello)


async def test_pipelined_requests_are_served_one_after_the_other() -> None:
    running, most = 0, 0

    async def act(request: Request) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        body = await request.whole(1 << 20)
        running -= 1
        request.begin(200, {}, len(body))
        await request.end(body)

    async with serving(act) as (_, connect):
        line = await connect()
        bodies = [b"%d" % i * (i * 30_000) for i in range(5)]  # some are larger than what is held unread
        line.say(*(GET + b"content-length: %d\r\n\r\n" % len(body) + body for body in bodies))
        assert [(await line.answer())[1] for _ in bodies] == bodies
        assert most == 1


async def test_the_body_is_asked_for_when_it_is_wanted() -> None:
    async with serving(hello) as (_, connect):
        line = await connect()
        line.say(GET, b"expect: 100-continue\r\ncontent-length: 2\r\n\r\n")
        async with asyncio.timeout(5):
            assert await line.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        line.say(b"ab")
        assert (await line.answer())[1] == b"hiab"


async def test_a_body_that_nobody_wants_is_not_asked_for() -> None:
    async def act(request: Request) -> None:
        request.begin(401, {}, 0)
        await request.end()

    async with serving(act) as (_, connect):
        line = await connect()
        line.say(GET, b"expect: 100-continue\r\ncontent-length: 2\r\n\r\n")
        told = await line.rest()
        assert told.startswith(b"HTTP/1.1 401 ")
        assert b"\r\nconnection: close\r\n" in told


async def test_a_body_that_was_not_read_is_passed_over() -> None:
    async def act(request: Request) -> None:
        request.begin(413, {}, 0)
        await request.end()

    async with serving(act) as (app, connect):
        line = await connect()
        line.say(GET, b"content-length: 1000000\r\n\r\n", bytes(1_000_000), GET, b"\r\n")
        for _ in range(2):
            assert (await line.answer())[0].startswith(b"HTTP/1.1 413 ")
        assert len(app.requests) == 2


async def test_an_unread_body_makes_its_caller_wait() -> None:
    go_on = asyncio.Event()

    async def act(request: Request) -> None:
        await go_on.wait()
        size = 0
        while piece := await request.chunk():
            size += len(piece)
        request.begin(200, {}, 8)
        await request.end(b"%8d" % size)

    async with serving(act) as (_, connect):
        line = await connect()
        line.say(GET, b"content-length: 64000000\r\n\r\n", bytes(64_000_000))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await line.writer.drain()
        go_on.set()
        assert (await line.answer())[1] == b"64000000"


async def test_a_body_over_the_limit() -> None:
    async def act(request: Request) -> None:
        with pytest.raises(TooLarge):
            await request.whole(10)
        request.begin(200, {}, 0)
        await request.end()

    async with serving(act) as (_, connect):
        line = await connect()
        line.say(GET, b"content-length: 11\r\n\r\n", bytes(11))
        assert (await line.answer())[0].startswith(b"HTTP/1.1 200 ")


async def test_a_caller_who_reads_nothing_is_waited_for() -> None:
    waited = asyncio.Event()

    async def act(request: Request) -> None:
        request.begin(200, {}, 64_000_000)
        for _ in range(64):
            if not request.write(bytes(1_000_000)):
                waited.set()
                await request.ready()
        await request.end()

    async with serving(act) as (_, connect):
        line = await connect()
        line.say(GET, b"\r\n")
        async with asyncio.timeout(5):
            await waited.wait()
        assert len((await line.answer())[1]) == 64_000_000


async def test_who_waits_for_a_caller_that_leaves_waits_no_longer() -> None:
    ended = asyncio.Event()

    async def act(request: Request) -> None:
        request.begin(200, {})
        while not request.left:
            request.write(bytes(1_000_000))
            await request.ready()
            await asyncio.sleep(0)
        ended.set()

    async with serving(act) as (_, connect):
        line = await connect()
        line.say(GET, b"\r\n")
        await line.reader.readexactly(10)
        line.writer.transport.abort()
        async with asyncio.timeout(5):
            await ended.wait()


@pytest.mark.parametrize("size", [0, 10, 200_000])
async def test_leaving_is_seen_while_the_answer_is_made(size: int) -> None:
    left = asyncio.Event()

    async def act(request: Request) -> None:
        request.leaving = left.set
        await request.whole(1 << 20)
        await left.wait()

    async with serving(act) as (app, connect):
        line = await connect()
        line.say(GET, b"content-length: %d\r\n\r\n" % size, bytes(size))
        while not app.requests or not app.requests[0].received:
            await asyncio.sleep(0.01)
        line.writer.transport.abort()
        async with asyncio.timeout(5):
            await left.wait()


class Wire(asyncio.Transport):
    """A transport on which all comes at once."""

    reading = True

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def is_closing(self) -> bool:
        return False

    def write(self, data: object) -> None: ...
    def abort(self) -> None: ...


async def test_a_body_that_came_at_once_leaves_nobody_unheard() -> None:
    """Who leaves is only heard of on a connection that is read."""
    wire, app = Wire(), App(hello, 10)
    config = SimpleNamespace(loaded_app=app, timeout_keep_alive=10, ws_protocol_class=None)
    caller = Caller(config, ServerState(), {"header_timeout": 10})  # type: ignore[arg-type]
    caller.connection_made(wire)
    caller.data_received(GET + b"content-length: 200000\r\n\r\n" + bytes(200_000))
    assert wire.reading
    caller.data_received(GET + b"content-length: 200000\r\n\r\n" + bytes(200_000))
    assert not wire.reading  # a second one waits
    while caller._serving:
        await asyncio.sleep(0)
    assert wire.reading
    caller.connection_lost(None)


async def test_leaving_is_told_once_and_ends_reading() -> None:
    left: list[int] = []

    async def act(request: Request) -> None:
        request.leaving = lambda: left.append(1)
        await request.whole(100)

    async with serving(act) as (app, connect):
        line = await connect()
        line.say(GET, b"content-length: 5\r\n\r\nab")
        while not app.requests:
            await asyncio.sleep(0.01)
        line.writer.transport.abort()
        async with asyncio.timeout(5):
            while not app.failures:
                await asyncio.sleep(0.01)
        assert left == [1]
        assert isinstance(app.failures[0], CallerLeft)


@pytest.mark.parametrize("promised", [3, 7], ids=["longer", "shorter"])
async def test_an_answer_that_is_not_as_long_as_it_said_is_cut(promised: int) -> None:
    async def act(request: Request) -> None:
        request.begin(200, {}, promised)
        request.write(b"ab")
        await request.end(b"cde")

    async with serving(act) as (_, connect):
        line = await connect()
        line.say(GET, b"\r\n")
        with contextlib.suppress(ConnectionError):
            assert len((await line.rest()).partition(b"\r\n\r\n")[2]) < promised


async def test_a_request_that_is_left_without_an_end_is_cut() -> None:
    async def act(request: Request) -> None:
        request.begin(200, {})
        request.write(b"a")

    async with serving(act) as (_, connect):
        line = await connect()
        line.say(GET, b"\r\n")
        with contextlib.suppress(ConnectionError):
            assert not (await line.rest()).endswith(b"0\r\n\r\n")


@pytest.mark.parametrize(
    "raw",
    [
        b"NONSENSE\r\n\r\n",
        GET + b"content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
        GET + b"transfer-encoding: gzip, identity\r\n\r\n",
        GET + b"content-length: 1\r\ncontent-length: 2\r\n\r\n",
        GET + b"a b: c\r\n\r\n",
        GET + b"a: b\x00c\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nhost: h\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
    ],
)
async def test_what_is_no_request_is_refused_and_ends_the_connection(raw: bytes) -> None:
    async with serving(hello) as (app, connect):
        line = await connect()
        line.say(raw)
        told = await line.rest()
        assert told.startswith(b"HTTP/1.1 400 Bad Request\r\n")
        assert b'"code":"invalid_http"' in told
        assert app.requests == [] or isinstance(app.failures[0], CallerLeft)


async def test_nonsense_after_a_request_does_not_take_its_answer() -> None:
    async def act(request: Request) -> None:
        await asyncio.sleep(0.05)
        await hello(request)

    async with serving(act) as (_, connect):
        line = await connect()
        line.say(GET, b"\r\n", b"NONSENSE\r\n\r\n")
        told = await line.rest()
        assert told.count(b"HTTP/1.1 ") == 1
        assert told.endswith(b"connection: close\r\n\r\nhi")


async def test_a_body_that_turns_into_nonsense() -> None:
    async with serving(hello) as (app, connect):
        line = await connect()
        line.say(GET, b"transfer-encoding: chunked\r\n\r\n")
        while not app.requests:
            await asyncio.sleep(0.01)
        line.say(b"zz\r\n")
        assert (await line.rest()).startswith(b"HTTP/1.1 400 ")


async def test_a_head_without_end_is_refused() -> None:
    async with serving(hello) as (_, connect):
        line = await connect()
        line.say(GET)
        with contextlib.suppress(ConnectionError, RuntimeError):  # uvloop's word for what is closed
            for _ in range(100):
                line.say(b"x-a: ", b"b" * 5000, b"\r\n")
                await asyncio.sleep(0)
            assert (await line.rest()).startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize("told", [b"", b"\r\n", b"GET / HT"], ids=["silent", "blank", "line"])
async def test_a_head_must_come_in_time(told: bytes) -> None:
    async with serving(hello, header_timeout=SHORT) as (_, connect):
        line = await connect()
        line.say(told)
        assert await line.rest() == b""


async def test_a_further_head_must_come_in_time_but_no_sooner_than_the_answer() -> None:
    async def act(request: Request) -> None:
        await asyncio.sleep(3 * SHORT)
        await hello(request)

    async with serving(act, header_timeout=SHORT) as (_, connect):
        line = await connect()
        line.say(GET, b"\r\n", b"GET / HT")
        assert (await line.rest()).endswith(b"\r\n\r\nhi")


async def test_an_idle_connection_is_kept_and_then_closed() -> None:
    async with serving(hello, header_timeout=SHORT, idle=1) as (_, connect):
        line = await connect()
        for _ in range(3):
            line.say(GET, b"\r\n")
            assert (await line.answer())[1] == b"hi"
            await asyncio.sleep(2 * SHORT)
        began = asyncio.get_running_loop().time()
        assert await line.rest() == b""
        assert 0.3 < asyncio.get_running_loop().time() - began < 5


async def test_an_upgrade_that_is_not_ours_is_a_request_like_others() -> None:
    async with serving(hello) as (_, connect):
        line = await connect()
        line.say(
            GET, b"connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABk\r\n\r\n"
        )
        told = await line.rest()
        assert told.startswith(b"HTTP/1.1 200 OK\r\n")
        assert told.endswith(b"connection: close\r\n\r\nhi")


async def test_a_stop_lets_the_answer_end_and_says_that_it_is_the_last() -> None:
    go_on = asyncio.Event()

    async def act(request: Request) -> None:
        await go_on.wait()
        await hello(request)

    async with serving(act) as (app, connect):
        busy, idle = await connect(), await connect()
        busy.say(GET, b"\r\n")
        while not app.requests:
            await asyncio.sleep(0)
        stopping = asyncio.create_task(app.stop())
        assert await idle.rest() == b""
        go_on.set()
        assert (await busy.rest()).endswith(b"connection: close\r\n\r\nhi")
        await stopping
