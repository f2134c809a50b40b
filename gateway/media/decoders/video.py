"""A video file, its times measured and its pictures decoded. The only module that imports PyAV, which is an extra.

The container is chosen by the file's first bytes, and nothing but the file is read: playlists, other files and URLs
are never opened, and only well-kept decoders run. Times are in seconds from the first picture.
"""

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from typing import Any, BinaryIO, NamedTuple, NoReturn

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from gateway.media.decoders import Undecodable

MAX_PIXELS = 40_000_000  # 8K, and some
TOLERANCE = 0.001  # Matroska rounds times to milliseconds
BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
CODECS = frozenset(
    {
        "dnxhd", "dvvideo", "ffv1", "flv", "h263", "h264", "hevc", "libdav1d", "mjpeg", "mpeg1video", "mpeg2video",
        "mpeg4", "msmpeg4", "msmpeg4v1", "msmpeg4v2", "png", "prores", "qtrle", "rawvideo", "theora", "vc1", "vp8",
        "vp9", "vvc", "wmv1", "wmv2", "wmv3",
    }
)  # fmt: skip
HEAD = 16
ATTEMPTS = 3
# Titles come in any encoding. PyAV 19, which Python 3.12 and newer get, takes this option no more and replaces by itself.
_TITLES: dict[str, Any] = {"metadata_errors": "replace"} if int(av.__version__.partition(".")[0]) < 19 else {}


class Picture(NamedTuple):
    """A frame and when it comes up."""

    at: float
    frame: VideoFrame


class Video:
    """An open video: its `duration`, and the pictures of its first stream, decoded in one thread."""

    def __init__(self, source: BinaryIO) -> None:
        self._container = _open(source)
        self._stream = _choose(self._container)
        self._unit = float(self._stream.time_base or 0)
        self.aspect = float(self._stream.sample_aspect_ratio or 1)
        self._start, end, self._keys = self._measure()
        self.duration = self._seconds(end)

    def close(self) -> None:
        self._container.close()

    def on_screen(self, times: Iterable[float]) -> Iterator[Picture]:
        """The pictures on screen at the ascending `times`, each once; the first one if all come up later."""
        pictures: Iterator[Picture] = iter(())
        shown = coming = None
        reached = told = -math.inf
        for time in times:
            if (key := self._seconds(self._keys_at(time)[0])) > reached:
                pictures = self._decode(time)
                shown, coming = None, next(pictures, None)
            while coming and coming.at <= time + TOLERANCE:
                shown, coming = coming, next(pictures, None)
            reached = max(reached, key, *(picture.at for picture in (shown, coming) if picture))
            if shown and shown.at > told:
                yield shown
                told = shown.at
        if told < 0 and coming:
            yield coming

    def _measure(self) -> tuple[int, int, list[int]]:
        """Start, end, and where decoding can begin. Packets are read for them: headers may be silent, or lie."""
        start = end = None
        keys: list[int] = []
        for packet in self._packets():
            stamp = packet.dts if packet.pts is None else packet.pts
            if stamp is None or packet.is_discard:
                continue
            start = stamp if start is None else min(start, stamp)
            end = max(stamp + (packet.duration or 0), start if end is None else end)
            if not keys:
                keys.append(stamp if packet.dts is None else packet.dts)  # the beginning, for AVI too
            elif packet.is_keyframe:
                keys.append(stamp)
        if start is None or end is None:
            raise _broken()
        return start, end, sorted(keys)

    def _seconds(self, stamp: int) -> float:
        return (stamp - self._start) * self._unit

    def _keys_at(self, time: float) -> list[int]:
        """The keys before what is on screen, the nearest first."""
        following = bisect_right(self._keys, time + TOLERANCE, key=self._seconds)
        return self._keys[max(0, following - ATTEMPTS) : max(1, following)][::-1]

    def _decode(self, time: float) -> Iterator[Picture]:
        """Decode from before `time` on. AVI may seek too far, and a key may be none: then the one before is tried."""
        first = None
        for key in self._keys_at(time):
            pictures = self._decode_from(key)
            first = next(pictures, None)
            if first and first.at <= time + TOLERANCE:
                break
        return chain([first] if first else [], pictures)

    def _decode_from(self, key: int) -> Iterator[Picture]:
        """Decoders keep the order of showing; where times run backwards, the latest holds."""
        with _skipping():
            self._container.seek(key, stream=self._stream)
        latest = -math.inf
        for packet in self._packets():
            for frame in _frames(packet):
                stamp = frame.dts if frame.pts is None else frame.pts
                if stamp is not None and not frame.is_corrupt:
                    latest = max(latest, self._seconds(stamp))
                    yield Picture(latest, frame)

    def _packets(self) -> "Iterator[Packet[VideoStream]]":
        with _skipping():
            yield from self._container.demux(self._stream)


def _open(source: BinaryIO) -> InputContainer:
    source.seek(0)
    container = _container_of(source.read(HEAD))
    source.seek(0)
    try:
        opened: InputContainer = av.open(
            source,
            "r",
            format=container,
            container_options={"protocol_whitelist": "none", "format_whitelist": container},
            options={"codec_whitelist": ",".join(sorted(CODECS))},
            io_open=_refuse,
            **_TITLES,
        )
    except MemoryError:
        raise
    except FFmpegError as error:
        raise _broken() from error
    return opened


def _container_of(head: bytes) -> str:
    if head[4:8] in BOXES:
        return "mov,mp4,m4a,3gp,3g2,mj2"
    if head[:4] == b"RIFF" and head[8:11] == b"AVI":
        return "avi"
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return "matroska,webm"
    raise Undecodable("broken_video", "The file is no MP4, MOV, AVI, MKV or WebM video.")


def _refuse(*_: Any) -> NoReturn:
    raise Undecodable("broken_video", "The video refers to another file; only what is in the file is read.")


def _choose(container: InputContainer) -> VideoStream:
    """The first stream of moving pictures, ready to be decoded; covers of albums are none."""
    moving = (one for one in container.streams.video if not one.disposition & Disposition.attached_pic)
    stream = next(moving, None)
    if stream is None:
        raise Undecodable("broken_video", "The file holds no video.")
    context = stream.codec_context
    if context is None:
        raise _broken()
    if context.codec.name not in CODECS:
        raise Undecodable("unsupported_video", "The video has a codec that is not taken; H.264 in MP4 is.")
    if context.width * context.height > MAX_PIXELS:
        size = f"{context.width}x{context.height} pixels"
        raise Undecodable("video_too_large", f"The video has {size}; at most {MAX_PIXELS} are taken.")
    context.thread_type = "NONE"
    context.thread_count = 1
    context.options = {"max_pixels": str(MAX_PIXELS)}  # sizes may change on the way
    return stream


def _frames(packet: "Packet[VideoStream]") -> list[VideoFrame]:
    with _skipping():
        return packet.decode()
    return []


@contextmanager
def _skipping() -> Iterator[None]:
    """Go on after what is corrupt: what can be decoded is taken."""
    try:
        yield
    except MemoryError:
        raise
    except FFmpegError:
        pass


def _broken() -> Undecodable:
    return Undecodable("broken_video", "The video is broken: no picture in it can be decoded.")
