"""The log: no key and no picture in any line, and one line for each request that tells what became of it."""

import asyncio
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.backends.base import Change
from gateway.telemetry import Lines, Record, redact, redacted
from gateway.wire.usage import Usage

SECRETS = [
    "Bearer abcdefgh-1234-5678-90ab-cdef01234567",
    "authorization: bearer  s3cr3t",
    "sk-ci-0123456789",
    "the key sk-0123456789abcdef was refused",
    "api_key=s3cr3t-value",
    "ARK_API_KEY=s3cr3t-value",
    "x-api-key: s3cr3t-value",
    '{"api_key": "s3cr3t-value", "b": 1}',
    "apiKey='s3cr3t-value'",
]
HIDDEN = re.compile(r"abcdefgh|s3cr3t|0123456789")


@pytest.mark.parametrize("text", SECRETS)
def test_a_key_is_masked_in_any_text(text: str) -> None:
    assert HIDDEN.search(text)
    told = redacted(text)
    assert not HIDDEN.search(told)
    assert "***" in told


@pytest.mark.parametrize("text", SECRETS)
def test_a_key_is_masked_in_any_field_of_a_line(text: str) -> None:
    event = redact(None, "info", {"event": text, "cause": f"Error({text!r})", "status": 200})
    assert not HIDDEN.search(f"{event}")
    assert event["status"] == 200


@pytest.mark.parametrize(
    "text", ["a task-force of risk-takers", "sk-", "the api key", "qwen-vl", "/v1/chat/completions"]
)
def test_plain_words_are_not_masked(text: str) -> None:
    assert redacted(text) == text


@given(st.text("abc ", max_size=20), st.text("ABCabc019+/=_-", max_size=60))
def test_a_picture_is_never_written_out(before: str, data: str) -> None:
    told = redacted(f"{before}data:image/png;base64,{data} after")
    assert told == f"{before}data:… after"


def test_a_long_text_is_cut() -> None:
    assert len(redacted("x" * 10_000)) == 2000
    assert len(redact(None, "info", {"event": "x" * 10_000})["event"]) == 2000


def test_the_key_after_a_cut_is_not_in_the_cut_text() -> None:
    assert not HIDDEN.search(redacted("x" * 1990 + " sk-ci-0123456789"))


def record(**known: object) -> Record:
    made = Record("req_1", "POST", "/v1/responses")
    for name, value in known.items():
        setattr(made, name, value)
    return made


@pytest.mark.parametrize(
    ("known", "outcome"),
    [
        ({"status": 200}, "ok"),
        ({"status": 404}, "error"),
        ({}, "error"),
        ({"status": 200, "broken": True}, "broken"),
        ({"status": 200, "left": True, "broken": True}, "left"),
        ({"left": True}, "left"),
    ],
)
def test_the_outcome_is_one_of_four(known: dict[str, object], outcome: str) -> None:
    assert record(**known).outcome == outcome


def test_the_headers_tell_the_place_and_each_change() -> None:
    changes = (Change("drop:caching", "why"), Change("image:inlined=2", "why"))
    told = record(backend="ark", upstream_model="doubao", changes=changes).told()
    assert told["x-arkway-backend"] == "ark"
    assert told["x-arkway-model"] == "doubao"
    assert told["x-arkway-changes"] == "drop:caching, image:inlined=2"


def test_where_nothing_changed_and_nothing_is_known_no_header_says_so() -> None:
    assert record().told().keys() == {"x-request-id", "server-timing"}


def test_the_timing_names_where_the_time_went() -> None:
    known = record(media_seconds=0.0125, upstream_seconds=1.5).timing()
    assert re.fullmatch(r"media;dur=12\.5, upstream;dur=1500\.0, total;dur=\d+\.\d", known)
    assert re.fullmatch(r"total;dur=\d+\.\d", record().timing())


def test_the_line_holds_what_is_known_and_nothing_else() -> None:
    line = record(status=200, stream=True, usage=Usage(3, 4), upstream_seconds=0.25, bytes_in=9).line()
    total = line.pop("total_ms")
    assert total >= 0
    assert line == {
        "request_id": "req_1",
        "method": "POST",
        "path": "/v1/responses",
        "status": 200,
        "outcome": "ok",
        "stream": True,
        "bytes_in": 9,
        "bytes_out": 0,
        "upstream_ms": 250.0,
        "input_tokens": 3,
        "output_tokens": 4,
    }


async def test_the_lines_of_one_turn_are_written_at_its_end_in_order() -> None:
    target = io.BytesIO()
    lines = Lines(target)
    for line in (b"1", b"2", b"3"):
        lines.info(line)
    assert target.getvalue() == b""
    await asyncio.sleep(0)
    assert target.getvalue() == b"1\n2\n3\n"
    lines.error(b"4")
    await asyncio.sleep(0)
    assert target.getvalue() == b"1\n2\n3\n4\n"


def test_where_no_loop_runs_a_line_is_written_at_once() -> None:
    target = io.BytesIO()
    Lines(target).warning(b"1")
    assert target.getvalue() == b"1\n"


def test_flushing_nothing_writes_nothing() -> None:
    target = io.BytesIO()
    Lines(target).flush()
    assert target.getvalue() == b""
