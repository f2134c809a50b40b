"""Short questions and whole answers, one after the other on each connection."""

from collections.abc import Callable, Sequence

from benchmarks import bodies, load
from benchmarks.axes.trial import AxisError, Observation, Trial, Values, failures, spread_ms
from benchmarks.bodies import Call

CONNECTIONS = 32
SHARED_CONNECTIONS = 64


def alone(trial: Trial) -> Values:
    """One caller: what the subject adds where nobody waits for anybody."""
    return chats(trial, 1, trial.scale.seconds / 2)


def throughput(trial: Trial) -> Values:
    return chats(trial, CONNECTIONS, trial.scale.seconds)


def shared(trial: Trial) -> Values:
    """Enough callers for several processes, which on a machine of two cores share one with the load."""
    values = chats(trial, SHARED_CONNECTIONS, trial.scale.seconds)
    return {**values, "with_load": float(len(trial.cores) == trial.subject.cores)}


def chats(trial: Trial, connections: int, seconds: float) -> Values:
    call = bodies.chat()
    trial.warm_up([call], connections, answers=max(25, 200 // connections))
    return round_trips(trial, [call], connections, seconds, lambda seen: seen["chats"])


def round_trips(
    trial: Trial, calls: Sequence[Call], connections: int, seconds: float, arrived: Callable[[Values], float]
) -> Values:
    requests = [trial.request(call) for call in calls]
    return counted(
        trial.observe(lambda port: load.round_trips(port, requests, connections, seconds)), arrived
    )


def counted(observed: Observation, arrived: Callable[[Values], float]) -> Values:
    """An answer counts only if the upstream saw what it answers."""
    tally = observed.tally
    if not tally.latencies:
        raise AxisError(", ".join(tally.failures) or "no answer")
    answers = min(len(tally.latencies), arrived(observed.seen))
    return {
        "rate": answers / tally.seconds,
        **spread_ms(tally.latencies),
        **observed.cores,
        **failures(tally),
        "failed": sum(tally.failures.values()) + len(tally.latencies) - answers,
    }
