"""Several pieces of work at once."""

import asyncio
from collections.abc import Coroutine, Iterable
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
