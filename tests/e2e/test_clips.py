"""Videos, PDFs and audio at Ark: whole, at the wished pace, and sent once."""

from typing import Any

import pytest

from .calls import ask
from .clips import MAKERS, NOUNS, SOURCES, part, pdf, video, wav
from .conftest import Answer, Gateway, Http, Launch, Simulated
from .pictures import PATHS, asked, base64_of, text_part
from .servers import Gallery

APIS = ["chat", "responses"]


def sent_part(request: dict[str, Any], api: str) -> dict[str, Any]:
    message = request["body"]["messages" if api == "chat" else "input"][0]
    found: dict[str, Any] = message["content"][0]
    return found


def held(found: dict[str, Any]) -> dict[str, Any]:
    """What says where the clip is, flat or not."""
    inner = found.get(found["type"])
    return inner if isinstance(inner, dict) else found


async def say(gateway: Gateway, http: Http, api: str, given: dict[str, Any], **more: Any) -> Answer:
    body = asked(api, given, text_part(api, "What is it?"), model="doubao-vision", **more)
    return await http.post(gateway.v1 + PATHS[api], body)


@pytest.mark.parametrize(("sdk", "stream"), [("openai", True), ("ark", False)], ids=["openai", "ark"])
@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("api", APIS)
async def test_small_clip_is_sent_along(
    launch: Launch, sim: Simulated, gallery: Gallery, sdk: str, api: str, kind: str, source: str, stream: bool
) -> None:
    gateway = launch(images={"upload_over": "1MiB"})
    name, make = MAKERS[kind]
    data = make()
    given = part(api, kind, await SOURCES[source](data, name, gateway, gallery))
    body = asked(api, given, text_part(api, "What is it?"), model="doubao-vision")
    told = await ask(gateway.client(sdk), api, body, stream=stream)
    assert f"[{NOUNS[kind]}]" in told.text
    assert f"{NOUNS[kind]}: {len(data)} bytes" in told.text
    assert 'last user text: "What is it?"' in told.text
    assert not await sim.requests("/files")
    if kind == "file":
        named = held(sent_part(await sim.last(PATHS[api]), api))["filename"]
        assert named == (name if source != "data" else "file.pdf")


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("api", APIS)
async def test_clip_that_is_right_already_is_left_alone(
    gateway: Gateway, http: Http, api: str, kind: str
) -> None:
    data = {"video": b"\0\0\0\x18ftypmp42", "file": b"%PDF-1.7\n", "audio": wav()[:200]}[kind] + bytes(200)
    text = base64_of(data)
    where: dict[str, str] = {
        "video": {"url": f"data:video/mp4;base64,{text}"},
        "file": {"file_data": f"data:application/pdf;base64,{text}", "filename": "a.pdf"},
        "audio": {"data": text, "format": "wav"}
        if api == "chat"
        else {"url": f"data:audio/wav;base64,{text}"},
    }[kind]
    answer = await say(gateway, http, api, part(api, kind, where))
    assert f"{len(data)} bytes" in answer.text
    assert answer.changes == []


@pytest.mark.parametrize(("sdk", "stream"), [("openai", False), ("ark", True)], ids=["openai", "ark"])
@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("kind", MAKERS)
async def test_large_clip_goes_up_once(
    launch: Launch, sim: Simulated, gallery: Gallery, sdk: str, kind: str, source: str, stream: bool
) -> None:
    gateway = launch(images={"upload_over": 1000})
    name, make = MAKERS[kind]
    data = make()
    parts, changes = [], []
    for _ in range(2):
        given = part("responses", kind, await SOURCES[source](data, name, gateway, gallery))
        body = asked("responses", given, model="doubao-vision")
        told = await ask(gateway.client(sdk), "responses", body, stream=stream)
        assert f"{NOUNS[kind]}: {len(data)} bytes" in told.text
        changes += told.changes
        parts.append(sent_part(await sim.last("/responses"), "responses"))
    assert changes == [f"{kind}:uploaded=1", f"{kind}:reused=1"]
    assert parts[0] == parts[1]
    assert parts[0]["file_id"].startswith("file-20")
    uploads = await sim.requests("/files")
    assert [upload["body"]["file"]["bytes"] for upload in uploads] == [len(data)]
    assert (await sim.requests("/responses"))[-1]["bytes"] < 500


@pytest.mark.parametrize("kind", ["video", "file"])
async def test_chat_has_what_is_too_large_for_a_body_by_its_id(
    gateway: Gateway, http: Http, sim: Simulated, kind: str
) -> None:
    data = video(pad=41 << 20) if kind == "video" else pdf() + b"\n%" + bytes(41 << 20)
    file = await gateway.openai.files.create(file=("big.bin", data), purpose="user_data")
    answers = [
        await say(gateway, http, "chat", part("chat", kind, {"file_id": file.id}), stream=stream)
        for stream in (False, True)
    ]
    assert f"{NOUNS[kind]}: {len(data)} bytes" in answers[0].text
    assert [answer.changes for answer in answers] == [[f"{kind}:uploaded=1"], [f"{kind}:reused=1"]]
    assert sent_part(await sim.last("/chat"), "chat")[{"video": "video_url"}.get(kind, kind)][
        "file_id"
    ].startswith("file-20")


