"""Every source and every format to every place that takes pictures: the right pixels arrive, changed only where they
must be."""

import pytest
from PIL import Image

from gateway.simulator.recorder import shortened

from .conftest import Gateway, Launch, Simulated
from .pictures import MIME_TYPES, data_url, encoded, large
from .servers import Gallery
from .table import LOOSE_DATA_URLS, MODELS, PLACES, SOURCES, Given, Place, send

ICNS_SIDE = 1024  # the writer makes all sizes of an icon, this the largest


@pytest.fixture
def gateway(launch: Launch) -> Gateway:
    return launch(models=MODELS)


def ragged(format: str) -> bytes:
    """A blue picture whose base64 has padding and every letter of the alphabet."""
    return next(data for side in range(72, 90) if len(data := large("blue", side, format)) % 3)


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("format", MIME_TYPES)
async def test_format(gateway: Gateway, sim: Simulated, place: Place, format: str) -> None:
    data = encoded(Image.new("RGB", (64, 64), "blue"), format)
    url = data_url(data, MIME_TYPES[format])
    arrived = await send(place, Given(url), gateway, sim)
    side = ICNS_SIDE if format == "ICNS" else 64
    assert arrived.size in (None, (side, side))
    assert arrived.colour == "blue"
    if format in place.formats:
        assert (arrived.url, arrived.format or format) == (shortened(url), format)
        assert arrived.media == []
    else:
        assert arrived.mime in ("image/png", "image/jpeg")
        assert arrived.media == ["image:converted=1", "image:inlined=1"]


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("source", SOURCES | LOOSE_DATA_URLS)
async def test_source_of_a_picture_that_is_right(
    gateway: Gateway, sim: Simulated, gallery: Gallery, place: Place, source: str
) -> None:
    data = ragged("PNG")
    given = await (SOURCES | LOOSE_DATA_URLS)[source](data, "image/png", gateway, gallery)
    arrived = await send(place, given, gateway, sim)
    assert arrived.url == shortened(data_url(data, "image/png"))
    assert arrived.colour == "blue"
    assert arrived.media == ([] if source == "data url" else ["image:inlined=1"])


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("source", SOURCES)
async def test_source_of_a_picture_that_is_converted(
    gateway: Gateway, sim: Simulated, gallery: Gallery, place: Place, source: str
) -> None:
    data = ragged("AVIF")
    given = await SOURCES[source](data, "image/avif", gateway, gallery)
    arrived = await send(place, given, gateway, sim)
    assert arrived.mime in ("image/png", "image/jpeg")
    assert arrived.colour == "blue"
    assert arrived.media == ["image:converted=1", "image:inlined=1"]


@pytest.mark.parametrize("format", MIME_TYPES)
async def test_bare_base64_of_every_format_is_known_as_such(
    gateway: Gateway, sim: Simulated, gallery: Gallery, format: str
) -> None:
    data = encoded(Image.new("RGB", (64, 64), "blue"), format)
    for source in ("base64", "base64 in lines"):
        given = await SOURCES[source](data, MIME_TYPES[format], gateway, gallery)
        arrived = await send(PLACES["ark chat"], given, gateway, sim)
        assert arrived.colour == "blue"
