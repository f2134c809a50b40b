"""Whatever stands in a picture: the answer is a real one or a refusal in the envelope, never a failure of the gateway."""

from functools import cache

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from .conftest import Gateway, Launch, Simulated
from .pictures import MIME_TYPES, data_url, encoded
from .table import MODELS, PLACES, Given

HOSTILE = settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def gateway(launch: Launch) -> Gateway:
    return launch(models=MODELS, images={"decode": {"time": 10}})


@cache
def sample(format: str) -> bytes:
    plain = format == "ICNS"  # of noise, it would have megabytes
    return encoded(Image.new("L", (48, 40)) if plain else Image.effect_noise((48, 40), 60), format)


@st.composite
def mutants(draw: st.DrawFn) -> bytes:
    """A real picture with some of its bytes others, a piece missing or doubled, its end cut off, or something added."""
    data = bytearray(sample(draw(st.sampled_from(list(MIME_TYPES)))))
    end = len(data) if draw(st.booleans()) else min(len(data), 200)  # mostly headers decide what happens
    places = st.integers(0, end - 1)
    for at, value in draw(st.lists(st.tuples(places, st.integers(0, 255)), max_size=12)):
        data[at] = value
    match draw(st.sampled_from(["as it is", "cut", "missing", "doubled", "longer"])):
        case "cut":
            del data[draw(places) :]
        case "missing":
            at = draw(places)
            del data[at : at + draw(st.integers(1, 50))]
        case "doubled":
            at = draw(places)
            data[at:at] = data[at : at + draw(st.integers(1, 50))]
        case "longer":
            data += draw(st.binary(max_size=200))
    return bytes(data)


@pytest.mark.parametrize("place", ["ark chat", "modelarts chat", "modelarts edit"])
@given(data=mutants(), mime=st.sampled_from([*MIME_TYPES.values(), "", "text/html"]))
@HOSTILE
async def test_mutated_pictures(gateway: Gateway, sim: Simulated, place: str, data: bytes, mime: str) -> None:
    await answered(gateway, sim, place, data_url(data, mime))


@pytest.mark.parametrize("place", ["ark chat", "modelarts chat"])
@given(data=st.binary(max_size=400), start=st.sampled_from(list(MIME_TYPES)), kept=st.integers(0, 40))
@HOSTILE
async def test_random_bytes(
    gateway: Gateway, sim: Simulated, place: str, data: bytes, start: str, kept: int
) -> None:
    await answered(gateway, sim, place, data_url(sample(start)[:kept] + data))


async def answered(gateway: Gateway, sim: Simulated, place: str, url: str) -> None:
    where = PLACES[place]
    answer = await sim.http.post(f"{gateway.v1}{where.path}", Given(url).body(where))
    if answer.status == 200:
        assert answer.json["model"] or answer.json["data"]
    else:
        assert 400 <= answer.status < 500, answer.body
        assert answer.error["message"]
