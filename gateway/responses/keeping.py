"""Responses on their way into the store: the whole ones, and the streamed ones that a caller's request carries on."""

from collections.abc import Callable
from typing import Any, NamedTuple

import structlog

from gateway.errors import GatewayError, InvalidRequest
from gateway.responses.references import References
from gateway.running import Running, Work
from gateway.storage.claims import Claims
from gateway.storage.responses import LEASE, RUNNING, ResponseStore, StoredResponse, expires_at
from gateway.wire import body as wire_body
from gateway.wire import items
from gateway.wire.course import Course
from gateway.wire.items import Json

log = structlog.get_logger(__name__)


class Turn(NamedTuple):
    """A request whose response is kept. ``body`` is the caller's own, without what was recalled."""

    owner: str
    body: Json
    backend: str
    expires_at: int


class Keeper:
    """Puts responses into the store, their media by reference."""

    def __init__(self, store: ResponseStore, references: References) -> None:
        self._store = store
        self._references = references

    def turn(self, owner: str, body: Json, backend: str) -> Turn | None:
        """What is to be kept of a request; None where its caller wants nothing kept. Raises InvalidRequest."""
        until = expires_at(body, self._store.now())
        if body.get("store") is not None and not wire_body.flag(body, "store"):
            if wire_body.flag(body, "background"):
                text = "A response in the background must be kept: leave `store` out, or set it to true."
                raise InvalidRequest(text, param="store", code="unsupported_combination")
            return None
        return Turn(owner, body, backend, until)

    async def keep(self, turn: Turn, response: Json) -> None:
        """A response that is done; one that cannot be kept is still an answer."""
        try:
            await self.enter(turn, response)
        except GatewayError as error:
            log.warning("response.unkept", id=response.get("id"), cause=repr(error.__cause__ or error))

    async def enter(self, turn: Turn, response: Json) -> None:
        """Raises GatewayError."""
        now, id = self._store.now(), str(response["id"])
        said = items.with_ids(items.of_input(turn.body.get("input")), id.partition("_")[2])
        said, file_ids = await self._references.made(said, turn.owner, turn.expires_at)
        stored = StoredResponse(
            id=id,
            owner=turn.owner,
            model=str(turn.body.get("model"))[:256],
            backend=turn.backend,
            created_at=int(now),
            expires_at=turn.expires_at,
            response=response,
            input=said,
            previous_response_id=turn.body.get("previous_response_id"),
            alive_until=now + LEASE if response.get("status") in RUNNING else None,
        )
        await self._store.put(stored, file_ids)


class Following:
    """A streamed response that its caller's own request carries on: it can be cancelled, and is kept when it is done.

    ``turn`` is None where nothing is kept; ``stop`` makes the stream end soon, which then says ``cut``; ``done`` is
    told of the response in its last state.
    """

    def __init__(
        self,
        running: Running,
        keeper: Keeper,
        claims: Claims,
        owner: str,
        turn: Turn | None,
        stop: Callable[[], Any],
        done: Callable[[Json], None] | None = None,
    ) -> None:
        self._running = running
        self._keeper = keeper
        self._claims = claims
        self._owner = owner
        self._turn = turn
        self._stop = stop
        self._done = done
        self._course = Course()
        self._work: Work | None = None

    @property
    def cancelled(self) -> bool:
        return self._work is not None and self._work.cancelled

    def tell(self, block: bytes) -> bool:
        """Is given each run of frames before the caller gets it; whether ``settle`` comes between."""
        course = self._course
        if course.ended:
            return False
        course.feed(block)
        if self._work is None and course.id:
            self._work = self._running.enter(self._owner, course.id, course, self._stop)
            self._claims.note(self._owner, course.response)
        if course.ended and self._done:
            self._done(course.response)
        return course.ended and self._turn is not None

    async def settle(self) -> None:
        """Keeps the response, which is done."""
        if self._turn:
            await self._keeper.keep(self._turn, self._course.response)

    async def cut(self) -> bytes:
        """The last event of a response that was cancelled."""
        event = self._course.close("cancelled")
        await self.settle()
        return event

    def close(self) -> None:
        """Must be called however the stream ended. Plain, so that no cancellation can come between."""
        if self._work and self._course.id:
            self._running.leave(self._owner, self._course.id)
