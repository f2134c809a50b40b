"""What a subject takes before it has any work: time to be ready, and memory."""

import time

from benchmarks import bodies
from benchmarks.axes.trial import AxisError, Trial, Values

QUIET_SECONDS = 1.0


def ready(trial: Trial) -> Values:
    return {"seconds": trial.program.ready_seconds}


def idle(trial: Trial) -> Values:
    """After one whole and one streamed answer and a while of quiet."""
    trial.ask(bodies.chat())
    if b"[DONE]" not in trial.ask(bodies.stream(20, 50)):
        raise AxisError("the stream ended without [DONE]")
    time.sleep(QUIET_SECONDS)
    return trial.program.memory()
