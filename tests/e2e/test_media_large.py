"""Pictures that a backend takes only when they are scaled, turned, flattened or uploaded."""

import io
import random
from base64 import b64decode

import pytest
from PIL import Image
from PIL.ExifTags import Base

from gateway.simulator.recorder import shortened

from .conftest import Answer, Gateway, Launch, Simulated
from .pictures import asked, data_url, encoded, file_part, seen, shape, text_part, url_part
from .table import MODELS, PLACES, Given, Place, painted, probe, send

MB = 1 << 20


@pytest.fixture
def gateway(launch: Launch) -> Gateway:
    return launch(models=MODELS)


@pytest.fixture(scope="module")
def panorama() -> bytes:
    """60 megapixels in less than a megabyte, lying on their side: upright, it has blue above and green below."""
    picture = Image.new("RGB", (9000, 6700), "green")
    picture.paste("blue", (0, 0, 3000, 6700))
    return encoded(picture, "JPEG", exif=orientation(6))


@pytest.fixture(scope="module")
def noisy_jpeg() -> bytes:
    """Some 30 MB, the upper half blue and the lower noise."""
    picture = Image.new("RGB", (3700, 3700), "blue")
    picture.paste(noise("RGB", 3700, 1850), (0, 1850))
    data = encoded(picture, "JPEG", quality=100, subsampling=0)
    assert 26 * MB < len(data) < 34 * MB
    return data


@pytest.fixture(scope="module")
def noisy_png() -> bytes:
    """Some 30 MB: noise, of which the left part is hidden by its alpha."""
    picture = noise("RGB", 3100, 3100)
    picture.putalpha(veil(picture.size, 2000))
    data = encoded(picture, "PNG", compress_level=1)
    assert 26 * MB < len(data) < 34 * MB
    return data


def noise(mode: str, width: int, height: int) -> Image.Image:
    return Image.frombytes(mode, (width, height), random.Random(3).randbytes(width * height * len(mode)))


def veil(size: tuple[int, int], until: int) -> Image.Image:
    """An alpha channel that hides the left part."""
    alpha = Image.new("L", size, 255)
    alpha.paste(0, (0, 0, until, size[1]))
    return alpha


def orientation(value: int) -> Image.Exif:
    exif = Image.Exif()
    exif[Base.Orientation] = value
    return exif


def told(answer: Answer) -> tuple[str, int, int, str, int]:
    """Format, width, height, colour and bytes of the first picture."""
    described, colour, size = seen(answer.text)[0]
    format, _, sides = described.partition(" ")
    width, height = map(int, sides.split("x"))
    return format, width, height, colour, size


async def ask(gateway: Gateway, sim: Simulated, place: Place, data: bytes, text: str = "look") -> Answer:
    part = url_part(place.api, data_url(data, f"image/{Image.open(io.BytesIO(data)).format}".lower()))
    body = asked(place.api, part, text_part(place.api, text), model=place.model)
    return await sim.http.post(f"{gateway.v1}{place.path}", body)


async def test_60_megapixels_are_scaled_just_under_arks_limit_and_turned(
    gateway: Gateway, sim: Simulated, panorama: bytes
) -> None:
    answer = await ask(gateway, sim, PLACES["ark chat"], panorama)
    _, width, height, colour, size = told(answer)
    assert colour == "green"
    assert 35_900_000 < width * height <= 36_000_000
    assert width < height
    assert size < 10 * MB
    assert answer.changes == ["image:converted=1", "image:inlined=1"]


async def test_60_megapixels_are_uploaded_scaled_and_only_once(
    gateway: Gateway, sim: Simulated, panorama: bytes
) -> None:
    place = PLACES["ark image_process"]
    changes = []
    for _ in range(2):
        answer = await ask(gateway, sim, place, panorama, "zoom <bbox>0 0 99 99</bbox>")
        upright, corner = seen(answer.text)
        assert (upright[1], corner[1]) == ("green", "blue")
        changes.append([change for change in answer.changes if change.startswith("image:")])
    assert changes == [
        ["image:converted=1", "image:uploaded=1"],
        ["image:converted=1", "image:reused=1"],
    ]
    assert len(await sim.requests("/files")) == 1


async def test_60_megapixels_go_to_modelarts_as_they_are(
    gateway: Gateway, sim: Simulated, panorama: bytes
) -> None:
    answer = await ask(gateway, sim, PLACES["modelarts chat"], panorama)
    assert seen(answer.text) == [shape(panorama, "green")]
    assert answer.changes == []


