"""Videos, PDFs and audio that are refused: by their place, with the limit and the figure."""

from typing import Any

import openai
import pytest

from .calls import ask
from .clips import SOURCES, part, video
from .conftest import Gateway, Http, Launch, Simulated
from .pictures import asked, base64_of, data_url, small, url_part
from .servers import Gallery
from .test_clips import APIS, say

MP4, HTML = "data:video/mp4;base64,", b"<!doctype html><p>no clip at all</p>" * 3


@pytest.mark.parametrize("model", ["doubao-vision", "qwen-vl"])
@pytest.mark.parametrize(
    ("given", "param", "text"),
    [
        (lambda: url_part("chat", MP4 + base64_of(video())), "image_url", "video/mp4, not a picture"),
        (
            lambda: part("chat", "video", {"url": data_url(small())}),
            "video_url",
            "image/png, not a video",
        ),
        (
            lambda: part("chat", "video", {"url": MP4 + base64_of(HTML)}),
            "video_url",
            "not a video in any known format",
        ),
        (
            lambda: part("chat", "file", {"file_data": data_url(small())}),
            "file.file_data",
            "image/png, not a PDF",
        ),
        (
            lambda: part("chat", "video", {"url": MP4 + base64_of(video())}, fps=9),
            "video_url.fps",
            "from 0.2 to 5, not 9",
        ),
        (
            lambda: part("chat", "video", {"url": MP4 + base64_of(video())}, fps=True),
            "video_url.fps",
            "not True",
        ),
    ],
    ids=["video as picture", "picture as video", "html", "picture as pdf", "fps", "flag"],
)
async def test_what_is_something_else_is_refused_by_its_place(
    gateway: Gateway, http: Http, sim: Simulated, model: str, given: Any, param: str, text: str
) -> None:
    answer = await http.post(f"{gateway.v1}/chat/completions", asked("chat", given(), model=model))
    assert (answer.status, answer.error["param"]) == (400, f"messages[0].content[0].{param}")
    assert text in answer.error["message"]
    assert not await sim.requests()


@pytest.mark.parametrize("api", APIS)
async def test_format_that_ark_does_not_take(gateway: Gateway, http: Http, api: str) -> None:
    url = f"data:video/webm;base64,{base64_of(video(container='webm'))}"
    answer = await say(gateway, http, api, part(api, "video", {"url": url}))
    place = {"chat": "messages[0].content[0].video_url", "responses": "input[0].content[0].video_url"}
    assert (answer.status, answer.error["param"]) == (400, place[api])
    assert answer.error["code"] == "unsupported_video_format"
    for mime in ("video/webm", "video/mp4", "video/quicktime", "video/x-msvideo"):
        assert mime in answer.error["message"]


async def test_larger_than_may_be_embedded(gateway: Gateway, http: Http, sim: Simulated) -> None:
    """No file id is taken there, so Ark's 50 MB hold."""
    data = video(pad=50 << 20)
    made = await gateway.openai.files.create(file=("a.mp4", data), purpose="user_data")
    body = {"model": "doubao-embedding-vision", "input": [part("chat", "video", {"file_id": made.id})]}
    answer = await http.post(f"{gateway.v1}/embeddings/multimodal", body)
    assert (answer.status, answer.error["param"]) == (400, "input[0].video_url")
    assert f"{len(data)} bytes" in answer.error["message"]
    assert "at most 52428800" in answer.error["message"]
    assert not await sim.requests()


async def test_larger_than_is_fetched(launch: Launch, http: Http, gallery: Gallery) -> None:
    gateway, data = launch(images={"fetch": {"bytes": 5000}}), video(pad=6000)
    for source in ("url", "local"):
        where = await SOURCES[source](data, "large.mp4", gateway, gallery)
        answer = await say(gateway, http, "chat", part("chat", "video", where))
        assert (answer.status, answer.error["param"]) == (400, "messages[0].content[0].video_url")
        assert "5000" in answer.error["message"]


async def test_refusal_of_an_upload_has_the_parts_place(launch: Launch, http: Http, sim: Simulated) -> None:
    gateway = launch(images={"upload_over": 1000})
    await sim.fault("/files", status=400, code="InvalidParameter", message="no such codec")
    url = f"data:video/mp4;base64,{base64_of(video())}"
    with pytest.raises(openai.BadRequestError) as refused:
        await ask(
            gateway.openai,
            "responses",
            asked("responses", part("responses", "video", {"url": url}), model="doubao-vision"),
            stream=True,
        )
    assert (refused.value.param, "no such codec" in refused.value.message) == (
        "input[0].content[0].video_url",
        True,
    )
