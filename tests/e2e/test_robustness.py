"""Odd JSON against the running gateway: whatever comes, it is never the gateway that fails."""

from typing import Any

import aiohttp
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .conftest import Launch, Simulated

KEYS = st.sampled_from(
    [
        "type",
        "role",
        "content",
        "image_url",
        "url",
        "file_id",
        "text",
        "tools",
        "input",
        "output",
        "messages",
        "name",
    ]
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(
        [
            *("text", "image_url", "input_image", "input_text", "user", "system", "developer", "tool"),
            *("message", "function_call_output", "image_process", "function", "enabled", "auto"),
            *("data:image/png;base64,iVBORw0KGgo=", "http://127.0.0.1:1/a", "file:///etc/passwd"),
        ]
    )
)
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
FIELDS = st.sampled_from(
    [
        *(
            "messages",
            "input",
            "tools",
            "tool_choice",
            "instructions",
            "caching",
            "include",
            "text",
            "stream",
        ),
        *("reasoning", "response_format", "previous_response_id", "store", "prompt", "image", "size"),
        *("stream_options", "context_management", "service_tier", "max_tokens", "metadata", "temperature"),
    ]
)
BODY = st.dictionaries(FIELDS, JSON, max_size=6)
MODELS = st.sampled_from(["doubao-vision", "qwen-vl", "strawberry-counter", "doubao-\u2028x", "unknown"])
PATHS = st.sampled_from(["/chat/completions", "/responses", "/images/generations", "/embeddings"])
PREFIXES = st.sampled_from(["/v1", "/api/v3", ""])


@pytest.fixture
def url(launch: Launch) -> str:
    return launch(upstream={"retries": 0}).url


async def test_odd_bodies(url: str, sim: Simulated) -> None:
    async with aiohttp.ClientSession() as session:
        for body, model, path, prefix in _drawn():
            raw = orjson.dumps({"model": model, **body})
            async with session.post(url + prefix + path, data=raw) as answer:
                text = await answer.read()
            assert answer.status in (200, 400, 404), (answer.status, raw, text)
    await sim.idle()


def _drawn() -> list[tuple[dict[str, Any], str, str, str]]:
    """What hypothesis makes up, collected first: its examples and an event loop do not mix."""
    drawn = []

    @settings(max_examples=150, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(BODY, MODELS, PATHS, PREFIXES)
    def collect(body: dict[str, Any], model: str, path: str, prefix: str) -> None:
        drawn.append((body, model, path, prefix))

    collect()
    return drawn
