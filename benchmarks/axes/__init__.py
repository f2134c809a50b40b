"""The axes, in the order in which they are measured.

The many open streams come first: what has worked before holds memory that they would find already there.
"""

from collections.abc import Iterator
from functools import partial

from benchmarks.axes import pictures, round_trips, start, streams
from benchmarks.axes.axis import ARKWAY, NOBODY, OWN, Axis
from benchmarks.axes.streams import CHAT_OVER_RESPONSES, RESPONSES_OVER_CHAT, Pace
from benchmarks.axes.trial import AxisError, Scale, Trial, Values
from benchmarks.bodies import SIZES

FULL = Scale("full", rounds=5, seconds=2.5, brief=1.2, firsts=3, last_start=640.0, limit=780.0)
QUICK = Scale("quick", rounds=1, seconds=0.8, brief=0.7, firsts=2, last_start=60.0, limit=115.0)

LABELS = {"100k": "100 KiB", "1m": "1 MiB", "5m": "5 MiB", "9m": "9 MiB"}
COMMON = "5m"


def all_axes() -> Iterator[Axis]:
    yield Axis("ready", "ready", "", start.ready, rounds=5)
    yield Axis("idle", "idle", "", start.idle, rounds=3)
    thousand = partial(streams.open_at_once, pace=Pace(1000, rate=20, spread=2.5))
    yield Axis("streams-1000", "streams", "1,000 at 20/s", thousand, rounds=2, quick=ARKWAY, paced=True)
    yield Axis("latency", "latency", "", round_trips.alone, rounds=5)
    yield Axis("json", "json", "", round_trips.throughput, rounds=5, busy=True)
    for count, rounds, quick in ((8, 2, NOBODY), (50, 3, OWN), (200, 5, None), (400, 2, NOBODY)):
        run = partial(streams.warm, pace=Pace(count))
        yield Axis(f"streams-{count}", "streams", f"{count} at 50/s", run, rounds, quick, paced=True)
    for name, kind in (
        ("responses-over-chat", RESPONSES_OVER_CHAT),
        ("chat-over-responses", CHAT_OVER_RESPONSES),
    ):
        run = partial(streams.warm, pace=Pace(50), kind=kind)
        label = name.replace("-", " ").replace("chat", "Chat").replace("responses", "Responses")
        yield Axis(name, "translated", label, run, rounds=3, paced=True, base="streams-50")
    yield from picture_axes()
    yield Axis("workers", "workers", "", round_trips.shared, rounds=3, busy=True, optional=True)


def picture_axes() -> Iterator[Axis]:
    for name, size in SIZES.items():
        rounds, quick = (5, None) if name == COMMON else (2, NOBODY)
        run = partial(pictures.kept, size=size)
        yield Axis(f"picture-{name}", "picture", LABELS[name], run, rounds, quick, busy=True)
    for name, size in SIZES.items():
        if name != "100k":  # what is small is sent along
            run = partial(pictures.upload, size=size)
            rounds, quick = (3, None) if name == COMMON else (2, NOBODY)
            yield Axis(f"upload-{name}", "upload", LABELS[name], run, rounds, quick)
    for name, size in SIZES.items():
        run = partial(pictures.fetched, size=size, name=name)
        quick = None if name == COMMON else NOBODY
        yield Axis(f"fetch-{name}", "fetch", LABELS[name], run, rounds=2, quick=quick, busy=True)


AXES = {axis.name: axis for axis in all_axes()}
GROUPS = dict.fromkeys(axis.group for axis in AXES.values())

__all__ = ["AXES", "FULL", "GROUPS", "QUICK", "Axis", "AxisError", "Scale", "Trial", "Values"]
