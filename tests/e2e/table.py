"""The rows and columns of the table of pictures: where they go, where they come from, and what arrived."""

import base64
import io
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from PIL import Image

from gateway.simulator.pictures import colour_name

from .conftest import Answer, Gateway, Simulated
from .pictures import PATHS, asked, base64_of, data_url, file_part, seen, text_part, url_part
from .servers import Gallery

SEEDREAM, QWEN_EDIT = "doubao-seedream-4-0-250828", "qwen_image_edit"
MODELS = {QWEN_EDIT: {"backend": "maas"}}
EVERYTHING = frozenset(
    {"PNG", "JPEG", "GIF", "WEBP", "BMP", "DIB", "TIFF", "ICO", "ICNS", "JPEG2000", "SGI", "HEIC"}
)


@dataclass(frozen=True)
class Place:
    """One use of a backend, and the formats that the vendors' pages name for it."""

    api: str
    model: str
    formats: frozenset[str]

    @property
    def path(self) -> str:
        return PATHS.get(self.api, "/images/generations")


PLACES = {
    "ark chat": Place("chat", "doubao-vision", EVERYTHING),
    "ark responses": Place("responses", "doubao-vision", EVERYTHING),
    "ark image_process": Place("responses", "strawberry-counter", EVERYTHING - {"DIB", "SGI", "HEIC"}),
    "ark images": Place("images", SEEDREAM, EVERYTHING - {"DIB", "ICO", "ICNS", "JPEG2000", "SGI"}),
    "modelarts chat": Place("chat", "qwen-vl", frozenset({"PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF"})),
    "modelarts edit": Place("images", QWEN_EDIT, frozenset({"PNG", "JPEG"})),
}


@dataclass(frozen=True)
class Given:
    """A picture as a caller may point to it: ``url`` is all that the images API and chat need of most."""

    url: str | None = None
    file_id: str | None = None

    def body(self, place: Place) -> dict[str, Any]:
        if place.api == "images":
            return {"model": place.model, "prompt": "a grey wall", "image": self.url or self.file_id}
        part = file_part(place.api, self.file_id) if self.file_id else url_part(place.api, self.url)
        return asked(place.api, part, text_part(place.api, "point at it"), model=place.model)


Source = Callable[[bytes, str, Gateway, Gallery], Awaitable[Given]]


async def by_url(data: bytes, mime: str, gateway: Gateway, gallery: Gallery) -> Given:
    return Given(gallery.put("table", data))


async def by_data_url(data: bytes, mime: str, gateway: Gateway, gallery: Gallery) -> Given:
    return Given(data_url(data, mime))


async def by_mistyped_data_url(data: bytes, mime: str, gateway: Gateway, gallery: Gallery) -> Given:
    return Given(data_url(data, "image/gif"))


async def by_untyped_data_url(data: bytes, mime: str, gateway: Gateway, gallery: Gallery) -> Given:
    return Given(f"DATA:;base64,{base64_of(data)}")


async def by_base64(data: bytes, mime: str, gateway: Gateway, gallery: Gallery) -> Given:
    return Given(base64_of(data))


async def by_base64_in_lines(data: bytes, mime: str, gateway: Gateway, gallery: Gallery) -> Given:
    return Given(base64.encodebytes(data).decode().replace("\n", "\r\n"))


async def by_unpadded_base64(data: bytes, mime: str, gateway: Gateway, gallery: Gallery) -> Given:
    text = base64_of(data)
    assert text.endswith("=")
    return Given(text.rstrip("="))


async def by_url_safe_base64(data: bytes, mime: str, gateway: Gateway, gallery: Gallery) -> Given:
    text = base64.urlsafe_b64encode(data).decode()
    assert "-" in text
    assert "_" in text
    return Given(text)


def in_a_data_url(source: Source) -> Source:
    async def by(data: bytes, mime: str, gateway: Gateway, gallery: Gallery) -> Given:
        return Given(f"data:{mime};base64,{(await source(data, mime, gateway, gallery)).url}")

    return by


async def by_file_url(data: bytes, mime: str, gateway: Gateway, gallery: Gallery) -> Given:
    path = gateway.pictures / "ein Bild 图.bin"
    path.write_bytes(data)
    return Given(path.as_uri())


async def by_path(data: bytes, mime: str, gateway: Gateway, gallery: Gallery) -> Given:
    path = gateway.pictures / "ein Bild 图.bin"
    path.write_bytes(data)
    return Given(str(path))


async def by_file_id(data: bytes, mime: str, gateway: Gateway, gallery: Gallery) -> Given:
    file = await gateway.openai.files.create(file=("picture", data), purpose="user_data")
    return Given(file_id=file.id)


LOOSE_BASE64: dict[str, Source] = {
    "base64 in lines": by_base64_in_lines,
    "unpadded base64": by_unpadded_base64,
    "url-safe base64": by_url_safe_base64,
}
LOOSE_DATA_URLS = {f"data url of {name}": in_a_data_url(source) for name, source in LOOSE_BASE64.items()}
SOURCES: dict[str, Source] = {
    "url": by_url,
    "data url": by_data_url,
    "mistyped data url": by_mistyped_data_url,
    "untyped data url": by_untyped_data_url,
    "base64": by_base64,
    **LOOSE_BASE64,
    "file url": by_file_url,
    "path": by_path,
    "file id": by_file_id,
}


@dataclass(frozen=True)
class Arrived:
    """What reached the backend: the data URL as the simulator's record has it, and what its decoder saw."""

    url: str
    colour: str
    size: tuple[int, int] | None  # None where the answer does not tell
    format: str | None
    media: list[str]  # the changes to it

    @property
    def mime(self) -> str:
        return self.url.removeprefix("data:").partition(";")[0]


async def send(place: Place, given: Given, gateway: Gateway, sim: Simulated) -> Arrived:
    body = given.body(place)
    if place.api == "images":
        body["response_format"] = "b64_json"
    answer = await sim.http.post(f"{gateway.v1}{place.path}", body)
    assert answer.status == 200, answer.body
    sent = (await sim.last(place.path))["body"]
    media = [change for change in answer.changes if change.startswith("image:")]
    if place.api == "images":
        return _painted(place, answer, sent["image"], media)
    if place.model == "strawberry-counter":
        calls = [item for item in answer.json["output"] if item["type"] == "image_process"]
        assert [call["status"] for call in calls] == ["completed"], calls
    part = sent["messages" if place.api == "chat" else "input"][0]["content"][0]
    url = part["image_url"]["url"] if place.api == "chat" else part["image_url"]
    shape, colour, _ = seen(answer.text)[0]
    format, _, size = shape.partition(" ")
    width, height = size.split("x")
    return Arrived(url, colour, (int(width), int(height)), format, media)


def _painted(place: Place, answer: Answer, url: str, media: list[str]) -> Arrived:
    """The reference stands in the painted picture's corner; ModelArts paints in the reference's own size."""
    picture = painted(answer)
    size = picture.size if place.model == QWEN_EDIT else None
    return Arrived(url, probe(picture, 0.25, 0.25), size, None, media)


def painted(answer: Answer) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(answer.json["data"][0]["b64_json"]))).convert("RGB")


def probe(picture: Image.Image, x: float, y: float) -> str:
    """The colour of the reference there, in parts of its sides."""
    side = min(picture.size) // 8
    pixel = picture.getpixel((int(x * side), int(y * side)))
    return colour_name("#{:02x}{:02x}{:02x}".format(*pixel))
