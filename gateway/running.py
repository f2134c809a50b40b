"""Responses in progress in this process: their tasks, their events so far for those who follow, and how to stop them."""

import asyncio
import contextlib
from bisect import bisect_right
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, NamedTuple, TypeAlias

from gateway.wire import sse
from gateway.wire.course import Course, sequence_number

_PATIENCE = 5.0  # seconds for which a cancellation waits for the end
_MOST = 16 << 20  # bytes of one response's events that are kept; the oldest go first


class Events:
    """The events of one response, in order. Followers read from it at their own pace, and hold nothing of it."""

    def __init__(self, most: int = _MOST) -> None:
        self._frames: list[bytes] = []
        self._numbers: list[int] = []
        self._size = 0
        self._most = most
        self._next = 0
        self._news = asyncio.Event()
        self._ended = False

    def publish(self, block: bytes) -> None:
        """Takes whole frames; comments aside, each is an event."""
        for frame in sse.frames(block):
            if sse.read(frame) is None:
                continue
            number = sequence_number(frame)
            number = self._next if number is None else number
            self._next = number + 1
            self._numbers.append(number)
            self._frames.append(frame)
            self._size += len(frame)
        self._shrink()
        self._wake()

    def _shrink(self) -> None:
        gone = 0
        while self._size > self._most and gone < len(self._frames) - 1:
            self._size -= len(self._frames[gone])
            gone += 1
        del self._frames[:gone], self._numbers[:gone]

    def end(self) -> None:
        self._ended = True
        self._wake()

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    def all(self) -> bytes | None:
        """Every event, where none had to go."""
        whole = not self._numbers or self._numbers[0] == 0
        return b"".join(self._frames) if whole else None

    async def follow(self, after: int, keep_alive: float) -> AsyncIterator[bytes]:
        """The events with numbers above ``after``, those to come included; comments where nothing comes for long."""
        while True:
            if self._numbers and self._numbers[0] > max(after + 1, 0):
                yield sse.encode(_fell_behind(after, self._numbers[0]), "error")
                return
            fresh = self._frames[bisect_right(self._numbers, after) :]
            if fresh:
                after = self._numbers[-1]
                yield b"".join(fresh)
            elif self._ended:
                return
            elif not await self._more(keep_alive):
                yield sse.KEEP_ALIVE

    async def _more(self, keep_alive: float) -> bool:
        """Waits for news; false where none came in time."""
        try:
            async with asyncio.timeout(keep_alive):
                await self._news.wait()
        except TimeoutError:
            return False
        return True


def _fell_behind(after: int, first: int) -> dict[str, Any]:
    text = f"The events {after + 1} to {first - 1} are not kept any more; retrieve the response without `stream`."
    return {
        "type": "error",
        "code": "events_gone",
        "message": text,
        "param": "starting_after",
        "sequence_number": first,
    }


class _Key(NamedTuple):
    owner: str
    id: str


class Work:
    """One response in progress: what it has told, its events where it runs without a caller, and a way to end it.

    ``cancelled`` says that its owner wanted it to end.
    """

    def __init__(self, course: Course, stop: Callable[[], Any]) -> None:
        self.course = course
        self.events: Events | None = None
        self.task: asyncio.Task[None] | None = None
        self.cancelled = False
        self.gone = asyncio.Event()
        self._stop = stop

    def cancel(self) -> None:
        """What has told its end already is let come to it."""
        if not self.cancelled and not self.course.ended:
            self.cancelled = True
            self._stop()


Run: TypeAlias = Callable[[Work], Coroutine[Any, Any, None]]


class Running:
    """What is in progress in this process, by owner and id: what runs in a task here (``start``), and what a
    caller's own request carries on (``enter`` and ``leave``)."""

    def __init__(self) -> None:
        self._works: dict[_Key, Work] = {}

    @property
    def background(self) -> list[str]:
        """The ids of what runs in tasks here."""
        return [key.id for key, work in self._works.items() if work.events]

    def start(self, owner: str, id: str, course: Course, run: Run) -> None:
        """Runs ``run`` in a task of its own. What it publishes can be followed until it ends."""
        work = self.enter(owner, id, course, lambda: work.task and work.task.cancel())
        work.events = Events()
        work.task = asyncio.create_task(self._run(owner, id, work, run))

    async def _run(self, owner: str, id: str, work: Work, run: Run) -> None:
        try:
            await run(work)
        finally:
            if work.events:
                work.events.end()
            self.leave(owner, id)

    def enter(self, owner: str, id: str, course: Course, stop: Callable[[], Any]) -> Work:
        """Somebody else's work; ``stop`` makes it end soon. ``leave`` must follow."""
        work = self._works[_Key(owner, id)] = Work(course, stop)
        return work

    def leave(self, owner: str, id: str) -> None:
        work = self._works.pop(_Key(owner, id), None)
        if work:
            work.gone.set()

    def find(self, owner: str, id: str) -> Work | None:
        return self._works.get(_Key(owner, id))

    async def cancel(self, owner: str, id: str) -> Work | None:
        """Stops it and waits until it has ended; None where nothing of that id is in progress here."""
        work = self.find(owner, id)
        if work and not work.course.ended:
            work.cancel()
            with contextlib.suppress(
                TimeoutError
            ):  # a caller who reads slowly holds up the end of its stream
                async with asyncio.timeout(_PATIENCE):
                    await work.gone.wait()
        return work

    async def close(self) -> None:
        """Ends all that runs in tasks here: the gateway stops."""
        works = [work for work in self._works.values() if work.task]
        tasks = [work.task for work in works if work.task]
        for work in works:
            if work.task and not work.course.ended:
                work.task.cancel()
        if tasks:
            await asyncio.wait(tasks)
