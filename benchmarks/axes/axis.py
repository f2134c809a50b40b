"""What an axis is, and how much of it a run measures."""

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.axes.trial import Trial, Values

ALL: frozenset[str] | None = None
ARKWAY = frozenset({"arkway"})
OWN = frozenset({"direct", "arkway"})
NOBODY: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Axis:
    """`run` takes one running subject and returns its numbers of one round."""

    name: str
    group: str
    label: str
    """What sets it apart in its group."""
    run: Callable[[Trial], Values]
    rounds: int
    """Of a full run; what takes long has fewer."""
    quick: frozenset[str] | None = ALL
    """Whom a quick run measures."""
    paced: bool = False
    """Its tokens come at a pace, which has to be kept."""
    busy: bool = False
    """The subject has all the work that it can do."""
    optional: bool = False
    """Measured only where it is asked for."""
    base: str | None = None
    """The axis on which `direct` does the same, if not this one."""
