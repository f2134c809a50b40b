"""ModelArts' chat completions: vLLM's shapes, and the vendor's own refusals."""

from typing import Any

import orjson
import pytest

from .conftest import Client, chat_body
from .media import data_url, image_part, picture, text_part

HELLO = text_part("hello")
TOOL = {"type": "function", "function": {"name": "weather", "parameters": {}}}


async def test_whole_answer(http: Client) -> None:
    answer = (await http.maas_chat(image_part(picture()), HELLO)).json
    assert list(answer) == [
        "id",
        "object",
        "created",
        "model",
        "choices",
        "usage",
        "prompt_logprobs",
        "kv_transfer_params",
    ]
    (choice,) = answer["choices"]
    assert list(choice) == ["index", "message", "logprobs", "finish_reason", "stop_reason"]
    assert list(choice["message"]) == ["role", "reasoning_content", "content", "tool_calls"]
    assert (choice["message"]["reasoning_content"], choice["message"]["tool_calls"]) == (None, [])
    assert list(answer["usage"]) == [
        "prompt_tokens",
        "total_tokens",
        "completion_tokens",
        "prompt_tokens_details",
    ]
    assert "image 0: PNG 64x48, dominant colour red" in choice["message"]["content"]


@pytest.mark.parametrize(("prefix", "start"), [("/v1", "chat-"), ("/v2/infer/0-1/v1", "chatcmpl-")])
async def test_ids_by_kind_of_service(http: Client, prefix: str, start: str) -> None:
    answer = await http.post(f"{http.base}{prefix}/chat/completions", chat_body(HELLO))
    assert answer.json["id"].startswith(start)


async def test_stream(http: Client) -> None:
    answer = await http.maas_chat(HELLO, stream=True)
    assert all(frame.startswith((b'data:{"id"', b"data:[DONE]")) for frame in answer.frames)
    assert answer.frames[-1] == b"data:[DONE]"
    deltas = [chunk["choices"][0]["delta"] for chunk in answer.events]
    assert [("role" in delta) for delta in deltas] == [True] + [False] * (len(deltas) - 1)
    assert all(chunk["usage"]["prompt_tokens"] for chunk in answer.events)
    assert answer.events[-1]["choices"][0]["finish_reason"] == "stop"
    assert "".join(delta.get("content", "") for delta in deltas) == (await http.maas_chat(HELLO)).text


async def test_stream_without_usage(http: Client) -> None:
    answer = await http.maas_chat(HELLO, stream=True, stream_options={"include_usage": False})
    assert all("usage" not in chunk for chunk in answer.events)


async def test_thinking_and_limit(http: Client) -> None:
    answer = (await http.maas_chat(HELLO, chat_template_kwargs={"enable_thinking": True}, max_tokens=5)).json
    (choice,) = answer["choices"]
    assert choice["finish_reason"] == "length"
    assert choice["message"]["reasoning_content"]
    assert choice["message"]["content"] is None
    assert answer["usage"]["completion_tokens"] == 5


async def test_function_calls(http: Client) -> None:
    answer = (await http.maas_chat(text_part("call weather"), tools=[TOOL])).json
    (call,) = answer["choices"][0]["message"]["tool_calls"]
    assert call["function"] == {"name": "weather", "arguments": "{}"}
    streamed = await http.maas_chat(text_part("call weather"), tools=[TOOL], stream=True)
    assert streamed.events[1]["choices"][0]["delta"]["tool_calls"][0]["index"] == 0
    assert streamed.events[-1]["choices"][0]["finish_reason"] == "tool_calls"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("https://example.com/a.png", "The image must be a base64 data URL"),
        ("iVBORw0KGgo=", "The image must be a base64 data URL"),
        (
            data_url(picture(), "image/jpeg"),
            "The declared image type image/jpeg is not the image's type image/png",
        ),
        (data_url(picture("red", (64, 48), "JPEG"), "image/jpg"), "The declared image type image/jpg"),
        (data_url(picture("red", (64, 64), "ICO"), "image/x-icon"), "The image format ico is not supported"),
        (data_url(b"nothing"), "The image cannot be read"),
        (data_url(picture()[:100]), "The image cannot be read"),
        ("data:image/png;base64,@@", "The base64 of the image is invalid"),
        (
            "data:image/png;base64," + "A" * (10 * 1024 * 1024),
            "The base64 of the image (10485760 characters)",
        ),
    ],
)
async def test_refused_pictures(http: Client, url: str, message: str) -> None:
    answer = await http.maas_chat({"type": "image_url", "image_url": {"url": url}})
    assert answer.status == 400
    assert list(answer.json) == ["error", "error_code", "error_msg", "span_id"]
    assert list(answer.error) == ["code", "message", "param", "type"]
    assert answer.error["code"] == answer.json["error_code"] == "ModelArts.81001"
    assert answer.error["message"].startswith(message)


