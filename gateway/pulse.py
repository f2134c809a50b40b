"""The pulse of one stream: comments to the caller while the backend is silent, and an end to too long a silence."""

import asyncio
from collections.abc import Callable
from types import TracebackType

Ping = Callable[[], None]

_NEVER = -1.0


class Pulse:
    """Watches a stream with one timer, whatever the number of its chunks.

    Inside ``async with`` TimeoutError is raised after ``first`` seconds without a first beat, ``idle`` seconds
    without another, or ``total`` seconds in all. ``ping`` is called after each ``keep_alive`` seconds of silence.
    """

    def __init__(self, ping: Ping, *, keep_alive: float, first: float, idle: float, total: float) -> None:
        self._loop = asyncio.get_running_loop()
        self.now = self._loop.time
        self._ping = ping
        self._keep_alive = keep_alive
        self._first = first
        self._idle = idle
        self._deadline = asyncio.timeout(total)
        self.last = _NEVER  # when the backend last sent something, by the loop's time; set for each chunk
        self._heard = self._pinged = self._loop.time()
        self._busy = False
        self._timer: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> "Pulse":
        await self._deadline.__aenter__()
        self._schedule()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timer:
            self._timer.cancel()
        await self._deadline.__aexit__(kind, error, trace)

    def beat(self) -> None:
        """The backend has sent something, which has been passed on."""
        self._busy = False
        self.last = self._loop.time()

    def hold(self) -> None:
        """Passing it on takes its time, until the next beat: the caller's slowness is no silence."""
        self._busy = True

    @property
    def _limit(self) -> float:
        return self._first if self.last == _NEVER else self._idle

    def _schedule(self) -> None:
        now = self._loop.time()
        # The first beat sets another limit and no timer, so a look never comes later than that limit would.
        next_look = min(self._pinged + self._keep_alive, self._heard + self._limit, now + self._idle)
        self._timer = self._loop.call_at(max(next_look, now + 0.01), self._look)

    def _look(self) -> None:
        now = self._loop.time()
        self._heard = now if self._busy else max(self._heard, self.last)
        if self._deadline.expired():  # the work inside is on its way out, and takes its time
            return
        if now - self._heard >= self._limit:
            self._deadline.reschedule(now)
            return
        if now - max(self._heard, self._pinged) >= self._keep_alive:
            self._ping()
            self._pinged = now
        elif self._pinged < self._heard:
            self._pinged = self._heard
        self._schedule()
