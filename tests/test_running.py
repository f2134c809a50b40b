"""What is in progress can be followed by many at their own pace, cancelled, and ended with the process."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from gateway.running import Events, Running, Work
from gateway.wire import sse
from gateway.wire.course import Course

ME = ("me", "resp_1")


def frame(number: int, size: int = 0) -> bytes:
    return sse.encode({"type": "x", "text": "x" * size, "sequence_number": number}, "x")


async def followed(events: Events, after: int = -1, keep_alive: float = 60.0) -> bytes:
    return b"".join([block async for block in events.follow(after, keep_alive)])


async def test_all_followers_get_all_events_whenever_they_come() -> None:
    events = Events()
    early = asyncio.create_task(followed(events))
    for number in range(3):
        events.publish(frame(number) + sse.KEEP_ALIVE)
        await asyncio.sleep(0)
    midway = asyncio.create_task(followed(events, after=1))
    events.publish(frame(3) + frame(4))
    events.end()
    everything = b"".join(map(frame, range(5)))
    assert await early == everything == await followed(events) == events.all()
    assert await midway == frame(2) + frame(3) + frame(4)
    assert await followed(events, after=4) == await followed(events, after=99) == b""


async def test_a_slow_follower_holds_up_nobody() -> None:
    events = Events()
    events.publish(frame(0))
    slow = events.follow(-1, 60.0)
    assert await anext(slow) == frame(0)
    for number in range(1, 100):
        events.publish(frame(number))
    events.end()
    assert len(await followed(events)) == len(b"".join(map(frame, range(100))))
    assert await anext(slow) == b"".join(map(frame, range(1, 100)))


async def test_who_waits_hears_something_now_and_then() -> None:
    events = Events()
    follower = events.follow(-1, 0.01)
    assert await anext(follower) == sse.KEEP_ALIVE
    events.publish(frame(0))
    assert await anext(follower) == frame(0)


async def test_memory_is_bounded_and_who_falls_behind_is_told() -> None:
    events = Events(most=1000)
    for number in range(10):
        events.publish(frame(number, 200))
    events.end()
    assert events.all() is None
    assert await followed(events, after=8) == frame(9, 200)
    read = sse.read(await followed(events, after=2))
    told = read.json() if read else None
    assert told
    assert (told["type"], told["code"]) == ("error", "events_gone")
    assert "3 to" in told["message"]


async def test_one_event_larger_than_the_bound_is_kept() -> None:
    events = Events(most=10)
    events.publish(frame(0, 200))
    events.end()
    assert await followed(events) == frame(0, 200)


def working(work: Callable[[Work], Awaitable[None]]) -> tuple[Running, Course]:
    running, course = Running(), Course({"id": ME[1], "status": "in_progress"})

    async def run(one: Work) -> None:
        await work(one)

    running.start(*ME, course, run)
    return running, course


async def forever(work: Work) -> None:
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        await asyncio.sleep(0)  # what must still be said may take its time
        work.course.close("cancelled" if work.cancelled else "failed")
        raise


async def test_work_goes_on_and_ends_by_itself() -> None:
    async def brief(work: Work) -> None:
        assert work.events
        work.events.publish(frame(0))

    running, _ = working(brief)
    work = running.find(*ME)
    assert work
    assert work.events
    assert running.background == [ME[1]]
    assert await followed(work.events) == frame(0)
    await work.gone.wait()
    assert running.find(*ME) is None


async def test_a_cancellation_waits_for_the_end() -> None:
    running, course = working(forever)
    await asyncio.sleep(0)
    assert await running.cancel("you", ME[1]) is None
    assert not course.ended
    work = await running.cancel(*ME)
    assert work
    assert work.course.response["status"] == "cancelled"
    assert running.find(*ME) is None
    assert await running.cancel(*ME) is None


async def test_the_end_of_the_process_is_no_cancellation() -> None:
    running, course = working(forever)
    await asyncio.sleep(0)
    await running.close()
    assert course.response["status"] == "failed"
    await running.close()


async def test_what_has_told_its_end_is_let_come_to_it() -> None:
    ready = asyncio.Event()

    async def ending(work: Work) -> None:
        work.course.close("completed")
        await ready.wait()

    running, course = working(ending)
    await asyncio.sleep(0)
    work = await running.cancel(*ME)
    assert work
    assert not work.cancelled
    ready.set()
    await running.close()
    assert course.response["status"] == "completed"


@pytest.mark.parametrize("times", [1, 2])
async def test_a_callers_own_stream_is_stopped_once(times: int) -> None:
    running, course, stopped = Running(), Course({"id": ME[1]}), []

    def stop() -> None:
        stopped.append(True)
        asyncio.get_running_loop().call_soon(running.leave, *ME)

    running.enter(*ME, course, stop)
    assert running.background == []
    await asyncio.gather(*(running.cancel(*ME) for _ in range(times)))
    assert stopped == [True]
