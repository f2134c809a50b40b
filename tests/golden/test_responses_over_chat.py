"""Responses served by ModelArts' chat: what it is sent for a request, and what a caller reads of its answers."""

import copy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from gateway.backends.modelarts import ModelArts
from gateway.errors import InvalidRequest
from gateway.simulator.modelarts.chat_rules import check_chat
from gateway.wire import media, sse
from gateway.wire.translate.responses_over_chat import reply, request
from gateway.wire.translate.translation import Mark
from tests.golden.files import HERE, compare, left_over

FOLDER = HERE / "responses_over_chat"
CASES = sorted(path for path in FOLDER.glob("*.json") if path.suffixes == [".json"])
OF_BACKENDS = [
    path for kind in ("ark", "modelarts") for path in (HERE / f"streams/{kind}/chat").glob("*.sse")
]
CAPTURES = sorted(path for path in (*FOLDER.glob("*.sse"), *OF_BACKENDS) if path.suffixes == [".sse"])
ASKED = {"model": "m", "input": "hi", "stream": True, "instructions": "Be brief."}
MARK = Mark("0123456789abcdef" * 2, 1_700_000_000)
each_case = pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
each_capture = pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)


def outcome(case: Path) -> dict[str, Any]:
    """What becomes of a case: translated, then prepared as any chat body for ModelArts."""
    asked = orjson.loads(case.read_bytes())
    before = copy.deepcopy(asked)
    try:
        translated, told = request(asked)
        body, _, more = ModelArts("maas", "https://maas.example.com/v1", None).prepare("chat", translated)
    except InvalidRequest as refused:
        return {"error": {"status": refused.status, "envelope": refused.envelope()}}
    finally:
        assert asked == before, "the caller's body was changed in place"
    return {"body": body, "changes": [change.what for change in (*told, *more)]}


@each_case
def test_each_request_is_as_recorded(case: Path) -> None:
    got = orjson.dumps(outcome(case), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    compare(case.with_suffix(".chat.json"), got)


@each_case
def test_modelarts_takes_it_or_the_refusal_names_what_is_wrong(case: Path) -> None:
    got = outcome(case)
    if "error" in got:
        assert got["error"]["envelope"]["error"]["param"]
        return
    check_chat(SimpleNamespace(body=got["body"]))  # type: ignore[arg-type]
    asked = orjson.loads(case.read_bytes())
    assert len(media.find("chat", got["body"])) == len(media.find("responses", asked))


def told(path: Path) -> bytes:
    stream = reply(ASKED, MARK).stream()
    events = stream.feed(path.read_bytes())
    return events + stream.end()


def golden(path: Path) -> Path:
    return FOLDER / f"{path.stem}.responses.sse"


@each_capture
def test_each_stream_is_as_recorded(path: Path) -> None:
    compare(golden(path), told(path))


@each_capture
def test_each_stream_ends_once_and_counts_without_a_gap(path: Path) -> None:
    events = [event for frame in sse.frames(told(path)) if (event := sse.read(frame))]
    ends = [
        event.name
        for event in events
        if event.name.rpartition(".")[2] in ("completed", "incomplete", "failed")
    ]
    assert ends == [events[-1].name]
    numbers = [(event.json() or {})["sequence_number"] for event in events]
    assert numbers == list(range(len(events)))


def test_nothing_recorded_is_left_over() -> None:
    wanted = {*CASES, *CAPTURES, *map(golden, CAPTURES), *(case.with_suffix(".chat.json") for case in CASES)}
    assert left_over(FOLDER, "*.*", wanted) == set()
    assert len({golden(path) for path in CAPTURES}) == len(CAPTURES)
