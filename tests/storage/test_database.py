"""A database of an earlier version goes on working."""

import asyncio
import sqlite3
from pathlib import Path

from sqlalchemy import insert, select

from gateway.storage.database import Database, files, metadata

# As version 0.1 made it.
OLD = """
CREATE TABLE files (
    id VARCHAR(64) NOT NULL, owner VARCHAR(64) NOT NULL, filename VARCHAR(512) NOT NULL,
    purpose VARCHAR(64) NOT NULL, mime_type VARCHAR(128) NOT NULL, bytes BIGINT NOT NULL,
    sha256 VARCHAR(64) NOT NULL, created_at BIGINT NOT NULL, expires_at BIGINT NOT NULL, PRIMARY KEY (id)
);
CREATE INDEX files_of_owner ON files (owner, created_at);
CREATE INDEX ix_files_expires_at ON files (expires_at);
CREATE TABLE uploads (
    account VARCHAR(64) NOT NULL, sha256 VARCHAR(64) NOT NULL, file_id VARCHAR(128) NOT NULL,
    expires_at FLOAT NOT NULL, PRIMARY KEY (account, sha256)
);
INSERT INTO files VALUES ('file-1', 'me', 'a', 'user_data', 'text/plain', 4, 'abc', 1, 9999999999);
INSERT INTO uploads VALUES ('account', 'abc', 'file-20261018114827-6zgrb', 9999999999.5);
"""


def old(folder: Path) -> Path:
    path = folder / "arkway.db"
    with sqlite3.connect(path) as connection:
        connection.executescript(OLD)
    connection.close()
    return path


def columns(path: Path, table: str) -> list[tuple[str, str, int]]:
    connection = sqlite3.connect(path)
    rows = connection.execute(f"PRAGMA table_info({table})").fetchall()
    connection.close()
    return [(name, kind, notnull) for _, name, kind, notnull, *_ in rows]


async def test_missing_columns_are_added_and_rows_stay(tmp_path: Path) -> None:
    path = old(tmp_path)
    for _ in range(2):  # a second start finds nothing to do
        database = Database(f"sqlite:///{path}")
        database.open()
        row = await database.run(lambda connection: connection.execute(select(files)).mappings().one())
        assert (row["id"], row["bytes"], row["preprocess_configs"]) == ("file-1", 4, None)
        database.close()
    assert columns(path, "files")[-1] == ("preprocess_configs", "JSON", 0)


async def test_an_upgraded_database_is_as_a_new_one(tmp_path: Path) -> None:
    path, fresh = old(tmp_path), tmp_path / "new.db"
    for one in (path, fresh):
        database = Database(f"sqlite:///{one}")
        database.open()
        database.close()
    for table in metadata.tables:
        assert [name for name, _, _ in columns(path, table)] == [name for name, _, _ in columns(fresh, table)]


async def test_several_processes_may_open_an_old_database_at_once(tmp_path: Path) -> None:
    databases = [Database(f"sqlite:///{old(tmp_path)}") for _ in range(1)]
    databases += [Database(str(databases[0]._engine.url)) for _ in range(7)]
    await asyncio.gather(*(asyncio.to_thread(database.open) for database in databases))
    row = {"id": "file-2", "owner": "me", "filename": "b", "purpose": "p", "mime_type": "t/t", "bytes": 1}
    row |= {"sha256": "x", "created_at": 1, "expires_at": 2, "preprocess_configs": {"video": {"fps": 0.3}}}
    await databases[3].run(lambda connection: connection.execute(insert(files).values(row)))
    query = select(files.c.preprocess_configs).where(files.c.id == "file-2")
    stored = await databases[5].run(lambda connection: connection.execute(query).scalar_one())
    assert stored == {"video": {"fps": 0.3}}
    for database in databases:
        database.close()
