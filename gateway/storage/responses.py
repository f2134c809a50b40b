"""Responses that the gateway itself keeps: its objects, their input items, and what runs on without a caller."""

import time
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import anyio.to_thread
from sqlalchemy import Connection, RowMapping, delete, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from gateway.errors import InvalidRequest
from gateway.storage.database import Database, files, response_files, responses

Json = dict[str, Any]

RUNNING = ("queued", "in_progress")
LEASE = 60.0  # seconds after its last sign of life from which a response in progress counts as given up

_ID = "resp_"
_ID_DIGITS = 32
_HOUR, _DAY = 3600, 86400
_DEFAULT_DAYS = 30
_LONGEST_CHAIN = 1000  # responses
_AT_ONCE = 1000  # responses that are deleted in one transaction
_COLUMNS = [column for column in responses.c if column.name != "events"]


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """One response of a caller; times in Unix seconds. ``response`` is the object as it is told."""

    id: str
    owner: str
    model: str
    backend: str
    created_at: int
    expires_at: int
    response: Json
    input: list[Json]
    previous_response_id: str | None = None
    alive_until: float | None = None

    @property
    def status(self) -> str:
        return str(self.response.get("status"))

    @property
    def items(self) -> list[Json]:
        """What was said in this turn: the input, then the output."""
        output = self.response.get("output")
        return [*self.input, *(output if isinstance(output, list) else [])]


def is_own_response_id(id: str) -> bool:
    """Whether an id is of the form that this gateway issues; Ark's begin with ``resp_02`` and are longer."""
    digits = id.removeprefix(_ID)
    return len(digits) == _ID_DIGITS and digits != id and set(digits) <= set("0123456789abcdef")


def expires_at(body: Json, now: float) -> int:
    """Ark's ``expire_at`` in Unix seconds, 1 hour to 30 days from now; 30 days where it is absent.

    Raises InvalidRequest.
    """
    wanted = body.get("expire_at")
    if wanted is None:
        return int(now) + _DEFAULT_DAYS * _DAY
    if isinstance(wanted, bool) or not isinstance(wanted, int):
        text = "`expire_at` must be a whole number: a time in Unix seconds."
        raise InvalidRequest(text, param="expire_at", code="invalid_type")
    seconds = wanted - int(now)
    skew = 60  # the caller's clock, and the way here
    if not _HOUR - skew <= seconds <= _DEFAULT_DAYS * _DAY + skew:
        text = f"The response would expire in {seconds} s; it must be between {_HOUR} and {_DEFAULT_DAYS * _DAY} s (1 hour to 30 days)."
        raise InvalidRequest(text, param="expire_at", code="invalid_value")
    return wanted


