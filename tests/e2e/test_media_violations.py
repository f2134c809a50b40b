"""What passes a backend's limits is refused where the operator wants that, naming the limit and the figure."""

from collections.abc import Callable

import pytest
from PIL import Image

from .conftest import Gateway, Launch, Simulated
from .pictures import base64_of, data_url, encoded, heavy, small
from .table import MODELS, PLACES, Given

MB = 1 << 20


@pytest.fixture
def strict(launch: Launch) -> Gateway:
    return launch(models=MODELS, images={"on_violation": "reject"})


def animated() -> bytes:
    frames = [Image.new("RGB", (64, 64), colour) for colour in ("blue", "red", "white")]
    return encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])


# place, url, code, what is said
VIOLATIONS: dict[str, tuple[str, Callable[[], str], str, list[str]]] = {
    "format": (
        "ark chat",
        lambda: data_url(small(format="AVIF"), "image/avif"),
        "unsupported_image_format",
        ["is image/avif", "bmp, dib, gif, heic, heif, icns, jp2, jpeg, png, sgi, tiff, webp, x-icon"],
    ),
    "format on modelarts": (
        "modelarts chat",
        lambda: data_url(small(format="SGI"), "image/sgi"),
        "unsupported_image_format",
        ["is image/sgi", "Huawei ModelArts takes bmp, gif, jpeg, png, tiff, webp."],
    ),
    "bytes": (
        "ark chat",
        lambda: data_url(heavy(10 * MB + 1)),
        "image_too_large",
        ["10485761 bytes", "at most 10485760."],
    ),
    "bytes by id": (
        "ark image_process",
        lambda: data_url(heavy(10 * MB + 1)),
        "image_too_large",
        ["10485761 bytes", "at most 10485760."],
    ),
    "encoded bytes": (
        "modelarts chat",
        lambda: data_url(heavy(7_864_320)),
        "image_too_large",
        ["10485760 bytes as base64", "at most 10485759."],
    ),
    "encoded bytes to edit": (
        "modelarts edit",
        lambda: data_url(heavy(2_359_297)),
        "image_too_large",
        ["3145732 bytes as base64", "at most 3145728."],
    ),
    "pixels": (
        "ark responses",
        lambda: data_url(encoded(Image.new("1", (6001, 6000)))),
        "image_too_large",
        ["6001x6000 = 36006000 pixels", "at most 36000000."],
    ),
    "side": (
        "modelarts edit",
        lambda: data_url(encoded(Image.new("1", (3073, 600)))),
        "image_too_large",
        ["3073x600", "sides of at most 3072."],
    ),
    "frames": (
        "ark images",
        lambda: data_url(animated(), "image/gif"),
        "animated_image",
        ["3 frames", "still pictures"],
    ),
    "type": (
        "ark chat",
        lambda: data_url(small(), "image/jpeg"),
        "invalid_image_type",
        ["declares image/jpeg", "is image/png"],
    ),
    "type on responses": (
        "ark responses",
        lambda: data_url(small(), "text/plain"),
        "invalid_image_type",
        ["declares text/plain", "is image/png"],
    ),
    "no type": (
        "modelarts chat",
        lambda: data_url(small(), ""),
        "invalid_image_type",
        ["declares no type", "is image/png"],
    ),
}


@pytest.mark.parametrize("name", VIOLATIONS)
async def test_violation_is_refused_where_so_configured(strict: Gateway, sim: Simulated, name: str) -> None:
    where, make, code, said = VIOLATIONS[name]
    place = PLACES[where]
    answer = await sim.http.post(f"{strict.v1}{place.path}", Given(make()).body(place))
    params = {"chat": "messages[0].content[0].image_url", "responses": "input[0].content[0].image_url"}
    assert (answer.status, answer.error["code"]) == (400, code)
    assert answer.error["param"] == params.get(place.api, "image")
    assert all(words in answer.error["message"] for words in said), answer.error["message"]
    assert await sim.requests() == []


@pytest.mark.parametrize(
    ("format", "declared"),
    [
        ("PNG", "image/png"),
        ("PNG", "image/PNG"),
        ("JPEG", "image/jpg"),
        ("BMP", "image/x-ms-bmp"),
        ("ICO", "image/vnd.microsoft.icon"),
        ("HEIC", "image/heif"),
        ("PNG", "image/apng"),
    ],
)
async def test_other_names_of_a_type_are_no_violation(
    strict: Gateway, sim: Simulated, format: str, declared: str
) -> None:
    data = encoded(Image.new("RGB", (64, 64), "red"), format)
    for url in (data_url(data, declared), base64_of(data)):
        answer = await sim.http.post(f"{strict.v1}/chat/completions", Given(url).body(PLACES["ark chat"]))
        assert f"image 0: {format} 64x64, dominant colour red" in answer.text
