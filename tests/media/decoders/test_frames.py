"""Videos as pictures: the one on screen at each moment, upright; what is no video of a known kind is refused."""

import io
import itertools
import os
import struct
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from gateway.media.decoders import Undecodable
from gateway.media.decoders.frames import frames
from tests.media.decoders.films import KINDS, ORDERS, film, refusal, sample, seen

MAGIC = [b"\0\0\0\x18ftypmp42", b"\0\0\0\x08moov", b"RIFF\xff\xff\0\0AVI LIST", b"\x1a\x45\xdf\xa3"]
each_kind = pytest.mark.parametrize(("container", "codec"), KINDS)


@each_kind
def test_each_second_has_its_picture(container: str, codec: str) -> None:
    video = film(container, codec)
    assert seen(video) == [(float(second), second * 10) for second in range(6)]


@each_kind
def test_what_is_told_of_a_picture(container: str, codec: str) -> None:
    meta, image = sample(film(container, codec))[2]
    told = {"at": 2.0, "fps": 1.0, "duration": 6.0, "mime": "image/jpeg", "width": 96, "height": 64}
    assert meta == told
    assert (image.format, image.size) == ("JPEG", (96, 64))


@each_kind
def test_a_long_video_is_sampled_evenly_to_its_end(container: str, codec: str) -> None:
    video = film(container, codec)
    assert seen(video, max_frames=4) == [(0.0, 0), (1.5, 15), (3.0, 30), (4.5, 45)]
    assert sample(video, max_frames=4)[0][0]["fps"] == pytest.approx(4 / 6, abs=1e-4)


@pytest.mark.parametrize(
    "options",
    [
        {"g": "5", "bf": "3", "x264-params": "b-pyramid=normal"},
        {"g": "7", "bf": "2", "x264-params": "open-gop=1"},
        {"g": "1"},
        {"g": "250"},
    ],
    ids=str,
)
@pytest.mark.parametrize("container", ["mp4", "matroska"])
def test_seeking_finds_the_very_picture(container: str, options: dict[str, str]) -> None:
    video = film(container, options=options)
    for fps in (0.2, 0.3, 0.7, 1.7, 5):
        times = [number / fps for number in range(40) if number / fps < 6]
        wanted = [int(time * 10 + 0.01) for time in times]
        assert [number for _, number in seen(video, fps=fps)] == wanted


@pytest.mark.parametrize("container", ["mp4", "mov", "matroska"])
def test_seeking_is_not_misled_by_keys_side_by_side(container: str) -> None:
    video = film(container, options={"bf": "3", "forced-idr": "1"}, keys=[*range(30, 34), *range(50, 54)])
    assert seen(video, fps=0.2) == [(0.0, 0), (5.0, 50)]
    assert seen(video, max_frames=2) == [(0.0, 0), (3.0, 30)]


@pytest.mark.parametrize(
    ("container", "codec", "options"),
    [
        ("avi", "mpeg4", {"g": "7", "bf": "2", "b": "2M"}),
        ("matroska", "libx264", {"g": "30", "x264-params": "intra-refresh=1"}),
    ],
    ids=["an index by decoding", "keys that are none"],
)
def test_where_seeking_goes_too_far_it_begins_earlier(
    container: str, codec: str, options: dict[str, str]
) -> None:
    video = film(container, codec, options=options, times=range(100))
    for fps in (0.2, 0.5, 0.9, 1.3):
        times = [number / fps for number in range(20) if number / fps < 10]
        assert [number for _, number in seen(video, fps=fps)] == [int(time * 10 + 0.01) for time in times]


def test_times_that_run_backwards_do_not_in_the_answer() -> None:
    """AVI keeps no times of showing: those of reordered pictures are guesses."""
    given = seen(film("avi", "libx264", options={"bf": "3"}), fps=5)
    assert given == sorted(set(given))
    assert all(abs(at - number / 10) <= 0.4 for at, number in given)


def test_denser_than_the_video_gives_each_picture_once() -> None:
    assert seen(film(times=range(4), rate=2), fps=5) == [(0.0, 0), (0.5, 1), (1.0, 2), (1.5, 3)]


@pytest.mark.parametrize("container", ["mp4", "matroska"])
def test_of_a_variable_rate_what_is_on_screen_counts(container: str) -> None:
    """A screen recording: the slide that came up at 0.1 stays until 7."""
    video = film(container, times=[0, 1, 70, 71, 90], rate=10)
    assert seen(video) == [(0.0, 0), (0.1, 1), (7.0, 2), (7.1, 3), (9.0, 4)]


