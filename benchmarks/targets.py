"""What Arkway shall reach, beside what others reach in the same run."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median

from benchmarks import doubts
from benchmarks.samples import Samples

OWN = "arkway"
PASS, DOUBTFUL, MISS, UNKNOWN = "pass", "in doubt", "MISS", "not measured"


@dataclass(frozen=True)
class Figure:
    axis: str
    key: str
    subject: str = OWN
    of: Callable[[list[float]], float] = median

    def value(self, samples: Samples) -> float | None:
        values = samples.of(self.axis, self.subject, self.key)
        held = self.key == "cpu_us" and doubts.held_back(samples, self.axis, self.subject)
        return self.of(values) if values and not held else None


@dataclass(frozen=True)
class Target:
    """A figure, or its ratio to another one; without a bound it is only told."""

    text: str
    figure: Figure
    to: Figure | None = None
    least: float | None = None
    most: float | None = None

    def met(self, value: float) -> bool:
        return value >= self.least if self.least is not None else self.most is None or value <= self.most

    @property
    def bound(self) -> str:
        if self.least is not None:
            return f">= {self.least:,g}"
        return "" if self.most is None else f"<= {self.most:,g}"


@dataclass(frozen=True)
class Verdict:
    text: str
    bound: str
    value: float | None
    word: str
    note: str


def ratio(text: str, axis: str, key: str, peer: str, **bound: float) -> Target:
    return Target(text, Figure(axis, key), Figure(axis, key, peer), **bound)


def translated(axis: str) -> Target:
    name = axis.replace("-", " ").capitalize()
    text = f"{name}: CPU per chunk, times a relayed one's"
    return Target(text, Figure(axis, "cpu_us"), Figure("streams-50", "cpu_us"), most=2.5)


TARGETS = (
    ratio("JSON requests/s, times LiteLLM's", "json", "rate", "litellm", least=60),
    ratio("JSON requests/s, times Portkey's", "json", "rate", "portkey", least=4),
    ratio("JSON requests/s, of vllm-router's", "json", "rate", "vllm-router", least=0.5),
    ratio("CPU per relayed chunk, times vllm-router's", "streams-200", "cpu_us", "vllm-router", most=1.3),
    ratio("CPU per relayed chunk, times nginx's", "streams-200", "cpu_us", "nginx", most=2),
    translated("responses-over-chat"),
    translated("chat-over-responses"),
    ratio("5 MiB picture kept, requests/s, of nginx's", "picture-5m", "rate", "nginx", least=0.8),
    ratio("5 MiB picture kept, requests/s, of nginx-16m's", "picture-5m", "rate", "nginx-16m", least=0.4),
    Target(
        "5 MiB picture to Ark: first time, times the repeated one's",
        Figure("upload-5m", "first_ms"),
        Figure("upload-5m", "p50_ms"),
        least=3,
    ),
    ratio("5 MiB picture to Ark again, time, times nginx's", "upload-5m", "p50_ms", "nginx", most=1.5),
    Target("1,000 streams at 20 tokens/s: tokens lost", Figure("streams-1000", "lost", of=max), most=0),
    Target("1,000 streams at 20 tokens/s: open at once", Figure("streams-1000", "open", of=min), least=1000),
    Target("KB for each open stream", Figure("streams-1000", "each_kb"), most=60),
    Target("Ready, seconds", Figure("ready", "seconds"), most=1),
    Target("RSS at rest, MB", Figure("idle", "rss_mb"), most=80),
)


def verdicts(samples: Samples) -> Iterator[Verdict]:
    """Of what was measured at all."""
    for target in TARGETS:
        if target.figure.axis in samples.axes():
            yield verdict(target, samples)


def verdict(target: Target, samples: Samples) -> Verdict:
    value, note = _value(target, samples), _note(target, samples)
    return Verdict(target.text, target.bound, value, _word(target, value, samples), note)


def _value(target: Target, samples: Samples) -> float | None:
    own = target.figure.value(samples)
    if target.to is None or own is None:
        return own
    other = target.to.value(samples)
    return own / other if other else None


def _word(target: Target, value: float | None, samples: Samples) -> str:
    own, to = target.figure, target.to
    if doubts.faults(samples, own.axis, own.subject):
        return MISS
    if value is None:
        return UNKNOWN
    if not target.met(value):
        return MISS
    return DOUBTFUL if _unsure(own, samples) or (to is not None and _unsure(to, samples)) else PASS


def _unsure(figure: Figure, samples: Samples) -> bool:
    """Others were at work, or it is a peer's rate that the load held down."""
    held = figure.subject != OWN and figure.key == "rate"
    return doubts.shared(samples, figure.axis, figure.subject) or (
        held and doubts.limited(samples, figure.axis, figure.subject)
    )


def _note(target: Target, samples: Samples) -> str:
    notes = []
    for figure in (target.figure, target.to):
        if figure is None:
            continue
        if not samples.of(figure.axis, figure.subject, figure.key):
            notes.append(f"no numbers of {figure.subject}")
        found = [
            *doubts.faults(samples, figure.axis, figure.subject),
            *doubts.remarks(samples, figure.axis, figure.subject),
        ]
        notes += [f"{figure.subject}: {', '.join(found)}"] if found else []
    return "; ".join(dict.fromkeys(notes))
