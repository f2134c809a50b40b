"""Several pieces of work at once, and an end to one that takes too long."""

import asyncio
from collections.abc import Coroutine, Iterable
from types import TracebackType
from typing import Any, TypeVar

T = TypeVar("T")


async def side_by_side(works: Iterable[Coroutine[Any, Any, T]], *, parallel: int) -> list[T]:
    """The results in order. The first failure ends the others and is raised as it is, not in a group."""
    slots = asyncio.Semaphore(parallel)

    async def one(work: Coroutine[Any, Any, T]) -> T:
        try:
            async with slots:
                return await work
        finally:
            work.close()  # one that was cancelled before its turn has not begun

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(work)) for work in works]
    except BaseExceptionGroup as failed:
        first = failed.exceptions[0]
        raise first from first.__cause__  # the log tells the cause
    return [task.result() for task in tasks]


def this_task() -> asyncio.Task[Any]:
    """The task that runs now, for who means to cancel it."""
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("outside a task there is nothing to cancel")
    return task


class Patience:
    """Ends the work inside after so many seconds with TimeoutError: ``asyncio.timeout`` without being put off, which
    makes it a twentieth of a short request cheaper."""

    __slots__ = ("_before", "_expired", "_seconds", "_task", "_timer")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._expired = False

    def __enter__(self) -> None:
        self._task = this_task()
        self._before = self._task.cancelling()
        self._timer = asyncio.get_running_loop().call_later(self._seconds, self._expire)

    def _expire(self) -> None:
        self._expired = True
        self._task.cancel()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        # A cancellation that comes from elsewhere as well goes on its way.
        if self._expired and self._task.uncancel() <= self._before and kind is asyncio.CancelledError:
            raise TimeoutError from error