class ResponseStore:
    """Responses by owner. A foreign one does not exist for anyone else."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    def now(self) -> float:
        return self._clock()

    async def put(self, stored: StoredResponse, file_ids: Iterable[str] = ()) -> None:
        """Enters a response, in place of one of the same id. What it continues, and its files, last as long as it."""
        held = sorted(set(file_ids))
        await self._database.run(lambda connection: self._put(connection, stored, held))

    def _put(self, connection: Connection, stored: StoredResponse, file_ids: Sequence[str]) -> None:
        row = {**asdict(stored), "status": stored.status}
        connection.execute(
            upsert(responses).values(row).on_conflict_do_update(index_elements=["id"], set_=row)
        )
        connection.execute(delete(response_files).where(response_files.c.response_id == stored.id))
        if file_ids:
            rows = [{"response_id": stored.id, "file_id": file_id} for file_id in file_ids]
            connection.execute(insert(response_files), rows)
        chain = self._chain_ids(connection, stored.owner, stored.id)
        _extend(connection, chain, stored.expires_at)

    async def finish(self, owner: str, id: str, response: Json, events: bytes | None = None) -> bool:
        """Replaces the object of one that was in progress; false where it has been deleted meanwhile."""
        packed = await anyio.to_thread.run_sync(zlib.compress, events) if events is not None else None
        change = {"response": response, "status": str(response.get("status")), "alive_until": None}
        query = update(responses).where(responses.c.id == id, responses.c.owner == owner)
        query = query.values(**change, events=packed)
        done = await self._database.run(lambda connection: connection.execute(query))
        return done.rowcount > 0

    async def renew(self, ids: Sequence[str]) -> None:
        """Says that these are still being worked on."""
        query = update(responses).where(responses.c.id.in_(ids), responses.c.status.in_(RUNNING))
        query = query.values(alive_until=self._clock() + LEASE)
        await self._database.run(lambda connection: connection.execute(query))

    async def get(self, owner: str, id: str) -> StoredResponse | None:
        """The owner's response that has not expired."""
        query = select(*_COLUMNS).where(responses.c.id == id, *self._visible(owner))
        row = await self._database.run(lambda connection: connection.execute(query).mappings().first())
        return self._honest(_stored(row)) if row else None

    async def events(self, owner: str, id: str) -> bytes | None:
        """The events of one that ran in the background, as its callers got them."""
        query = select(responses.c.events).where(responses.c.id == id, *self._visible(owner))
        packed = await self._database.run(lambda connection: connection.execute(query).scalar())
        return None if packed is None else await anyio.to_thread.run_sync(zlib.decompress, packed)

    async def chain(self, owner: str, id: str) -> list[StoredResponse]:
        """The response and what it continues, oldest first; empty where there is none. It may lack its beginning,
        where that was deleted: the first one then still names a ``previous_response_id``."""

        def work(connection: Connection) -> list[RowMapping]:
            ids = self._chain_ids(connection, owner, id)
            rows = connection.execute(select(*_COLUMNS).where(responses.c.id.in_(ids))).mappings()
            found = {row["id"]: row for row in rows}
            return [found[one] for one in reversed(ids)]

        return [self._honest(_stored(row)) for row in await self._database.run(work)]

    async def items(self, owner: str, ids: Sequence[str]) -> dict[str, Json]:
        """The owner's items of these ids, from whatever response: the digits in an item's id are its response's."""
        holders = {id: _holder(id) for id in ids}
        query = select(*_COLUMNS).where(responses.c.id.in_(set(holders.values())), *self._visible(owner))
        rows = await self._database.run(lambda connection: connection.execute(query).mappings().all())
        known = {item.get("id"): item for row in rows for item in _stored(row).items}
        return {id: known[id] for id in ids if id in known}

    async def delete(self, owner: str, id: str) -> list[str] | None:
        """Deletes a response; the ids of the files that nothing holds any more, None where there was no response."""

        def work(connection: Connection) -> list[str] | None:
            gone = (
                delete(responses).where(responses.c.id == id, *self._visible(owner)).returning(responses.c.id)
            )
            if connection.execute(gone).first() is None:
                return None
            return _release(connection, [id])

        return await self._database.run(work)

    async def sweep(self) -> None:
        """Deletes what has expired; the files expire by themselves, and not earlier."""

        expired = select(responses.c.id).where(responses.c.expires_at <= self._clock()).limit(_AT_ONCE)

        def work(connection: Connection) -> int:
            ids = list(connection.execute(expired).scalars())
            connection.execute(delete(responses).where(responses.c.id.in_(ids)))
            _release(connection, ids)
            return len(ids)

        while await self._database.run(work) == _AT_ONCE:
            pass

    def _visible(self, owner: str) -> tuple[Any, Any]:
        return responses.c.owner == owner, responses.c.expires_at > self._clock()

    def _chain_ids(self, connection: Connection, owner: str, id: str) -> list[str]:
        """Newest first. A loop ends where it closes."""
        ids: dict[str, None] = {}
        query = select(responses.c.previous_response_id).where(*self._visible(owner))
        step: str | None = id
        while step is not None and step not in ids and len(ids) < _LONGEST_CHAIN:
            row = connection.execute(query.where(responses.c.id == step)).first()
            if row is None:
                break
            ids[step] = None
            step = row.previous_response_id
        return list(ids)

    def _honest(self, stored: StoredResponse) -> StoredResponse:
        """One that nobody works on any more, as its process has gone, has failed."""
        if stored.status not in RUNNING or (stored.alive_until or 0) > self._clock():
            return stored
        message = "The gateway stopped while it worked on this response; create it again."
        error = {"code": "gateway_stopped", "message": message}
        return replace(stored, response={**stored.response, "status": "failed", "error": error})


def _holder(item_id: str) -> str:
    return _ID + item_id.partition("_")[2][:_ID_DIGITS]


def _extend(connection: Connection, ids: Sequence[str], until: int) -> None:
    """These responses and their files last at least until then."""
    held = select(response_files.c.file_id).where(response_files.c.response_id.in_(ids))
    connection.execute(
        update(responses)
        .where(responses.c.id.in_(ids), responses.c.expires_at < until)
        .values(expires_at=until)
    )
    connection.execute(
        update(files).where(files.c.id.in_(held), files.c.expires_at < until).values(expires_at=until)
    )


def _release(connection: Connection, ids: Sequence[str]) -> list[str]:
    """Forgets what these responses held; the files that nothing holds any more."""
    query = delete(response_files).where(response_files.c.response_id.in_(ids))
    held = set(connection.execute(query.returning(response_files.c.file_id)).scalars())
    query_left = select(response_files.c.file_id).where(response_files.c.file_id.in_(held))
    return sorted(held - set(connection.execute(query_left).scalars()))


def _stored(row: RowMapping) -> StoredResponse:
    return StoredResponse(**{name: value for name, value in row.items() if name != "status"})
