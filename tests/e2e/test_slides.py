"""Videos and PDFs at ModelArts: their frames and pages, in order and named, and no child left behind."""

import asyncio
import contextlib
import os
import re
import signal
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.media.decoders.test_pages import locked, written

from .calls import ask
from .clips import COLOURS, MAKERS, SOURCES, part, pdf, video, wav
from .conftest import Answer, Gateway, Http, Launch, Running, Simulated, sections, until
from .pictures import asked, base64_of, seen, small, text_part, url_part
from .process import Process
from .servers import Gallery

PLACE = "messages[0].content[0]"


def inline(kind: str, data: bytes, **fields: Any) -> dict[str, Any]:
    if kind == "video":
        return part("chat", "video", {"url": f"data:video/mp4;base64,{base64_of(data)}"}, **fields)
    return part("chat", "file", {"file_data": f"data:application/pdf;base64,{base64_of(data)}"}, **fields)


async def say(gateway: Gateway, http: Http, *given: dict[str, Any], **more: Any) -> Answer:
    body = {**asked("chat", *given), "model": "qwen-vl", **more}
    return await http.post(f"{gateway.v1}/chat/completions", body)


def colours(text: str) -> list[str]:
    return [colour for _, colour, _ in seen(text)]


def order(text: str) -> list[str]:
    """What the model was shown, in order: the texts, and a dot for each picture."""
    line = re.search(r"^order: user: (.*)$", text, re.MULTILINE)
    assert line
    return [quoted or "." for quoted, _ in re.findall(r'text "([^"]*)"|\[(image) \d+\]', line[1])]


@pytest.mark.parametrize(("sdk", "stream"), [("openai", True), ("ark", False)], ids=["openai", "ark"])
@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("kind", ["video", "file"])
async def test_each_second_and_each_page(
    gateway: Gateway, gallery: Gallery, sdk: str, kind: str, source: str, stream: bool
) -> None:
    name, make = MAKERS[kind]
    given = part("chat", kind, await SOURCES[source](make(), name, gateway, gallery))
    body = asked("chat", given, text_part("chat", "What is it?"), model="qwen-vl")
    told = await ask(gateway.client(sdk), "chat", body, stream=stream)
    assert colours(told.text) == list(COLOURS[:3])
    label = "page" if source == "data" else f"{name}, page"
    texts = {
        "video": [f"[{n} s]" for n in range(3)],
        "file": [f"[{label} {n} of 3]" for n in (1, 2, 3)],
    }[kind]
    assert order(told.text) == [mark for text in texts for mark in (text, ".")] + ["What is it?"]
    assert told.changes == [{"video": "video:frames=3", "file": "file:pages=3"}[kind]]


async def test_everything_stays_in_its_place(gateway: Gateway, http: Http) -> None:
    answer = await say(
        gateway,
        http,
        text_part("chat", "first"),
        inline("file", pdf(["red", "blue"]), filename="a.pdf"),
        url_part("chat", f"data:image/png;base64,{base64_of(small('white'))}"),
        inline("video", video(["green", "black"])),
        text_part("chat", "last"),
    )
    assert colours(answer.text) == ["red", "blue", "white", "green", "black"]
    pages = ["[a.pdf, page 1 of 2]", ".", "[a.pdf, page 2 of 2]", "."]
    assert order(answer.text) == ["first", *pages, ".", "[0 s]", ".", "[1 s]", ".", "last"]
    assert answer.changes == ["file:pages=2", "video:frames=2"]


@pytest.mark.parametrize("container", ["mp4", "mov", "avi", "webm", "matroska"])
async def test_every_container_is_taken_apart(gateway: Gateway, http: Http, container: str) -> None:
    answer = await say(gateway, http, inline("video", video(["red", "blue"], container)))
    assert colours(answer.text) == ["red", "blue"]


