"""One piece of work for all who ask for it at the same time."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class Cancelled(Exception):
    """The work was cancelled from outside while callers waited for it."""


class Flights(Generic[K, T]):
    """Work under way, by key. A caller that leaves does not end it for the others; the last one to leave does."""

    def __init__(self) -> None:
        self._flights: dict[K, _Flight[T]] = {}
        self._tasks: set[asyncio.Task[T]] = set()

    async def join(self, key: K, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """The result of the work under way for ``key``, which is started where there is none.

        Raises what the work raises; Cancelled where ``close`` ended it.
        """
        flight = self._flights.get(key) or self._start(key, work())
        flight.passengers += 1
        try:
            await asyncio.wait({flight.task})  # unlike awaiting the task, this does not cancel it
        finally:
            flight.passengers -= 1
            if not flight.passengers:
                self._end(key, flight)
        if flight.task.cancelled():
            raise Cancelled
        return flight.task.result()

    async def close(self) -> None:
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _start(self, key: K, work: Coroutine[Any, Any, T]) -> "_Flight[T]":
        flight = self._flights[key] = _Flight(asyncio.create_task(work))
        self._tasks.add(flight.task)
        flight.task.add_done_callback(self._forget)
        return flight

    def _end(self, key: K, flight: "_Flight[T]") -> None:
        flight.task.cancel()
        if self._flights.get(key) is flight:
            del self._flights[key]

    def _forget(self, task: asyncio.Task[T]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # its last passenger may have left in the tick it failed: asyncio must not complain


class _Flight(Generic[T]):
    def __init__(self, task: asyncio.Task[T]) -> None:
        self.task = task
        self.passengers = 0
