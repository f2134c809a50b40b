"""Why a row may not say what its column promises."""

from collections.abc import Iterator
from statistics import median

from benchmarks.axes import AXES
from benchmarks.samples import Samples

PACE_KEPT = 0.95
ADDED_LIMIT_MS = 10.0
LOAD_LIMIT = 0.9
BUSY_SHARE = 0.7
OTHERS_LIMIT = 0.15


def faults(samples: Samples, axis: str, subject: str) -> list[str]:
    """What was not done as it was asked for."""
    return [
        *_lost(samples, axis, subject),
        *_shut(samples, axis, subject),
        *held_back(samples, axis, subject),
    ]


def held_back(samples: Samples, axis: str, subject: str) -> list[str]:
    """Held-back tokens are cheaper than paced ones, so CPU counts only where the pace is kept."""
    if not AXES[axis].paced:
        return []
    found = []
    pace = min(samples.of(axis, subject, "pace"), default=1.0)
    if pace < PACE_KEPT:
        found.append(f"pace {pace:.0%}")
    added = samples.added(axis, subject, "p50_ms")
    if added and median(added) > ADDED_LIMIT_MS:
        found.append(f"{median(added):.1f} ms added")
    return found


def remarks(samples: Samples, axis: str, subject: str) -> list[str]:
    """What else may have set the numbers than the subject itself."""
    if shared(samples, axis, subject):
        others = median(samples.of(axis, subject, "others_cpu"))
        return [f"others took {others:.0%} of a core"]
    if any(samples.of(axis, subject, "with_load")):
        return ["shares a core with the load"]
    if limited(samples, axis, subject):
        return ["limited by the load"]
    own = samples.of(axis, subject, "subject_cpu")
    return ["waited"] if subject != "direct" and AXES[axis].busy and own and median(own) < BUSY_SHARE else []


def shared(samples: Samples, axis: str, subject: str) -> bool:
    """Whether programs that do not belong here worked on the cores of the subject and the load."""
    others = samples.of(axis, subject, "others_cpu")
    return bool(others) and median(others) > OTHERS_LIMIT


def limited(samples: Samples, axis: str, subject: str) -> bool:
    """Whether the core of load and upstream was full, so that the subject may be faster than it looks."""
    load = samples.of(axis, subject, "load_cpu")
    return subject != "direct" and bool(load) and median(load) > LOAD_LIMIT


def _lost(samples: Samples, axis: str, subject: str) -> Iterator[str]:
    failed = max(samples.of(axis, subject, "failed"), default=0)
    if failed:
        reasons = [key for key in samples.keys(axis, subject) if key.startswith("failed: ")]
        told = ", ".join(key.removeprefix("failed: ") for key in reasons) or "not seen by the upstream"
        yield f"{failed:,.0f} failed ({told})"
    lost = max(samples.of(axis, subject, "lost"), default=0)
    if lost:
        yield f"{lost:,.0f} tokens lost"


def _shut(samples: Samples, axis: str, subject: str) -> Iterator[str]:
    fewest = min(samples.of(axis, subject, "open"), default=None)
    wanted = max(samples.of(axis, subject, "streams"), default=0)
    if fewest is not None and fewest < wanted:
        yield f"only {fewest:,.0f} of {wanted:,.0f} open at once"
