"""Media that a backend holds already: by account and identity, each uploaded once and used until it expires."""

import asyncio
import hashlib
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

import structlog
from sqlalchemy import delete, select
from sqlalchemy.dialects.sqlite import insert

from gateway.backends.base import Backend, Flow, Form, T, Uploaded
from gateway.errors import GatewayError, StorageUnavailable, stopping
from gateway.media.flight import Cancelled, Flights
from gateway.storage.database import Database, uploads

_MARGIN = 3600  # seconds before its expiry from which a file is not used any more: an answer takes its time
_PATIENCE = 10.0  # seconds for the deletion of a copy, for which a caller waits

log = structlog.get_logger(__name__)


class Driver(Protocol):
    """Sends the requests of a flow; the shell's part of an upload or a deletion."""

    async def drive(self, backend: Backend, key: str, flow: Flow[T]) -> T: ...


class _Key(NamedTuple):
    account: str
    sha256: str  # of the bytes, or the identity of an upload with settings, which begins with it


def identity(sha256: str, fields: Mapping[str, str]) -> str:
    """Tells uploads of the same bytes apart that a backend processes by other settings (the form's ``fields``)."""
    if not fields:
        return sha256
    return f"{sha256}-{hashlib.sha256(repr(sorted(fields.items())).encode()).hexdigest()[:16]}"


class Uploads:
    """The map from (account, identity) to a backend's file id, in memory and in the database."""

    def __init__(self, database: Database, driver: Driver, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._driver = driver
        self._clock = clock
        self._known: dict[_Key, Uploaded] = {}
        self._flights: Flights[_Key, str] = Flights()

    async def find(self, account: str, sha256: str) -> str | None:
        """The id under which the backend has these bytes, good for at least another hour."""
        key = _Key(account, sha256)
        uploaded = self._known.get(key) or await self._stored(key)
        if uploaded is None or uploaded.expires_at - _MARGIN <= self._clock():
            self._known.pop(key, None)
            return None
        self._known[key] = uploaded
        return uploaded.file_id

    async def upload(self, backend: Backend, key: str, sha256: str, form: Form) -> str:
        """Uploads the bytes; concurrent calls for the same bytes share one upload."""
        name = _Key(backend.account(key), sha256)
        try:
            return await self._flights.join(name, lambda: self._upload(backend, key, name, form))
        except Cancelled as error:
            raise stopping() from error

    async def close(self) -> None:
        await self._flights.close()

    async def forget(self, account: str, file_id: str) -> None:
        """Takes back a file id that the backend does not know any more."""
        for key in [key for key, uploaded in self._known.items() if uploaded.file_id == file_id]:
            del self._known[key]
        query = delete(uploads).where(uploads.c.account == account, uploads.c.file_id == file_id)
        try:
            await self._database.run(lambda connection: connection.execute(query))
        except StorageUnavailable as error:
            log.warning("uploads.unwritable", cause=repr(error.__cause__))

    async def knows(self, file_id: str) -> bool:
        """Whether a backend's file is one that the gateway uploaded. Raises StorageUnavailable."""
        if any(uploaded.file_id == file_id for uploaded in self._known.values()):
            return True
        query = select(uploads.c.file_id).where(uploads.c.file_id == file_id)
        row = await self._database.run(lambda connection: connection.execute(query).first())
        return row is not None

    async def discard(self, backend: Backend, key: str, sha256: str) -> None:
        """Deletes the backend's copies of these bytes, whatever settings they were uploaded with.

        A copy that cannot be deleted stays known until it expires: no caller may reach it by its id meanwhile.
        """
        account = backend.account(key)
        try:
            async with asyncio.timeout(_PATIENCE):
                for file_id in await self._copies(account, sha256):
                    await self._driver.drive(backend, key, backend.delete_file(file_id))
                    await self.forget(account, file_id)
        except (GatewayError, TimeoutError) as error:
            log.warning("uploads.undeleted", backend=backend.name, cause=repr(error))

    async def sweep(self) -> None:
        """Drops what has expired."""
        now = self._clock()
        for key in [key for key, uploaded in self._known.items() if uploaded.expires_at <= now]:
            del self._known[key]
        query = delete(uploads).where(uploads.c.expires_at <= now)
        await self._database.run(lambda connection: connection.execute(query))

    async def _copies(self, account: str, sha256: str) -> set[str]:
        """The ids of what was uploaded of these bytes. Raises StorageUnavailable."""
        query = select(uploads.c.file_id).where(
            uploads.c.account == account, uploads.c.sha256.startswith(sha256)
        )
        rows = await self._database.run(lambda connection: connection.execute(query).scalars().all())
        known = (
            uploaded.file_id
            for key, uploaded in self._known.items()
            if key.account == account and key.sha256.startswith(sha256)
        )
        return {*rows, *known}

    async def _upload(self, backend: Backend, key: str, name: _Key, form: Form) -> str:
        uploaded = await self._driver.drive(backend, key, backend.upload(form, self._clock()))
        self._known[name] = uploaded
        await self._store(name, uploaded)
        return uploaded.file_id

    async def _stored(self, key: _Key) -> Uploaded | None:
        query = select(uploads.c.file_id, uploads.c.expires_at).where(
            uploads.c.account == key.account, uploads.c.sha256 == key.sha256
        )
        try:
            row = await self._database.run(lambda connection: connection.execute(query).first())
        except StorageUnavailable as error:
            log.warning("uploads.unreadable", cause=repr(error.__cause__))
            return None
        return Uploaded(row.file_id, row.expires_at) if row else None

    async def _store(self, key: _Key, uploaded: Uploaded) -> None:
        """The upload is good even where it cannot be remembered: a full disk must not fail the request."""
        row = {**key._asdict(), **uploaded._asdict()}
        query = (
            insert(uploads).values(row).on_conflict_do_update(index_elements=["account", "sha256"], set_=row)
        )
        try:
            await self._database.run(lambda connection: connection.execute(query))
        except StorageUnavailable as error:
            log.warning("uploads.unwritable", cause=repr(error.__cause__))
