"""Work side by side: in order, bounded, ended as a whole, and none of it forgotten."""

import asyncio
import gc
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.concurrency import Patience, side_by_side
from gateway.errors import InvalidRequest


class Works:
    """Pieces of work that go on until they are told to end, and what became of each."""

    def __init__(self, count: int) -> None:
        self.begun: list[int] = []
        self.cancelled: list[int] = []
        self.ends: list[asyncio.Future[str]] = [
            asyncio.get_running_loop().create_future() for _ in range(count)
        ]

    def __iter__(self) -> Iterator[Any]:
        return (self.one(i) for i in range(len(self.ends)))

    async def one(self, i: int) -> str:
        self.begun.append(i)
        try:
            return await self.ends[i]
        except asyncio.CancelledError:
            await asyncio.sleep(0)  # ending takes a moment
            self.cancelled.append(i)
            raise


@pytest.fixture(autouse=True)
def nothing_is_forgotten() -> Iterator[None]:
    """A coroutine that never began would be told here, as a warning that is an error."""
    yield
    gc.collect()


async def settle() -> None:
    """Lets everything run that can run now."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_nothing_to_do() -> None:
    assert await side_by_side([], parallel=1) == []


@given(order=st.permutations(range(6)), parallel=st.integers(1, 8))
def test_results_stand_in_order_however_they_come(order: list[int], parallel: int) -> None:
    async def run() -> None:
        works = Works(len(order))
        task = asyncio.create_task(side_by_side(works, parallel=parallel))
        for i in order:
            await asyncio.sleep(0)
            works.ends[i].set_result(str(i))
        assert await task == [str(i) for i in range(len(order))]
        assert works.begun == sorted(works.begun)

    asyncio.run(run())


async def test_no_more_than_allowed_at_a_time() -> None:
    works = Works(5)
    task = asyncio.create_task(side_by_side(works, parallel=2))
    for i in range(5):
        await settle()
        assert len(works.begun) == min(i + 2, 5)
        works.ends[i].set_result("done")
    assert await task == ["done"] * 5


async def test_the_first_failure_is_raised_bare_with_its_cause_and_the_others_have_ended() -> None:
    works = Works(4)
    task = asyncio.create_task(side_by_side(works, parallel=4))
    await settle()
    refused = InvalidRequest("no", param="p")
    refused.__cause__ = OSError("why")
    works.ends[1].set_exception(refused)
    with pytest.raises(InvalidRequest) as caught:
        await task
    assert caught.value is refused
    assert isinstance(caught.value.__cause__, OSError)
    assert (works.begun, sorted(works.cancelled)) == ([0, 1, 2, 3], [0, 2, 3])


async def test_of_two_failures_the_first_is_told() -> None:
    works = Works(3)
    task = asyncio.create_task(side_by_side(works, parallel=3))
    await settle()
    works.ends[2].set_exception(ValueError("first"))
    works.ends[0].set_exception(ValueError("second"))
    with pytest.raises(ValueError, match="first"):
        await task


async def test_a_failure_at_once_is_told_though_the_others_wait_for_their_turn() -> None:
    async def failing() -> str:
        raise ValueError("at once")

    works = Works(2)
    with pytest.raises(ValueError, match="at once"):
        await side_by_side([failing(), *works], parallel=1)
    assert works.begun in ([], [0])
    assert works.cancelled == works.begun


async def test_who_is_cancelled_ends_all_of_it() -> None:
    works = Works(4)
    task = asyncio.create_task(side_by_side(works, parallel=2))
    await settle()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (works.begun, sorted(works.cancelled)) == ([0, 1], [0, 1])


@pytest.mark.parametrize("turns", range(4))
async def test_who_is_cancelled_early_leaves_nothing_that_never_began(turns: int) -> None:
    works = Works(3)
    task = asyncio.create_task(side_by_side(works, parallel=2))
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()
    assert sorted(works.cancelled) == works.begun


async def test_a_deadline_around_it_is_told_as_such() -> None:
    works = Works(2)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await side_by_side(works, parallel=1)
    assert works.cancelled == [0]


async def test_patience_ends_what_takes_too_long() -> None:
    with pytest.raises(TimeoutError), Patience(0.01):
        await asyncio.sleep(10)
    await asyncio.sleep(0)  # the task itself was not cancelled


async def test_patience_leaves_what_is_in_time_alone() -> None:
    with Patience(0.01):
        pass
    await asyncio.sleep(0.02)
    with pytest.raises(KeyError), Patience(10):
        raise KeyError


async def test_an_error_on_the_way_out_is_not_hidden() -> None:
    async def work() -> None:
        with Patience(0.01):
            try:
                await asyncio.sleep(10)
            except asyncio.CancelledError:
                raise KeyError from None

    with pytest.raises(KeyError):
        await work()
    await asyncio.sleep(0)


@pytest.mark.parametrize("seconds", [0.0, 10.0], ids=["at the same time", "before"])
async def test_a_cancellation_from_elsewhere_goes_on_its_way(seconds: float) -> None:
    async def work() -> None:
        with Patience(seconds):
            await asyncio.sleep(10)

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    if not seconds:
        asyncio.get_running_loop().call_later(0, task.cancel)
    else:
        task.cancel()
    with pytest.raises(asyncio.CancelledError if seconds else (asyncio.CancelledError, TimeoutError)):
        await task


@pytest.mark.parametrize(("outer", "inner"), [(0.01, 10.0), (10.0, 0.01)])
async def test_of_one_inside_another_each_ends_its_own(outer: float, inner: float) -> None:
    ended = []

    async def work() -> None:
        try:
            with Patience(inner):
                await asyncio.sleep(10)
        except TimeoutError:
            ended.append("inner")

    try:
        with Patience(outer):
            await work()
    except TimeoutError:
        ended.append("outer")
    assert ended == ["outer" if outer < inner else "inner"]
    await asyncio.sleep(0)
