"""What Ark's chat completions refuse, and with which words."""

from typing import Any

import pytest

from .conftest import Client
from .media import image_part, picture, text_part

HELLO = text_part("hello")


async def test_error_has_four_fields_and_the_request_id(http: Client) -> None:
    answer = await http.post(f"{http.ark}/chat/completions", {"model": "m"})
    assert answer.status == 400
    assert list(answer.json) == ["error"]
    assert list(answer.error) == ["code", "message", "param", "type"]
    assert answer.error["code"] == "MissingParameter"
    assert answer.error["message"].endswith(f" Request id: {answer.headers['x-request-id']}")


@pytest.mark.parametrize("header", [None, "", "Basic abc", "Bearer "])
async def test_bearer_key_is_needed(http: Client, header: str | None) -> None:
    http.headers = {} if header is None else {"authorization": header}
    answer = await http.chat(HELLO)
    assert answer.status == 401
    assert (answer.error["code"], answer.error["type"]) == ("AuthenticationError", "Unauthorized")


async def test_developer_is_no_role(http: Client) -> None:
    body = {"model": "m", "messages": [{"role": "developer", "content": "x"}]}
    answer = await http.post(f"{http.ark}/chat/completions", body)
    assert answer.status == 400
    assert answer.error["message"].startswith(
        "The parameter `messages.role` specified in the request are not valid: invalid value: `developer`, "
        "supported values are: `system`, `assistant`, `user`, `tool`. Request id: 02"
    )


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"max_tokens": 5, "max_completion_tokens": 5}, "max_tokens and max_completion_tokens cannot be set"),
        ({"max_tokens": "5"}, "Mismatch type int64 with value string at index "),
        ({"stream": []}, "Mismatch type bool with value array at index "),
        ({"stream": 1}, "Mismatch type bool with value number at index "),
        ({"temperature": True}, "Mismatch type float64 with value bool at index "),
        ({"tools": [{"type": "image_process"}]}, "Invalid function format: 'type'"),
        ({"tools": [{"type": "function"}]}, "Invalid function format: 'function'"),
        (
            {"reasoning_effort": "huge"},
            "The parameter `reasoning_effort` specified in the request are not valid",
        ),
        ({"messages": ["hello"]}, "Mismatch type object with value string"),
        ({"messages": []}, "The request failed because it is missing `messages` parameter"),
        ({"model": None}, "The request failed because it is missing `model` parameter"),
    ],
)
async def test_refused_fields(http: Client, fields: dict[str, Any], message: str) -> None:
    answer = await http.chat(HELLO, **fields)
    assert answer.status == 400
    assert answer.error["message"].startswith(message)


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ({"type": "input_text", "text": "x"}, "The parameter `messages.content.type`"),
        ({"type": "image_url", "image_url": "http://x"}, "Mismatch type object with value string"),
        ({"type": "image_url", "image_url": {"url": ""}}, "The url of the input is empty"),
        ({"type": "image_url", "image_url": {"file_id": "file-1"}}, "The parameter `image_url.file_id`"),
        (image_part(picture(), detail="original"), "The parameter `image_url.detail`"),
        ({"type": "text", "text": 5}, "Mismatch type string with value number"),
    ],
)
async def test_refused_parts(http: Client, part: dict[str, Any], message: str) -> None:
    answer = await http.chat(part)
    assert answer.status == 400
    assert answer.error["message"].startswith(message)


async def test_nulls_are_tolerated(http: Client) -> None:
    fields = (
        "stream",
        "tools",
        "tool_choice",
        "thinking",
        "max_tokens",
        "response_format",
        "stream_options",
        "stop",
    )
    assert (await http.chat(HELLO, **dict.fromkeys(fields))).status == 200


@pytest.mark.parametrize("body", [b"", b"{", b'{"model": "m" // the model\n}', b"[]", b'"text"', b"\xff"])
async def test_malformed_bodies(http: Client, body: bytes) -> None:
    answer = await http.send("POST", f"{http.ark}/chat/completions", data=body)
    assert answer.status == 400
    assert answer.error["message"].startswith("Syntax error")


async def test_body_beyond_64_megabytes(http: Client) -> None:
    answer = await http.send("POST", f"{http.ark}/chat/completions", data=b" " * (64 * 1024 * 1024 + 1))
    assert answer.status == 413


@pytest.mark.parametrize("path", ["/responses/v1/responses", "/nothing", "/files/x/content"])
async def test_unknown_action(http: Client, path: str) -> None:
    answer = await http.send("GET", http.ark + path)
    assert answer.status == 404
    assert answer.error["code"] == "InvalidAction"
    assert answer.error["message"].startswith(
        f"The specified action is invalid: /api/v3{path} Request id: 02"
    )


async def test_position_in_a_mismatch_is_that_of_the_value(http: Client) -> None:
    raw = b'{"model":"m","messages":[{"role":"user","content":"hi"}],"stream": []}'
    answer = await http.send("POST", f"{http.ark}/chat/completions", data=raw)
    assert f"at index {raw.index(b'[]')}: mismatched type with value" in answer.error["message"]
