"""Whose a backend's own responses are, where several callers share one account there."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import structlog
from sqlalchemy import delete, select
from sqlalchemy.dialects.sqlite import insert

from gateway.errors import StorageUnavailable
from gateway.storage.database import Database, claims

Json = dict[str, Any]

_LONGEST = 7 * 86400  # seconds for which Ark keeps a response at most
_MARGIN = 3600  # seconds for which its owner is known beyond that: clocks differ
_PAUSE = 0.2  # seconds for which claims gather before they are written together
_RETRY = 5.0
_MOST = 20_000  # claims in memory; the oldest go first
_AT_ONCE = 1000  # claims that are deleted in one transaction

log = structlog.get_logger(__name__)


class Claims(Protocol):
    """Binds responses that a backend keeps to their owners. A foreign one does not exist for anyone else."""

    def note(self, owner: str, response: Json) -> None:
        """A response that a backend has made for its owner; writes nothing yet."""

    async def belongs(self, owner: str, id: str) -> bool:
        """Whether a response is the owner's. Raises StorageUnavailable."""

    async def keep_written(self) -> None:
        """Writes down what was noted, for ever."""

    async def sweep(self) -> None:
        """Forgets what has expired. Raises StorageUnavailable."""

    async def close(self) -> None:
        """Writes down the rest."""


class NoClaims:
    """For one owner alone, and for callers with keys of the backend's own, which it checks itself."""

    def note(self, owner: str, response: Json) -> None:
        pass

    async def belongs(self, owner: str, id: str) -> bool:
        return True

    async def keep_written(self) -> None:
        pass

    async def sweep(self) -> None:
        pass

    async def close(self) -> None:
        pass


class _Claim(NamedTuple):
    owner: str
    expires_at: int


class StoredClaims:
    """Claims in memory first, and a moment later in the database, where other processes see them."""

    def __init__(
        self,
        database: Database,
        clock: Callable[[], float] = time.time,
        *,
        pause: float = _PAUSE,
        most: int = _MOST,
    ) -> None:
        self._database = database
        self._clock = clock
        self._pause = pause
        self._most = most
        self._known: OrderedDict[str, _Claim] = OrderedDict()
        self._fresh: dict[str, _Claim] = {}  # those of them that are not written yet
        self._news = asyncio.Event()

    def note(self, owner: str, response: Json) -> None:
        id = response.get("id")
        if isinstance(id, str) and id not in self._known:
            claim = _Claim(owner, _expiry(response, self._clock()))
            self._fresh[id] = claim
            self._remember(id, claim)
            self._news.set()

    def _remember(self, id: str, claim: _Claim) -> None:
        self._known[id] = claim
        if len(self._known) > self._most:
            oldest, _ = self._known.popitem(last=False)
            self._fresh.pop(oldest, None)  # the database has been away for long, as its warnings say

    async def belongs(self, owner: str, id: str) -> bool:
        if await self._owner(id) == owner:
            return True
        # Another process may have made it a moment ago. A foreign one takes as long as one that nobody has.
        await asyncio.sleep(2 * self._pause)
        return await self._owner(id) == owner

    async def _owner(self, id: str) -> str | None:
        claim = self._known.get(id) or await self._stored(id)
        return claim.owner if claim and claim.expires_at > self._clock() else None

    async def _stored(self, id: str) -> _Claim | None:
        query = select(claims.c.owner, claims.c.expires_at).where(claims.c.id == id)
        row = await self._database.run(lambda connection: connection.execute(query).first())
        if row is None:
            return None
        claim = _Claim(row.owner, row.expires_at)
        self._remember(id, claim)
        return claim

    async def keep_written(self) -> None:
        while True:
            await self._news.wait()
            await asyncio.sleep(self._pause)
            if not await self._flush():
                await asyncio.sleep(_RETRY)

    async def close(self) -> None:
        await self._flush()

    async def _flush(self) -> bool:
        """Writes what is fresh; false where that cannot be done now, and it stays so."""
        self._news.clear()
        rows = [{"id": id, **claim._asdict()} for id, claim in self._fresh.items()]
        query = insert(claims).on_conflict_do_nothing()
        try:
            if rows:
                await self._database.run(lambda connection: connection.execute(query, rows))
        except StorageUnavailable as error:
            log.warning("claims.unwritten", count=len(rows), cause=repr(error.__cause__))
            self._news.set()
            return False
        for row in rows:
            self._fresh.pop(row["id"], None)
        return True

    async def sweep(self) -> None:
        expired = select(claims.c.id).where(claims.c.expires_at <= self._clock()).limit(_AT_ONCE)
        query = delete(claims).where(claims.c.id.in_(expired))
        while await self._database.run(lambda connection: connection.execute(query).rowcount) == _AT_ONCE:
            pass


def _expiry(response: Json, now: float) -> int:
    """Until when the owner must be known: a little longer than Ark keeps it."""
    told, longest = response.get("expire_at"), int(now) + _LONGEST
    return (min(told, longest) if isinstance(told, int) else longest) + _MARGIN
