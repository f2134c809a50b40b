"""Pictures that cannot be served: refused before the backend hears of them, naming the limit, the figure and the place."""

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from PIL import Image

from gateway.simulator.recorder import shortened
from tests.media.formats import crafted

from .conftest import Answer, Gateway, Launch, Simulated
from .pictures import MIME_TYPES, asked, base64_of, data_url, encoded, file_part, heavy, small, url_part
from .table import MODELS, PLACES, SEEDREAM, Given, Place

UNKNOWN_ID = f"file-{'0' * 32}"
ARKS_ID = "file-20260101120000-abcde"


class Spot(NamedTuple):
    """Where a picture may stand in a body, and what an error calls that."""

    path: str
    param: str
    ratio: int
    body: Callable[[str], dict[str, Any]]


def in_chat(model: str) -> Callable[[str], dict[str, Any]]:
    return lambda url: asked("chat", url_part("chat", data_url(small())), url_part("chat", url), model=model)


def in_responses(url: str) -> dict[str, Any]:
    return asked("responses", url_part("responses", url), model="doubao-vision")


def in_an_output(url: str) -> dict[str, Any]:
    call = {"type": "function_call", "call_id": "c1", "name": "look", "arguments": "{}"}
    output = {"type": "function_call_output", "call_id": "c1", "output": [url_part("responses", url)]}
    return {"model": "doubao-vision", "input": [{"role": "user", "content": "look"}, call, output]}


def in_a_list(url: str) -> dict[str, Any]:
    return {"model": SEEDREAM, "prompt": "p", "image": [data_url(small()), url]}


def alone(url: str) -> dict[str, Any]:
    return {"model": "qwen_image_edit", "prompt": "p", "image": url}


ARK = {
    "chat": Spot("/chat/completions", "messages[0].content[1].image_url", 150, in_chat("doubao-vision")),
    "responses": Spot("/responses", "input[0].content[0].image_url", 150, in_responses),
    "output": Spot("/responses", "input[2].output[0].image_url", 150, in_an_output),
    "images": Spot("/images/generations", "image[1]", 16, in_a_list),
}
EVERYWHERE = ARK | {
    "modelarts": Spot("/chat/completions", "messages[0].content[1].image_url", 0, in_chat("qwen-vl")),
    "edit": Spot("/images/generations", "image", 0, alone),
}


@pytest.fixture
def gateway(launch: Launch) -> Gateway:
    return launch(models=MODELS)


async def refused(gateway: Gateway, sim: Simulated, spot: Spot, url: str) -> dict[str, Any]:
    """The error of a request that the backend never saw."""
    answer = await sim.http.post(f"{gateway.v1}{spot.path}", spot.body(url))
    assert answer.status == 400, answer.body
    assert answer.error["param"] == spot.param
    assert answer.error["type"] == "invalid_request_error"
    assert await sim.requests() == []
    return answer.error


def bilevel(width: int, height: int) -> str:
    return data_url(encoded(Image.new("1", (width, height))))


@pytest.mark.parametrize("spot", ARK.values(), ids=ARK)
@pytest.mark.parametrize("sides", [(5, 5), (14, 40), (40, 14), (1, 1000)])
async def test_too_small(gateway: Gateway, sim: Simulated, spot: Spot, sides: tuple[int, int]) -> None:
    error = await refused(gateway, sim, spot, bilevel(*sides))
    assert error["code"] == "image_too_small"
    assert error["message"] == (
        f"The picture is {sides[0]}x{sides[1]} pixels; Volcengine Ark takes sides of at least 15."
    )


@pytest.mark.parametrize("spot", ARK.values(), ids=ARK)
async def test_too_elongated(gateway: Gateway, sim: Simulated, spot: Spot) -> None:
    error = await refused(gateway, sim, spot, bilevel(20, 20 * spot.ratio + 10))
    assert error["code"] == "image_too_elongated"
    for said in (f"20x{20 * spot.ratio + 10} pixels", f"{spot.ratio}.5", f"at most {spot.ratio} to 1"):
        assert said in error["message"]


BOMBS = {
    "sides": (crafted.png(30_000, 30_000), "900000000 pixels;"),
    "frames": (
        crafted.gif(1000, 1000, *[crafted.gif_frame(0, 0, 1000, 1000)] * 3000),
        "3000000000 pixels in 3000 frames",
    ),
    "a screen": (crafted.gif(65_535, 65_535, crafted.gif_frame(0, 0, 1, 1)), "4294836225 pixels;"),
    "a frame": (crafted.gif(16, 16, crafted.gif_frame(0, 0, 65_535, 65_535)), "4294836225 pixels;"),
}


@pytest.mark.parametrize("spot", EVERYWHERE.values(), ids=EVERYWHERE)
@pytest.mark.parametrize("bomb", BOMBS)
async def test_bomb(gateway: Gateway, sim: Simulated, spot: Spot, bomb: str) -> None:
    data, figure = BOMBS[bomb]
    error = await refused(gateway, sim, spot, data_url(data))
    assert error["code"] == "image_too_large"
    assert figure in error["message"]
    assert "at most 200000000 are taken (images.max_pixels)" in error["message"]