def test_times_begin_with_the_first_picture() -> None:
    assert seen(film("matroska", times=range(1000, 1020))) == [(0.0, 0), (1.0, 10)]


@pytest.mark.parametrize(
    ("container", "muxing"),
    [("matroska", {"live": "1"}), ("mp4", {"movflags": "frag_keyframe+empty_moov"})],
    ids=["matroska", "mp4"],
)
def test_a_missing_duration_is_measured(container: str, muxing: dict[str, str]) -> None:
    video = film(container, options={"g": "10"}, muxing=muxing)
    with av.open(io.BytesIO(video)) as opened:
        assert opened.duration is None or container == "mp4"
    assert [meta["duration"] for meta, _ in sample(video)] == [6.0] * 6
    assert seen(video, max_frames=3) == [(0.0, 0), (2.0, 20), (4.0, 40)]


def test_a_lying_duration_is_not_believed() -> None:
    video = film("matroska")
    element = b"\x44\x89\x88"  # Duration, in milliseconds
    place = video.index(element) + len(element)
    lying = video[:place] + struct.pack(">d", 1e9) + video[place + 8 :]
    with av.open(io.BytesIO(lying)) as opened:
        assert opened.duration == 10**12
    assert sample(lying)[0][0]["duration"] == 6.0
    assert seen(lying, max_frames=3) == [(0.0, 0), (2.0, 20), (4.0, 40)]


@pytest.mark.parametrize(("container", "codec"), [kind for kind in KINDS if kind[1] != "libx265"])
def test_one_picture_is_a_video(container: str, codec: str) -> None:
    assert seen(film(container, codec, times=range(1))) == [(0.0, 0)]


def test_a_video_that_is_too_long_is_refused() -> None:
    text = "The video lasts 6 seconds; at most 5 are taken."
    assert refusal(film(), max_duration=5) == ("video_too_long", text)
    assert len(sample(film(), max_duration=6)) == 6


CORNERS = {(0, 0): "red", (1, 0): "lime", (0, 1): "blue", (1, 1): "white"}
TURNED = {
    "as it is": ((1, 0, 0, 1), "red lime blue white"),
    "90 degrees clockwise": ((0, 1, -1, 0), "blue red white lime"),
    "180 degrees": ((-1, 0, 0, -1), "white blue lime red"),
    "270 degrees clockwise": ((0, -1, 1, 0), "lime white red blue"),
    "mirrored": ((-1, 0, 0, 1), "lime red white blue"),
    "upside down": ((1, 0, 0, -1), "blue white red lime"),
    "transposed": ((0, 1, 1, 0), "red blue lime white"),
    "transversed": ((0, -1, -1, 0), "white lime blue red"),
}


