"""What the samples say: medians with their spread, ratios beside their targets, and the raw file."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import orjson
from rich.console import Console
from rich.table import Table

from benchmarks.axes import Values
from benchmarks.targets import MISS, TARGETS, Target, Verdict

PACE_KEPT = 0.95
ADDED_LIMIT_MS = 10.0
LOAD_LIMIT = 0.9
BUSY_SHARE = 0.7
OWN = "arkway"


@dataclass(frozen=True)
class Sample:
    round: int
    subject: str
    axis: str
    values: Values


@dataclass(frozen=True)
class Column:
    title: str
    key: str
    form: Callable[[float], str]
    spread: bool = False


def whole(value: float) -> str:
    return f"{value:,.0f}"


def fine(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:,.1f}"


def share(value: float) -> str:
    return f"{value:.0%}"


LATENCY = (Column("p50 ms", "p50_ms", fine), Column("p99 ms", "p99_ms", fine))
CORES = (Column("its core", "subject_cpu", share), Column("load's core", "load_cpu", share))
FAILED = (Column("failed", "failed", whole),)

TABLES: dict[str, tuple[str, tuple[Column, ...]]] = {
    "json": (
        "JSON chat round trips, 32 connections",
        (Column("requests/s", "rate", whole, True), *LATENCY, *CORES, *FAILED),
    ),
    "streams": (
        "Streams of 100 tokens at 50 tokens/s",
        (
            Column("CPU us/chunk", "cpu_us", fine, True),
            Column("streams", "streams", whole),
            Column("pace", "pace", share),
            Column("lost", "lost", whole),
            *LATENCY,
            *CORES,
            *FAILED,
        ),
    ),
    "picture": (
        "Chat with a 5 MB picture, 4 connections",
        (Column("requests/s", "rate", fine, True), *LATENCY, *CORES, *FAILED),
    ),
    "ready": ("Process start to ready", (Column("seconds", "seconds", fine, True),)),
    "idle": (
        "Memory of the process tree at rest",
        (Column("RSS MB", "rss_mb", fine, True), Column("PSS MB", "pss_mb", fine, True)),
    ),
}


class Report:
    def __init__(self, samples: Iterable[Sample]) -> None:
        self.samples = list(samples)
        self.series: dict[tuple[str, str, str], list[float]] = defaultdict(list)
        for sample in self.samples:
            for key, value in sample.values.items():
                self.series[sample.axis, sample.subject, key].append(value)

    def subjects(self, axis: str) -> list[str]:
        return list(dict.fromkeys(sample.subject for sample in self.samples if sample.axis == axis))

    def median(self, axis: str, subject: str, key: str) -> float | None:
        values = self.series.get((axis, subject, key))
        return median(values) if values else None

    def cell(self, axis: str, subject: str, column: Column) -> str:
        values = self.series.get((axis, subject, column.key))
        if not values:
            return ""
        text = column.form(median(values))
        if column.spread:
            text += f" ({column.form(min(values))}..{column.form(max(values))})"
        return text

    def doubt(self, axis: str, subject: str) -> str:
        """Why a row does not say what its column promises; held-back tokens, for one, are cheaper than paced ones."""

        def worst(key: str, of: Callable[[list[float]], float] = max) -> float:
            return of(self.series.get((axis, subject, key), [0.0]))

        reasons = []
        if worst("failed"):
            reasons.append(f"{worst('failed'):.0f} failed ({', '.join(self.failures(axis, subject))})")
        if worst("lost"):
            reasons.append(f"{worst('lost'):.0f} tokens lost")
        if axis == "streams" and worst("pace", min) < PACE_KEPT:
            reasons.append(f"pace {worst('pace', min):.0%}")
        if axis == "streams" and self.added_ms(subject) > ADDED_LIMIT_MS:
            reasons.append(f"{self.added_ms(subject):.1f} ms added")
        if subject != "direct" and worst("load_cpu", median) > LOAD_LIMIT:
            reasons.append("limited by the load")
        elif (
            axis in ("json", "picture") and worst("subject_cpu", median) < BUSY_SHARE and subject != "direct"
        ):
            reasons.append("waited, or shared its core")
        return ", ".join(reasons)

    def failures(self, axis: str, subject: str) -> list[str]:
        keys = [key for at, name, key in self.series if (at, name) == (axis, subject)]
        return [key.removeprefix("failed: ") for key in keys if key.startswith("failed: ")] or ["unseen"]

    def added_ms(self, subject: str) -> float:
        return (self.median("streams", subject, "p50_ms") or 0.0) - (
            self.median("streams", "direct", "p50_ms") or 0.0
        )

    def table(self, axis: str) -> Table:
        title, columns = TABLES[axis]
        table = Table(title=title, title_justify="left", title_style="bold")
        table.add_column("")
        for column in columns:
            table.add_column(column.title, justify="right")
        table.add_column("doubts")
        for subject in self.subjects(axis):
            cells = (self.cell(axis, subject, column) for column in columns)
            table.add_row(subject, *cells, self.doubt(axis, subject))
        return table

    def verdicts(self) -> list[Verdict]:
        axes = {sample.axis for sample in self.samples}
        return [self.verdict(target) for target in TARGETS if target.axis in axes]

    def verdict(self, target: Target) -> Verdict:
        own = self.median(target.axis, OWN, target.key)
        base = self.median(target.axis, target.peer, target.key) if target.peer else 1.0
        if own is None or not base:
            missing = OWN if own is None else target.peer
            return Verdict(target.text, target.bound(), None, "not measured", f"no numbers of {missing}")
        doubts = {name: self.doubt(target.axis, name) for name in (OWN, target.peer) if name}
        note = "; ".join(f"{name}: {doubt}" for name, doubt in doubts.items() if doubt)
        word = MISS if doubts[OWN] and target.bound() else target.word(own / base)
        return Verdict(target.text, target.bound(), own / base, word, note)

    def targets(self) -> Table:
        table = Table("", title="Arkway, ratios of medians", title_justify="left", title_style="bold")
        for heading in ("value", "target", "verdict"):
            table.add_column(heading, justify="right")
        table.add_column("doubts")
        for row in self.verdicts():
            value = "" if row.value is None else fine(row.value)
            table.add_row(row.text, value, row.bound, row.word, row.note)
        return table

    def show(self, console: Console) -> None:
        for axis in TABLES:
            if self.subjects(axis):
                console.print(self.table(axis), "")
        console.print(self.targets())

    def save(self, path: Path, about: dict[str, object]) -> None:
        raw = {
            **about,
            "targets": [asdict(row) for row in self.verdicts()],
            "samples": [asdict(sample) for sample in self.samples],
        }
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(orjson.dumps(raw, option=orjson.OPT_INDENT_2))
