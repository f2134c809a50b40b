"""What each backend is sent for a request, or why it is refused: every case for every kind of backend."""

import copy
from pathlib import Path
from typing import Any, cast

import orjson
import pytest

from gateway.backends import KINDS
from gateway.backends.base import Api
from gateway.errors import InvalidRequest
from gateway.routing import Candidate, Router
from tests.golden.files import HERE, compare, left_over

FOLDER = HERE / "requests"
KIND_ENDINGS = tuple(f".{kind}.json" for kind in KINDS)
CASES = sorted(path for path in FOLDER.rglob("*.json") if not path.name.endswith(KIND_ENDINGS))
MODELS = {"ark": "doubao-seed-1-6-vision-250815", "modelarts": "Qwen3-VL-30B-A3B"}


def golden(case: Path, kind: str) -> Path:
    return case.with_suffix(f".{kind}.json")


def outcome(case: Path, kind: str) -> dict[str, Any]:
    """What becomes of a case: routed by the caller's name for the model, then prepared."""
    asked = orjson.loads(case.read_bytes())
    before = copy.deepcopy(asked)
    api = cast(Api, case.parent.name)
    backend = KINDS[kind](kind, "https://backend.example.com/v1", None)
    router = Router({"the-callers-name": [Candidate(backend, MODELS[kind])]})
    try:
        [candidate] = router.resolve(asked["body"]["model"], api, asked["body"], 0.0)
        prepared = candidate.prepare(api, asked["body"], asked.get("headers", {}))
    except InvalidRequest as refused:
        return {"error": {"status": refused.status, "envelope": refused.envelope()}}
    finally:
        assert asked == before, "the caller's body was changed in place"
    changes = [change.what for change in prepared.changes]
    return {"body": prepared.body, "headers": prepared.headers, "changes": changes}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", CASES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_each_case_for_each_backend_is_as_recorded(case: Path, kind: str) -> None:
    got = orjson.dumps(outcome(case, kind), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    compare(golden(case, kind), got)


def test_no_recorded_case_is_left_over() -> None:
    wanted = {golden(case, kind) for case in CASES for kind in KINDS} | set(CASES)
    assert left_over(FOLDER, "*.json", wanted) == set()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", CASES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_change_is_told_and_nothing_else_changes(case: Path, kind: str) -> None:
    got = outcome(case, kind)
    if "error" in got:
        assert got["error"]["envelope"]["error"]["param"]
        return
    if any(change.startswith("translated:") for change in got["changes"]):
        return  # in another API hardly a field stays as it is
    asked = orjson.loads(case.read_bytes())["body"]
    told = {change.partition(":")[2].partition(".")[0].partition("[")[0] for change in got["changes"]}
    told |= {"messages"} if "role:developer=system" in got["changes"] else set()
    for field, value in asked.items():
        if field not in told and value is not None and field != "model" and value is not False:
            assert _without_nulls(got["body"][field]) == _without_nulls(value)
    assert got["body"].keys() <= asked.keys()


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(inner) for name, inner in value.items() if inner is not None}
    return value