def cornered(size: tuple[int, int]) -> Image.Image:
    image, half = Image.new("RGB", size), (size[0] // 2, size[1] // 2)
    for (x, y), name in CORNERS.items():
        image.paste(name, (x * half[0], y * half[1], (x + 1) * half[0], (y + 1) * half[1]))
    return image


def corners(image: Image.Image) -> str:
    """The names of the colours in reading order."""
    names = {(255, 0, 0): "red", (0, 255, 0): "lime", (0, 0, 255): "blue", (255, 255, 255): "white"}
    places = itertools.product((1, 3), (1, 3))
    pixels = [image.getpixel((x * image.width // 4, y * image.height // 4)) for y, x in places]
    assert all(isinstance(pixel, tuple) for pixel in pixels)
    return " ".join(names[tuple(255 if value > 127 else 0 for value in pixel)] for pixel in pixels)  # type: ignore[union-attr]


@pytest.mark.parametrize(("matrix", "wanted"), TURNED.values(), ids=TURNED.keys())
def test_a_turned_video_stands_upright(matrix: tuple[int, ...], wanted: str) -> None:
    a, b, c, d = (value << 16 for value in matrix)

    def turn(stream: Any) -> None:
        stream.set_display_matrix([a, b, 0, c, d, 0, 0, 0, 1 << 30])

    [(meta, image)] = sample(film(images=[cornered((96, 64))], times=[0], prepare=turn))
    assert corners(image) == wanted
    assert image.size == (meta["width"], meta["height"]) == ((64, 96) if a == 0 else (96, 64))


def test_pixels_that_are_not_square_are_made_so() -> None:
    def widen(stream: Any) -> None:
        stream.sample_aspect_ratio = Fraction(3, 2)

    [(_, image)] = sample(film(images=[cornered((96, 64))], times=[0], prepare=widen))
    assert image.size == (144, 64)


@pytest.mark.parametrize(
    ("size", "wanted"),
    [((640, 360), (320, 180)), ((360, 640), (180, 320)), ((322, 2), (320, 2)), ((98, 50), (98, 50))],
)
def test_pictures_are_scaled_down_and_never_up(size: tuple[int, int], wanted: tuple[int, int]) -> None:
    [(_, image)] = sample(film(codec="mpeg4", images=[cornered(size)], times=[0]), max_side=320)
    assert image.size == wanted


def test_odd_sizes_stay_odd() -> None:
    [(_, image)] = sample(film("webm", "libvpx-vp9", images=[cornered((97, 63))], times=[0]))
    assert image.size == (97, 63)


def test_a_picture_is_made_to_have_few_bytes() -> None:
    video = film("avi", "mjpeg", images=[Image.effect_noise((640, 360), 200).convert("RGB")], times=[0])
    [(meta, data)] = frames(io.BytesIO(video), {**ORDERS, "max_bytes": 20_000})
    assert len(data) <= 20_000
    assert Image.open(io.BytesIO(data)).size == (meta["width"], meta["height"])
    assert 64 <= meta["width"] < 640
    code, text = refusal(video, max_bytes=500)
    assert code == "frame_too_large"
    assert "500 bytes" in text


def sound(container: str, codec: str) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream(codec, rate=8000)
        assert isinstance(stream, av.AudioStream)
        for number in range(4):
            frame = av.AudioFrame(format=stream.format, layout="mono", samples=1024)
            frame.pts, frame.sample_rate = number * 1024, 8000
            for plane in frame.planes:
                plane.update(bytes(plane.buffer_size))
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
    return file.getvalue()


@pytest.mark.parametrize(("container", "codec"), [("mp4", "aac"), ("avi", "pcm_s16le"), ("matroska", "aac")])
def test_sound_without_pictures_is_refused(container: str, codec: str) -> None:
    assert refusal(sound(container, codec)) == ("broken_video", "The file holds no video.")


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
        b"ffconcat version 1.0\nfile /etc/passwd\n",
        b"v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n",
        b"RIFF\x24\0\0\0WAVEfmt ",
        b"\x89PNG\r\n\x1a\n" + bytes(40),
        b"<?xml version='1.0'?><MPD><BaseURL>http://127.0.0.1/</BaseURL></MPD>",
    ],
    ids=["empty", "hls", "concat", "sdp", "wave", "png", "dash"],
)
def test_what_is_no_video_is_refused_by_its_first_bytes(text: bytes) -> None:
    assert refusal(text) == ("broken_video", "The file is no MP4, MOV, AVI, MKV or WebM video.")


def enlarged(video: bytes, box: bytes, by: int) -> bytes:
    place = video.index(box) - 4
    (size,) = struct.unpack_from(">I", video, place)
    return video[:place] + struct.pack(">I", size + by) + video[place + 4 :]


def referring(video: bytes, name: bytes) -> bytes:
    """A QuickTime reference movie: its pictures are said to be in another file, by a Macintosh alias."""
    old = b"\0\0\0\x0curl \0\0\0\1"
    fixed = struct.pack(">10xB27s12xB63s16xHH16x", 0, b"", len(name), name, 1, 1)
    path = struct.pack(">HH", 2, len(name)) + name + b"\0" * (len(name) % 2) + struct.pack(">HH", 0xFFFF, 0)
    alias = b"alis" + bytes(4) + fixed + path
    new = struct.pack(">I", len(alias) + 4) + alias
    place = video.index(old, video.index(b"vmhd"))
    video = video[:place] + new + video[place + len(old) :]
    for box in (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref"):
        video = enlarged(video, box, len(new) - len(old))
    return video


def test_a_picture_kept_in_another_file_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("secret.mov").write_bytes(
        film("mov", "mpeg4", images=[Image.new("RGB", (96, 64), "lime")], times=[0])
    )
    own = film("mov", "mpeg4", images=[Image.new("RGB", (96, 64), "red")], times=[0])
    assert refusal(referring(own, b"secret.mov"))[0] == "broken_video"


@pytest.mark.parametrize("container", ["mp4", "matroska", "avi"])
def test_corrupt_pictures_inside_are_left_out(container: str) -> None:
    video = bytearray(film(container, "mpeg4", options={"g": "10"}, images=map(cornered, [(320, 240)] * 60)))
    middle = len(video) // 2
    video[middle : middle + 400] = bytes(400)
    given = sample(bytes(video))
    assert len(given) >= 3
    assert {meta["at"] for meta, _ in given} <= {number / 10 for number in range(60)}


def test_after_a_corrupt_start_comes_the_first_that_is_whole() -> None:
    video = film("matroska", times=range(10), options={"g": "5", "bf": "0"})
    with av.open(io.BytesIO(video)) as opened:
        first = bytes(next(opened.demux(video=0)))
    [(at, number)] = seen(video.replace(first, bytes(len(first))))
    assert 0 < at <= 0.5
    assert number == at * 10


@pytest.mark.parametrize("container", ["avi", "matroska", "webm"])
def test_the_whole_part_of_a_truncated_video_is_taken(container: str) -> None:
    codec = "libvpx-vp9" if container == "webm" else "mpeg4"
    video = film(container, codec)
    given = seen(video[: len(video) * 2 // 3])
    assert 2 <= len(given) <= 5
    assert given == [(float(second), second * 10) for second in range(len(given))]


def test_a_truncated_mp4_has_lost_its_index() -> None:
    video = film()
    assert refusal(video[: len(video) // 2])[0] == "broken_video"


def test_an_odd_codec_is_refused() -> None:
    video = film("avi", "mpeg4").replace(b"FMP4", b"CRAM")
    assert refusal(video)[0] == "unsupported_video"


def test_pictures_that_are_too_large_are_refused() -> None:
    small, large = struct.pack("<II", 96, 64), struct.pack("<II", 16000, 9000)
    assert refusal(film("avi", "rawvideo", times=[0]).replace(small, large)) == (
        "video_too_large",
        "The video has 16000x9000 pixels; at most 40000000 are taken.",
    )


def test_and_those_that_are_larger_than_the_header_says() -> None:
    small, large = struct.pack("<II", 96, 64), struct.pack("<II", 8192, 5000)
    video = film("avi", "mjpeg", images=[Image.new("L", (8192, 5000))], times=[0]).replace(large, small)
    assert large not in video
    assert refusal(video)[0] in ("video_too_large", "broken_video")


def test_a_title_in_any_encoding_does_no_harm() -> None:
    title = "一部电影".encode("gbk")
    video = film("matroska", title="x" * len(title)).replace(b"x" * len(title), title)
    assert title in video
    assert len(seen(video)) == 6


def tolerated(video: bytes) -> None:
    try:
        given, codes = sample(video, max_frames=3), set()
    except Undecodable as error:
        given, codes = [], {error.code}
    except MemoryError:  # for a size that the file claims; the child process names it
        given, codes = [], set()
    assert codes <= {"broken_video", "unsupported_video", "video_too_large"}
    assert len(given) <= 3


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(MAGIC), st.binary(max_size=400))
def test_random_bytes_after_the_magic_are_refused(magic: bytes, data: bytes) -> None:
    tolerated(magic + data)


SMALL = [
    film(container, codec, times=range(6), rate=2) for container, codec in (KINDS[0], KINDS[4], KINDS[8])
]


@settings(max_examples=120, deadline=None)
@given(st.sampled_from(SMALL), st.floats(0, 1), st.binary(min_size=1, max_size=8), st.booleans())
def test_a_damaged_video_is_sampled_or_refused(video: bytes, part: float, damage: bytes, cut: bool) -> None:
    place = int(part * (len(video) - 1))
    tolerated(video[:place] if cut else video[:place] + damage + video[place + len(damage) :])


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("codec", ["libx264", "libx265", "libvpx-vp9"])
def test_it_takes_no_threads(codec: str) -> None:
    video = film("matroska", codec)
    before = len(os.listdir("/proc/self/task"))
    counts = [len(os.listdir("/proc/self/task")) for _ in frames(io.BytesIO(video), ORDERS)]
    assert max(counts) <= before  # those of the encoder that made the film may still be ending


def test_without_the_extra_it_is_named() -> None:
    script = (
        "import io, sys; sys.modules['av'] = None\n"
        "from gateway.media.decoders import Undecodable\n"
        "from gateway.media.decoders.frames import frames\n"
        f"try: next(frames(io.BytesIO(), {ORDERS}))\n"
        "except Undecodable as error: print(error.code, error.text)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.startswith("video_extra_missing ")
    assert "arkway[video]" in done.stdout