NO_PICTURES = {
    "text": b"no picture at all, but long enough to be one",
    "svg": b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"/>',
    "html": b"<!DOCTYPE html><html><body>404 not found</body></html>",
    "pdf": b"%PDF-1.7\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj",
    "video": b"\0\0\0\x18ftypisom\0\0\0\0isommp42" + bytes(100),
}


@pytest.mark.parametrize("spot", EVERYWHERE.values(), ids=EVERYWHERE)
async def test_no_picture(gateway: Gateway, sim: Simulated, spot: Spot) -> None:
    for name, data in NO_PICTURES.items():
        for url in (data_url(data), base64_of(data)):
            error = await refused(gateway, sim, spot, url)
            assert error["code"] == "invalid_image_url", name
            assert "not a picture" in error["message"], name


@pytest.mark.parametrize("spot", EVERYWHERE.values(), ids=EVERYWHERE)
async def test_broken_text(gateway: Gateway, sim: Simulated, spot: Spot) -> None:
    good = base64_of(small())
    broken = {
        f"data:image/png;base64,{good[:30]}*{good[31:]}": "broken",
        f"data:image/png;base64,{good[:-3]}===": "broken",
        f"data:image/png;base64,{good[:40]}=={good[40:]}": "broken",
        f"data:image/png,{good}": "base64",
        "data:image/png;base64,": "no data",
        f"{good[:30]}*{good[31:]}": "no http(s) URL",
        "ftp://example.org/a.png": "no http(s) URL",
        "picture.png": "no http(s) URL",
        "": "no http(s) URL",
    }
    for url, said in broken.items():
        assert said in (await refused(gateway, sim, spot, url))["message"], url


@pytest.mark.parametrize("spot", EVERYWHERE.values(), ids=EVERYWHERE)
async def test_cut_off_in_its_header(gateway: Gateway, sim: Simulated, spot: Spot) -> None:
    for format in MIME_TYPES.keys() - {"DIB", "SGI"}:  # these tell their size at once
        url = data_url(encoded(Image.new("RGB", (64, 64)), format)[:21], MIME_TYPES[format])
        error = await refused(gateway, sim, spot, url)
        assert error["message"] == "The picture's header is broken or cut off.", format


CONVERTED = [
    (place, format) for place in PLACES for format in MIME_TYPES if format not in PLACES[place].formats
]


@pytest.mark.parametrize(("place", "format"), CONVERTED)
async def test_cut_off_where_it_must_be_decoded(
    gateway: Gateway, sim: Simulated, place: str, format: str
) -> None:
    data = encoded(Image.effect_noise((64, 64), 90), format)
    body = Given(data_url(data[: len(data) * 3 // 4], MIME_TYPES[format])).body(PLACES[place])
    answer = await sim.http.post(f"{gateway.v1}{PLACES[place].path}", body)
    assert answer.status == 400, answer.body
    assert answer.error["message"] in (
        "The picture is truncated or broken.",
        "The picture's header is broken or cut off.",
    )
    assert await sim.requests() == []


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
async def test_cut_off_where_nothing_has_to_be_mended(gateway: Gateway, sim: Simulated, place: Place) -> None:
    data = encoded(Image.effect_noise((64, 64), 90))
    url = data_url(data[: len(data) // 2])
    answer = await sim.http.post(f"{gateway.v1}{place.path}", Given(url).body(place))
    assert answer.status == 400
    assert "message" in answer.error
    assert shortened(url) in str((await sim.last())["body"])


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
async def test_unknown_file_id(gateway: Gateway, sim: Simulated, place: Place) -> None:
    answer = await sim.http.post(f"{gateway.v1}{place.path}", Given(file_id=UNKNOWN_ID).body(place))
    params = {"chat": "messages[0].content[0].image_url", "responses": "input[0].content[0].file_id"}
    assert (answer.status, answer.error["code"]) == (404, "file_not_found")
    assert answer.error["param"] == params.get(place.api, "image")
    assert UNKNOWN_ID in answer.error["message"]
    assert await sim.requests() == []


@pytest.mark.parametrize("place", ["ark chat", "ark images", "modelarts chat", "modelarts edit"])
async def test_arks_own_id_where_none_is_taken(gateway: Gateway, sim: Simulated, place: str) -> None:
    where = PLACES[place]
    answer = await sim.http.post(f"{gateway.v1}{where.path}", Given(file_id=ARKS_ID).body(where))
    assert (answer.status, answer.error["code"]) == (400, "unsupported_file_id")
    assert ARKS_ID in answer.error["message"]
    assert "takes no file ids here" in answer.error["message"]
    assert await sim.requests() == []


async def test_many_pictures_are_more_than_a_body_holds(gateway: Gateway, sim: Simulated) -> None:
    file = await gateway.openai.files.create(file=("a.png", heavy(10 << 20)), purpose="user_data")
    answer: Answer = await sim.http.post(
        f"{gateway.v1}/chat/completions",
        asked("chat", *[file_part("chat", file.id)] * 5, model="doubao-vision"),
    )
    assert (answer.status, answer.error["code"]) == (413, "request_too_large")
    assert "takes at most 67108864" in answer.error["message"]
    assert int(answer.error["message"].split("has ")[1].split()[0]) > 5 * (10 << 20) * 4 // 3
    assert await sim.requests() == []
