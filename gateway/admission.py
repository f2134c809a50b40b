"""How much the gateway works on at a time: what does not fit waits with its body unread, in the order of its coming."""

import asyncio
from collections import deque
from dataclasses import dataclass

from gateway.errors import GatewayError
from gateway.settings import Admission as Limits


@dataclass(slots=True)
class Ticket:
    """One admitted request, and the bytes that it holds."""

    admission: "Admission"
    size: int

    def resize(self, size: int) -> None:
        """It turned out to hold more or less; more is not waited for, others wait the longer."""
        if size != self.size:
            self.admission.release(0, self.size - size)
            self.size = size

    def leave(self) -> None:
        self.admission.release(1, self.size)


@dataclass(slots=True)
class _Waiting:
    size: int
    turn: asyncio.Future[None]


class Admission:
    """Counts requests and their bytes against `admission.max_requests` and `admission.max_bytes`."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._requests = 0
        self._bytes = 0
        self._queue: deque[_Waiting] = deque()

    async def enter(self, size: int) -> Ticket:
        """Waits until a request of ``size`` bytes fits. Raises GatewayError (503) where that takes too long."""
        if self._queue or not self._fits(size):
            await self._wait(size)
        else:
            self._take(size)
        return Ticket(self, size)

    def release(self, requests: int, size: int) -> None:
        self._requests -= requests
        self._bytes -= size
        if self._queue:
            self._call()

    def _fits(self, size: int) -> bool:
        """One that is larger than all room is let in alone: nobody would ever make way for it."""
        if self._requests >= self._limits.max_requests:
            return False
        return self._requests == 0 or self._bytes + size <= self._limits.max_bytes

    def _take(self, size: int) -> None:
        self._requests += 1
        self._bytes += size

    async def _wait(self, size: int) -> None:
        waiting = _Waiting(size, asyncio.get_running_loop().create_future())
        self._queue.append(waiting)
        try:
            async with asyncio.timeout(self._limits.queue_timeout):
                await waiting.turn
        except BaseException as error:
            if waiting.turn.done() and not waiting.turn.cancelled():
                self.release(1, size)  # its turn came in the moment it gave up
            elif waiting in self._queue:  # its turn may have come and found it gone
                self._queue.remove(waiting)
                self._call()
            if isinstance(error, TimeoutError):
                raise self._full() from None
            raise

    def _call(self) -> None:
        while self._queue and self._fits(self._queue[0].size):
            waiting = self._queue.popleft()
            if not waiting.turn.done():
                self._take(waiting.size)
                waiting.turn.set_result(None)

    def _full(self) -> GatewayError:
        text = (
            f"The gateway is busy: {self._requests} requests with {self._bytes} bytes are being worked on, and there was "
            f"no room within {self._limits.queue_timeout:g} s (admission.max_requests, admission.max_bytes)."
        )
        return GatewayError(503, text, type="server_error", code="overloaded", retry_after="1")
