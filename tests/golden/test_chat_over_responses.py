"""Chat served by Ark's Responses API: what Ark is sent for a request, and what a caller reads of Ark's answers."""

import copy
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import orjson
import pytest

from gateway.backends.ark import Ark
from gateway.errors import InvalidRequest
from gateway.simulator.ark.input_items import input_items
from gateway.simulator.ark.responses_rules import check_request
from gateway.wire import media, sse
from gateway.wire.translate.chat_over_responses import reply, request
from gateway.wire.translate.translation import Mark, Reply
from tests.golden.files import HERE, compare, left_over

FOLDER = HERE / "chat_over_responses"
CASES = sorted(path for path in FOLDER.glob("*.json") if path.suffixes == [".json"])
CAPTURES = sorted(
    path for path in (HERE / "streams/ark/responses").glob("*.sse") if path.suffixes == [".sse"]
)
Output = Literal["markdown", "field"]
OUTPUTS: tuple[Output, ...] = ("markdown", "field")
ASKED = {"model": "m", "stream": True, "stream_options": {"include_usage": True}}
each_capture = pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
each_output = pytest.mark.parametrize("output", OUTPUTS)


def way_back(output: Output) -> Reply:
    return reply(ASKED, Mark("0123456789abcdef" * 2, 1_700_000_000), process_output=output)


def outcome(case: Path) -> dict[str, Any]:
    """What becomes of a case: translated, then prepared as any Responses body for Ark."""
    asked = orjson.loads(case.read_bytes())
    before = copy.deepcopy(asked)
    try:
        translated, told = request(asked)
        prepared, headers, more = Ark("ark", "https://ark.example.com/api/v3", None).prepare(
            "responses", translated
        )
    except InvalidRequest as refused:
        return {"error": {"status": refused.status, "envelope": refused.envelope()}}
    finally:
        assert asked == before, "the caller's body was changed in place"
    return {"body": prepared, "headers": headers, "changes": [change.what for change in (*told, *more)]}


def dumped(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_each_request_is_as_recorded(case: Path) -> None:
    compare(case.with_suffix(".responses.json"), dumped(outcome(case)))


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_ark_takes_it_or_the_refusal_names_what_is_wrong(case: Path) -> None:
    got = outcome(case)
    if "error" in got:
        assert got["error"]["envelope"]["error"]["param"]
        return
    body = got["body"]
    raw = orjson.dumps(body)
    check_request(SimpleNamespace(body=body, raw=raw, headers=got["headers"], now=0.0))
    assert input_items(body["input"], raw) == body["input"]
    asked = orjson.loads(case.read_bytes())
    assert len(media.find("responses", body)) == len(media.find("chat", asked))


def golden(path: Path, output: Output, ending: str) -> Path:
    return FOLDER / f"{path.stem}.{output}.{ending}"


@each_output
@each_capture
def test_each_stream_is_as_recorded(path: Path, output: Output) -> None:
    stream = way_back(output).stream()
    compare(golden(path, output, "sse"), stream.feed(path.read_bytes()) + stream.end())
    assert stream.finished()


@each_output
@each_capture
def test_each_whole_answer_is_as_recorded(path: Path, output: Output) -> None:
    bodies = [event.json() for frame in sse.frames(path.read_bytes()) if (event := sse.read(frame))]
    [whole] = [body["response"] for body in bodies if body and "output" in body.get("response", {})]
    compare(golden(path, output, "answer.json"), dumped(way_back(output).answer(whole)))


def test_nothing_recorded_is_left_over() -> None:
    wanted = {
        golden(path, output, end) for path in CAPTURES for output in OUTPUTS for end in ("sse", "answer.json")
    }
    wanted |= {*CASES, *(case.with_suffix(".responses.json") for case in CASES)}
    assert left_over(FOLDER, "*.*", wanted) == set()
