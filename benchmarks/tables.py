"""What a run says, as rows of text: medians with their spread, and doubts."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median

from benchmarks import doubts
from benchmarks.axes import AXES
from benchmarks.samples import Samples
from benchmarks.targets import verdicts

Form = Callable[[float], str]


def whole(value: float) -> str:
    return f"{value:,.0f}"


def fine(value: float) -> str:
    return f"{value:.2f}" if abs(value) < 10 else f"{value:,.1f}"


def share(value: float) -> str:
    return f"{value:.0%}"


@dataclass(frozen=True)
class Column:
    title: str
    key: str
    form: Form = fine
    spread: bool = False
    added: bool = False
    """Told as what it has beyond ``direct``."""

    def cell(self, samples: Samples, axis: str, subject: str) -> str:
        if self.key == "cpu_us" and doubts.held_back(samples, axis, subject):
            return "not counted"
        values = (samples.added if self.added else samples.of)(axis, subject, self.key)
        if not values:
            return ""
        text = self.form(median(values))
        if self.spread and len(values) > 1:
            text += f" ({self.form(min(values))}..{self.form(max(values))})"
        return text


@dataclass(frozen=True)
class Table:
    title: str
    axes: tuple[str, ...]
    columns: tuple[Column, ...]
    without: frozenset[str] = frozenset()

    def head(self) -> list[str]:
        labels = [""] if len(self.axes) > 1 else []
        return [*labels, "subject", "rounds", *(column.title for column in self.columns), "doubts"]

    def rows(self, samples: Samples) -> Iterator[tuple[str, list[str]]]:
        """Each with its axis."""
        for axis in self.axes:
            for subject in samples.subjects(axis):
                if subject not in self.without:
                    yield axis, self.row(samples, axis, subject)

    def row(self, samples: Samples, axis: str, subject: str) -> list[str]:
        rounds = sum(sample.axis == axis and sample.subject == subject for sample in samples.all)
        cells = (column.cell(samples, axis, subject) for column in self.columns)
        told = [*doubts.faults(samples, axis, subject), *doubts.remarks(samples, axis, subject)]
        labels = [AXES[axis].label] if len(self.axes) > 1 else []
        return [*labels, subject, str(rounds), *cells, ", ".join(told)]


def group(name: str) -> tuple[str, ...]:
    return tuple(axis.name for axis in AXES.values() if axis.group == name)


RATE = Column("requests/s", "rate", spread=True)
LATENCY = (Column("p50 ms", "p50_ms"), Column("p99 ms", "p99_ms"))
ADDED = (
    Column("added p50 ms", "p50_ms", added=True, spread=True),
    Column("added p99 ms", "p99_ms", added=True),
)
CORES = (Column("its core", "subject_cpu", share), Column("load's core", "load_cpu", share))
STREAM = (
    Column("CPU us/chunk", "cpu_us", spread=True),
    Column("pace", "pace", share),
    Column("lost", "lost", whole),
    Column("first token, added p50 ms", "first_p50_ms", added=True),
    Column("added p99", "first_p99_ms", added=True),
    Column("each token, added p50 ms", "p50_ms", added=True),
    Column("added p99", "p99_ms", added=True),
)

TABLES = (
    Table("Process start to ready", ("ready",), (Column("seconds", "seconds", spread=True),)),
    Table(
        "Memory of all its processes at rest",
        ("idle",),
        (Column("RSS MB", "rss_mb", spread=True), Column("PSS MB", "pss_mb", spread=True)),
    ),
    Table(
        "Memory with 1,000 open streams at 20 tokens/s",
        ("streams-1000",),
        (
            Column("open at once", "open", whole),
            Column("RSS MB before", "before_mb"),
            Column("loaded", "loaded_mb"),
            Column("3 s after", "recovered_mb"),
            Column("KB for each stream", "each_kb", spread=True),
        ),
        without=frozenset({"direct"}),
    ),
    Table("JSON chat, one caller", ("latency",), (*ADDED, *LATENCY, *CORES)),
    Table(
        "JSON chat, 32 callers", ("json",), (Column("requests/s", "rate", whole, spread=True), *ADDED, *CORES)
    ),
    Table(
        "Streams of 100 tokens",
        tuple(sorted(group("streams"), key=lambda name: int(name.rpartition("-")[2]))),
        (*STREAM, *CORES),
    ),
    Table("Translated streams of 100 tokens, 50 at 50/s", group("translated"), (*STREAM, *CORES)),
    Table("A picture kept as data URL, 4 callers", group("picture"), (RATE, *LATENCY, *CORES)),
    Table(
        "A picture to Ark's Responses API, one caller",
        group("upload"),
        (
            Column("first time ms", "first_ms", spread=True),
            Column("again p50 ms", "p50_ms", spread=True),
            Column("again p99 ms", "p99_ms"),
            *CORES,
        ),
    ),
    Table("A picture by its address, made a data URL, 4 callers", group("fetch"), (RATE, *LATENCY, *CORES)),
    Table("JSON chat, 64 callers, by processes", ("workers",), (RATE, *LATENCY, *CORES)),
)

TARGETS_HEAD = ["", "value", "target", "verdict", "doubts"]


def target_rows(samples: Samples) -> Iterator[list[str]]:
    for row in verdicts(samples):
        yield [row.text, "" if row.value is None else fine(row.value), row.bound, row.word, row.note]
