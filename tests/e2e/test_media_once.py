"""The same picture is converted once: for all who ask at the same time, and for the next turns of a chat."""

import asyncio
from pathlib import Path

import pytest

from .conftest import Run, Running, Simulated, until
from .pictures import MIME_TYPES, asked, data_url, large, seen, url_part
from .servers import Gallery
from .table import PLACES, SOURCES, Given, send

MAAS = PLACES["modelarts chat"]


@pytest.fixture
def running(run: Run) -> Running:
    return run(logging={"level": "debug", "format": "json"})


async def conversions(running: Running, count: int) -> None:
    """Waits for the log lines of so many conversions, and sees that there are no more."""

    def logged() -> int:
        lines = [line for line in running.process.lines if line.get("event") == "decoder.ended"]
        return len(lines)

    await until(lambda: logged() >= count, "the conversions are logged")
    assert logged() == count


async def test_twenty_at_once(running: Running, sim: Simulated) -> None:
    given = Given(data_url(large("blue", format="HEIC"), "image/heic"))
    arrived = await asyncio.gather(*(send(MAAS, given, running.gateway, sim) for _ in range(20)))
    assert {(one.colour, one.url, *one.media) for one in arrived} == {
        ("blue", arrived[0].url, "image:converted=1", "image:inlined=1")
    }
    await conversions(running, 1)


async def test_turn_after_turn_from_any_source(running: Running, sim: Simulated, gallery: Gallery) -> None:
    data = large("blue", format="HEIC")
    for source in ("data url", "url", "base64", "file id", "path"):
        given = await SOURCES[source](data, MIME_TYPES["HEIC"], running.gateway, gallery)
        assert (await send(MAAS, given, running.gateway, sim)).colour == "blue"
    await conversions(running, 1)
    await send(MAAS, Given(data_url(large("red", format="HEIC"))), running.gateway, sim)
    await conversions(running, 2)


async def test_what_needs_no_mending_is_never_decoded(running: Running, sim: Simulated) -> None:
    for format in MAAS.formats:
        url = data_url(large("blue", format=format), MIME_TYPES[format])
        assert (await send(MAAS, Given(url), running.gateway, sim)).media == []
    assert "decoder.ended" not in running.process.text


async def test_what_ark_has_already_is_not_even_converted(run: Run, sim: Simulated, tmp_path: Path) -> None:
    storage = {"database": f"sqlite:///{tmp_path}/one.db", "files": str(tmp_path / "files")}
    part = url_part("responses", data_url(large("blue", format="HEIC"), "image/heic"))
    body = asked("responses", part, model="strawberry-counter")
    told = []
    for count in (1, 0):  # the second gateway has just been started, and has nothing but the database
        images = {"upload_over": 1000}
        running = run(logging={"level": "debug", "format": "json"}, storage=storage, images=images)
        answer = await sim.http.post(f"{running.gateway.v1}/responses", body)
        assert seen(answer.text)[0][1] == "blue"
        told.append([change for change in answer.changes if change.startswith("image:")])
        await conversions(running, count)
    assert told == [["image:converted=1", "image:uploaded=1"], ["image:converted=1", "image:reused=1"]]
    assert len(await sim.requests("/files")) == 1
