"""Ark's limits of pictures, each with its words."""

import aiohttp.web
import pytest
from PIL import Image

from .conftest import Client
from .media import data_url, encoded, image_part, input_image, picture

HEIC = picture("red", (64, 64), "HEIC")


def bilevel(width: int, height: int) -> bytes:
    return encoded(Image.new("1", (width, height)))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            bilevel(6001, 6000),
            "Image 0 failed: Image exceeds the maximum allowed total pixels. Current dimensions: 6001x6000 = "
            "36006000 pixels. Maximum allowed: 36000000 pixels. Request id: 02",
        ),
        (bilevel(20_000, 20_000), "Image 0 failed: Image exceeds the maximum allowed total pixels."),
        (
            bilevel(14, 20),
            "Image 0 failed: Image sides must be larger than 14 pixels. Current dimensions: 14x20.",
        ),
        (bilevel(15 * 150 + 1, 15), "Image 0 failed: Image aspect ratio must be between 1/150 and 150."),
    ],
)
async def test_shapes(http: Client, data: bytes, message: str) -> None:
    answer = await http.chat(image_part(data))
    assert answer.status == 400
    assert answer.error["message"].startswith(message)
    assert (answer.error["code"], answer.error["param"], answer.error["type"]) == (
        "InvalidParameter",
        "",
        "BadRequest",
    )


@pytest.mark.parametrize("size", [(6000, 6000), (15, 15), (15 * 150, 15)])
async def test_shapes_just_within(http: Client, size: tuple[int, int]) -> None:
    assert (await http.chat(image_part(bilevel(*size)))).status == 200


async def test_bytes(http: Client) -> None:
    padding = b"\0" * (10 * 1024 * 1024)
    answer = await http.chat(image_part(picture() + padding))
    assert answer.error["code"] == "InvalidParameter.OversizeImage"
    assert answer.error["param"] == "image_url"
    assert answer.error["message"].startswith(
        "The request failed because the size of the input image (11 MB) exceeds the limit (10 MB). Request id: 02"
    )


@pytest.mark.parametrize(
    ("format", "mime_type"),
    [
        ("JPEG", "image/jpeg"),
        ("PNG", "image/png"),
        ("GIF", "image/gif"),
        ("WEBP", "image/webp"),
        ("BMP", "image/bmp"),
        ("DIB", "image/bmp"),
        ("TIFF", "image/tiff"),
        ("ICO", "image/x-icon"),
        ("ICNS", "image/icns"),
        ("SGI", "image/sgi"),
        ("JPEG2000", "image/jp2"),
        ("HEIC", "image/heic"),
        ("HEIC", "image/heif"),
    ],
)
async def test_formats(http: Client, format: str, mime_type: str) -> None:
    answer = await http.chat(image_part(picture("red", (64, 64), format), mime_type))
    assert f"image 0: {format} " in answer.text
    assert "dominant colour red" in answer.text


@pytest.mark.parametrize(
    ("url", "code"),
    [
        (data_url(picture("red", (64, 64), "AVIF"), "image/avif"), "InvalidImageURL.InvalidFormat"),
        (data_url(b"no picture at all"), "InvalidImageURL.InvalidFormat"),
        (data_url(picture()[:40]), "InvalidImageURL.InvalidFormat"),
        (data_url(HEIC[:40], "image/heic"), "InvalidImageURL.InvalidFormat"),
        (data_url(HEIC[:-40], "image/heic"), "InvalidImageURL.InvalidFormat"),
        (data_url(picture(), "image/PNG"), "InvalidParameter"),
        (data_url(picture(), "image/jpeg"), "InvalidParameter"),
        ("data:image/png;base64,@@@@", "InvalidParameter"),
        ("data:image/png,plain", "InvalidParameter"),
        ("iVBORw0KGgo=", "InvalidParameter"),
        ("file:///etc/passwd", "InvalidParameter"),
    ],
)
async def test_refused_urls(http: Client, url: str, code: str) -> None:
    answer = await http.chat({"type": "image_url", "image_url": {"url": url}})
    assert (answer.status, answer.error["code"]) == (400, code)


async def test_broken_base64_in_arks_words(http: Client) -> None:
    answer = await http.chat({"type": "image_url", "image_url": {"url": "data:image/png;base64,@"}})
    assert answer.error["message"].startswith("Invalid base64 image_url")


async def test_the_message_names_the_picture(http: Client) -> None:
    answer = await http.respond(input_image(picture()), input_image(bilevel(10, 10)))
    assert answer.error["message"].startswith("Image 1 failed:")


async def test_loopback_urls_are_fetched(http: Client, aiohttp_pictures: str) -> None:
    for content in (
        f"{aiohttp_pictures}/a.png",
        f"{aiohttp_pictures}/a.png".replace("127.0.0.1", "localhost"),
    ):
        answer = await http.chat({"type": "image_url", "image_url": {"url": content}})
        assert "image 0: PNG 64x48, dominant colour purple" in answer.text


@pytest.mark.parametrize("url", ["https://example.invalid/a.png", "http://10.0.0.1/a.png", "http://[x/a.png"])
async def test_other_urls_time_out(http: Client, url: str) -> None:
    answer = await http.respond({"type": "input_image", "image_url": url})
    assert answer.error["message"].startswith(f"Timeout while downloading url={url}. Request id:")
    assert (answer.error["code"], answer.error["type"]) == ("InvalidParameter", "")


async def test_url_without_a_picture(http: Client, aiohttp_pictures: str) -> None:
    missing = await http.respond({"type": "input_image", "image_url": f"{aiohttp_pictures}/none"})
    assert "status code: 404" in missing.error["message"]


@pytest.fixture
async def aiohttp_pictures() -> object:
    async def serve(request: aiohttp.web.Request) -> aiohttp.web.Response:
        return aiohttp.web.Response(body=picture("purple"))

    app = aiohttp.web.Application()
    app.router.add_get("/a.png", serve)
    runner = aiohttp.web.AppRunner(app)
    await runner.setup()
    site = aiohttp.web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()
