"""Ark's pictures and embeddings of media, as OpenAI's clients need them."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.wire import complete, sse
from gateway.wire.complete import CompleteImages
from tests.strategies import json_values

OK = b'event: image_generation.partial_succeeded\ndata: {"type":"image_generation.partial_succeeded","image_index":0, "b64_json":"AAAA"}\n\n'
FAILED = (
    b'event: image_generation.partial_failed\ndata: {"type":"image_generation.partial_failed","image_index":1,'
    b'"error":{"code":"OutputImageSensitiveContentDetected","message":"no"}}\n\n'
)
END = b'event: image_generation.completed\ndata: {"type":"image_generation.completed","usage":{"output_tokens":7}}\n\n'
DONE = b"data: [DONE]\n\n"


def test_a_failed_pictures_error_is_renamed_and_all_else_passes_untouched() -> None:
    stream = CompleteImages()
    first, failed, *rest = sse.frames(stream.feed(OK + FAILED + b": ping\n\n" + END + DONE))
    assert [first, *rest] == [OK, b": ping\n\n", END, DONE]
    event = sse.read(failed)
    assert event is not None
    assert event.name == "image_generation.partial_failed"
    body = event.json() or {}
    assert list(body) == ["type", "image_index", "failure"]
    assert body["failure"] == {"code": "OutputImageSensitiveContentDetected", "message": "no"}
    assert stream.finished()
    used = stream.usage()
    assert used is not None
    assert used.output == 7


def test_a_failed_picture_is_no_end() -> None:
    stream = CompleteImages()
    stream.feed(FAILED)
    assert not stream.finished()


@pytest.mark.parametrize(
    "frame",
    [
        b'event: error\ndata: {"error":{"message":"partial_failed"}}\n\n',
        b'event: image_generation.partial_failed\ndata: {"error": \n\n',
        b'data: ["image_generation.partial_failed"]\n\n',
        b": image_generation.partial_failed\n\n",
        b'event: x\ndata: {"type":"x","url":"https://h/image_generation.partial_failed","error":1}\n\n',
        b'event: image_generation.partial_failed\ndata: {"a":' + b"[" * 300 + b"]" * 300 + b"}\n\n",
    ],
)
def test_a_frame_that_only_looks_like_it_passes(frame: bytes) -> None:
    assert CompleteImages().feed(frame) == frame


def test_usage_gets_the_input_that_openais_requires() -> None:
    raw = (
        b'{"data":[{"b64_json":"AA"}],"usage":{"generated_images":1,"output_tokens":2,"tool_usage":{"a":1}}}'
    )
    assert orjson.loads(complete.images(raw))["usage"] == {
        "input_tokens": 0,
        "input_tokens_details": {"image_tokens": 0, "text_tokens": 0},
        "generated_images": 1,
        "output_tokens": 2,
        "tool_usage": {"a": 1},
    }


@pytest.mark.parametrize(
    "raw",
    [
        b'{"data":[]}',
        b"{}",
        b'{"usage":{}}',
        b'{"usage":{"input_tokens":5}}',
        b'{"usage":null}',
        b"no json",
        b"",
    ],
)
def test_an_answer_without_such_usage_stays(raw: bytes) -> None:
    assert complete.images(raw) == raw


def test_the_one_embedding_stands_in_a_list() -> None:
    data = {"object": "embedding", "embedding": [0.1, 2.0], "sparse_embedding": [{"index": 3, "value": 0.5}]}
    raw = orjson.dumps({"object": "list", "data": data, "usage": {"prompt_tokens": 1}})
    told = orjson.loads(complete.multimodal(raw))
    assert told == {"object": "list", "data": [{"index": 0, **data}], "usage": {"prompt_tokens": 1}}


@given(json_values | st.dictionaries(st.sampled_from(["data", "usage"]), json_values))
def test_no_answer_crashes_the_completion(value: Any) -> None:
    raw = orjson.dumps(value)
    for told in (complete.images(raw), complete.multimodal(raw)):
        if not isinstance(value, dict):
            assert told == raw
        orjson.loads(told)
