"""The gateway's own copies of callers' files: rows in the database, bytes on disk under their id."""

import contextlib
import os
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
from sqlalchemy import Connection, RowMapping, Select, and_, delete, func, or_, select

from gateway.errors import StorageUnavailable
from gateway.storage.database import Database, DatabaseError, files
from gateway.storage.incoming import Incoming

RESPONSE_INPUT = "response_input"  # of files that hold the pictures of stored responses

_ID = "file-"
_ID_DIGITS = 32  # hexadecimal: milliseconds, then chance
_TIME_DIGITS = 12
_INCOMING = "incoming-"
_ORPHAN_AGE = 3600  # seconds since the last write, after which bytes without a row are nobody's


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One file of a caller; times in Unix seconds."""

    id: str
    owner: str
    filename: str
    purpose: str
    mime_type: str
    bytes: int
    sha256: str
    created_at: int
    expires_at: int
    preprocess_configs: dict[str, Any] | None = None  # Ark's settings for a video


def is_own_id(file_id: str) -> bool:
    """Whether an id is of the form that this gateway issues; Ark's are ``file-YYYYMMDDhhmmss-xxxxx``."""
    digits = file_id.removeprefix(_ID)
    return len(digits) == _ID_DIGITS and digits != file_id and set(digits) <= set("0123456789abcdef")


