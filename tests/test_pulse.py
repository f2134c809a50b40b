"""The pulse of a stream, on a clock that jumps from timer to timer: no second of these tests is real."""

import asyncio
import selectors
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from gateway.pulse import Pulse


class Clockwork(selectors.SelectSelector):
    """Instead of waiting for the next timer it moves the time there."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None:
            raise AssertionError("everything waits and no timer is set")
        self.now += max(timeout, 0)
        return super().select(0)


class Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.clock = Clockwork()
        self.timers = 0
        self.complaints: list[dict[str, Any]] = []
        super().__init__(self.clock)
        self.set_exception_handler(lambda _, context: self.complaints.append(context))

    def time(self) -> float:
        return self.clock.now

    def call_at(self, *args: Any, **kwargs: Any) -> asyncio.TimerHandle:
        self.timers += 1
        return super().call_at(*args, **kwargs)


class Stage:
    """What a test works with: the pulse's settings, its pings with their times, and the loop."""

    def __init__(self, loop: Loop) -> None:
        self.loop = loop
        self.pings: list[float] = []

    def ping(self) -> None:
        self.pings.append(round(self.loop.time(), 2))

    def pulse(self, **limits: float) -> Pulse:
        return Pulse(
            self.ping, **{"keep_alive": 15.0, "first": 100.0, "idle": 60.0, "total": 1000.0} | limits
        )

    async def ends_at(self, pulse: Pulse, script: Callable[[Pulse], Awaitable[None]]) -> float:
        with pytest.raises(TimeoutError):
            async with pulse:
                await script(pulse)
        return round(self.loop.time(), 1)


def played(scene: Callable[[Stage], Awaitable[None]]) -> Loop:
    loop = Loop()
    with asyncio.Runner(loop_factory=lambda: loop) as runner:

        async def main() -> None:
            await scene(Stage(loop))

        runner.run(main())
    assert loop.complaints == []
    return loop


async def silence(_: Pulse) -> None:
    await asyncio.sleep(10_000)


def test_silence_is_filled_with_a_ping_after_each_keep_alive() -> None:
    async def scene(stage: Stage) -> None:
        async with stage.pulse():
            await asyncio.sleep(50)
        assert stage.pings == [15, 30, 45]

    played(scene)


def test_after_the_end_nothing_is_sent_any_more() -> None:
    async def scene(stage: Stage) -> None:
        async with stage.pulse():
            await asyncio.sleep(20)
        await asyncio.sleep(100)
        assert stage.pings == [15]

    played(scene)


def test_while_the_backend_sends_there_are_no_pings() -> None:
    async def scene(stage: Stage) -> None:
        async with stage.pulse() as pulse:
            for _ in range(50):
                await asyncio.sleep(14)
                pulse.beat()
        assert stage.pings == []

    assert played(scene).timers < 120  # 50 of them are the test's own


def test_a_ping_comes_a_keep_alive_after_the_last_beat() -> None:
    async def scene(stage: Stage) -> None:
        async with stage.pulse() as pulse:
            await asyncio.sleep(10)
            pulse.beat()
            await asyncio.sleep(36)
        assert stage.pings == [25, 40]

    played(scene)


def test_without_a_first_beat_it_ends_after_first() -> None:
    async def scene(stage: Stage) -> None:
        assert await stage.ends_at(stage.pulse(first=40.0), silence) == 40
        assert stage.pings == [15, 30]

    played(scene)


def test_after_a_beat_it_ends_idle_seconds_after_the_last_one() -> None:
    async def script(pulse: Pulse) -> None:
        await asyncio.sleep(30)
        pulse.beat()
        await silence(pulse)

    async def scene(stage: Stage) -> None:
        assert await stage.ends_at(stage.pulse(first=40.0, idle=60.0), script) == 90

    played(scene)


def test_a_short_idle_limit_ends_it_before_any_ping() -> None:
    async def script(pulse: Pulse) -> None:
        pulse.beat()
        await silence(pulse)

    async def scene(stage: Stage) -> None:
        assert await stage.ends_at(stage.pulse(idle=5.0), script) == pytest.approx(15, abs=10)
        assert stage.pings == []

    played(scene)


def test_pings_are_no_beats() -> None:
    async def scene(stage: Stage) -> None:
        assert await stage.ends_at(stage.pulse(keep_alive=1.0, first=10.0), silence) == 10

    played(scene)


def test_a_stream_that_never_stops_ends_after_total() -> None:
    async def script(pulse: Pulse) -> None:
        while True:
            await asyncio.sleep(1)
            pulse.beat()

    async def scene(stage: Stage) -> None:
        assert await stage.ends_at(stage.pulse(total=200.0), script) == 200

    played(scene)


def test_a_slow_caller_is_not_a_silent_backend() -> None:
    async def scene(stage: Stage) -> None:
        async with stage.pulse() as pulse:
            pulse.hold()
            await asyncio.sleep(500)
            pulse.beat()
            await asyncio.sleep(10)
        assert stage.pings == []

    played(scene)


def test_after_a_slow_caller_the_idle_time_starts_anew() -> None:
    async def script(pulse: Pulse) -> None:
        pulse.hold()
        await asyncio.sleep(500)
        pulse.beat()
        await silence(pulse)

    async def scene(stage: Stage) -> None:
        assert await stage.ends_at(stage.pulse(), script) == 560

    played(scene)


def test_a_thousand_chunks_cost_no_timer_of_their_own() -> None:
    async def scene(stage: Stage) -> None:
        async with stage.pulse() as pulse:
            for _ in range(1000):
                pulse.beat()

    assert played(scene).timers < 5


def test_work_that_takes_its_time_to_end_is_left_alone() -> None:
    async def script(_: Pulse) -> None:
        try:
            await asyncio.sleep(100)
        finally:
            await asyncio.sleep(30)

    async def scene(stage: Stage) -> None:
        assert await stage.ends_at(stage.pulse(keep_alive=1.0, first=6.0, total=5.0), script) == 35
        assert stage.pings == [1, 2, 3, 4]

    played(scene)


def test_an_error_inside_goes_out_as_it_is() -> None:
    async def scene(stage: Stage) -> None:
        with pytest.raises(KeyError):
            async with stage.pulse():
                raise KeyError("x")
        await asyncio.sleep(100)
        assert stage.pings == []

    played(scene)