@pytest.mark.parametrize("format", ["BMP", "JPEG", "PNG", "TIFF", "WEBP", "GIF"])
async def test_formats(http: Client, format: str) -> None:
    answer = await http.maas_chat(image_part(picture("blue", (64, 48), format), f"image/{format.lower()}"))
    assert f"image 0: {format} 64x48, dominant colour blue" in answer.text


async def test_picture_just_below_10_megabytes_of_base64(http: Client) -> None:
    png = picture()
    padded = png + b"\0" * (10 * 1024 * 1024 * 3 // 4 - len(png) - 3)
    assert (await http.maas_chat(image_part(padded))).status == 200


@pytest.mark.parametrize(
    "message",
    [
        {"role": "developer", "content": "x"},
        {"role": "assistant", "content": "x", "tool_calls": []},
        {"role": "assistant", "content": None},
        {"role": "user", "content": [{"type": "video_url"}]},
    ],
)
async def test_own_deployments_refuse_messages_in_their_servers_shape(
    http: Client, message: dict[str, Any]
) -> None:
    body = {"model": "m", "messages": [message]}
    own = await http.post(f"{http.maas}/chat/completions", body)
    assert own.status == 400
    assert list(own.json) == ["object", "message", "type", "param", "code"]
    assert (own.json["object"], own.json["type"], own.json["code"]) == ("error", "BadRequestError", 400)
    shared = await http.post(f"{http.base}/v1/chat/completions", body)
    assert shared.json["error_code"] == "ModelArts.81001"


async def test_400_of_a_streamed_request_is_framed(http: Client) -> None:
    answer = await http.maas_chat({"type": "image_url", "image_url": {"url": "http://x"}}, stream=True)
    assert answer.status == 400
    assert answer.body.startswith(b'data:{"error":{"code":"ModelArts.81001"')
    assert b"\n" not in answer.body


async def test_missing_and_wrong_keys(http: Client) -> None:
    http.headers = {}
    missing = await http.maas_chat(HELLO)
    assert (missing.status, missing.json["error_code"]) == (400, "ModelArts.81002")
    http.headers = {"authorization": "Basic x"}
    wrong = await http.maas_chat(HELLO)
    assert wrong.status == 401
    assert wrong.json == {"error_code": "ModelArts.81003", "error_msg": "Invalid authorization header."}


@pytest.mark.parametrize("path", ["/responses", "/files", "/nothing"])
async def test_what_modelarts_has_not(http: Client, path: str) -> None:
    answer = await http.post(http.maas + path, {"model": "m"})
    assert answer.status == 404
    assert list(answer.json) == ["error_code", "error_msg", "request_id"]


async def test_wrong_method(http: Client) -> None:
    answer = await http.send("GET", f"{http.maas}/chat/completions")
    assert (answer.status, answer.json) == (405, {"detail": "Method Not Allowed"})


@pytest.mark.parametrize(
    ("shape", "keys"),
    [
        ("a", ["error", "error_code", "error_msg", "span_id"]),
        ("b", ["error"]),
        ("c", ["error_code", "error_msg"]),
        ("d", ["object", "message", "type", "param", "code"]),
        ("e", ["detail"]),
    ],
)
async def test_each_shape_can_be_scripted(http: Client, shape: str, keys: list[str]) -> None:
    fault = {"status": 429, "shape": shape, "message": "slow down"}
    answer = await http.maas_chat(text_part(f"hi [[fault: {orjson.dumps(fault).decode()}]]"))
    assert (answer.status, list(answer.json)) == (429, keys)
    assert b"slow down" in answer.body


async def test_malformed_body(http: Client) -> None:
    answer = await http.send("POST", f"{http.maas}/chat/completions", data=b"{")
    assert answer.error["message"].startswith("Failed to format request body")
