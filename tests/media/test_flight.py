"""Shared work: done once, not ended by one who leaves, ended by the last, and its failure is everyone's."""

import asyncio
import gc

import pytest

from gateway.media.flight import Cancelled, Flights


class Work:
    """Work that goes on until it is told its result; counts how often it began and ended."""

    def __init__(self) -> None:
        self.begun = 0
        self.cancelled = 0
        self.result: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def __call__(self) -> str:
        self.begun += 1
        try:
            return await asyncio.shield(self.result)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise


async def settle() -> None:
    """Lets everything run that can run now."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_all_who_ask_at_the_same_time_share_one_result() -> None:
    flights, work = Flights[str, str](), Work()
    callers = [asyncio.create_task(flights.join("a", work)) for _ in range(5)]
    await settle()
    work.result.set_result("done")
    assert await asyncio.gather(*callers) == ["done"] * 5
    assert work.begun == 1


async def test_different_keys_do_not_share() -> None:
    flights, one, other = Flights[str, str](), Work(), Work()
    one.result.set_result("1")
    other.result.set_result("2")
    assert await asyncio.gather(flights.join("a", one), flights.join("b", other)) == ["1", "2"]


async def test_a_finished_flight_is_not_remembered() -> None:
    flights, work = Flights[str, str](), Work()
    work.result.set_result("done")
    await flights.join("a", work)
    await flights.join("a", work)
    assert work.begun == 2


async def test_one_who_leaves_does_not_end_it_for_the_others() -> None:
    flights, work = Flights[str, str](), Work()
    first, second = (asyncio.create_task(flights.join("a", work)) for _ in range(2))
    await settle()
    first.cancel()
    await settle()
    work.result.set_result("done")
    assert await second == "done"
    assert first.cancelled()
    assert (work.begun, work.cancelled) == (1, 0)


async def test_the_last_to_leave_ends_it() -> None:
    flights, work = Flights[str, str](), Work()
    callers = [asyncio.create_task(flights.join("a", work)) for _ in range(2)]
    await settle()
    for caller in callers:
        caller.cancel()
    await settle()
    assert work.cancelled == 1
    work.result.cancel()


async def test_who_comes_after_the_last_left_starts_anew() -> None:
    flights, left, work = Flights[str, str](), Work(), Work()
    first = asyncio.create_task(flights.join("a", left))
    await settle()
    first.cancel()
    second = asyncio.create_task(flights.join("a", work))
    await settle()
    work.result.set_result("new")
    assert await second == "new"
    left.result.cancel()


async def test_a_failure_is_raised_to_all_and_not_kept() -> None:
    flights, work = Flights[str, str](), Work()
    callers = [asyncio.create_task(flights.join("a", work)) for _ in range(2)]
    await settle()
    work.result.set_exception(ValueError("no"))
    told = await asyncio.gather(*callers, return_exceptions=True)
    assert [str(one) for one in told] == ["no", "no"]
    again = Work()
    again.result.set_result("yes")
    assert await flights.join("a", again) == "yes"


async def test_a_failure_that_nobody_waits_for_is_no_complaint() -> None:
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    go = asyncio.Event()

    async def work() -> str:
        await go.wait()
        raise ValueError("no")

    flights = Flights[str, str]()
    caller = asyncio.create_task(flights.join("a", work))
    await settle()
    go.set()
    await asyncio.sleep(0)  # the work has failed, and its caller has not heard of it
    caller.cancel()
    await settle()
    assert caller.cancelled()
    del flights, caller
    gc.collect()
    assert complaints == []


async def test_closing_ends_the_work_and_tells_the_callers() -> None:
    flights, work = Flights[str, str](), Work()
    caller = asyncio.create_task(flights.join("a", work))
    await settle()
    await flights.close()
    with pytest.raises(Cancelled):
        await caller
    assert work.cancelled == 1
    work.result.cancel()


async def test_closing_with_nothing_under_way_is_quiet() -> None:
    async with asyncio.timeout(1):
        await Flights[str, str]().close()
