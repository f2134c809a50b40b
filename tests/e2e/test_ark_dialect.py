"""Ark's dialect under /api/v3: what Ark sent is what the caller gets, byte for byte but for its random ids."""

import re
import time
from typing import Any

import pytest

from .conftest import VISION, Answer, Gateway, Http, Simulated
from .pictures import PATHS, asked, data_url, large, small, text_part, url_part

_RANDOM = (
    (re.compile(rb"02\d{13}[0-9a-f]{30,}"), b"ID"),
    (re.compile(rb"call_[0-9a-f]{24}"), b"CALL"),
    (re.compile(rb"/pictures/[0-9a-f]{32}"), b"/pictures/ID"),
)


def still(body: bytes) -> bytes:
    for pattern, constant in _RANDOM:
        body = pattern.sub(constant, body)
    return body


async def both(gateway: Gateway, http: Http, sim: Simulated, path: str, body: Any) -> tuple[Answer, Answer]:
    """What the gateway answers, and what Ark itself answers to the same request."""
    now = int(time.time())
    sim.renew(clock=lambda: now)
    through = await http.post(f"{gateway.v3}{path}", body)
    headers = {"authorization": "Bearer k", "ark_beta_image_process": "true"}
    direct = await http.post(f"{sim.url}/api/v3{path}", body, **headers)
    return through, direct


FUNCTION = {"name": "look", "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}}}
ASKED: dict[str, tuple[str, dict[str, Any]]] = {
    "text": ("chat", asked("chat", text_part("chat", "one two three"))),
    "thought": ("chat", asked("chat", text_part("chat", "hm"), thinking={"type": "enabled"})),
    "usage": ("chat", asked("chat", text_part("chat", "u"), stream_options={"include_usage": True})),
    "function": (
        "chat",
        asked("chat", text_part("chat", "call look"), tools=[{"type": "function", "function": FUNCTION}]),
    ),
    "cut short": ("chat", asked("chat", text_part("chat", "say much"), max_tokens=3)),
    "response": ("responses", asked("responses", text_part("responses", "one two"))),
    "response to a string": ("responses", {"input": "hello"}),
    "picture": ("responses", asked("responses", url_part("responses", data_url(small())))),
    "response with function": (
        "responses",
        asked("responses", text_part("responses", "call look"), tools=[{"type": "function", **FUNCTION}]),
    ),
    "processed picture": (
        "responses",
        asked(
            "responses",
            url_part("responses", data_url(small())),
            text_part("responses", "zoom then rotate"),
            tools=[{"type": "image_process"}],
        ),
    ),
    "incomplete": ("responses", {"input": "say much", "max_output_tokens": 3}),
    "no_done": ("responses", {"input": 'hi [[fault: {"no_done": true}]]'}),
    "tool error": (
        "responses",
        asked(
            "responses",
            url_part("responses", data_url(small())),
            text_part("responses", 'zoom [[fault: {"tool_error": "no"}]]'),
            tools=[{"type": "image_process"}],
        ),
    ),
    "error midway": ("chat", asked("chat", text_part("chat", 'x [[fault: {"error_after": 2}]]'))),
    "error event": ("responses", {"input": 'x [[fault: {"error_after": 3}]]'}),
}


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize("case", ASKED)
async def test_answers(gateway: Gateway, http: Http, sim: Simulated, case: str, stream: bool) -> None:
    api, body = ASKED[case]
    body = {"model": VISION, "stream": stream, **body}
    through, direct = await both(gateway, http, sim, PATHS[api], body)
    assert still(through.body) == still(direct.body)
    assert through.status == direct.status == 200
    kind = through.headers["content-type"].partition(";")[0]
    assert kind == direct.headers["content-type"].partition(";")[0]


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize("status", [400, 413, 429, 503])
@pytest.mark.parametrize("api", PATHS)
async def test_errors(
    gateway: Gateway, http: Http, sim: Simulated, api: str, status: int, stream: bool
) -> None:
    script = f'x [[fault: {{"status": {status}, "retry_after": 7}}]]'
    body = {"model": VISION, "stream": stream, **asked(api, text_part(api, script))}
    through, direct = await both(gateway, http, sim, PATHS[api], body)
    assert through.status == direct.status == status
    assert still(through.body) == still(direct.body)
    assert through.headers["retry-after"] == direct.headers["retry-after"] == "7"


async def test_refusals_of_arks_own(gateway: Gateway, http: Http, sim: Simulated) -> None:
    body = {"model": VISION, "input": "x", "no_such_field": 1}
    through, direct = await both(gateway, http, sim, "/responses", body)
    assert through.status == direct.status == 400
    assert still(through.body) == still(direct.body)


async def test_other_endpoints(gateway: Gateway, http: Http, sim: Simulated) -> None:
    for path, body in (
        ("/embeddings", {"model": "doubao-embedding", "input": ["a", "b"]}),
        ("/images/generations", {"model": "doubao-seedream-4-0-250828", "prompt": "a hill", "size": "1K"}),
    ):
        through, direct = await both(gateway, http, sim, path, body)
        assert still(through.body).replace(b"ID", b"") == still(direct.body).replace(b"ID", b"")
        assert through.status == 200


async def test_uploaded_picture_changes_no_byte_of_the_answer(
    gateway: Gateway, http: Http, sim: Simulated
) -> None:
    body = asked("responses", url_part("responses", data_url(large("green"))), model=VISION, stream=True)
    through, direct = await both(gateway, http, sim, "/responses", body)
    assert through.changes == ["image:uploaded=1"]
    assert still(through.body) == still(direct.body)


async def test_modelarts_under_arks_prefix(gateway: Gateway, http: Http) -> None:
    body = {"model": "qwen-vl", **asked("chat", text_part("chat", "one two")), "stream": True}
    answer = await http.post(f"{gateway.v3}/chat/completions", body)
    assert answer.body.endswith(b"data:[DONE]\n\n")
    assert "".join(event["choices"][0]["delta"].get("content", "") for event in answer.events)