class FileStore:
    """Files by owner. A foreign file does not exist for anyone else."""

    def __init__(self, database: Database, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._folder = folder
        self._clock = clock

    def open(self) -> None:
        """Makes the folder. Blocking. Raises DatabaseError."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DatabaseError(f"storage.files: {self._folder} cannot be made: {error.strerror}.") from error

    @contextlib.contextmanager
    def incoming(self) -> Iterator[Incoming]:
        """A new file to be filled; unless it is kept, nothing of it stays. Raises StorageUnavailable."""
        incoming = Incoming(self._folder / f"{_INCOMING}{secrets.token_hex(8)}")
        try:
            yield incoming
        finally:
            incoming.discard()

    async def keep(
        self,
        incoming: Incoming,
        owner: str,
        *,
        filename: str,
        purpose: str,
        mime_type: str,
        expires_at: int,
        preprocess_configs: dict[str, Any] | None = None,
    ) -> StoredFile:
        """Makes a file of the bytes that have come. Raises StorageUnavailable."""
        await incoming.finish()
        file = StoredFile(
            id=self._new_id(),
            owner=owner,
            filename=filename[:512],
            purpose=purpose[:64],
            mime_type=mime_type[:128],
            bytes=incoming.size,
            sha256=incoming.sha256,
            created_at=int(self._clock()),
            expires_at=expires_at,
            preprocess_configs=preprocess_configs,
        )
        try:
            await self._database.run(lambda connection: self._enter(connection, file, incoming.path))
        except OSError as error:
            raise StorageUnavailable("disk") from error
        return file

    def _new_id(self) -> str:
        """Ids grow with time, so that files of the same second are listed in the order in which they came."""
        by_chance = secrets.token_hex((_ID_DIGITS - _TIME_DIGITS) // 2)
        return f"{_ID}{int(self._clock() * 1000):0{_TIME_DIGITS}x}{by_chance}"

    def _enter(self, connection: Connection, file: StoredFile, temporary: Path) -> None:
        """The row and the bytes under their id, together or not at all."""
        connection.execute(files.insert().values(_row(file)))
        os.replace(temporary, self._path(file.id))

    async def get(self, owner: str, file_id: str) -> StoredFile | None:
        """The owner's file that has not expired."""
        query = self._visible(owner).where(files.c.id == file_id)
        row = await self._database.run(lambda connection: connection.execute(query).mappings().first())
        return _file(row) if row else None

    async def page(
        self, owner: str, *, purpose: str | None, after: str | None, limit: int, newest_first: bool
    ) -> tuple[list[StoredFile], bool]:
        """A page of the files that the owner knows of, and whether more follow."""
        query = self._visible(owner).where(files.c.purpose != RESPONSE_INPUT)
        if purpose:
            query = query.where(files.c.purpose == purpose)
        cursor = await self.get(owner, after) if after else None
        query = _after(query, cursor, newest_first) if cursor else query
        order = (files.c.created_at, files.c.id)
        query = query.order_by(*(column.desc() if newest_first else column.asc() for column in order))
        query = query.limit(limit + 1)
        rows = await self._database.run(lambda connection: connection.execute(query).mappings().all())
        return [_file(row) for row in rows[:limit]], len(rows) > limit

    def _visible(self, owner: str) -> Select[Any]:
        return select(files).where(files.c.owner == owner, files.c.expires_at > self._clock())

    async def delete(self, owner: str, file_id: str) -> StoredFile | None:
        """The file that was deleted, if there was one."""
        query = delete(files).where(files.c.id == file_id, files.c.owner == owner).returning(*files.c)
        row = await self._database.run(lambda connection: connection.execute(query).mappings().first())
        if row is None:
            return None
        await anyio.Path(self._path(file_id)).unlink(missing_ok=True)
        return _file(row)

    async def same(self, owner: str, sha256: str, purpose: str) -> StoredFile | None:
        """The owner's file of this content that lasts longest."""
        query = self._visible(owner).where(files.c.sha256 == sha256, files.c.purpose == purpose)
        query = query.order_by(files.c.expires_at.desc())
        row = await self._database.run(lambda connection: connection.execute(query).mappings().first())
        return _file(row) if row else None

    async def holds(self, sha256: str) -> bool:
        """Whether anybody has a file of this content."""
        query = select(files.c.id).where(files.c.sha256 == sha256, files.c.expires_at > self._clock())
        row = await self._database.run(lambda connection: connection.execute(query).first())
        return row is not None

    async def sweep(self) -> list[StoredFile]:
        """Deletes what has expired and tells it; and bytes without a row, which a crash has left behind."""
        query = delete(files).where(files.c.expires_at <= self._clock()).returning(*files.c)
        rows = await self._database.run(lambda connection: connection.execute(query).mappings().all())
        expired = [_file(row) for row in rows]
        for file in expired:
            await anyio.Path(self._path(file.id)).unlink(missing_ok=True)
        for name in await self._orphans():
            await anyio.Path(self._path(name)).unlink(missing_ok=True)
        return expired

    async def _orphans(self) -> list[str]:
        names = await anyio.to_thread.run_sync(self._old_names)
        rows = await self._database.run(
            lambda connection: connection.execute(select(files.c.id)).scalars().all()
        )
        known = set(rows)
        return [name for name in names if name not in known]

    def _old_names(self) -> list[str]:
        """Files of ours that nobody writes any more; what else lies in the folder is not ours to delete."""
        latest = self._clock() - _ORPHAN_AGE
        with os.scandir(self._folder) as entries:
            return [
                entry.name
                for entry in entries
                if (entry.name.startswith(_INCOMING) or is_own_id(entry.name))
                and entry.stat().st_mtime < latest
            ]

    async def check(self) -> None:
        """Raises StorageUnavailable where the database does not answer."""
        query = select(func.count()).select_from(files).where(files.c.id == "")
        await self._database.run(lambda connection: connection.execute(query))

    def path(self, file: StoredFile) -> Path:
        """Where the bytes are."""
        return self._path(file.id)

    async def read(self, file: StoredFile) -> bytes:
        """Raises StorageUnavailable."""
        try:
            return await anyio.Path(self._path(file.id)).read_bytes()
        except OSError as error:
            raise StorageUnavailable("disk") from error

    def _path(self, file_id: str) -> Path:
        return self._folder / file_id


def _after(query: Select[Any], cursor: StoredFile, newest_first: bool) -> Select[Any]:
    created, key = files.c.created_at, files.c.id
    beyond = created < cursor.created_at if newest_first else created > cursor.created_at
    tied = and_(created == cursor.created_at, key < cursor.id if newest_first else key > cursor.id)
    return query.where(or_(beyond, tied))


def _row(file: StoredFile) -> dict[str, Any]:
    return {column.name: getattr(file, column.name) for column in files.c}


def _file(row: RowMapping) -> StoredFile:
    return StoredFile(**row)