@pytest.mark.parametrize(
    ("place", "source", "seen_colour", "limit"),
    [
        ("ark chat", "noisy_jpeg", "blue", 10 * MB),
        ("modelarts chat", "noisy_png", "white", (10 * MB - 1) // 4 * 3),
    ],
)
async def test_30_mb_are_brought_under_the_limit(
    gateway: Gateway,
    sim: Simulated,
    request: pytest.FixtureRequest,
    place: str,
    source: str,
    seen_colour: str,
    limit: int,
) -> None:
    answer = await ask(gateway, sim, PLACES[place], request.getfixturevalue(source))
    format, width, height, colour, size = told(answer)
    assert (format, colour) == ("JPEG", seen_colour)
    assert width == height
    assert limit / 3 < size <= limit
    assert answer.changes == ["image:converted=1", "image:inlined=1"]


async def test_30_mb_are_uploaded_to_ark_as_they_are(
    gateway: Gateway, sim: Simulated, noisy_jpeg: bytes
) -> None:
    file = await gateway.openai.files.create(file=("a.jpg", noisy_jpeg), purpose="user_data")
    body = asked("responses", file_part("responses", file.id), model="doubao-vision")
    answer = await sim.http.post(f"{gateway.v1}/responses", body)
    assert seen(answer.text) == [shape(noisy_jpeg, "blue")]
    assert answer.changes == ["image:uploaded=1"]


@pytest.mark.parametrize("turn", range(1, 9))
async def test_orientation_is_applied_when_converted(gateway: Gateway, sim: Simulated, turn: int) -> None:
    upright = {(0, 0): "red", (1, 0): "blue", (0, 1): "white", (1, 1): "black"}
    stored = Image.new("RGB", (320, 320))
    for (x, y), colour in _as_stored(upright, turn).items():
        stored.paste(colour, (160 * x, 160 * y, 160 * x + 160, 160 * y + 160))
    data = encoded(stored, "WEBP", lossless=True, exif=orientation(turn))
    body = Given(data_url(data, "image/webp")).body(PLACES["modelarts edit"])
    answer = await sim.http.post(f"{gateway.v1}/images/generations", body)
    picture = painted(answer)
    assert {at: probe(picture, at[0] / 2 + 0.25, at[1] / 2 + 0.25) for at in upright} == upright


def _as_stored(upright: dict[tuple[int, int], str], turn: int) -> dict[tuple[int, int], str]:
    """Where the quarters stand in a file that says so of its orientation, by the words of the EXIF standard."""
    row_is_right, row_is_low = turn in (6, 7), turn in (3, 4)
    if turn <= 4:
        mirrored = turn in (2, 3)
        return {(x ^ mirrored, y ^ row_is_low): colour for (x, y), colour in upright.items()}
    # Stored row 0 is the visual left (5, 8) or right (6, 7); stored column 0 the visual top (5, 6) or bottom (7, 8).
    low = turn in (7, 8)
    return {(y ^ low, x ^ row_is_right): colour for (x, y), colour in upright.items()}


async def test_alpha_is_kept_where_the_backend_takes_it(gateway: Gateway, sim: Simulated) -> None:
    picture = Image.new("RGBA", (16, 16), "red")
    picture.putalpha(veil((16, 16), 12))
    for format in ("WEBP", "AVIF", "ICO", "SGI", "JPEG2000", "TIFF"):
        data = encoded(picture, format, **({"lossless": True} if format == "WEBP" else {}))
        arrived = await send(PLACES["modelarts edit"], Given(data_url(data)), gateway, sim)
        sent = Image.open(io.BytesIO(b64decode(arrived.url.partition(",")[2])))
        assert (sent.format, sent.mode) == ("PNG", "RGBA"), format
        assert sent.getpixel((2, 2))[3] == 0, format
        assert arrived.colour == "white"


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG"])
@pytest.mark.parametrize("place", ["ark images", "modelarts edit"])
async def test_animation_becomes_its_first_frame(
    gateway: Gateway, sim: Simulated, place: str, format: str
) -> None:
    frames = [Image.new("RGB", (64, 64), colour) for colour in ("blue", "red", "white")]
    data = encoded(frames[0], format, save_all=True, append_images=frames[1:])
    url = data_url(data, f"image/{format.lower()}")
    arrived = await send(PLACES[place], Given(url), gateway, sim)
    assert (arrived.mime, arrived.colour) == ("image/png", "blue")
    assert arrived.url != shortened(url)
    assert arrived.media == ["image:converted=1", "image:inlined=1"]
    arrived = await send(PLACES["ark chat"], Given(url), gateway, sim)
    assert arrived.media == []
