"""The database: SQLAlchemy Core over SQLite, its tables, and how it is opened."""

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import anyio.to_thread
from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Connection,
    Float,
    Index,
    LargeBinary,
    MetaData,
    String,
    Table,
    create_engine,
    event,
    inspect,
    text,
)
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from gateway.errors import StorageUnavailable

T = TypeVar("T")

metadata = MetaData()

files = Table(
    "files",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("filename", String(512), nullable=False),
    Column("purpose", String(64), nullable=False),
    Column("mime_type", String(128), nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False, index=True),
    Column("preprocess_configs", JSON(none_as_null=True), nullable=True),
    Index("files_of_owner", "owner", "created_at"),
)

uploads = Table(
    "uploads",
    metadata,
    Column("account", String(64), primary_key=True),
    Column("sha256", String(96), primary_key=True),
    Column("file_id", String(128), nullable=False),
    Column("expires_at", Float, nullable=False, index=True),
)

responses = Table(
    "responses",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("model", String(256), nullable=False),
    Column("backend", String(128), nullable=False),
    Column("status", String(16), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False, index=True),
    Column("alive_until", Float, nullable=True),  # of one in progress: then nobody works on it any more
    Column("previous_response_id", String(64), nullable=True),
    Column("response", JSON, nullable=False),
    Column("input", JSON, nullable=False),
    Column("events", LargeBinary, nullable=True),  # compressed; of one that ran in the background
)

# The files that hold the media of responses' input.
response_files = Table(
    "response_files",
    metadata,
    Column("response_id", String(64), primary_key=True),
    Column("file_id", String(64), primary_key=True, index=True),
)

# Whose the responses are that a backend keeps in an account which several callers share.
claims = Table(
    "claims",
    metadata,
    Column("id", String(128), primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("expires_at", BigInteger, nullable=False, index=True),
)

_TRIES, _PAUSE = 100, 0.02  # seconds between two


class DatabaseError(Exception):
    """The database cannot be opened; the message says why."""


class Database:
    """One database; work runs in threads, each piece in a transaction of its own.

    SQLAlchemy's asyncio layer would do the same for SQLite, but brings its ORM along: 0.3 s at start and 6 MB.
    """

    def __init__(self, url: str) -> None:
        """For ``sqlite:///path``, relative to the working directory. Raises DatabaseError for another URL."""
        self._engine = create_engine(_parsed(url))
        event.listen(self._engine, "connect", _tune)

    async def run(self, work: Callable[[Connection], T]) -> T:
        """What ``work`` returns. It is committed; where it raises, undone. Raises StorageUnavailable."""
        try:
            return await anyio.to_thread.run_sync(self._transact, work)
        except SQLAlchemyError as error:
            raise StorageUnavailable("database") from error

    def _transact(self, work: Callable[[Connection], T]) -> T:
        with self._engine.begin() as connection:
            return work(connection)

    def open(self) -> None:
        """Makes the file, and the tables and columns that are not there yet. Blocking. Raises DatabaseError."""
        path = self._engine.url.database
        try:
            if path and path != ":memory:":
                Path(path).parent.mkdir(parents=True, exist_ok=True)
            self._transact(_upgrade)
        except (SQLAlchemyError, OSError) as error:
            self.close()
            cause = getattr(error, "orig", None) or error
            raise DatabaseError(f"storage.database: {path} cannot be opened: {cause}.") from error

    def close(self) -> None:
        self._engine.dispose()


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise DatabaseError(
            f"storage.database is no database URL: {url!r}; write sqlite:///arkway.db."
        ) from None
    if parsed.get_backend_name() != "sqlite":
        raise DatabaseError(
            f"storage.database: only sqlite:///… is supported, not {parsed.get_backend_name()}."
        )
    return parsed


def _upgrade(connection: Connection) -> None:
    """Brings a database of an earlier version up to this one. What came later is nullable: no row has to change."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")  # several processes may come at once
    metadata.create_all(connection)
    for table in metadata.sorted_tables:
        there = {column["name"] for column in inspect(connection).get_columns(table.name)}
        for column in table.columns:
            if column.name not in there:
                kind = column.type.compile(connection.dialect)
                connection.execute(text(f"ALTER TABLE {table.name} ADD COLUMN {column.name} {kind}"))


def _tune(connection: Any, _: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA busy_timeout=5000")
    _write_ahead(cursor)
    cursor.execute("PRAGMA synchronous=FULL")  # loses no acknowledged file at a power cut
    cursor.close()


def _write_ahead(cursor: Any) -> None:
    """Turns on the log that lets readers go on while one writes. Of several processes that do so at once, SQLite tells
    some that the database is locked without waiting for it; a moment later it is done."""
    for patience in range(_TRIES, -1, -1):
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            if not patience:
                raise
            time.sleep(_PAUSE)
        else:
            return
