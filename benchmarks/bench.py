"""A run: its rounds, each of which starts every subject anew on one core and walks it through the axes.

The load and the scripted upstream are on another core.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from benchmarks.axes import AXES, Axis, AxisError, Scale, Trial
from benchmarks.process import Program, StartError, free_port, running
from benchmarks.samples import Sample
from benchmarks.subjects import Gateway, Site, Subject

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Plan:
    """What is measured; ``rounds`` in place of each axis's own number, and ``chosen`` if the axes were named."""

    scale: Scale
    axes: tuple[str, ...]
    rounds: int | None
    chosen: bool

    def rounds_of(self, axis: Axis) -> int:
        return self.rounds or min(axis.rounds, self.scale.rounds)

    @property
    def most_rounds(self) -> int:
        return max(self.rounds_of(AXES[name]) for name in self.axes)

    def wanted(self, subject: Subject, number: int) -> list[str]:
        """The axes of a subject in one round."""
        return [name for name in self.axes if self._wants(AXES[name], subject, number)]

    def _wants(self, axis: Axis, subject: Subject, number: int) -> bool:
        if subject.takes.isdisjoint((axis.name, axis.group)) or number >= self.rounds_of(axis):
            return False
        return self.chosen or self.scale.name != "quick" or axis.quick is None or subject.name in axis.quick


@dataclass
class Bench:
    console: Console
    plan: Plan
    home: Path
    cores: list[int]
    samples: list[Sample] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)

    @property
    def load_core(self) -> int:
        return self.cores[-1]

    def cores_of(self, subject: Subject) -> set[int]:
        return set(self.cores[: subject.cores])

    def measure(self, subjects: list[Subject]) -> None:
        last_start = time.monotonic() + self.plan.scale.last_start
        rounds = self.plan.most_rounds
        with self.upstream() as upstream:
            for number in range(rounds):
                if time.monotonic() > last_start:
                    self.skip(f"rounds {number + 1} to {rounds}", "the time is up")
                    return
                turn = number % len(subjects)
                for subject in subjects[turn:] + subjects[:turn]:
                    if self.plan.wanted(subject, number):
                        self.console.print(f"round {number + 1} of {rounds}: {subject.name}")
                        self.visit(subject, number, upstream)

    def upstream(self) -> AbstractContextManager[Program]:
        port = free_port()
        return running(
            [sys.executable, "-m", "benchmarks.upstream", "--port", str(port)],
            cores={self.load_core},
            port=port,
            ready_path="/stats",
            ready_limit=10.0,
            log=self.home / "upstream.log",
            env={"PYTHONPATH": str(ROOT)},
        )

    def visit(self, subject: Subject, number: int, upstream: Program) -> None:
        try:
            with self.started(subject, number, upstream) as program:
                trial = Trial(
                    subject, program, upstream, self.plan.scale, self.cores_of(subject) | {self.load_core}
                )
                for axis in self.plan.wanted(subject, number):
                    self.sample(trial, axis, number)
        except StartError as error:
            self.skip(subject.name, str(error))

    def started(self, subject: Subject, number: int, upstream: Program) -> AbstractContextManager[Program]:
        if not isinstance(subject, Gateway):
            return nullcontext(upstream)
        home = self.home / f"{subject.name}-{number}"
        home.mkdir()
        port = free_port()
        return running(
            subject.command(Site(home, port, upstream.port)),
            cores=self.cores_of(subject),
            port=port,
            ready_path=subject.ready_path,
            ready_limit=subject.ready_limit,
            log=home / "output.log",
            env=subject.env,
        )

    def sample(self, trial: Trial, axis: str, number: int) -> None:
        began = time.monotonic()
        try:
            values = AXES[axis].run(trial)
        except AxisError as error:
            self.skip(f"{trial.subject.name}, {axis}", str(error))
        else:
            self.samples.append(Sample(number, trial.subject.name, axis, values, time.monotonic() - began))

    def skip(self, what: str, reason: str) -> None:
        self.skipped[what] = reason
        self.console.print(f"skipped {what}: {reason}", style="yellow", markup=False, highlight=False)

    def present(self, subjects: list[Subject]) -> Iterator[Subject]:
        for subject in subjects:
            if reason := subject.lacks():
                self.skip(subject.name, reason)
            else:
                yield subject
