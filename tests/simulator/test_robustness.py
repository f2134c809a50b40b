"""No request body, however odd, makes a simulated vendor fail in its own code."""

import copy
import random
from collections.abc import Iterator
from typing import Any

import pytest

from .conftest import Client
from .media import image_part, input_image, input_text, picture, text_part

ODD: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    1.5,
    "",
    "x",
    [],
    {},
    [None],
    [5],
    ["x"],
    [[]],
    [{}],
    {"type": {}},
    {"x": []},
)
FUNCTION = {
    "name": "f",
    "parameters": {"type": "object", "properties": {"a": {"type": "string", "enum": ["x"]}}},
}
CHAT = {
    "model": "m",
    "messages": [
        {"role": "system", "content": "be kind"},
        {"role": "user", "content": [text_part("call f"), image_part(picture())]},
    ],
    "tools": [{"type": "function", "function": FUNCTION}],
    "tool_choice": {"type": "function", "function": {"name": "f"}},
    "thinking": {"type": "enabled"},
    "stream_options": {"include_usage": True},
    "response_format": {
        "type": "json_schema",
        "json_schema": {"name": "a", "schema": FUNCTION["parameters"]},
    },
    "max_tokens": 50,
    "chat_template_kwargs": {"thinking": True},
    "dimensions": 4,
}
RESPONSES = {
    "model": "m",
    "input": [
        {"role": "user", "content": [input_text("zoom and call f"), input_image(picture())]},
        {"type": "function_call_output", "call_id": "1", "output": [input_image(picture())]},
        {"type": "reasoning", "summary": []},
    ],
    "tools": [{"type": "function", **FUNCTION}, {"type": "image_process", "zoom": {"type": "enabled"}}],
    "tool_choice": {"type": "function", "name": "f"},
    "text": {"format": {"type": "json_schema", "name": "a", "schema": FUNCTION["parameters"]}},
    "reasoning": {"effort": "low"},
    "include": ["message.input_image.image_url"],
    "max_output_tokens": 50,
}
IMAGES = {
    "model": "qwen_image_edit",
    "prompt": "a hill",
    "size": "512x512",
    "image": [image_part(picture())["image_url"]["url"]],
    "sequential_image_generation": "auto",
    "sequential_image_generation_options": {"max_images": 1},
}
OTHER = {
    "model": "m",
    "input": [text_part("x"), image_part(picture())],
    "dimensions": 3,
    "text": ["x"],
    "content": [],
}


def mutations(body: Any) -> Iterator[Any]:
    """The body with each of its values replaced by each odd one."""
    for path in paths(body):
        for odd in ODD:
            mutated = copy.deepcopy(body)
            holder = mutated
            for step in path[:-1]:
                holder = holder[step]
            holder[path[-1]] = odd
            yield mutated


def paths(value: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in steps:
        yield (*before, step)
        yield from paths(inner, (*before, step))


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/v3/chat/completions", CHAT),
        ("/api/v3/context/create", CHAT),
        ("/api/v3/context/chat/completions", {**CHAT, "context_id": "ctx"}),
        ("/api/v3/responses", RESPONSES),
        ("/api/v3/images/generations", {**IMAGES, "model": "seedream-3"}),
        ("/api/v3/embeddings", {**OTHER, "input": ["x"]}),
        ("/api/v3/embeddings/multimodal", OTHER),
        ("/api/v3/tokenization", OTHER),
        ("/api/v3/contents/generations/tasks", OTHER),
        ("/v1/chat/completions", CHAT),
        ("/v2/infer/x/v1/images/generations", IMAGES),
        ("/v1/embeddings", {**OTHER, "input": ["x"]}),
    ],
)
async def test_odd_values_never_cause_a_500(http: Client, path: str, body: dict[str, Any]) -> None:
    odd = list(mutations(body))
    for mutated in random.Random(7).sample(odd, min(len(odd), 400)):
        answer = await http.post(http.base + path, mutated, ark_beta_image_process="true")
        assert answer.status in (200, 400, 404), mutated
