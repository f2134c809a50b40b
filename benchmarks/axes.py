"""The axes: each takes one running program and returns its numbers of one round."""

import http.client
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import fmean, quantiles

import orjson

from benchmarks import bodies, load
from benchmarks.load import HOST, Tally
from benchmarks.process import Program
from benchmarks.subjects import Subject

CONNECTIONS = 32
PICTURE_CONNECTIONS = 4
TOKENS = 100
TOKENS_PER_SECOND = 50
SPREAD_SECONDS = 0.5
QUIET_SECONDS = 2.0

Values = dict[str, float]


class AxisError(Exception):
    """The subject gave no answer that counts."""


@dataclass(frozen=True)
class Scale:
    """How much is measured: no round starts after `last_start` seconds, and at `limit` the run is cut off."""

    rounds: int
    idle_rounds: int
    seconds: float
    streams_each: int
    last_start: float
    limit: float


FULL = Scale(rounds=5, idle_rounds=5, seconds=3.0, streams_each=2, last_start=380.0, limit=475.0)
QUICK = Scale(rounds=2, idle_rounds=1, seconds=0.7, streams_each=1, last_start=50.0, limit=88.0)


@dataclass(frozen=True)
class Observation:
    """One load: what came back, what the upstream saw meanwhile, and what share of its core each side used."""

    tally: Tally
    seen: Values
    subject_seconds: float
    cores: Values


@dataclass(frozen=True)
class Trial:
    """One subject, running, in one round."""

    subject: Subject
    program: Program
    upstream: Program
    scale: Scale

    def ready(self) -> Values:
        return {"seconds": self.program.ready_seconds}

    def idle(self) -> Values:
        """After one whole and one streamed answer and a while of quiet."""
        port = self.program.port
        ask(port, bodies.chat())
        if b"[DONE]" not in ask(port, bodies.stream(20, TOKENS_PER_SECOND)):
            raise AxisError("the stream ended without [DONE]")
        time.sleep(QUIET_SECONDS)
        return self.program.memory()

    def json(self) -> Values:
        request = bodies.request(bodies.chat())
        load.warm_up(self.program.port, request, CONNECTIONS, answers=25)
        return self.round_trips(request, CONNECTIONS, lambda seen: seen["requests"])

    def picture(self) -> Values:
        self.check_picture()
        request = bodies.request(bodies.picture())
        load.warm_up(self.program.port, request, PICTURE_CONNECTIONS, answers=3)
        return self.round_trips(request, PICTURE_CONNECTIONS, pictures_seen)

    def check_picture(self) -> None:
        """The picture that arrives is the one that was sent: told by the upstream, once per start."""
        answer = orjson.loads(ask(self.program.port, bodies.picture("digest")))
        if answer["choices"][0]["message"]["content"] != bodies.digest():
            raise AxisError("the picture did not arrive as it was sent")

    def round_trips(self, request: bytes, connections: int, arrived: Callable[[Values], float]) -> Values:
        """An answer counts only if the upstream saw what it answers."""
        port, seconds = self.program.port, self.scale.seconds
        observed = self.observe(lambda: load.round_trips(port, request, connections, seconds))
        tally = observed.tally
        if not tally.latencies:
            raise AxisError(", ".join(tally.failures) or "no answer")
        counted = min(len(tally.latencies), arrived(observed.seen))
        return {
            "rate": counted / tally.seconds,
            **spread_ms(tally.latencies),
            **observed.cores,
            **failures(tally),
            "failed": sum(tally.failures.values()) + len(tally.latencies) - counted,
        }

    def streams(self) -> Values:
        port, count, each = self.program.port, self.subject.streams, self.scale.streams_each
        load.warm_up(port, bodies.request(bodies.stream(5, TOKENS_PER_SECOND)), count, answers=2)
        request = bodies.request(bodies.stream(TOKENS, TOKENS_PER_SECOND))
        observed = self.observe(lambda: load.streams(port, request, count, each, SPREAD_SECONDS))
        tally = observed.tally
        if not tally.paces:
            raise AxisError(", ".join(tally.failures) or "no token")
        relayed = min(len(tally.delays), observed.seen["chunks"])
        return {
            "cpu_us": observed.subject_seconds / relayed * 1e6,
            "pace": fmean(tally.paces) / TOKENS_PER_SECOND,
            "lost": count * each * TOKENS - relayed,
            **spread_ms(tally.delays),
            **observed.cores,
            **failures(tally),
            "streams": count,
            "failed": sum(tally.failures.values()),
        }

    def observe(self, press: Callable[[], Tally]) -> Observation:
        before, began = self.seen(), time.perf_counter()
        subject, around = self.program.cpu_seconds(), self.load_seconds()
        tally = press()
        subject, around = self.program.cpu_seconds() - subject, self.load_seconds() - around
        passed, after = time.perf_counter() - began, self.seen()
        seen = {name: after[name] - before[name] for name in before}
        return Observation(
            tally, seen, subject, {"subject_cpu": subject / passed, "load_cpu": around / passed}
        )

    def seen(self) -> Values:
        counts: Values = orjson.loads(ask(self.upstream.port, path="/stats"))
        return counts

    def load_seconds(self) -> float:
        return time.process_time() + self.upstream.cpu_seconds()


AXES: dict[str, Callable[[Trial], Values]] = {
    "ready": Trial.ready,
    "idle": Trial.idle,
    "json": Trial.json,
    "streams": Trial.streams,
    "picture": Trial.picture,
}


def pictures_seen(seen: Values) -> float:
    return min(seen["pictures"], seen["body_bytes"] // len(bodies.noise()))


def failures(tally: Tally) -> Values:
    return {f"failed: {reason}": float(count) for reason, count in tally.failures.items()}


def spread_ms(seconds: list[float]) -> Values:
    cuts = quantiles(seconds, n=100, method="inclusive")
    return {"p50_ms": cuts[49] * 1e3, "p99_ms": cuts[98] * 1e3}


def ask(port: int, body: bytes | None = None, path: str = "/v1/chat/completions") -> bytes:
    connection = http.client.HTTPConnection(HOST, port, timeout=load.ANSWER_LIMIT)
    try:
        connection.request("POST" if body else "GET", path, body, bodies.HEADERS)
        response = connection.getresponse()
        answer = response.read()
    except (OSError, http.client.HTTPException) as error:
        raise AxisError(f"{type(error).__name__}: {error}") from error
    finally:
        connection.close()
    if response.status != 200:
        raise AxisError(f"HTTP {response.status}: {answer[:200].decode(errors='replace')}")
    return answer