@pytest.mark.parametrize(
    ("fps", "rate", "times"),
    [(0.5, 1, ["0", "2", "4", "6"]), (2, 2, ["0", "0.5", "1", "1.5", "2", "2.5", "3", "3.5"])],
)
async def test_pace_of_the_part(
    gateway: Gateway, http: Http, fps: float, rate: int, times: list[str]
) -> None:
    answer = await say(gateway, http, inline("video", video(COLOURS, rate=rate), fps=fps))
    assert order(answer.text)[::2] == [f"[{time} s]" for time in times]
    assert colours(answer.text) == list(COLOURS[:: len(COLOURS) // len(times)])


async def test_pace_of_the_file_and_of_the_configuration(launch: Launch, http: Http) -> None:
    gateway = launch(images={"video": {"fps": 0.5, "max_side": 64}})
    made = await gateway.ark.files.create(
        file=("a.mp4", video(COLOURS)), purpose="user_data", preprocess_configs={"video": {"fps": 0.25}}
    )
    stored = await say(gateway, http, part("chat", "video", {"file_id": made.id}))
    assert order(stored.text)[::2] == ["[0 s]", "[4 s]"]
    plain = await say(gateway, http, inline("video", video(COLOURS)))
    assert order(plain.text)[::2] == ["[0 s]", "[2 s]", "[4 s]", "[6 s]"]
    assert {shape for shape, _, _ in seen(plain.text)} == {"JPEG 64x43"}


async def test_most_frames_are_spread_over_the_whole_and_told(launch: Launch, http: Http) -> None:
    gateway = launch(images={"video": {"max_frames": 4}})
    answer = await say(gateway, http, inline("video", video(COLOURS)))
    assert colours(answer.text) == list(COLOURS[::2])
    assert answer.changes == ["video:frames=4", "video:fps=0.5"]


async def test_pages_are_wide_enough_to_be_read(launch: Launch, http: Http) -> None:
    gateway = launch(images={"pdf": {"width": 300}})
    answer = await say(gateway, http, inline("file", pdf()))
    assert {shape for shape, _, _ in seen(answer.text)} == {"JPEG 300x400"}


async def test_more_pages_than_are_shown(launch: Launch, http: Http, sim: Simulated) -> None:
    pages = {"max_pages": 20, "width": 300}
    given = inline("file", pdf(["red"] * 19 + ["green"] * 6))
    fixing = await say(launch(images={"pdf": pages}), http, given)
    assert colours(fixing.text) == ["red"] * 19 + ["green"]
    assert "[page 20 of 25]" in order(fixing.text)
    assert fixing.changes == ["file:pages=20", "file:cut=20/25"]
    count = len(await sim.requests())
    refusing = await say(launch(images={"pdf": pages, "on_violation": "reject"}), http, given)
    assert (refusing.status, refusing.error["code"]) == (400, "too_many_pages")
    assert refusing.error["param"] == f"{PLACE}.file.file_data"
    assert "25 pages" in refusing.error["message"]
    assert "at most 20" in refusing.error["message"]
    assert len(await sim.requests()) == count


EMPTY = written(b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[]/Count 0>>")


@pytest.mark.parametrize(
    ("kind", "data", "code", "text"),
    [
        ("file", locked(b"secret"), "encrypted_pdf", "locked with a password"),
        ("file", b"%PDF-1.7\n" + b"broken " * 20, "broken_pdf", "broken"),
        ("file", EMPTY, "broken_pdf", "broken"),
        ("video", b"\0\0\0\x18ftypmp42" + bytes(200), "broken_video", "broken"),
    ],
    ids=["locked", "broken pdf", "no page", "broken video"],
)
async def test_what_cannot_be_shown(
    gateway: Gateway, http: Http, sim: Simulated, kind: str, data: bytes, code: str, text: str
) -> None:
    answer = await say(gateway, http, inline(kind, data), stream=True)
    place = {"file": "file.file_data", "video": "video_url"}[kind]
    assert (answer.status, answer.error["param"]) == (400, f"{PLACE}.{place}")
    assert (answer.error["code"], text in answer.error["message"]) == (code, True), answer.error
    assert not await sim.requests()


async def test_what_takes_too_long(launch: Launch, http: Http) -> None:
    gateway = launch(images={"decode": {"time": 0.01}})
    answer = await say(gateway, http, inline("file", pdf()))
    assert (answer.status, answer.error["code"]) == (400, "too_slow_to_decode")
    assert "0.01 seconds" in answer.error["message"]


@pytest.mark.parametrize("stream", [True, False])
async def test_audio_is_refused_by_name(gateway: Gateway, sim: Simulated, stream: bool) -> None:
    given = {"type": "input_audio", "input_audio": {"data": base64_of(wav()), "format": "wav"}}
    with pytest.raises(openai.BadRequestError) as refused:
        await ask(gateway.openai, "chat", asked("chat", given, model="qwen-vl"), stream=stream)
    assert refused.value.param == f"{PLACE}.input_audio.data"
    assert refused.value.code == "unsupported_audio"
    assert "Huawei ModelArts takes no audio" in refused.value.message
    assert not await sim.requests()


async def test_without_the_extra_its_name_is_told(
    sim: Simulated, http: Http, sdks: Any, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['av'] = None\n")
    (tmp_path / "pictures").mkdir()
    process = Process.serve(tmp_path, sections(sim.url, tmp_path), PYTHONPATH=str(tmp_path))
    try:
        gateway = Gateway(process.url, tmp_path, sdks)
        answer = await say(gateway, http, inline("video", video()))
        assert (answer.status, answer.error["param"]) == (400, f"{PLACE}.video_url")
        assert answer.error["code"] == "video_extra_missing"
        assert "install arkway[video]" in answer.error["message"]
        assert not await sim.requests()
        assert colours((await say(gateway, http, inline("file", pdf()))).text) == list(COLOURS[:3])
        assert (await say(gateway, http, inline("video", video()), model="doubao-vision")).status == 200
    finally:
        process.end()
    assert "Traceback" not in process.text


def children(pid: int) -> list[int]:
    """The processes that a process has started, those that nobody has fetched yet included."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(stat.read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(stat.parent.name))
    return found


def decoders(pid: int) -> list[int]:
    """Those of them that are past their start."""
    return [child for child in children(pid) if b"decoders" in Path(f"/proc/{child}/cmdline").read_bytes()]


@pytest.mark.parametrize("kind", ["video", "file"])
async def test_leaving_ends_the_child(shared: Running, http: Http, sim: Simulated, kind: str) -> None:
    pid, before = shared.process.process.pid, shared.seen()
    task = asyncio.create_task(say(shared.gateway, http, inline(kind, MAKERS[kind][1]())))
    [child] = await until(lambda: decoders(pid), "a child begins")
    os.kill(child, signal.SIGSTOP)  # it would take for ever
    try:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await until(lambda: not children(pid), "the child is gone")
    finally:
        if child in children(pid):
            os.kill(child, signal.SIGKILL)
    assert (await shared.request(after=before))["outcome"] == "left"
    assert not await sim.requests()
