"""The database: SQLAlchemy Core over SQLite, its tables, and how it is opened."""

from pathlib import Path

from sqlalchemy import BigInteger, Column, Engine, Float, Index, MetaData, String, Table, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

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
    Index("files_of_owner", "owner", "created_at"),
)

uploads = Table(
    "uploads",
    metadata,
    Column("account", String(64), primary_key=True),
    Column("sha256", String(64), primary_key=True),
    Column("file_id", String(128), nullable=False),
    Column("expires_at", Float, nullable=False, index=True),
)


class DatabaseError(Exception):
    """The database cannot be opened; the message says why."""


def open_engine(url: str) -> AsyncEngine:
    """An engine for ``sqlite:///path`` (relative to the working directory). Raises DatabaseError for another URL."""
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
    _make_folder(parsed)
    engine = create_async_engine(parsed.set(drivername="sqlite+aiosqlite"))
    _tune(engine.sync_engine)
    return engine


def _make_folder(url: URL) -> None:
    if url.database and url.database != ":memory:":
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)


def _tune(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def _(connection, _record) -> None:  # type: ignore[no-untyped-def]
        cursor = connection.cursor()
        # WAL lets readers go on while one writes; FULL loses no acknowledged file at a power cut.
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA busy_timeout=5000")
        cursor.close()


async def create_tables(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
