"""Responses that are worked on after their caller has been answered."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

import structlog

from gateway.errors import GatewayError, stopping
from gateway.outlet import Outlet
from gateway.responses.keeping import Keeper, Turn
from gateway.running import Running, Work
from gateway.storage.responses import LEASE, ResponseStore
from gateway.wire import complete
from gateway.wire.course import Course
from gateway.wire.items import Json
from gateway.wire.translate.translation import Mark

Serve = Callable[[Outlet], Awaitable[None]]  # what sends a streamed reply

_NO_END = "The answer ended before it was finished."
_BUG = "The gateway failed; its log tells why."

log = structlog.get_logger(__name__)


class _Events:
    """The outlet of a reply that nobody waits for: its events are published, and told to ``tell`` one run at a time."""

    def __init__(self, work: Work, tell: Callable[[bytes], Awaitable[None]]) -> None:
        self._work = work
        self._tell = tell
        self._blocks: list[bytes] = []

    def begin(self, status: int, headers: Mapping[str, str], length: int | None = None) -> None: ...

    def write(self, block: bytes) -> bool:
        self._blocks.append(block)
        return False

    async def ready(self) -> None:
        blocks, self._blocks = self._blocks, []
        for block in blocks:
            if block and not self._work.course.ended and not self._work.cancelled:
                self._work.course.feed(block)
                await self._tell(block)

    async def end(self, block: bytes = b"") -> None:
        self.write(block)
        await self.ready()


class Background:
    """Starts them, and sees to it that each is kept however it ends."""

    def __init__(self, store: ResponseStore, running: Running, keeper: Keeper) -> None:
        self._store = store
        self._running = running
        self._keeper = keeper

    async def start(self, turn: Turn, mark: Mark, serve: Serve) -> Json:
        """The response as it is before anything was done for it; ``serve`` works on it from now on.

        Raises GatewayError where it cannot be kept.
        """
        head = {"id": f"resp_{mark.digits}", "object": "response", "created_at": mark.created_at}
        told = complete.settings({**turn.body, "background": True, "store": True})
        draft = complete.response({**head, "status": "queued", "model": turn.body.get("model")}, told)
        await self._keeper.enter(turn, draft)
        course = Course(draft)
        self._running.start(turn.owner, draft["id"], course, lambda work: self._run(turn, work, serve))
        return draft

    async def _run(self, turn: Turn, work: Work, serve: Serve) -> None:
        try:
            await serve(_Events(work, partial(self._tell, turn, work)))
            await self._cut(turn, work, "failed", "server_error", _NO_END)
        except GatewayError as error:
            await self._cut(turn, work, "failed", error.code or "server_error", error.message)
        except asyncio.CancelledError:
            if work.cancelled:
                await self._cut(turn, work, "cancelled")
            else:
                stopped = stopping()
                await self._cut(turn, work, "failed", stopped.code, stopped.message)
            raise
        except Exception as error:  # a bug of ours, of which nobody else will hear
            log.error("bug", response_id=work.course.id, exc_info=error)
            await self._cut(turn, work, "failed", "internal_error", _BUG)

    async def _cut(
        self, turn: Turn, work: Work, status: str, code: str | None = None, message: str = ""
    ) -> None:
        if not work.course.ended:
            await self._tell(turn, work, work.course.close(status, code=code, message=message))

    async def _tell(self, turn: Turn, work: Work, block: bytes) -> None:
        """Publishes the events; before the last one the response is in the store."""
        events = work.events
        if events is None:
            return
        if work.course.ended:
            before = events.all()
            told = None if before is None else before + block
            await self._finish(turn, work.course.response, told)
        events.publish(block)

    async def _finish(self, turn: Turn, response: Json, events: bytes | None) -> None:
        try:
            await self._store.finish(turn.owner, response["id"], response, events)
        except GatewayError as error:  # its lease runs out: it will be told as failed
            log.warning("response.unkept", id=response["id"], cause=repr(error.__cause__ or error))

    async def stay_alive(self) -> None:
        """Says now and then, for ever, that what runs here is still being worked on."""
        while True:
            await asyncio.sleep(LEASE / 4)
            ids = self._running.background
            try:
                if ids:
                    await self._store.renew(ids)
            except GatewayError as error:
                log.warning("responses.unrenewed", cause=repr(error.__cause__ or error))
