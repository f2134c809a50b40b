"""Streams whose tokens come at a pace: what each costs, how late it comes, and what many open ones hold."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from statistics import fmean

from benchmarks import bodies, load
from benchmarks.axes.trial import AxisError, Observation, Trial, Values, failures, spread_ms
from benchmarks.bodies import Call
from benchmarks.load import CHAT, Form, Watch

TOKENS = 100
FEW = 8
QUIET_SECONDS = 3.0


@dataclass(frozen=True)
class Pace:
    count: int
    rate: int = 50
    each: int = 1
    spread: float = 0.5
    """Seconds over which they start."""

    @property
    def tokens(self) -> int:
        return self.count * self.each * TOKENS

    @property
    def all_open(self) -> float:
        """When all have begun and none has ended, counted from the start."""
        return (self.spread + TOKENS / self.rate) / 2


@dataclass(frozen=True)
class Kind:
    """What is asked for, in which form it comes, and as what the upstream has to see it."""

    call: Callable[[int, int], Call] = bodies.stream
    form: Form = CHAT
    seen: str = "chats"


RELAYED = Kind()
RESPONSES_OVER_CHAT = Kind(bodies.responses_over_chat, load.RESPONSES)
CHAT_OVER_RESPONSES = Kind(bodies.chat_over_responses, seen="responses")


def warm(trial: Trial, pace: Pace, kind: Kind = RELAYED) -> Values:
    """After a warm-up by as many callers."""
    trial.warm_up([kind.call(5, 50)], pace.count, answers=2)
    return measured(trial, pace, kind)


def open_at_once(trial: Trial, pace: Pace) -> Values:
    """Without a warm-up by as many: the memory at its start is that of a subject at rest."""
    trial.warm_up([bodies.stream(5, 50)], FEW, answers=2)
    before = trial.program.memory()["rss_mb"]
    values = measured(trial, pace, RELAYED, Watch(pace.all_open, trial.program.memory))
    time.sleep(QUIET_SECONDS)
    after = trial.program.memory()["rss_mb"]
    loaded = values.pop("rss_mb")
    values.pop("pss_mb")
    return {
        **values,
        "before_mb": before,
        "loaded_mb": loaded,
        "recovered_mb": after,
        "each_kb": (loaded - before) * 1e3 / max(values["open"], 1),
    }


def measured(trial: Trial, pace: Pace, kind: Kind, watch: Watch | None = None) -> Values:
    press = partial(
        load.streams,
        request=trial.request(kind.call(TOKENS, pace.rate)),
        connections=pace.count,
        each=pace.each,
        spread=pace.spread,
        form=kind.form,
        watch=watch,
    )
    return counted(trial.observe(press), pace, kind)


def counted(observed: Observation, pace: Pace, kind: Kind) -> Values:
    """A token counts only if the upstream sent it, in an answer to a request of the API that was expected."""
    tally, seen = observed.tally, observed.seen
    if not tally.paces:
        raise AxisError(", ".join(tally.failures) or "no token")
    relayed = min(len(tally.delays), seen["chunks"])
    return {
        "cpu_us": observed.subject_seconds / relayed * 1e6,
        "pace": fmean(tally.paces) / pace.rate,
        "lost": pace.tokens - relayed,
        **spread_ms(tally.delays),
        **spread_ms(tally.firsts, "first_"),
        **observed.cores,
        **tally.watched,
        **failures(tally),
        "streams": pace.count,
        "failed": sum(tally.failures.values()) + max(0, pace.count * pace.each - seen[kind.seen]),
    }
