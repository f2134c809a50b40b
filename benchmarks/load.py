"""The load: keep-alive connections on raw sockets that ask again as soon as they are answered."""

import asyncio
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, cast

import httptools
import uvloop

HOST = "127.0.0.1"
ANSWER_LIMIT = 20.0
WARM_UP_SECONDS = 2.0


class Form(NamedTuple):
    """Where a stream has its tokens, each the moment at which it was sent, and how it tells its end."""

    stamp: re.Pattern[bytes]
    end: bytes


CHAT = Form(re.compile(rb'"content":\s*"(\d{18})'), b"[DONE]")
RESPONSES = Form(re.compile(rb'"delta":\s*"(\d{18})'), b"event: response.completed")


@dataclass
class Tally:
    """What came back, over all connections."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    firsts: list[float] = field(default_factory=list)
    """From the request to its first token."""
    delays: list[float] = field(default_factory=list)
    paces: list[float] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)
    open: int = 0
    """Streams between their first token and their end."""
    watched: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Watch:
    """A look at something so many seconds after the load began; taken in a thread, so that the load goes on."""

    after: float
    look: Callable[[], Mapping[str, float]]


@dataclass(frozen=True)
class Aim:
    """Where callers ask what, and whether one asks again after so many answers.

    Of several requests each caller has its own, or one caller takes them one by one.
    """

    port: int
    requests: Sequence[bytes]
    connections: int
    more: Callable[[int], bool]
    form: Form = CHAT

    def request(self, caller: int, answers: int) -> bytes:
        return self.requests[(caller + answers * self.connections) % len(self.requests)]


class Caller(asyncio.Protocol):
    """One caller: a connection, and a new one where the server closes it between two answers."""

    def __init__(self, aim: Aim, number: int, tally: Tally) -> None:
        self.aim = aim
        self.number = number
        self.tally = tally
        self.loop = asyncio.get_running_loop()
        self.answers = 0
        self.finished = False

    async def call(self, wait: float) -> None:
        await asyncio.sleep(wait)
        while not self.finished:
            self.closed = self.loop.create_future()
            try:
                await self.loop.create_connection(lambda: self, HOST, self.aim.port)
            except OSError as error:
                self.tally.failures[f"no connection: {error}"] += 1
                return
            await self.closed

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.parser = httptools.HttpResponseParser(self)
        self.ask()

    def ask(self) -> None:
        self.asking = True
        request = self.aim.request(self.number, self.answers)
        self.began = time.perf_counter()
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_message_complete(self) -> None:
        self.asking = False
        self.answers += 1
        self.settle(self.parser.get_status_code())
        self.finished = not self.aim.more(self.answers)
        if not self.finished and self.parser.should_keep_alive():
            self.ask()
        else:
            self.transport.close()

    def settle(self, status: int) -> None:
        if status == 200:
            self.tally.latencies.append(time.perf_counter() - self.began)
        else:
            self.tally.failures[f"HTTP {status}"] += 1

    def connection_lost(self, error: Exception | None) -> None:
        if self.asking:
            self.tally.failures["connection lost before the end of the answer"] += 1
            self.finished = True
        if not self.closed.done():
            self.closed.set_result(None)


class Listener(Caller):
    """A caller of streams, who reads from each token when it was sent."""

    def ask(self) -> None:
        self.rest = b""
        self.arrivals: list[int] = []
        self.ended = False
        super().ask()

    def on_body(self, body: bytes) -> None:
        now = time.monotonic_ns()
        frames, _, self.rest = (self.rest + body).rpartition(b"\n\n")
        for stamp in self.aim.form.stamp.findall(frames):
            if not self.arrivals:
                self.begin()
            self.arrivals.append(now)
            self.tally.delays.append((now - int(stamp)) / 1e9)
        self.ended = self.ended or self.aim.form.end in frames

    def begin(self) -> None:
        self.tally.firsts.append(time.perf_counter() - self.began)
        self.tally.open += 1

    def settle(self, status: int) -> None:
        super().settle(status)
        if status == 200 and not self.ended:
            self.tally.failures["stream without its end"] += 1
        self.tally.open -= bool(self.arrivals)
        if len(self.arrivals) > 1:
            spent = (self.arrivals[-1] - self.arrivals[0]) / 1e9
            self.tally.paces.append((len(self.arrivals) - 1) / max(spent, 1e-9))


def round_trips(port: int, requests: Sequence[bytes], connections: int, seconds: float) -> Tally:
    end = time.perf_counter() + seconds
    aim = Aim(port, requests, connections, more=lambda answers: time.perf_counter() < end)
    return uvloop.run(press(Caller, aim, limit=seconds + ANSWER_LIMIT))


def one_by_one(port: int, requests: Sequence[bytes]) -> Tally:
    """Each request once, all on one connection."""
    aim = Aim(port, requests, 1, more=lambda answers: answers < len(requests))
    return uvloop.run(press(Caller, aim, limit=ANSWER_LIMIT))


def warm_up(port: int, requests: Sequence[bytes], connections: int, answers: int) -> None:
    end = time.perf_counter() + WARM_UP_SECONDS
    aim = Aim(
        port,
        requests,
        connections,
        more=lambda answered: answered < answers and time.perf_counter() < end,
    )
    uvloop.run(press(Caller, aim, limit=ANSWER_LIMIT))


def streams(
    port: int,
    request: bytes,
    connections: int,
    *,
    each: int,
    spread: float,
    form: Form = CHAT,
    watch: Watch | None = None,
) -> Tally:
    aim = Aim(port, [request], connections, more=lambda answers: answers < each, form=form)
    return uvloop.run(press(Listener, aim, limit=ANSWER_LIMIT, spread=spread, watch=watch))


async def press(
    kind: type[Caller], aim: Aim, *, limit: float, spread: float = 0.0, watch: Watch | None = None
) -> Tally:
    """Callers start over `spread` seconds, in steps of the golden ratio so that their tokens do not fall together."""
    began = time.perf_counter()
    tally = Tally()
    callers = [kind(aim, number, tally) for number in range(aim.connections)]
    calls = [caller.call(number * 0.618 % 1 * spread) for number, caller in enumerate(callers)]
    try:
        async with asyncio.timeout(limit):
            await asyncio.gather(*calls, *([look(watch, tally)] if watch else []))
    except TimeoutError:
        tally.failures[f"no answer within {limit:.0f} s"] += sum(not caller.finished for caller in callers)
    tally.seconds = time.perf_counter() - began
    return tally


async def look(watch: Watch, tally: Tally) -> None:
    await asyncio.sleep(watch.after)
    tally.watched = {"open": tally.open, **await asyncio.to_thread(watch.look)}
