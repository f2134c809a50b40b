"""The examples of the vendors' own pages, as printed but for ``base_url`` and key (and for local paths)."""

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from openai import OpenAI
from volcenginesdkarkruntime import AsyncArk
from volcenginesdkarkruntime.types.responses.response_completed_event import ResponseCompletedEvent
from volcenginesdkarkruntime.types.responses.response_text_delta_event import ResponseTextDeltaEvent

from gateway.simulator.ark.gallery import strawberries

from .conftest import Gateway, Http, Launch, Simulated
from .curl import curl
from .pictures import base64_of, encoded, seen, shape, small

QUESTION = "请给出图片中的内容,并根据图片内容回答支持输入图片的模型系列是哪个?"
PAGES = "https://ark-project.tos-cn-beijing.volces.com"
PROCESSING = {
    "zoom": (f"{PAGES}/doc_image/image_process_1.jpg", "前方路牌写了什么？"),
    "point": (f"{PAGES}/doc_image/image_process_2.jpg", "数一数有多少颗草莓？"),
}
BETA = "ark-beta-image-process"


@pytest.fixture
def page(launch: Launch) -> Gateway:
    """The examples' pictures are on the web: their URLs are left to Ark."""
    return launch(images={"remote": "forward", "allow_hosts": []})


@pytest.mark.parametrize("with_header", [True, False])
@pytest.mark.parametrize("prefix", ["/v1", "/api/v3", ""])
@pytest.mark.parametrize("action", PROCESSING)
async def test_image_process_in_python(
    page: Gateway, sim: Simulated, action: str, prefix: str, with_header: bool
) -> None:
    url, question = PROCESSING[action]

    def example() -> tuple[list[str], str]:
        client = OpenAI(
            base_url=page.url + prefix,
            api_key="ARK_API_KEY",
            default_headers={"ark-beta-image-process": "true"} if with_header else {},
        )
        off = {"type": "disabled"}
        tool: Any = {"point": off, "grounding": off, "zoom": off, "rotate": off, action: {"type": "enabled"}}
        message: Any = {
            "type": "message",
            "role": "user",
            "content": [
                {"type": "input_image", "image_url": url},
                {"type": "input_text", "text": question},
            ],
        }
        with client:
            response = client.responses.create(
                model="doubao-seed-1-6-vision-250815",
                tools=[{"type": "image_process", **tool}],
                input=[message],
                stream=True,
            )
            types, said = [], ""
            for chunk in response:
                types.append(chunk.type)
                if hasattr(chunk, "delta"):
                    said += str(chunk.delta)  # printed by the page, None of other events included
        return types, said

    types, said = await asyncio.to_thread(example)
    assert "response.image_process_call.completed" in types
    assert types[-1] == "response.completed"
    assert f"({action} of image 0)" in said
    assert question in said
    sent = await sim.last("/responses")
    assert sent["headers"][BETA] == "true"
    assert sent["body"]["input"][0]["content"][0]["image_url"] == url


@pytest.mark.parametrize("with_header", [True, False])
@pytest.mark.parametrize("action", PROCESSING)
async def test_image_process_with_curl(page: Gateway, action: str, with_header: bool) -> None:
    url, question = PROCESSING[action]
    body = f"""{{
        "model": "doubao-seed-1-6-vision-250815",
        "stream": true,
        "tools": [{{"type": "image_process", "{action}": {{"type": "enabled"}}}}],
        "input": [{{"type": "message", "role": "user", "content": [
            {{"type": "input_image", "image_url": "{url}"}},
            {{"type": "input_text", "text": "{question}"}}]}}]
    }}"""
    beta = ["--header", "ark-beta-image-process: true"] if with_header else []
    printed = await curl(
        *("--location", f"{page.v3}/responses"),
        *("--header", "Authorization: Bearer <ARK_API_KEY>"),
        *("--header", "Content-Type: application/json"),
        *beta,
        *("--data", body),
    )
    assert b"event: response.image_process_call.completed\n" in printed
    assert printed.endswith(b"data: [DONE]\n\n")


async def test_comment_in_the_json_as_the_page_prints_it(page: Gateway, sim: Simulated) -> None:
    body = """{
        "model": "doubao-seed-1-6-vision-250815",
        "stream": true,
        "tools": [{"type": "image_process", "zoom": {
            "type": "enabled"  // 启用 zoom（缩放）工具
        }}],
        "input": "hi"
    }"""
    printed = await curl(
        *("--location", f"{page.v3}/responses"),
        *("--header", "Content-Type: application/json"),
        *("--data", body),
        *("--write-out", "\n%{http_code}"),
    )
    told, status = printed.rsplit(b"\n", 1)
    assert status == b"400"
    assert "comment on line 5" in orjson.loads(told)["error"]["message"]
    assert not await sim.requests()


