"""The gateway's own copies of callers' files: rows in the database, bytes on disk under their id."""

import hashlib
import os
import secrets
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
from sqlalchemy import RowMapping, Select, and_, delete, func, or_, select
from sqlalchemy.ext.asyncio import AsyncEngine

from gateway.storage import database

_ID = "file-"
_ID_DIGITS = 32


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


def is_own_id(file_id: str) -> bool:
    """Whether an id is of the form that this gateway issues; Ark's are ``file-YYYYMMDDhhmmss-xxxxx``."""
    digits = file_id.removeprefix(_ID)
    return len(digits) == _ID_DIGITS and digits != file_id and set(digits) <= set("0123456789abcdef")


class FileStore:
    """Files by owner. A foreign file does not exist for anyone else."""

    def __init__(self, engine: AsyncEngine, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self._engine = engine
        self._folder = folder
        self._clock = clock

    def prepare(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)

    async def create(
        self,
        owner: str,
        chunks: AsyncIterator[bytes],
        *,
        filename: str,
        purpose: str,
        mime_type: str,
        expires_at: int,
    ) -> StoredFile:
        """Stores the bytes as they come, never all in memory."""
        digest, size, temporary = await self._write(chunks)
        file = StoredFile(
            id=_ID + secrets.token_hex(_ID_DIGITS // 2),
            owner=owner,
            filename=filename[:512],
            purpose=purpose[:64],
            mime_type=mime_type[:128],
            bytes=size,
            sha256=digest,
            created_at=int(self._clock()),
            expires_at=expires_at,
        )
        try:
            async with self._engine.begin() as connection:
                await connection.execute(database.files.insert().values(_row(file)))
                await anyio.to_thread.run_sync(os.replace, temporary, self._path(file.id))
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        return file

    async def _write(self, chunks: AsyncIterator[bytes]) -> tuple[str, int, Path]:
        temporary = self._folder / f"incoming-{secrets.token_hex(8)}"
        digest = hashlib.sha256()

        def take(chunk: bytes) -> int:
            digest.update(chunk)
            return target.write(chunk)

        try:
            with await anyio.to_thread.run_sync(open, temporary, "xb") as target:
                size = sum([await anyio.to_thread.run_sync(take, chunk) async for chunk in chunks])
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        return digest.hexdigest(), size, temporary

    async def get(self, owner: str, file_id: str) -> StoredFile | None:
        """The owner's file that has not expired."""
        table = database.files
        query = select(table).where(
            table.c.id == file_id, table.c.owner == owner, table.c.expires_at > self._clock()
        )
        async with self._engine.connect() as connection:
            row = (await connection.execute(query)).mappings().first()
        return _file(row) if row else None

    async def page(
        self, owner: str, *, purpose: str | None, after: str | None, limit: int, newest_first: bool
    ) -> tuple[list[StoredFile], bool]:
        """A page of the owner's files, and whether more follow."""
        table = database.files
        query = select(table).where(table.c.owner == owner, table.c.expires_at > self._clock())
        if purpose:
            query = query.where(table.c.purpose == purpose)
        cursor = await self.get(owner, after) if after else None
        query = _after(query, cursor, newest_first) if cursor else query
        order = (table.c.created_at, table.c.id)
        query = query.order_by(*(column.desc() if newest_first else column.asc() for column in order))
        async with self._engine.connect() as connection:
            rows = (await connection.execute(query.limit(limit + 1))).mappings().all()
        return [_file(row) for row in rows[:limit]], len(rows) > limit

    async def delete(self, owner: str, file_id: str) -> bool:
        """Whether there was such a file."""
        table = database.files
        async with self._engine.begin() as connection:
            query = delete(table).where(table.c.id == file_id, table.c.owner == owner)
            found = (await connection.execute(query)).rowcount > 0
        if found:
            await anyio.Path(self._path(file_id)).unlink(missing_ok=True)
        return found

    async def sweep(self) -> int:
        """Deletes what has expired; returns how many files that were."""
        table = database.files
        async with self._engine.begin() as connection:
            expired = table.c.expires_at <= self._clock()
            ids = (await connection.execute(select(table.c.id).where(expired))).scalars().all()
            await connection.execute(delete(table).where(expired))
        for file_id in ids:
            await anyio.Path(self._path(file_id)).unlink(missing_ok=True)
        return len(ids)

    async def check(self) -> None:
        """Raises where the database does not answer."""
        async with self._engine.connect() as connection:
            await connection.execute(
                select(func.count()).select_from(database.files).where(database.files.c.id == "")
            )

    def path(self, file: StoredFile) -> Path:
        """Where the bytes are."""
        return self._path(file.id)

    async def read(self, file: StoredFile) -> bytes:
        return await anyio.Path(self._path(file.id)).read_bytes()

    def _path(self, file_id: str) -> Path:
        return self._folder / file_id


def _after(query: Select[Any], cursor: StoredFile, newest_first: bool) -> Select[Any]:
    created, key = database.files.c.created_at, database.files.c.id
    beyond = created < cursor.created_at if newest_first else created > cursor.created_at
    tied = and_(created == cursor.created_at, key < cursor.id if newest_first else key > cursor.id)
    return query.where(or_(beyond, tied))


def _row(file: StoredFile) -> dict[str, Any]:
    return {name: getattr(file, name) for name in StoredFile.__slots__}


def _file(row: RowMapping) -> StoredFile:
    return StoredFile(**row)
