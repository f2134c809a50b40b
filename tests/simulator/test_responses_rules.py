"""What Ark's Responses API refuses."""

from typing import Any

import pytest

from .conftest import NOW, Client
from .media import input_image, input_text, picture

HELLO = input_text("hello")
IMAGE_PROCESS = {"type": "image_process"}
FUNCTION = {"type": "function", "name": "f"}
ENABLED = {"type": "enabled"}


@pytest.mark.parametrize(
    ("fields", "unknown"),
    [
        ({"prompt_cache_key": "x"}, "prompt_cache_key"),
        ({"metadata": {}}, "metadata"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"user": "x"}, "user"),
        ({"truncation": "auto"}, "truncation"),
        ({"background": False}, "background"),
        ({"text": {"verbosity": "low"}}, "verbosity"),
        ({"reasoning": {"summary": "auto"}}, "summary"),
        ({"text": {"format": {"type": "text", "style": "x"}}}, "style"),
    ],
)
async def test_unknown_fields(http: Client, fields: dict[str, Any], unknown: str) -> None:
    answer = await http.respond(HELLO, **fields)
    assert answer.status == 400
    assert answer.error["message"].startswith(f'json: unknown field "{unknown}" Request id: 02')
    assert (answer.error["code"], answer.error["type"]) == ("InvalidParameter", "BadRequest")


async def test_fields_that_are_known(http: Client) -> None:
    fields = {
        "safety_identifier": "x",
        "parallel_tool_calls": True,
        "session": {"id": "s"},
        "service_tier": "auto",
        "include": ["message.input_image.image_url"],
        "context_management": {"edits": []},
        "caching": {"type": "disabled"},
    }
    assert (await http.respond(HELLO, **fields)).status == 200


async def test_nulls_are_tolerated_even_in_unknown_fields(http: Client) -> None:
    nulls = dict.fromkeys(
        ("metadata", "user", "caching", "tools", "text", "stream", "store", "max_tool_calls")
    )
    assert (await http.respond(HELLO, **nulls, reasoning={"effort": "low", "summary": None})).status == 200


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"store": []}, "Mismatch type bool with value array at index "),
        ({"max_output_tokens": "9"}, "Mismatch type int64 with value string at index "),
        ({"input": 7}, "Mismatch type string with value number at index "),
        ({"input": ["hello"]}, "Mismatch type object with value string at index "),
        ({"tools": ["image_process"]}, "Mismatch type object with value string at index "),
        ({"reasoning": {"effort": 5}}, "Mismatch type string with value number at index "),
    ],
)
async def test_type_mismatches(http: Client, fields: dict[str, Any], message: str) -> None:
    answer = await http.respond(HELLO, **fields)
    assert answer.status == 400
    assert answer.error["message"].startswith(message)
    assert "mismatched type with value" in answer.error["message"]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"max_tool_calls": 11}, "max_tool_calls"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"temperature": 2.5}, "temperature"),
        ({"service_tier": "flex"}, "service_tier"),
        ({"include": ["file_search_call.results"]}, "include"),
        ({"expire_at": int(NOW) + 604_801}, "expire_at"),
        ({"expire_at": int(NOW)}, "expire_at"),
        ({"thinking": {"type": "disabled"}, "reasoning": {"effort": "high"}}, "reasoning.effort"),
        ({"reasoning": {"effort": "huge"}}, "reasoning.effort"),
        ({"tools": [{"type": "code_interpreter"}]}, "tools[0].type"),
        ({"tool_choice": "image_process"}, "tool_choice"),
        ({"tools": [IMAGE_PROCESS], "tool_choice": IMAGE_PROCESS}, "tool_choice.type"),
        ({"caching": ENABLED, "tools": [IMAGE_PROCESS]}, "caching"),
        ({"caching": ENABLED, "tools": [{"type": "web_search"}]}, "caching"),
        ({"caching": ENABLED, "instructions": "x"}, "caching"),
        ({"tools": [IMAGE_PROCESS, {"type": "web_search"}]}, "tools"),
    ],
)
async def test_refused_values(http: Client, fields: dict[str, Any], param: str) -> None:
    answer = await http.respond(HELLO, **fields)
    assert answer.status == 400
    assert answer.error["param"] == param


async def test_caching_with_functions_is_fine(http: Client) -> None:
    assert (await http.respond(HELLO, caching=ENABLED, tools=[FUNCTION])).status == 200


@pytest.mark.parametrize("tool", ["image_process", "mcp", "knowledge_search", "doubao_app"])
async def test_beta_tools_need_their_header(http: Client, tool: str) -> None:
    body = {"model": "m", "input": "hi", "tools": [{"type": tool}]}
    header = f"ark-beta-{tool.replace('_', '-')}"
    bare = await http.post(f"{http.ark}/responses", body)
    assert bare.status == 400
    assert header in bare.error["message"]
    sent = await http.send("POST", f"{http.ark}/responses", json=body, headers={header: "true"})
    assert sent.status == 200


async def test_image_process_with_doubao_app(http: Client) -> None:
    body = {"model": "m", "input": "hi", "tools": [IMAGE_PROCESS, {"type": "doubao_app"}]}
    answer = await http.post(
        f"{http.ark}/responses", body, ark_beta_image_process="true", ark_beta_doubao_app="true"
    )
    assert answer.error["message"].startswith(
        "The tool `image_process` cannot be used together with `doubao_app`"
    )


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ({"type": "text", "text": "x"}, "The parameter `input[0].content[0].type`"),
        ({"type": "input_image", "image_url": {"url": "x"}}, "Mismatch type string with value object"),
        ({**input_image(picture()), "detail": "original"}, "The parameter `input[0].content[0].detail`"),
        ({"type": "input_image"}, "The url of the input is empty"),
        (
            {"type": "input_file", "file_data": "data:application/pdf;base64,AAAA"},
            "The input file is not a PDF",
        ),
    ],
)
async def test_refused_parts(http: Client, part: dict[str, Any], message: str) -> None:
    answer = await http.respond(part)
    assert answer.status == 400
    assert answer.error["message"].startswith(message)


@pytest.mark.parametrize("item", [{"type": "apply_patch_call"}, {"role": "tool", "content": "x"}])
async def test_refused_items(http: Client, item: dict[str, Any]) -> None:
    answer = await http.post(f"{http.ark}/responses", {"model": "m", "input": [item]})
    assert answer.status == 400


@pytest.mark.parametrize("body", [{"input": "hi"}, {"model": "m"}, {"model": "m", "input": []}])
async def test_missing_fields(http: Client, body: dict[str, Any]) -> None:
    assert (await http.post(f"{http.ark}/responses", body)).error["code"] == "MissingParameter"
