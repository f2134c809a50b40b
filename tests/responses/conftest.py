"""The lifecycle over a real database and real files."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gateway.responses.lifecycle import Lifecycle
from gateway.storage.database import Database
from gateway.storage.files import FileStore
from gateway.storage.responses import ResponseStore


@dataclass
class World:
    lifecycle: Lifecycle
    files: FileStore
    now: float = 1_000_000.0

    async def keep(
        self, number: int, body: dict[str, Any], *output: dict[str, Any], owner: str = "me"
    ) -> str:
        """Keeps a response that is done; its id."""
        id = f"resp_{number:032x}"
        turn = self.lifecycle.turn(owner, {"model": "qwen-vl", **body}, "maas")
        assert turn
        await self.lifecycle.keep(turn, {"id": id, "status": "completed", "output": list(output)})
        return id


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    database = Database(f"sqlite:///{tmp_path}/arkway.db")
    database.open()
    files = FileStore(database, tmp_path / "files", lambda: world.now)
    files.open()
    world = World(Lifecycle.of(ResponseStore(database, lambda: world.now), files), files)
    yield world
    database.close()
