"""Claims are known at once, written in bundles, last over a restart, and are forgotten when the response is gone."""

import asyncio
import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.storage.claims import StoredClaims
from gateway.storage.database import Database

HOUR, DAY = 3600, 86400
PAUSE = 0.005


@dataclass
class World:
    database: Database
    path: Path
    now: float = 1_000_000.0

    def claims(self, **more: int) -> StoredClaims:
        """As another process has them, or this one after a restart."""
        return StoredClaims(self.database, lambda: self.now, pause=PAUSE, **more)

    def written(self) -> list[tuple[str, str, int]]:
        with contextlib.closing(sqlite3.connect(self.path)) as connection:
            return connection.execute("SELECT id, owner, expires_at FROM claims ORDER BY id").fetchall()

    def execute(self, statement: str) -> None:
        with contextlib.closing(sqlite3.connect(self.path)) as connection:
            connection.execute(statement)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    database = Database(f"sqlite:///{tmp_path}/arkway.db")
    database.open()
    yield World(database, tmp_path / "arkway.db")
    database.close()


async def test_known_at_once_and_to_its_owner_alone(world: World) -> None:
    claims = world.claims()
    claims.note("one", {"id": "resp_1"})
    claims.note("two", {"id": "resp_2"})
    assert await claims.belongs("one", "resp_1")
    assert await claims.belongs("two", "resp_2")
    assert not await claims.belongs("two", "resp_1")
    assert not await claims.belongs("one", "resp_0")
    assert world.written() == []


async def test_the_first_owner_stays(world: World) -> None:
    claims, other = world.claims(), world.claims()
    for owner, noting in (("one", claims), ("two", claims), ("two", other)):
        noting.note(owner, {"id": "resp_1"})
        await noting.close()
    assert [owner for _, owner, _ in world.written()] == ["one"]
    assert not await claims.belongs("two", "resp_1")


async def test_a_restart_and_another_process(world: World) -> None:
    claims = world.claims()
    claims.note("one", {"id": "resp_1"})
    await claims.close()
    other = world.claims()
    assert await other.belongs("one", "resp_1")
    assert not await other.belongs("two", "resp_1")


async def test_another_process_is_given_the_time_to_write(world: World) -> None:
    claims, other = world.claims(), world.claims()
    writing = asyncio.create_task(claims.keep_written())
    claims.note("one", {"id": "resp_1"})
    assert await other.belongs("one", "resp_1")
    for n in range(2, 50):
        claims.note("one", {"id": f"resp_{n}"})
    assert await other.belongs("one", "resp_49")
    assert len(world.written()) == 49
    writing.cancel()


async def test_what_could_not_be_written_stays_and_is_known(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    claims = world.claims()
    claims.note("one", {"id": "resp_1"})
    world.execute("ALTER TABLE claims RENAME TO away")
    await claims.close()
    assert "claims.unwritten" in capsys.readouterr().out
    assert await claims.belongs("one", "resp_1")
    world.execute("ALTER TABLE away RENAME TO claims")
    await claims.close()
    assert [id for id, _, _ in world.written()] == ["resp_1"]


async def test_memory_is_bounded(world: World) -> None:
    claims = world.claims(most=3)
    for n in range(3):
        claims.note("one", {"id": f"resp_{n}"})
    await claims.close()
    for n in range(3, 7):  # one more than there is place for, all of them unwritten
        claims.note("one", {"id": f"resp_{n}"})
    assert not await claims.belongs("one", "resp_3")
    await claims.close()
    assert [id for id, _, _ in world.written()] == [f"resp_{n}" for n in (0, 1, 2, 4, 5, 6)]
    assert await claims.belongs("one", "resp_0")


@pytest.mark.parametrize(
    ("told", "days"),
    [(1_000_000 + DAY, 1), (1_000_000 + 30 * DAY, 7), (None, 7), ("soon", 7)],
)
async def test_expiry(world: World, told: object, days: int) -> None:
    claims = world.claims()
    claims.note("one", {"id": "resp_1", "expire_at": told})
    await claims.close()
    assert [until for _, _, until in world.written()] == [1_000_000 + days * DAY + HOUR]
    world.now += days * DAY + HOUR - 1
    await claims.sweep()
    for one in (claims, world.claims()):
        assert await one.belongs("one", "resp_1")
    world.now += 1
    for one in (claims, world.claims()):
        assert not await one.belongs("one", "resp_1")


async def test_sweep(world: World) -> None:
    claims = world.claims()
    for n in range(2500):
        claims.note("one", {"id": f"resp_{n}", "expire_at": 1_000_000 + DAY})
    claims.note("one", {"id": "resp_late", "expire_at": 1_000_000 + 2 * DAY})
    await claims.close()
    world.now += DAY + HOUR
    await claims.sweep()
    assert [id for id, _, _ in world.written()] == ["resp_late"]


@pytest.mark.parametrize("response", [{}, {"id": None}, {"id": 1}])
async def test_what_has_no_id(world: World, response: dict[str, object]) -> None:
    claims = world.claims()
    claims.note("one", response)
    await claims.close()
    assert world.written() == []
