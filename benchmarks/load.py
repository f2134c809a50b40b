"""The load: keep-alive connections on raw sockets that ask again as soon as they are answered."""

import asyncio
import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

import httptools
import uvloop

HOST = "127.0.0.1"
ANSWER_LIMIT = 20.0
WARM_UP_SECONDS = 2.0
STAMP = re.compile(rb'"content":\s*"(\d{18})')


@dataclass
class Tally:
    """What came back, over all connections."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)
    paces: list[float] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Aim:
    """Where a caller asks what, and whether it asks again after so many answers."""

    port: int
    request: bytes
    more: Callable[[int], bool]


class Caller(asyncio.Protocol):
    """One caller: a connection, and a new one where the server closes it between two answers."""

    def __init__(self, aim: Aim, tally: Tally) -> None:
        self.aim = aim
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
        self.began = time.perf_counter()
        self.transport.write(self.aim.request)

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
        super().ask()

    def on_body(self, body: bytes) -> None:
        now = time.monotonic_ns()
        frames, _, self.rest = (self.rest + body).rpartition(b"\n\n")
        for stamp in STAMP.findall(frames):
            self.arrivals.append(now)
            self.tally.delays.append((now - int(stamp)) / 1e9)
        self.ended = frames.endswith(b"[DONE]")

    def settle(self, status: int) -> None:
        super().settle(status)
        if status == 200 and not self.ended:
            self.tally.failures["stream without [DONE]"] += 1
        if len(self.arrivals) > 1:
            spent = (self.arrivals[-1] - self.arrivals[0]) / 1e9
            self.tally.paces.append((len(self.arrivals) - 1) / max(spent, 1e-9))


def round_trips(port: int, request: bytes, connections: int, seconds: float) -> Tally:
    end = time.perf_counter() + seconds
    aim = Aim(port, request, more=lambda answers: time.perf_counter() < end)
    return uvloop.run(press(Caller, aim, connections, spread=0.0, limit=seconds + ANSWER_LIMIT))


def warm_up(port: int, request: bytes, connections: int, answers: int) -> None:
    end = time.perf_counter() + WARM_UP_SECONDS
    aim = Aim(port, request, more=lambda answered: answered < answers and time.perf_counter() < end)
    uvloop.run(press(Caller, aim, connections, spread=0.0, limit=ANSWER_LIMIT))


def streams(port: int, request: bytes, connections: int, each: int, spread: float) -> Tally:
    aim = Aim(port, request, more=lambda answers: answers < each)
    return uvloop.run(press(Listener, aim, connections, spread, limit=ANSWER_LIMIT))


async def press(kind: type[Caller], aim: Aim, connections: int, spread: float, limit: float) -> Tally:
    """Callers start over `spread` seconds, in steps of the golden ratio so that their tokens do not fall together."""
    began = time.perf_counter()
    tally = Tally()
    callers = [kind(aim, tally) for _ in range(connections)]
    try:
        async with asyncio.timeout(limit):
            await asyncio.gather(
                *(caller.call(index * 0.618 % 1 * spread) for index, caller in enumerate(callers))
            )
    except TimeoutError:
        tally.failures[f"no answer within {limit:.0f} s"] += sum(not caller.finished for caller in callers)
    tally.seconds = time.perf_counter() - began
    return tally
