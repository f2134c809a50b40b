"""Videos made by code, whose pictures tell their numbers; and what the decoder makes of them."""

import io
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from typing import Any

import av
import pytest
from av.video.frame import PictureType
from PIL import Image

from gateway.media.decoders import Undecodable
from gateway.media.decoders.frames import frames

Frame = tuple[dict[str, Any], Image.Image]
ORDERS: dict[str, Any] = {
    "fps": 1.0,
    "max_frames": 32,
    "max_side": 1024,
    "max_bytes": None,
    "max_duration": None,
}
KINDS = [
    ("mp4", "libx264"),
    ("mp4", "mpeg4"),
    ("mp4", "libx265"),
    ("mov", "libx264"),
    ("avi", "mpeg4"),
    ("avi", "mjpeg"),
    ("matroska", "libx264"),
    ("webm", "libvpx"),
    ("webm", "libvpx-vp9"),
]
QUIET = {"libx265": {"x265-params": "log-level=error"}}


def numbered(number: int, size: tuple[int, int] = (96, 64)) -> Image.Image:
    """Two greys that tell a number below 256 through any compression."""
    image = Image.new("L", size, number // 16 * 16 + 8)
    image.paste(number % 16 * 16 + 8, (size[0] // 2, 0, size[0], size[1]))
    return image.convert("RGB")


def number_of(image: Image.Image) -> int:
    grey = image.convert("L")
    left, right = (grey.getpixel((grey.width * part // 4, grey.height // 2)) for part in (1, 3))
    assert isinstance(left, int)
    assert isinstance(right, int)
    return left // 16 * 16 + right // 16


def film(
    container: str = "mp4",
    codec: str = "libx264",
    *,
    images: Iterable[Image.Image] | None = None,
    times: Sequence[int] = range(60),
    rate: int = 10,
    options: dict[str, str] | None = None,
    muxing: dict[str, str] | None = None,
    title: str = "",
    keys: Sequence[int] = (),
    prepare: Callable[[Any], None] = lambda stream: None,
) -> bytes:
    """A video whose n-th picture comes up at times[n] / rate seconds; by default it shows n."""
    file = io.BytesIO()
    pictures = list(images or map(numbered, range(len(times))))
    with av.open(file, "w", format=container, options=muxing or {}) as output:
        stream = output.add_stream(codec, rate=rate, options={**QUIET.get(codec, {}), **(options or {})})
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height = pictures[0].size
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.thread_count = 1
        output.metadata["title"] = title
        prepare(stream)
        for time, picture in zip(times, pictures, strict=True):
            frame = av.VideoFrame.from_image(picture)  # type: ignore[no-untyped-call]
            frame.pts, frame.time_base = time, Fraction(1, rate)
            if time in keys:
                frame.pict_type = PictureType.I
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
    return file.getvalue()


def sample(video: bytes, **orders: Any) -> list[Frame]:
    given = frames(io.BytesIO(video), {**ORDERS, **orders})
    return [(meta, Image.open(io.BytesIO(data))) for meta, data in given]


def seen(video: bytes, **orders: Any) -> list[tuple[float, int]]:
    """When, and what number it shows."""
    return [(meta["at"], number_of(image)) for meta, image in sample(video, **orders)]


def refusal(video: bytes, **orders: Any) -> tuple[str, str]:
    with pytest.raises(Undecodable) as caught:
        sample(video, **orders)
    return caught.value.code, caught.value.text
