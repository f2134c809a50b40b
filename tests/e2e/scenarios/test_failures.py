"""Failures before and during an answer, and a caller who leaves: by each API on each backend."""

import asyncio
from typing import Any

import openai
import pytest

from .conftest import Place, Rig, each_place, each_way
from .talk import Json

pytestmark = pytest.mark.asyncio(loop_scope="module")

TEXT = "One two three four five six seven eight."
# What each failure is called; the last is the vendors' own.
CODES = {
    "reset_after": ("upstream_broken",),
    "cut_after": ("upstream_truncated",),
    "half a frame": ("upstream_truncated", "upstream_garbage"),  # the latter where it is all there is
    "error_after": ("InternalServiceError", "ModelArts.4503"),
}
SPOKEN: Json = {"text": TEXT, "thought": ""}


def question(place: Place) -> Json:
    said = [{"role": "user", "content": "Go on."}]
    return {"messages" if place.api == "chat" else "input": said}


@each_way
@each_place
@pytest.mark.parametrize(
    ("status", "kind", "told"),
    [
        (400, openai.BadRequestError, 400),
        (401, openai.InternalServerError, 502),
        (403, openai.InternalServerError, 502),
        (404, openai.NotFoundError, 404),
        (429, openai.RateLimitError, 429),
        (500, openai.InternalServerError, 500),
        (503, openai.InternalServerError, 503),
    ],
)
async def test_refusal_of_the_backend(
    rig: Rig, place: Place, status: int, kind: type[openai.APIStatusError], told: int, stream: bool
) -> None:
    await rig.sim.fault(path=place.path, status=status, code="Own.Code", message="No.", retry_after=77)
    with pytest.raises(kind, match=r"No\.") as caught:
        await rig.call(place, question(place), stream=stream)
    assert caught.value.status_code == told
    assert caught.value.code == "Own.Code"
    assert isinstance(caught.value.body, dict)
    assert list(caught.value.body) == ["message", "type", "param", "code"]
    assert caught.value.response.headers.get("retry-after") == (
        "77" if status != 401 and status != 403 else None
    )
    await rig.sim.idle()


async def heard_until_failure(rig: Rig, place: Place) -> tuple[list[Json], Any]:
    """What a streaming caller got, and the failure in its API's form; nothing claims success."""
    client: Any = rig.gateway.openai
    resource = client.chat.completions if place.api == "chat" else client.responses
    got: list[Json] = []
    failure: Any = None
    try:
        stream = await resource.create(model=place.model, stream=True, **question(place))
        async for one in stream:
            got += [one.to_dict(warnings=False)]
    except openai.APIError as error:
        failure = error
    if place.api == "chat":
        assert failure is not None
        assert [one for one in got if any(choice.get("finish_reason") for choice in one["choices"])] == []
        return got, failure
    assert not any(one["type"] in ("response.completed", "response.incomplete") for one in got)
    return got, failure


def said(place: Place, got: list[Json]) -> str:
    if place.api == "chat":
        return "".join(choice["delta"].get("content") or "" for one in got for choice in one["choices"])
    return "".join(one["delta"] for one in got if one["type"] == "response.output_text.delta")


@each_place
@pytest.mark.parametrize("after", [0, 1, 3, 7, 10_000])
@pytest.mark.parametrize("kind", CODES)
async def test_failure_during_the_stream(rig: Rig, place: Place, kind: str, after: int) -> None:
    fault: Json = {"cut_after": after, "cut_mid_frame": True} if kind == "half a frame" else {kind: after}
    if after == 10_000:
        fault["no_done"] = True  # so that the last frame that is missing is the one that tells the end
    await rig.sim.fault(path=place.path, **SPOKEN, **fault)
    got, failure = await heard_until_failure(rig, place)
    assert TEXT.startswith(said(place, got))
    if after == 10_000:
        assert said(place, got) == TEXT
    assert code_of(got, failure) in CODES[kind]
    await rig.sim.idle()


def code_of(got: list[Json], failure: Any) -> str:
    """The code of a failure, having seen that it has the form of its API."""
    if failure is not None:
        assert failure.message
        return str(failure.code)
    return check_failed(got)


def check_failed(got: list[Json]) -> str:
    """The last event is the failure, told with the next number of the same response, or Ark's own ``error``."""
    *before, last = got
    assert [one["sequence_number"] for one in got] == list(range(len(got)))
    error = last if last["type"] == "error" else last["response"]["error"]
    assert error["message"]
    if last["type"] != "error":
        assert last["type"] == "response.failed"
        assert last["response"]["status"] == "failed"
        assert {one["response"]["id"] for one in before[:2]} <= {last["response"]["id"]}
    return str(error["code"])


@each_way
@each_place
@pytest.mark.parametrize("fault", [{"garbage": True}, {"html": True}, {"body": "[]"}, {"body": ""}], ids=str)
async def test_what_is_no_answer(rig: Rig, place: Place, fault: Json, stream: bool) -> None:
    await rig.sim.fault(path=place.path, **fault)
    if stream:
        got, failure = await heard_until_failure(rig, place)
        assert said(place, got) == ""
        assert code_of(got, failure).startswith("upstream_")
        return
    with pytest.raises(openai.InternalServerError) as caught:
        await rig.call(place, question(place), stream=False)
    assert caught.value.status_code == 502
    assert caught.value.code


@each_place
@pytest.mark.parametrize("fault", [{"cut_after": 4}, {"reset_after": 3}], ids=str)
async def test_whole_answer_that_breaks_off(rig: Rig, place: Place, fault: Json) -> None:
    await rig.sim.fault(path=place.path, **fault)
    with pytest.raises(openai.InternalServerError) as caught:
        await rig.call(place, question(place), stream=False)
    assert caught.value.status_code == 502


@each_place
async def test_error_under_status_200(rig: Rig, place: Place) -> None:
    await rig.sim.fault(path=place.path, body='{"error":{"message":"Overloaded.","code":"Own.Code"}}')
    with pytest.raises(openai.InternalServerError, match=r"Overloaded\.") as caught:
        await rig.call(place, question(place), stream=False)
    assert (caught.value.status_code, caught.value.code) == (502, "Own.Code")


@each_place
async def test_streaming_caller_who_leaves(rig: Rig, place: Place) -> None:
    await rig.sim.fault(path=place.path, chunks=2000, chunk_delay=0.01, thought="")
    client: Any = rig.gateway.openai
    resource = client.chat.completions if place.api == "chat" else client.responses
    stream = await resource.create(model=place.model, stream=True, **question(place))
    for _ in range(6):
        await anext(aiter(stream))
    await stream.close()
    await rig.sim.idle()
    assert (await rig.sim.last(place.path))["outcome"] == "aborted"


@each_place
async def test_waiting_caller_who_leaves(rig: Rig, place: Place) -> None:
    await rig.sim.fault(path=place.path, delay=30)
    waiting = asyncio.create_task(rig.call(place, question(place), stream=False))
    await rig.sim.busy()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await rig.sim.idle()
    assert (await rig.sim.last(place.path))["outcome"] == "aborted"
