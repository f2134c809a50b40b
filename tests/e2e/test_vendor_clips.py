"""The vendors' examples of video and PDF, as printed but for ``base_url``, key and local paths; then at ModelArts."""

import asyncio
import base64
import json
import time
from pathlib import Path
from typing import Any

import orjson
import pytest
from openai import OpenAI
from volcenginesdkarkruntime import Ark, AsyncArk
from volcenginesdkarkruntime.types.responses.response_completed_event import ResponseCompletedEvent
from volcenginesdkarkruntime.types.responses.response_output_item_added_event import (
    ResponseOutputItemAddedEvent,
)
from volcenginesdkarkruntime.types.responses.response_reasoning_summary_text_delta_event import (
    ResponseReasoningSummaryTextDeltaEvent,
)
from volcenginesdkarkruntime.types.responses.response_text_delta_event import ResponseTextDeltaEvent

from .clips import COLOURS, pdf, video
from .conftest import Gateway, Launch, Simulated
from .curl import curl
from .pictures import seen

ACTIONS = "请你描述下视频中的人物的一系列动作,以JSON格式输出开始时间(start_time)、结束时间(end_time)、事件(event)、是否危险(danger),请使用HH:mm:ss表示时间戳。"
PARAGRAPHS = "按段落给出文档中的文字内容,以JSON格式输出,包括段落类型(type)、文字内容(content)信息。"
KEY = ("-H", "Authorization: Bearer $ARK_API_KEY")
PUBLIC = "https://ark-project.tos-cn-beijing.volces.com"
SLOW: Any = {"video": {"fps": 0.3}}


@pytest.fixture
def page(launch: Launch) -> Gateway:
    """The examples' URLs are on the web: they are left to Ark."""
    return launch(images={"remote": "forward", "allow_hosts": []})


@pytest.fixture
def demo(tmp_path: Path) -> Path:
    """Where the pages have /Users/doc."""
    (tmp_path / "demo.mp4").write_bytes(video())
    (tmp_path / "demo.pdf").write_bytes(pdf())
    return tmp_path


EXAMPLES = {"video": ("demo.mp4", "input_video", ACTIONS), "PDF": ("demo.pdf", "input_file", PARAGRAPHS)}
every = pytest.mark.parametrize("kind", EXAMPLES)


def counted(kind: str, path: Path, pace: str = "") -> str:
    return f"{kind}: {path.stat().st_size} bytes{pace}\n"


@every
async def test_file_then_responses_with_curl(page: Gateway, demo: Path, kind: str) -> None:
    name, type_, question = EXAMPLES[kind]
    pace = ("-F", "preprocess_configs[video][fps]=0.3") if kind == "video" else ()
    form = ("-F", "purpose=user_data", "-F", f"file=@{demo / name}", *pace)
    file = orjson.loads(await curl(f"{page.v3}/files", *KEY, *form))
    assert (file["filename"], file["status"]) == (name, "active")
    body = f"""{{
        "model": "doubao-seed-1-6-251015",
        "input": [{{"role": "user", "content": [
            {{"type": "{type_}", "file_id": "{file["id"]}"}},
            {{"type": "input_text", "text": "{question}"}}]}}]
      }}"""
    printed = await curl(f"{page.v3}/responses", *KEY, "-H", "Content-Type: application/json", "-d", body)
    said = orjson.loads(printed)["output"][-1]["content"][0]["text"]
    assert counted(kind, demo / name, " at 0.3 fps" if pace else "") in said
    assert question in said


@every
async def test_file_then_responses_with_arks_sdk(page: Gateway, demo: Path, kind: str) -> None:
    name, type_, question = EXAMPLES[kind]
    client = AsyncArk(base_url=page.v3, api_key="ARK_API_KEY")
    with (demo / name).open("rb") as opened:
        pace = {"preprocess_configs": SLOW} if kind == "video" else {}
        file = await client.files.create(file=opened, purpose="user_data", **pace)
    await client.files.wait_for_processing(file.id)
    content: Any = [{"type": type_, "file_id": file.id}, {"type": "input_text", "text": question}]
    stream: Any = await client.responses.create(
        model="doubao-seed-1-6-251015",
        input=[{"role": "user", "content": content}],
        caching={"type": "enabled"},
        store=True,
        stream=True,
    )
    thought, said, items, usage = "", "", [], None
    async for event in stream:
        if isinstance(event, ResponseReasoningSummaryTextDeltaEvent):
            thought += event.delta
        if isinstance(event, ResponseOutputItemAddedEvent):
            items.append(event.item.type)
        if isinstance(event, ResponseTextDeltaEvent):
            said += event.delta
        if isinstance(event, ResponseCompletedEvent):
            usage = json.loads(event.response.usage.model_dump_json())
    await client.close()
    assert counted(kind, demo / name, " at 0.3 fps" if kind == "video" else "") in said
    assert thought
    assert items == ["reasoning", "message"]
    assert usage
    assert usage["input_tokens"] > 0


