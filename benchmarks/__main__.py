"""One command behind every number: `python -m benchmarks` (`make bench`).

Nothing leaves 127.0.0.1 but what `--install-peers` fetches, the time is bounded, and whatever was started is stopped.
"""

import os
import resource
import signal
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from benchmarks import machine
from benchmarks.axes import AXES, FULL, GROUPS, QUICK
from benchmarks.bench import ROOT, Bench, Plan
from benchmarks.console import show
from benchmarks.publish import RUNS, publish
from benchmarks.samples import Results, Samples
from benchmarks.subjects import SUBJECTS, NotInstalled, Peer, Subject

OPEN_FILES = 16384  # 1,000 streams are 2,000 connections of a gateway


def names(known: Iterable[str]) -> Callable[[str], tuple[str, ...]]:
    def read(text: str) -> tuple[str, ...]:
        wanted = tuple(text.split(","))
        if unknown := [name for name in wanted if name not in known]:
            raise ArgumentTypeError(f"unknown: {', '.join(unknown)} (known: {', '.join(known)})")
        return wanted

    return read


def arguments() -> Namespace:
    known = dict.fromkeys([*GROUPS, *AXES])
    axes, subjects = names(known), names(SUBJECTS)
    parser = ArgumentParser(prog="python -m benchmarks", description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one short round, less of everything")
    parser.add_argument("--rounds", type=int, help="of every axis, in place of 5, 3 or 2")
    parser.add_argument("--only", type=axes, metavar="AXIS,...", help=", ".join(known))
    parser.add_argument("--subjects", type=subjects, metavar="NAME,...", help=", ".join(SUBJECTS))
    parser.add_argument(
        "--install-peers", action="store_true", help="first install the peers that PyPI and npm have"
    )
    parser.add_argument("--publish", action="store_true", help="write the run into docs/performance.*")
    return parser.parse_args()


def plan(options: Namespace) -> Plan:
    chosen = options.only is not None
    axes = (
        name
        for name, axis in AXES.items()
        if (not axis.optional if not chosen else not {name, axis.group}.isdisjoint(options.only))
    )
    return Plan(QUICK if options.quick else FULL, tuple(axes), options.rounds, chosen)


def install(subjects: list[Subject], console: Console) -> None:
    for subject in subjects:
        if isinstance(subject, Peer) and subject.lacks():
            console.print(f"installing {subject.package} {subject.release} in {subject.home}", markup=False)
            try:
                subject.install()
            except NotInstalled as error:
                console.print(f"not installed: {error}", style="yellow", markup=False)


def about(bench: Bench, subjects: list[Subject], complete: bool) -> dict[str, object]:
    measured = {sample.subject for sample in bench.samples}
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "complete": complete,
        "machine": machine.facts(),
        "versions": {subject.name: subject.version() for subject in subjects if subject.name in measured},
        "scale": asdict(bench.plan.scale),
        "skipped": bench.skipped,
    }


def main() -> int:
    options = arguments()
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        print("The benchmarks need two cores: one for the subject, one for the load.", file=sys.stderr)
        return 2
    # A terminate request and the alarm of the time limit end the run as Ctrl-C does: everything started is stopped.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    allow_open_files()
    console = Console()
    if not console.is_terminal:
        console = Console(width=180)
    with TemporaryDirectory(prefix="arkway-bench-") as home:
        Path(home).chmod(0o755)
        return run(Bench(console, plan(options), Path(home), cores), options)


def allow_open_files() -> None:
    """For the load and for whatever it starts, as a service's unit does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY:
        most = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))


def run(bench: Bench, options: Namespace) -> int:
    wanted = [SUBJECTS[name] for name in options.subjects or SUBJECTS]
    if options.install_peers:
        install(wanted, bench.console)
    subjects = list(bench.present(wanted))
    complete = False
    os.sched_setaffinity(0, {bench.load_core})
    signal.alarm(round(bench.plan.scale.limit))
    try:
        bench.measure(subjects)
        complete = True
    except KeyboardInterrupt:
        bench.console.print("interrupted: what follows is of the rounds until then")
    signal.alarm(0)
    results = Results(about(bench, subjects, complete), Samples(bench.samples))
    show(results.samples, bench.console)
    path = RUNS / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    results.save(path)
    bench.console.print(f"raw results: {path.relative_to(ROOT)}")
    if options.publish and complete:
        publish(results)
    return 0 if complete else 130


if __name__ == "__main__":
    sys.exit(main())
