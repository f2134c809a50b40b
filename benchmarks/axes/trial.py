"""One subject, running, in one round; and what is seen of it, of the load and of the upstream meanwhile."""

import http.client
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import quantiles

import orjson

from benchmarks import bodies, load, machine
from benchmarks.bodies import Call
from benchmarks.load import HOST, Tally
from benchmarks.process import Program
from benchmarks.subjects import Subject

Values = dict[str, float]


class AxisError(Exception):
    """The subject gave no answer that counts."""


@dataclass(frozen=True)
class Scale:
    """How much is measured: no round starts after `last_start` seconds, and at `limit` the run is cut off."""

    name: str
    rounds: int
    seconds: float
    """Of short round trips."""
    brief: float
    """Of each size of a picture."""
    firsts: int
    """Pictures that are seen for the first time, of each size."""
    last_start: float
    limit: float


@dataclass(frozen=True)
class Observation:
    """One load: what came back, what the upstream saw meanwhile, and who used how much of a core."""

    tally: Tally
    seen: Values
    subject_seconds: float
    cores: Values


@dataclass(frozen=True)
class Trial:
    subject: Subject
    program: Program
    upstream: Program
    scale: Scale
    cores: set[int]
    """Of the subject, the load and the upstream."""

    def request(self, call: Call) -> bytes:
        return call.request(self.headers())

    def headers(self) -> dict[str, str]:
        return {**bodies.HEADERS, **self.subject.headers(self.upstream.port)}

    def ask(self, call: Call) -> bytes:
        """One answer, on a connection of its own. Raises AxisError."""
        return ask(self.program.port, "POST", call.path, call.body, self.headers())

    def warm_up(self, calls: list[Call], connections: int, answers: int) -> None:
        load.warm_up(self.program.port, [self.request(call) for call in calls], connections, answers)

    def observe(self, press: Callable[[int], Tally]) -> Observation:
        """`press` is given the subject's port."""
        before, began = self.seen(), time.perf_counter()
        used = self.used()
        tally = press(self.program.port)
        subject, around, everyone = (
            after - earlier for after, earlier in zip(self.used(), used, strict=True)
        )
        passed, after = time.perf_counter() - began, self.seen()
        seen = {name: after[name] - before[name] for name in before}
        ours = around if self.program is self.upstream else subject + around
        cores = {
            "subject_cpu": subject / passed,
            "load_cpu": around / passed,
            "others_cpu": (everyone - ours) / passed,
        }
        return Observation(tally, seen, subject, cores)

    def used(self) -> tuple[float, float, float]:
        """Seconds that the subject, the load with the upstream, and all programs have computed."""
        load_seconds = time.process_time() + self.upstream.cpu_seconds()
        return self.program.cpu_seconds(), load_seconds, machine.busy_seconds(self.cores)

    def seen(self) -> Values:
        counts: Values = orjson.loads(ask(self.upstream.port, "GET", "/stats", None, {}))
        return counts


def failures(tally: Tally) -> Values:
    return {f"failed: {reason}": float(count) for reason, count in tally.failures.items()}


def spread_ms(seconds: list[float], prefix: str = "") -> Values:
    cuts = quantiles(seconds, n=100, method="inclusive") if len(seconds) > 1 else seconds * 99
    return {f"{prefix}p50_ms": cuts[49] * 1e3, f"{prefix}p99_ms": cuts[98] * 1e3}


def ask(port: int, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> bytes:
    connection = http.client.HTTPConnection(HOST, port, timeout=load.ANSWER_LIMIT)
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        answer = response.read()
    except (OSError, http.client.HTTPException) as error:
        raise AxisError(f"{type(error).__name__}: {error}") from error
    finally:
        connection.close()
    if response.status != 200:
        raise AxisError(f"HTTP {response.status}: {answer[:200].decode(errors='replace')}")
    return answer