@pytest.mark.parametrize("api", APIS)
async def test_pace_of_a_video_that_is_sent_along(
    gateway: Gateway, http: Http, sim: Simulated, api: str
) -> None:
    given = part(api, "video", {"url": f"data:video/mp4;base64,{base64_of(video())}"}, fps=0.5)
    assert " bytes at 0.5 fps" in (await say(gateway, http, api, given)).text
    assert held(sent_part(await sim.last(PATHS[api]), api))["fps"] == 0.5


async def test_pace_of_a_video_that_goes_up(launch: Launch, http: Http, sim: Simulated) -> None:
    gateway, data = launch(images={"upload_over": 1000}), base64_of(video())
    changes = []
    for fps in (2, 3, 2):
        given = part("responses", "video", {"url": f"data:video/mp4;base64,{data}"}, fps=fps)
        answer = await say(gateway, http, "responses", given)
        assert f" bytes at {fps} fps" in answer.text
        changes += answer.changes
    assert changes == ["video:uploaded=1", "video:uploaded=1", "video:reused=1"]
    uploads = [one["body"] for one in await sim.requests("/files")]
    assert [one["preprocess_configs[video][fps]"] for one in uploads] == ["2", "3"]


@pytest.mark.parametrize("large", [True, False])
@pytest.mark.parametrize("api", APIS)
async def test_settings_of_a_file_hold_where_its_part_has_none(
    launch: Launch, http: Http, api: str, large: bool
) -> None:
    gateway = launch(images={"upload_over": 1000 if large else "1MiB"})
    made = await gateway.ark.files.create(
        file=("a.mp4", video()), purpose="user_data", preprocess_configs={"video": {"fps": 0.3}}
    )
    plain = await say(gateway, http, api, part(api, "video", {"file_id": made.id}))
    assert " bytes at 0.3 fps" in plain.text
    own = await say(gateway, http, api, part(api, "video", {"file_id": made.id}, fps=4))
    assert " bytes at 4 fps" in own.text


@pytest.mark.parametrize("api", APIS)
async def test_settings_that_no_part_has_are_an_uploads(
    gateway: Gateway, http: Http, sim: Simulated, api: str
) -> None:
    settings = {"video": {"fps": 0.3, "max_video_tokens": 20_000}}
    made = await gateway.ark.files.create(
        file=("a.mp4", video()), purpose="user_data", preprocess_configs=settings
    )
    answer = await say(gateway, http, api, part(api, "video", {"file_id": made.id}))
    assert (" bytes at 0.3 fps" in answer.text, answer.changes) == (True, ["video:uploaded=1"])
    form = (await sim.requests("/files"))[0]["body"]
    assert form["preprocess_configs[video][max_video_tokens]"] == "20000"


@pytest.mark.parametrize("container", ["mov", "avi"])
@pytest.mark.parametrize("api", APIS)
async def test_each_container_has_its_own_type(
    gateway: Gateway, http: Http, sim: Simulated, api: str, container: str
) -> None:
    url = f"data:video/mp4;base64,{base64_of(video(container=container))}"
    answer = await say(gateway, http, api, part(api, "video", {"url": url}))
    assert answer.changes == ["video:inlined=1"]
    mime = {"mov": "video/quicktime", "avi": "video/x-msvideo"}[container]
    assert f"data:{mime};base64," in str(sent_part(await sim.last(PATHS[api]), api))


@pytest.mark.parametrize("api", APIS)
async def test_bare_base64_of_a_pdf(gateway: Gateway, http: Http, sim: Simulated, api: str) -> None:
    data = pdf(["red"])
    given = part(api, "file", {"file_data": base64_of(data), "filename": "b.pdf"})
    answer = await say(gateway, http, api, given)
    assert (f"PDF: {len(data)} bytes" in answer.text, answer.changes) == (True, ["file:inlined=1"])
    assert held(sent_part(await sim.last(PATHS[api]), api))["filename"] == "b.pdf"


@pytest.mark.parametrize("declared", ["wav", "mp3"])
@pytest.mark.parametrize("api", APIS)
async def test_audio_in_openais_form(
    gateway: Gateway, http: Http, sim: Simulated, api: str, declared: str
) -> None:
    data = wav()
    given = {"type": "input_audio", "input_audio": {"data": base64_of(data), "format": declared}}
    answer = await say(gateway, http, api, given)
    assert f"audio: {len(data)} bytes" in answer.text
    sent = sent_part(await sim.last(PATHS[api]), api)
    if api == "chat":
        assert sent["input_audio"]["format"] == "wav"
    else:
        assert sent["audio_url"].startswith("data:audio/wav;base64,")
        assert "input_audio" not in sent


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("video", "doc_video/ark_vlm_video_input.mp4"),
        ("file", "doc_pdf/demo.pdf"),
        ("audio", "doc_audio/ark_demo_audio.mp3"),
    ],
)
@pytest.mark.parametrize("api", APIS)
async def test_public_url_is_forwarded_where_so_configured(
    launch: Launch, http: Http, sim: Simulated, api: str, kind: str, name: str
) -> None:
    gateway = launch(images={"remote": "forward", "allow_hosts": []})
    given = part(api, kind, {"url": f"https://ark-project.tos-cn-beijing.volces.com/{name}"})
    answer = await say(gateway, http, api, given)
    assert (f"[{NOUNS[kind]}]" in answer.text, answer.changes) == (True, [])
    assert sent_part(await sim.last(), api) == given
