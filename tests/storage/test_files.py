"""Callers' files last, expire, belong to one owner, and a failing disk or database is told as such."""

import asyncio
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import ClientDisconnect

from gateway.errors import StorageUnavailable
from gateway.storage.database import Database, DatabaseError
from gateway.storage.files import FileStore, StoredFile, is_own_id


@dataclass
class Clock:
    now: float = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> FileStore:
    return opened(tmp_path, clock)


OPEN: list[Database] = []


@pytest.fixture(autouse=True)
def closing() -> Iterator[None]:
    yield
    while OPEN:
        OPEN.pop().close()


def opened(folder: Path, clock: Clock) -> FileStore:
    database = Database(f"sqlite:///{folder}/arkway.db")
    database.open()
    OPEN.append(database)
    store = FileStore(database, folder / "files", clock)
    store.open()
    return store


async def kept(
    store: FileStore,
    owner: str = "me",
    text: bytes = b"text",
    *,
    purpose: str = "user_data",
    days: float = 1,
    preprocess_configs: dict[str, Any] | None = None,
) -> StoredFile:
    with store.incoming() as incoming:
        await incoming.write(text[:2])
        await incoming.write(text[2:])
        return await store.keep(
            incoming,
            owner,
            filename="a.txt",
            purpose=purpose,
            mime_type="text/plain",
            expires_at=int(store._clock() + days * 86400),
            preprocess_configs=preprocess_configs,
        )


def names(store: FileStore) -> set[str]:
    return {path.name for path in store._folder.iterdir()}


async def test_what_is_kept_is_found_again_after_a_restart(tmp_path: Path, clock: Clock) -> None:
    settings = {"video": {"fps": 0.3, "model": "doubao"}}
    file = await kept(opened(tmp_path, clock), preprocess_configs=settings)
    assert file.preprocess_configs == settings
    later = opened(tmp_path, clock)
    assert await later.get("me", file.id) == file
    assert await later.read(file) == b"text"
    assert (file.bytes, file.sha256[:8]) == (4, "982d9e3e")
    assert is_own_id(file.id)


@pytest.mark.parametrize(
    "file_id", ["file-20261018114827-6zgrb", "file-", "file", "", "file-" + "g" * 32, "x" * 37]
)
def test_ids_of_others_are_told_apart(file_id: str) -> None:
    assert not is_own_id(file_id)


async def test_a_foreign_file_does_not_exist(store: FileStore) -> None:
    file = await kept(store)
    assert await store.get("you", file.id) is None
    assert not await store.delete("you", file.id)
    assert await store.page("you", purpose=None, after=None, limit=9, newest_first=True) == ([], False)
    assert await store.read(file) == b"text"


async def test_an_expired_file_is_gone_at_once_and_cleared_away_later(store: FileStore, clock: Clock) -> None:
    short, long = await kept(store, days=1), await kept(store, days=2)
    clock.now += 86400
    assert await store.get("me", short.id) is None
    assert store.path(short).exists()
    assert await store.sweep() == [short]
    assert await store.sweep() == []
    assert not store.path(short).exists()
    assert await store.get("me", long.id) == long


@pytest.mark.parametrize("newest_first", [True, False])
async def test_pages_hold_each_file_once_in_order(store: FileStore, clock: Clock, newest_first: bool) -> None:
    files = []
    for second in (0, 0, 0, 1, 2):  # some made in the same second
        clock.now = 1_000_000.0 + second
        files.append(await kept(store))
    wanted = sorted(files, key=lambda file: (file.created_at, file.id), reverse=newest_first)
    seen: list[StoredFile] = []
    more = True
    while more:
        after = seen[-1].id if seen else None
        page, more = await store.page("me", purpose=None, after=after, limit=2, newest_first=newest_first)
        seen += page
    assert seen == wanted


async def test_files_of_one_second_are_listed_as_they_came(store: FileStore, clock: Clock) -> None:
    came = []
    for _ in range(20):
        clock.now += 0.01
        came.append((await kept(store)).id)
    assert is_own_id(came[0])
    page, _ = await store.page("me", purpose=None, after=None, limit=20, newest_first=True)
    assert [file.id for file in page] == came[::-1]


async def test_a_page_can_be_of_one_purpose(store: FileStore) -> None:
    await kept(store)
    batch = await kept(store, purpose="batch")
    assert await store.page("me", purpose="batch", after=None, limit=9, newest_first=True) == ([batch], False)


async def test_a_caller_who_leaves_amid_an_upload_leaves_nothing(store: FileStore) -> None:
    file = await kept(store)

    async def upload() -> None:
        with store.incoming() as incoming:
            await incoming.write(b"some")
            raise ClientDisconnect

    with pytest.raises(ClientDisconnect):
        await upload()
    assert names(store) == {file.id}


async def test_a_cancelled_upload_leaves_nothing(store: FileStore) -> None:
    async def upload() -> None:
        with store.incoming() as incoming:
            while True:
                await incoming.write(b"x" * 100_000)

    task = asyncio.create_task(upload())
    while not names(store):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert names(store) == set()


async def test_a_file_that_is_deleted_is_told(store: FileStore) -> None:
    file = await kept(store)
    assert await store.delete("me", file.id) == file
    assert await store.delete("me", file.id) is None
    assert names(store) == set()


async def test_content_is_held_while_anybody_has_it(store: FileStore, clock: Clock) -> None:
    mine, yours = await kept(store), await kept(store, "you", days=2)
    await kept(store, text=b"other")
    await store.delete("me", mine.id)
    assert await store.holds(mine.sha256)
    clock.now += 2 * 86400
    assert not await store.holds(yours.sha256)  # expired, if not yet cleared away


async def test_bytes_that_a_crash_left_behind_are_cleared_away(store: FileStore, clock: Clock) -> None:
    file = await kept(store)
    folder = store.path(file).parent
    orphan = "file-" + "a" * 32
    for name in (orphan, "incoming-1", "notes.txt"):
        (folder / name).write_bytes(b"x")
    (folder / "incoming-2").write_bytes(b"x")
    for name, age in ((file.id, 9999), (orphan, 3601), ("incoming-1", 3601), ("notes.txt", 9999)):
        os.utime(folder / name, (clock.now - age, clock.now - age))
    os.utime(folder / "incoming-2", (clock.now - 3599, clock.now - 3599))
    assert await store.sweep() == []
    assert names(store) == {file.id, "incoming-2", "notes.txt"}


async def test_a_disk_that_fails_is_told_and_leaves_no_row(store: FileStore) -> None:
    file = await kept(store)
    shutil.rmtree(store.path(file).parent)
    with pytest.raises(StorageUnavailable, match="disk") as caught:
        await kept(store)
    assert caught.value.status == 503
    with pytest.raises(StorageUnavailable):
        await store.read(file)
    assert await store.page("me", purpose=None, after=None, limit=9, newest_first=True) == ([file], False)


def test_a_database_that_cannot_be_opened_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "broken.db").write_bytes(b"this is no database, whatever its name says" * 100)
    for url in (
        f"sqlite:///{tmp_path}",
        f"sqlite:///{tmp_path}/broken.db",
        f"sqlite:///{tmp_path}/broken.db/x.db",
    ):
        with pytest.raises(DatabaseError, match=r"^storage\.database: .* cannot be opened: .*\.$"):
            Database(url).open()


@pytest.mark.parametrize("url", ["postgresql://localhost/test", "arkway.db", "", "mysql://root@localhost/x"])
def test_another_kind_of_database_is_refused(url: str) -> None:
    with pytest.raises(DatabaseError, match=r"^storage\.database"):
        Database(url)