async def test_file_then_responses_with_curl(page: Gateway, tmp_path: Path) -> None:
    picture = tmp_path / "demo.png"
    picture.write_bytes(small("brown"))
    key = ("-H", "Authorization: Bearer $ARK_API_KEY")
    file = orjson.loads(
        await curl(f"{page.v3}/files", *key, "-F", "purpose=user_data", "-F", f"file=@{picture}")
    )
    assert (file["filename"], file["status"], file["mime_type"]) == ("demo.png", "active", "image/png")
    body = {
        "model": "doubao-seed-1-6-251015",
        "input": [
            {
                "role": "user",
                "content": [
                    {"type": "input_image", "file_id": file["id"]},
                    {"type": "input_text", "text": QUESTION},
                ],
            }
        ],
    }
    printed = await curl(
        f"{page.v3}/responses", *key, "-H", "Content-Type: application/json", "-d", json.dumps(body)
    )
    said = orjson.loads(printed)["output"][-1]["content"][0]["text"]
    assert seen(said) == [shape(small("brown"), "brown")]


async def test_file_then_responses_with_arks_sdk(page: Gateway, tmp_path: Path) -> None:
    picture = tmp_path / "ark_demo_img_1.png"
    picture.write_bytes(encoded(strawberries()))
    client = AsyncArk(base_url=page.v3, api_key="ARK_API_KEY")
    with picture.open("rb") as opened:
        file = await client.files.create(file=opened, purpose="user_data")
    await client.files.wait_for_processing(file.id)
    stream: Any = await client.responses.create(
        model="doubao-seed-1-6-251015",
        input=[
            {
                "role": "user",
                "content": [
                    {"type": "input_image", "file_id": file.id},
                    {"type": "input_text", "text": QUESTION},
                ],
            },
        ],
        caching={"type": "enabled"},
        store=True,
        stream=True,
    )
    said, usage = "", None
    async for event in stream:
        if isinstance(event, ResponseTextDeltaEvent):
            said += event.delta
        if isinstance(event, ResponseCompletedEvent):
            usage = event.response.usage
    await client.close()
    assert [kind for kind, _, _ in seen(said)] == ["PNG 1200x800"]
    assert usage is not None
    assert usage.input_tokens > 0


async def test_file_then_responses_with_openais_sdk(page: Gateway, tmp_path: Path) -> None:
    picture = tmp_path / "ark_demo_img_1.png"
    picture.write_bytes(small("brown"))

    def example() -> str:
        said = ""
        with OpenAI(base_url=page.v1, api_key="ARK_API_KEY") as client:
            with picture.open("rb") as opened:
                file = client.files.create(file=opened, purpose="user_data")
            assert file.status != "processing"
            content: Any = [
                {"type": "input_image", "file_id": file.id},
                {"type": "input_text", "text": QUESTION},
            ]
            response = client.responses.create(
                model="doubao-seed-1-6-251015",
                input=[{"role": "user", "content": content}],
                stream=True,
            )
            for event in response:
                if event.type == "response.output_text.delta":
                    said += event.delta
                if event.type == "response.completed":
                    assert event.response.usage
        return said

    assert seen(await asyncio.to_thread(example)) == [shape(small("brown"), "brown")]


MULTI = ["image", "image", "text"]
MIXED = ["image", "text", "image", "text"]


@pytest.mark.parametrize("order", [["text", "image"], MULTI, MIXED], ids=["one", "multi", "mixed"])
async def test_modelarts_in_python(page: Gateway, order: list[str]) -> None:
    pictures = iter([("jpeg", small("blue", format="JPEG")), ("png", small("white"))])
    texts = iter(["描述下图片里的内容", "文字提取"])

    def part(kind: str) -> dict[str, Any]:
        if kind == "text":
            return {"type": "text", "text": next(texts)}
        name, data = next(pictures)
        base64_image = base64.b64encode(data).decode("utf-8")
        return {"type": "image_url", "image_url": {"url": f"data:image/{name};base64,{base64_image}"}}

    def example() -> str:
        with OpenAI(api_key="API_KEY", base_url=page.v1) as client:
            content: Any = [part(kind) for kind in order]
            response = client.chat.completions.create(
                model="Qwen3-VL-30B-A3B", messages=[{"role": "user", "content": content}]
            )
        return response.choices[0].message.content or ""

    said = await asyncio.to_thread(example)
    places = [place.split()[0] for place in said.splitlines()[1].removeprefix("order: user: ").split(" | ")]
    assert len(places) == 1
    assert len(seen(said)) == order.count("image")
    marks = said.splitlines()[1].replace("[image ", "[image").removeprefix("order: user: ").split()
    assert ["image" if mark.startswith("[image") else "text" for mark in marks if mark != "text"] == order


