"""Videos, PDFs and audio to send, the parts that point to them, and the ways to have them there."""

import io
import itertools
import wave
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from urllib.parse import quote

from PIL import Image

from tests.media.decoders.films import film

from .conftest import Gateway
from .pictures import base64_of
from .servers import Gallery

Part = dict[str, Any]
Where = dict[str, str]  # url, file_data or file_id: what a part says of its place

_serial = itertools.count(1)
COLOURS = ("red", "green", "blue", "yellow", "cyan", "magenta", "black", "white")


def video(colours: Sequence[str] = COLOURS[:3], container: str = "mp4", pad: int = 0, **more: Any) -> bytes:
    """One colour for each second; no two are the same bytes. ``pad`` makes it larger by a box that players skip."""
    images = [Image.new("RGB", (96, 64), colour) for colour in colours]
    codec = "libvpx" if container == "webm" else "mpeg4"
    title, times = f"film {next(_serial)}", range(len(images))
    data = film(container, codec, images=images, times=times, title=title, **{"rate": 1, **more})
    return data + (pad.to_bytes(4, "big") + b"free" + bytes(pad - 8) if pad else b"")


def pdf(colours: Sequence[str] = COLOURS[:3]) -> bytes:
    """One page of each colour; no two are the same bytes."""
    first, *others = [Image.new("RGB", (60, 80), colour) for colour in colours]
    file = io.BytesIO()
    first.save(file, "PDF", save_all=True, append_images=others, title=f"document {next(_serial)}")
    return file.getvalue()


def wav(seconds: float = 0.1) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setparams((1, 2, 8000, 0, "NONE", ""))
        out.writeframes(next(_serial).to_bytes(2, "little") * int(8000 * seconds))
    return file.getvalue()


MAKERS: dict[str, tuple[str, Callable[[], bytes]]] = {
    "video": ("clip a.mp4", video),
    "file": ("akte ä.pdf", pdf),
    "audio": ("ton.wav", wav),
}
NOUNS = {"video": "video", "file": "PDF", "audio": "audio"}  # as the simulator tells of them
MIME_TYPES = {"mp4": "video/mp4", "pdf": "application/pdf", "wav": "audio/wav"}


def part(api: str, kind: str, where: Where, **fields: Any) -> Part:
    """A part of either API; ``where`` says ``url`` for whatever a URL's field takes."""
    flat = {"video": "input_video", "file": "input_file", "audio": "input_audio"}
    held = {"video": "video_url", "file": "file", "audio": "input_audio"}
    if api != "chat":
        named = {f"{kind}_url" if name == "url" else name: value for name, value in where.items()}
        return {"type": flat[kind], **named, **fields}
    name = "file_url" if kind == "file" else "url"
    named = {name if key == "url" else key: value for key, value in where.items()}
    return {"type": held[kind], held[kind]: {**named, **fields}}


async def by_url(data: bytes, name: str, gateway: Gateway, gallery: Gallery) -> Where:
    gallery.put(name, data)
    return {"url": f"{gallery.url}/{quote(name)}"}


async def by_data_url(data: bytes, name: str, gateway: Gateway, gallery: Gallery) -> Where:
    mime = MIME_TYPES[name.rpartition(".")[2]]
    return {"file_data" if name.endswith("pdf") else "url": f"data:{mime};base64,{base64_of(data)}"}


async def by_path(data: bytes, name: str, gateway: Gateway, gallery: Gallery) -> Where:
    path = gateway.pictures / name
    path.write_bytes(data)
    return {"url": path.as_uri()}


async def by_file_id(data: bytes, name: str, gateway: Gateway, gallery: Gallery) -> Where:
    file = await gateway.openai.files.create(file=(name, data), purpose="user_data")
    return {"file_id": file.id}


Source = Callable[[bytes, str, Gateway, Gallery], Awaitable[Where]]
SOURCES: dict[str, Source] = {
    "url": by_url,
    "data": by_data_url,
    "local": by_path,
    "file_id": by_file_id,
}
