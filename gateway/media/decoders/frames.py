"""A video as sampled pictures, for backends that take no video. Needs the extra arkway[video].

Orders: `fps`, pictures for each second of video; `max_frames`; `max_side` in pixels; `max_bytes` of one picture, or
None; `max_duration` in seconds, or None.

Yields JPEGs in the order of time, with `{"at": 1.0, "fps": 1.0, "duration": 60.0, "mime": "image/jpeg", "width": 1024,
"height": 576}`; times are in seconds from the first picture of the file. For each moment 0, 1/fps, 2/fps ... that is
the picture on screen then, the last one to come up; `at` says when it did. One that stands for several moments is
yielded once. A video with more than `max_frames` moments is sampled evenly over its whole duration, and `fps` says how
densely. Pictures are turned as players turn them, have square pixels, and are scaled down to `max_side`, never up.
Corrupt ones are left out, and sound is ignored.

Raises Undecodable with `broken_video`, `unsupported_video`, `video_too_long`, `video_too_large`, `frame_too_large` or
`video_extra_missing`.
"""

import math
import struct
from contextlib import closing
from typing import TYPE_CHECKING, Any, BinaryIO

from PIL import Image

from gateway.media.decoders import Orders, Products, Undecodable, jpeg

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

MIN_WIDTH = 64
# How the signs of a display matrix (a, b, c, d) turn a picture: right becomes (a, b), down becomes (c, d).
TURNS = {
    (0, 1, -1, 0): Image.Transpose.ROTATE_270,
    (-1, 0, 0, -1): Image.Transpose.ROTATE_180,
    (0, -1, 1, 0): Image.Transpose.ROTATE_90,
    (-1, 0, 0, 1): Image.Transpose.FLIP_LEFT_RIGHT,
    (1, 0, 0, -1): Image.Transpose.FLIP_TOP_BOTTOM,
    (0, 1, 1, 0): Image.Transpose.TRANSPOSE,
    (0, -1, -1, 0): Image.Transpose.TRANSVERSE,
}


def frames(source: BinaryIO, orders: Orders) -> Products:
    """JPEGs of a video, sampled over its whole duration."""
    try:
        from gateway.media.decoders.video import Video
    except ImportError as error:
        text = "Videos cannot be taken apart here; the operator can install arkway[video]."
        raise Undecodable("video_extra_missing", text) from error
    with closing(Video(source)) as video:
        _check_duration(video.duration, orders["max_duration"])
        count, fps = _density(video.duration, orders)
        told = {"fps": round(fps, 4), "duration": round(video.duration, 2), "mime": jpeg.MIME}
        picture = None
        for picture in video.on_screen(number / fps for number in range(count)):
            image, data = _encode(picture.frame, video.aspect, orders)
            yield {"at": round(picture.at, 2), **told, "width": image.width, "height": image.height}, data
        if picture is None:
            raise Undecodable("broken_video", "The video is broken: no picture in it can be decoded.")


def _check_duration(duration: float, most: float | None) -> None:
    if most is not None and duration > most:
        raise Undecodable(
            "video_too_long", f"The video lasts {duration:g} seconds; at most {most:g} are taken."
        )


def _density(duration: float, orders: Orders) -> tuple[int, float]:
    """How many moments, and how many for each second."""
    fps, most = orders["fps"], orders["max_frames"]
    count = max(1, math.ceil(round(duration * fps, 3)))
    return (count, fps) if count <= most else (most, most / duration)


def _encode(frame: "VideoFrame", aspect: float, orders: Orders) -> tuple[Image.Image, bytes]:
    image = _upright(frame, aspect, orders["max_side"])
    encoded = jpeg.encode(image, max_bytes=orders["max_bytes"], min_width=MIN_WIDTH)
    if encoded is None:
        limit = f"{orders['max_bytes']} bytes at {MIN_WIDTH} pixels wide, the least that is sent"
        raise Undecodable("frame_too_large", f"A picture of the video has more than {limit}.")
    return encoded


def _upright(frame: "VideoFrame", aspect: float, max_side: int) -> Image.Image:
    width, height = frame.width * aspect, frame.height
    factor = min(1.0, max_side / max(width, height))
    size = {"width": max(1, round(width * factor)), "height": max(1, round(height * factor))}
    small = frame.reformat(**size, format="rgb24", interpolation="LANCZOS", threads=1)
    image: Image.Image = small.to_image()  # type: ignore[no-untyped-call]
    turn = _turn(frame)
    return image if turn is None else image.transpose(turn)


def _turn(frame: "VideoFrame") -> Image.Transpose | None:
    matrix: Any = frame.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return None
    a, b, _, c, d, *_ = struct.unpack("=9i", bytes(matrix))
    most = max(map(abs, (a, b, c, d))) or 1
    return TURNS.get((round(a / most), round(b / most), round(c / most), round(d / most)))
