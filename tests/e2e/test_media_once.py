"""The same picture is converted once: for all who ask at the same time, and for the next turns of a chat."""

import asyncio

import pytest

from .conftest import Gateway, Launch, Run, Running, Simulated, until
from .pictures import MIME_TYPES, data_url, large
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


async def test_what_arks_account_has_is_neither_converted_nor_sent_again(
    launch: Launch, sim: Simulated
) -> None:
    """Not even by a gateway that has just started."""
    gateways: list[Gateway] = [launch(), launch()]
    assert gateways