async def test_modelarts_with_curl(page: Gateway) -> None:
    content = [
        {
            "type": "image_url",
            "image_url": {"url": f"data:image/jpeg;base64,{base64_of(small('blue', format='JPEG'))}"},
        },
        {"type": "text", "text": "文字提取"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{base64_of(small())}"}},
        {"type": "text", "text": "描述下图片里的内容"},
    ]
    body = {"model": "Qwen3-VL-30B-A3B", "messages": [{"role": "user", "content": content}]}
    printed = await curl(
        *("-X", "POST", f"{page.url}/chat/completions"),
        *("-H", "Content-Type: application/json", "-H", "Authorization: Bearer $API_KEY"),
        *("-d", json.dumps(body)),
    )
    answer = orjson.loads(printed)
    assert answer["model"] == "Qwen3-VL-30B-A3B"
    said = answer["choices"][0]["message"]["content"]
    assert 'user: [image 0] text "文字提取" [image 1] text "描述下图片里的内容"' in said


async def test_base_url_of_modelarts_as_its_page_prints_it(
    launch: Launch, http: Http, sim: Simulated
) -> None:
    printed = f"{sim.url}/v2/infer/any/v1/chat/completions"
    gateway = launch(backends={"maas": {"kind": "modelarts", "base_url": printed, "api_key": "k"}})
    body = {"model": "Qwen3-VL-30B-A3B", "messages": [{"role": "user", "content": "hi"}]}
    assert (await http.post(f"{gateway.v1}/chat/completions", body)).status == 200
    assert (await sim.last())["path"] == "/v2/infer/any/v1/chat/completions"


@pytest.mark.parametrize("image", [None, f"{PAGES}/doc_image/seedream4_imageToimage.png"])
async def test_seedream(page: Gateway, http: Http, image: str | None) -> None:
    body = {
        "model": "doubao-seedream-4-0-250828",
        "prompt": "生成狗狗趴在草地上的近景画面",
        **({"image": image} if image else {}),
        "size": "2K",
        "sequential_image_generation": "disabled",
        "stream": False,
        "response_format": "url",
        "watermark": True,
    }
    printed = await curl(
        *("-X", "POST", f"{page.v3}/images/generations"),
        *("-H", "Content-Type: application/json", "-H", "Authorization: Bearer $ARK_API_KEY"),
        *("-d", json.dumps(body)),
    )
    answer = orjson.loads(printed)
    assert list(answer) == ["model", "created", "data", "usage"]
    made = await http.get(answer["data"][0]["url"])
    assert (made.status, made.headers["content-type"]) == (200, "image/jpeg")


async def test_chat_about_a_view(page: Gateway) -> None:
    body = f"""{{
    "model": "doubao-1-5-vision-pro-32k-250115",
    "messages": [{{"content": [
        {{"image_url": {{"url": "{PAGES}/images/view.jpeg"}}, "type": "image_url"}},
        {{"text": "图片主要讲了什么?", "type": "text"}}], "role": "user"}}]
    }}"""
    printed = await curl(
        f"{page.v3}/chat/completions",
        *("-H", "Content-Type: application/json", "-H", "Authorization: Bearer $ARK_API_KEY"),
        *("-d", body),
    )
    answer = orjson.loads(printed)
    assert list(answer) == ["choices", "created", "id", "model", "service_tier", "object", "usage"]
    assert "JPEG 1200x800" in answer["choices"][0]["message"]["content"]


async def test_streamed_seedream(page: Gateway, http: Http) -> None:
    body = {
        "model": "doubao-seedream-4-0-250828",
        "prompt": "four seasons",
        "size": "1K",
        "sequential_image_generation": "auto",
        "sequential_image_generation_options": {"max_images": 3},
        "stream": True,
    }
    answer = await http.post(f"{page.v3}/images/generations", body)
    types = [event["type"] for event in answer.events]
    assert types == ["image_generation.partial_succeeded"] * 3 + ["image_generation.completed"]
    assert answer.frames[-1] == b"data: [DONE]"