@pytest.mark.parametrize("prefix", ["/v1", "/api/v3"])
@every
async def test_file_then_responses_with_openais_sdk(
    page: Gateway, demo: Path, kind: str, prefix: str
) -> None:
    name, type_, question = EXAMPLES[kind]

    def example() -> str:
        said = ""
        with (
            OpenAI(api_key="ARK_API_KEY", base_url=page.url + prefix) as client,
            (demo / name).open("rb") as opened,
        ):
            file = client.files.create(file=opened, purpose="user_data")
            while file.status == "processing":  # type: ignore[comparison-overlap]  # Ark's word, as printed
                time.sleep(2)
                file = client.files.retrieve(file.id)
            content: Any = [{"type": type_, "file_id": file.id}, {"type": "input_text", "text": question}]
            response = client.responses.create(
                model="doubao-seed-1-6-251015", input=[{"role": "user", "content": content}], stream=True
            )
            for event in response:
                if event.type == "response.output_text.delta":
                    said += event.delta
                if event.type == "response.completed":
                    assert event.response.usage
                    assert event.response.usage.model_dump_json()
        return said

    assert counted(kind, demo / name) in await asyncio.to_thread(example)


URLS: dict[str, dict[str, Any]] = {
    "video": {"type": "input_video", "video_url": f"{PUBLIC}/doc_video/ark_vlm_video_input.mp4", "fps": 1},
    "PDF": {"type": "input_file", "file_url": f"{PUBLIC}/doc_pdf/demo.pdf"},
}


@every
async def test_url_in_responses(page: Gateway, sim: Simulated, kind: str) -> None:
    def example() -> str:
        with OpenAI(base_url=page.v3, api_key="ARK_API_KEY") as client:
            content: Any = [URLS[kind], {"type": "input_text", "text": "hi"}]
            return client.responses.create(
                model="doubao-seed-1-6-251015", input=[{"role": "user", "content": content}]
            ).output_text

    assert f"[{kind}]" in await asyncio.to_thread(example)
    assert (await sim.last())["body"]["input"][0]["content"][0] == URLS[kind]


async def test_video_url_in_chat(page: Gateway, sim: Simulated) -> None:
    held = {"url": URLS["video"]["video_url"], "fps": 2}

    def example() -> Any:
        client = Ark(base_url=page.v3, api_key="ARK_API_KEY")
        content: Any = [{"type": "video_url", "video_url": held}]
        answer: Any = client.chat.completions.create(
            model="doubao-seed-1-6-251015", messages=[{"role": "user", "content": content}]
        )
        client.close()
        return answer.choices[0].message.content

    assert " at 2 fps" in await asyncio.to_thread(example)
    assert (await sim.last())["body"]["messages"][0]["content"][0]["video_url"] == held


@pytest.mark.parametrize("stream", [True, False])
async def test_data_of_a_pdf(page: Gateway, demo: Path, stream: bool) -> None:
    def example() -> str:
        b64 = base64.b64encode((demo / "demo.pdf").read_bytes()).decode()
        data = f"data:application/pdf;base64,{b64}"
        with OpenAI(base_url=page.v1, api_key="ARK_API_KEY") as client:
            part: Any = {"type": "input_file", "file_data": data, "filename": "demo.pdf"}
            content: Any = [part, {"type": "input_text", "text": "总结这份 PDF 的要点"}]
            asked: Any = {"model": "doubao-seed-1-6-251015", "input": [{"role": "user", "content": content}]}
            if not stream:
                answer: str = client.responses.create(**asked).output_text
                return answer
            with client.responses.stream(**asked) as events:
                return events.get_final_response().output_text

    assert counted("PDF", demo / "demo.pdf") in await asyncio.to_thread(example)


@pytest.mark.parametrize("sdk", ["openai", "ark"])
@every
async def test_the_same_files_at_modelarts(page: Gateway, demo: Path, kind: str, sdk: str) -> None:
    name, _, question = EXAMPLES[kind]

    def example() -> str:
        make: Any = OpenAI if sdk == "openai" else Ark
        client = make(api_key="API_KEY", base_url=page.v1 if sdk == "openai" else page.v3)
        with (demo / name).open("rb") as opened:
            file = client.files.create(file=opened, purpose="user_data")
        held = {"file_id": file.id}
        part = {"type": "video_url", "video_url": held} if kind == "video" else {"type": "file", "file": held}
        said = ""
        for chunk in client.chat.completions.create(
            model="Qwen3-VL-30B-A3B",
            messages=[{"role": "user", "content": [part, {"type": "text", "text": question}]}],
            stream=True,
        ):
            said += chunk.choices[0].delta.content or ""
        client.close()
        return said

    said = await asyncio.to_thread(example)
    assert [colour for _, colour, _ in seen(said)] == list(COLOURS[:3])
    assert question in said
