"""The simulator as one Starlette application."""

import time
from collections.abc import Callable

from starlette.applications import Starlette

from gateway.simulator.ark.routes import ark_routes
from gateway.simulator.control import control_routes
from gateway.simulator.modelarts.routes import modelarts_routes
from gateway.simulator.state import State


def create_simulator(
    *, clock: Callable[[], float] = time.time, chunk_delay: float = 0.02, processing_time: float = 0.3
) -> Starlette:
    """``chunk_delay`` is the pause between a stream's frames, ``processing_time`` that of an uploaded file; in seconds."""
    app = Starlette(
        routes=[
            *control_routes(),
            *ark_routes("/api/v3"),
            *modelarts_routes("/v2/infer/{service_id}/v1"),
            *modelarts_routes("/v1"),
        ]
    )
    app.state.simulator = State(clock, chunk_delay, processing_time)
    return app
