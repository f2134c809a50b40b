"""One command behind every number: `python -m benchmarks` (`make bench`).

Each round starts every subject anew on one core, with the load and the scripted upstream on the other, and walks it
through all axes. Nothing leaves 127.0.0.1, the time is bounded, and whatever was started is stopped.
"""

import os
import platform
import signal
import subprocess
import sys
import time
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from benchmarks.axes import AXES, FULL, QUICK, AxisError, Scale, Trial
from benchmarks.process import Program, StartError, free_port, running
from benchmarks.report import Report, Sample
from benchmarks.subjects import SUBJECTS, Gateway, Peer, Site, Subject

ROOT = Path(__file__).parent.parent
RESULTS = Path(__file__).parent / "results"


def names(known: Iterable[str]) -> Callable[[str], tuple[str, ...]]:
    def read(text: str) -> tuple[str, ...]:
        wanted = tuple(text.split(","))
        if unknown := [name for name in wanted if name not in known]:
            raise ArgumentTypeError(f"unknown: {', '.join(unknown)} (known: {', '.join(known)})")
        return wanted

    return read


def arguments() -> Namespace:
    axes, subjects = names(AXES), names(SUBJECTS)
    parser = ArgumentParser(prog="python -m benchmarks", description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="two short rounds, under 90 seconds")
    parser.add_argument("--rounds", type=int, help="instead of 5 (--quick: 2); fewer where the time is up")
    parser.add_argument("--only", type=axes, default=tuple(AXES), metavar="AXIS,...", help=", ".join(AXES))
    parser.add_argument("--subjects", type=subjects, metavar="NAME,...", help=", ".join(SUBJECTS))
    parser.add_argument("--install-peers", action="store_true", help="first install the peers that PyPI has")
    return parser.parse_args()


@dataclass
class Bench:
    console: Console
    axes: tuple[str, ...]
    scale: Scale
    home: Path
    subject_core: int
    load_core: int
    samples: list[Sample] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)

    def measure(self, subjects: list[Subject], rounds: int) -> None:
        last_start = time.monotonic() + self.scale.last_start
        with self.upstream() as upstream:
            for number in range(rounds):
                if time.monotonic() > last_start:
                    self.skip(f"rounds {number + 1} to {rounds}", "the time is up")
                    return
                turn = number % len(subjects)
                for subject in subjects[turn:] + subjects[:turn]:
                    self.console.print(f"round {number + 1} of {rounds}: {subject.name}")
                    self.visit(subject, number, upstream)

    def upstream(self) -> AbstractContextManager[Program]:
        port = free_port()
        return running(
            [sys.executable, "-m", "benchmarks.upstream", "--port", str(port)],
            core=self.load_core,
            port=port,
            ready_path="/stats",
            ready_limit=10.0,
            log=self.home / "upstream.log",
            env={"PYTHONPATH": str(ROOT)},
        )

    def visit(self, subject: Subject, number: int, upstream: Program) -> None:
        try:
            with self.started(subject, number, upstream) as program:
                trial = Trial(subject, program, upstream, self.scale)
                for axis in self.wanted(subject, number):
                    self.sample(trial, axis, number)
        except StartError as error:
            self.skip(subject.name, str(error))

    def wanted(self, subject: Subject, number: int) -> Iterator[str]:
        for axis in AXES:
            if (
                axis in self.axes
                and subject.takes(axis)
                and (axis != "idle" or number < self.scale.idle_rounds)
            ):
                yield axis

    def started(self, subject: Subject, number: int, upstream: Program) -> AbstractContextManager[Program]:
        if not isinstance(subject, Gateway):
            return nullcontext(upstream)
        home = self.home / f"{subject.name}-{number}"
        home.mkdir()
        port = free_port()
        return running(
            subject.command(Site(home, port, upstream.port)),
            core=self.subject_core,
            port=port,
            ready_path=subject.ready_path,
            ready_limit=subject.ready_limit,
            log=home / "output.log",
            env=subject.env,
        )

    def sample(self, trial: Trial, axis: str, number: int) -> None:
        try:
            values = AXES[axis](trial)
        except AxisError as error:
            self.skip(f"{trial.subject.name}, {axis}", str(error))
        else:
            self.samples.append(Sample(number, trial.subject.name, axis, values))

    def skip(self, what: str, reason: str) -> None:
        self.skipped[what] = reason
        self.console.print(f"skipped {what}: {reason}", style="yellow", markup=False, highlight=False)


def install(subjects: list[Subject], bench: Bench) -> None:
    for subject in subjects:
        if isinstance(subject, Peer) and subject.lacks():
            bench.console.print(f"installing {subject.requirement} in {subject.home}")
            try:
                subject.install()
            except subprocess.CalledProcessError as error:
                bench.skip(subject.name, f"not installed: {error}")


def present(subjects: list[Subject], bench: Bench) -> list[Subject]:
    here = []
    for subject in subjects:
        if reason := subject.lacks():
            bench.skip(subject.name, reason)
        else:
            here.append(subject)
    return here


def about(bench: Bench, subjects: list[Subject], complete: bool) -> dict[str, object]:
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "complete": complete,
        "machine": {
            "system": platform.platform(),
            "processor": processor(),
            "cores": os.cpu_count(),
            "load": os.getloadavg(),
        },
        "versions": {subject.name: subject.version() for subject in subjects},
        "scale": asdict(bench.scale),
        "skipped": bench.skipped,
    }


def processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next(
        (line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine()
    )


def main() -> int:
    options = arguments()
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        print("The benchmarks need two cores: one for the subject, one for the load.", file=sys.stderr)
        return 2
    # A terminate request and the alarm of the time limit end the run as Ctrl-C does: everything started is stopped.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    console = Console()
    if not console.is_terminal:
        console = Console(width=140)
    with TemporaryDirectory(prefix="arkway-bench-") as home:
        Path(home).chmod(0o755)
        scale = QUICK if options.quick else FULL
        bench = Bench(console, options.only, scale, Path(home), subject_core=cores[0], load_core=cores[1])
        return run(bench, [SUBJECTS[name] for name in options.subjects or SUBJECTS], options)


def run(bench: Bench, wanted: list[Subject], options: Namespace) -> int:
    if options.install_peers:
        install(wanted, bench)
    subjects = present(wanted, bench)
    complete = False
    os.sched_setaffinity(0, {bench.load_core})
    signal.alarm(round(bench.scale.limit))
    try:
        bench.measure(subjects, options.rounds or bench.scale.rounds)
        complete = True
    except KeyboardInterrupt:
        bench.console.print("interrupted: what follows is of the rounds until then")
    signal.alarm(0)
    report = Report(bench.samples)
    report.show(bench.console)
    facts = about(bench, subjects, complete)
    path = RESULTS / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    report.save(path, facts)
    bench.console.print(f"raw results: {path.relative_to(ROOT)}")
    return 0 if complete else 130


if __name__ == "__main__":
    sys.exit(main())
