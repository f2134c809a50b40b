"""Streams of both backends as captured, and what the callers of each dialect read of them."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai import omit
from openai._models import construct_type
from openai.lib.streaming.chat._completions import ChatCompletionStreamState
from openai.lib.streaming.responses._responses import ResponseStreamState
from openai.types.chat import ChatCompletionChunk
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter

from gateway.backends import KINDS
from gateway.errors import UpstreamError
from gateway.wire import sse
from gateway.wire.stream import Stream
from gateway.wire.usage import Usage
from tests.golden.files import HERE, compare, left_over
from tests.open_responses import wrong_with_event
from tests.strategies import cut

FOLDER = HERE / "streams"
CAPTURES = sorted(path for path in FOLDER.rglob("*.sse") if not path.name.endswith(".openai.sse"))
few = settings(max_examples=15)  # for each of many streams
RESPONSES = [path for path in CAPTURES if path.parent.name == "responses"]
REQUEST = {"model": "m", "input": "q", "stream": True, "temperature": 0.5, "instructions": "Be brief."}
EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)


def name(path: Path) -> str:
    return str(path.relative_to(FOLDER))


def stream_for(path: Path, dialect: str = "openai") -> Stream:
    kind, api = path.parts[-3:-1]
    return KINDS[kind](kind, "https://example.com", None).stream(api, dialect, REQUEST)


def relayed(stream: Stream, chunks: Iterable[bytes]) -> bytes:
    framer = sse.Framer()
    blocks = [framer.feed(chunk) for chunk in chunks]
    assert framer.rest() == b""
    return b"".join(stream.feed(block) for block in blocks if block)


def golden(path: Path) -> Path:
    return path.with_suffix(".openai.sse")


def events(raw: bytes) -> list[sse.Event]:
    return [event for frame in sse.frames(raw) if (event := sse.read(frame))]


def bodies(raw: bytes) -> list[dict[str, Any]]:
    return [body for event in events(raw) if (body := event.json())]


@pytest.mark.parametrize("path", CAPTURES, ids=name)
def test_the_openai_form_is_the_golden_one(path: Path) -> None:
    compare(golden(path), relayed(stream_for(path), [path.read_bytes()]))


def test_every_golden_stream_has_its_capture() -> None:
    assert left_over(FOLDER, "*.openai.sse", {golden(path) for path in CAPTURES}) == set()


@pytest.mark.parametrize("path", CAPTURES, ids=name)
@few
@given(data=st.data())
def test_cutting_the_bytes_anywhere_changes_nothing(path: Path, data: st.DataObject) -> None:
    stream, raw = stream_for(path), path.read_bytes()
    assert relayed(stream, data.draw(cut(raw))) == golden(path).read_bytes()
    assert stream.finished()


@pytest.mark.parametrize("end", [b"\r\n", b"\r"])
@pytest.mark.parametrize("path", CAPTURES, ids=name)
@few
@given(data=st.data())
def test_other_line_ends_give_the_same_events(path: Path, end: bytes, data: st.DataObject) -> None:
    raw = path.read_bytes().replace(b"\n", end)
    told = events(relayed(stream_for(path), data.draw(cut(raw))))
    wanted = events(golden(path).read_bytes())
    assert [event.name for event in told] == [event.name for event in wanted]
    assert [event.json() for event in told] == [event.json() for event in wanted]


@pytest.mark.parametrize("path", [path for path in CAPTURES if path.parts[-3] == "ark"], ids=name)
def test_arks_dialect_gets_arks_bytes(path: Path) -> None:
    raw = path.read_bytes()
    assert relayed(stream_for(path, "ark"), [raw[i : i + 7] for i in range(0, len(raw), 7)]) == raw


@pytest.mark.parametrize("dialect", ["openai", "ark"])
@pytest.mark.parametrize("path", CAPTURES, ids=name)
def test_a_stream_is_finished_with_its_end_and_not_before(path: Path, dialect: str) -> None:
    stream, seen = stream_for(path, dialect), []
    for frame in sse.frames(path.read_bytes()):
        stream.feed(frame)
        seen.append(stream.finished())
    assert seen[-1]
    assert not any(seen[: len(seen) // 2])
    stream.feed(b": a comment after the end\n\n")
    assert stream.finished()


USAGE = {
    "reasoning": Usage(817, 111, 0, 72),
    "web-search": Usage(817, 111, 0, 72),
    "image-process": Usage(817, 111, 0, 72),
    "function-call-incomplete": Usage(817, 111, 0, 72),
    "role-in-each-delta": Usage(521, 9, 0, 2),
    "two-choices-with-tool-calls": None,
    "one-picture-fails": Usage(0, 16224),
    "answer": Usage(283, 1),
    "error-frame": Usage(283, 1),
    "error-frame-with-both-shapes": Usage(283, 1),
}


@pytest.mark.parametrize("path", CAPTURES, ids=name)
@few
@given(data=st.data())
def test_the_last_usage_is_read_wherever_the_bytes_were_cut(path: Path, data: st.DataObject) -> None:
    stream = stream_for(path)
    relayed(stream, data.draw(cut(path.read_bytes())))
    assert stream.usage() == USAGE[path.stem]


@pytest.mark.parametrize("path", CAPTURES, ids=name)
def test_nothing_that_the_backend_said_is_lost(path: Path) -> None:
    for before, after in zip(bodies(path.read_bytes()), bodies(golden(path).read_bytes()), strict=True):
        if "error_code" not in before:
            _holds(after, before)


def _holds(after: Any, before: Any) -> None:
    """Each value is still there; but a repeated role is gone, an error that would end the SDK's reading has another
    name, and OpenAI has another word for the length that was reached."""
    if isinstance(before, dict):
        renamed = next((name for name in ("tool_error", "failure") if name in after), "error")
        for key in before.keys() - ({"role"} - after.keys()):
            _holds(after[renamed if key == "error" else key], before[key])
    elif before == "length":
        assert after == "max_output_tokens"
    elif isinstance(before, list):
        for one, other in zip(after, before, strict=True):
            _holds(one, other)
    else:
        assert after == before


@pytest.mark.filterwarnings(
    "ignore:Pydantic serializer warnings"
)  # the SDK's, over items that it does not know
@pytest.mark.parametrize("path", RESPONSES, ids=name)
def test_openais_own_helper_reads_the_whole_stream(path: Path) -> None:
    state = ResponseStreamState(text_format=omit, input_tools=omit)
    told = [orjson.loads(event.data) for event in events(golden(path).read_bytes()) if not event.done]
    known = [body for body in told if "image_process" not in body["type"] and "doubao" not in body["type"]]
    seen = [one for body in known for one in state.handle_event(_constructed(body))]
    text = "".join(body["delta"] for body in known if body["type"] == "response.output_text.delta")
    assert "".join(one.delta for one in seen if one.type == "response.output_text.delta") == text
    assert [one.response.output_text for one in seen if one.type == "response.completed"] in ([text], [])


def _constructed(body: dict[str, Any]) -> Any:
    return construct_type(type_=ResponseStreamEvent, value=body)


@pytest.mark.parametrize("path", RESPONSES, ids=name)
def test_a_strict_client_finds_every_field_that_the_specification_requires(path: Path) -> None:
    wrong = [one for body in bodies(golden(path).read_bytes()) for one in wrong_with_event(body)]
    assert wrong == []


@pytest.mark.parametrize("path", RESPONSES, ids=name)
def test_openais_types_take_every_event_that_is_openais(path: Path) -> None:
    known = [event for event in events(golden(path).read_bytes()) if _openais(event)]
    assert len(known) > 6
    for event in known:
        EVENT.validate_json(event.data, strict=True)


def _openais(event: sse.Event) -> bool:
    """Whether nothing of Ark's own is in it."""
    return not event.done and b"image_process" not in event.data and b"doubao_app" not in event.data


def test_the_same_client_cannot_read_what_ark_sends() -> None:
    """Else the completion would be for nothing."""
    raw = events((FOLDER / "ark/responses/reasoning.sse").read_bytes())
    broken = {event.name for event in raw if not _valid(event)}
    assert {"response.created", "response.output_item.added", "response.content_part.added"} <= broken


def _valid(event: sse.Event) -> bool:
    try:
        EVENT.validate_json(event.data, strict=True)
    except ValueError:
        return False
    return True


def test_no_event_of_a_tool_holds_an_error_that_ends_the_sdks_reading() -> None:
    told = bodies(golden(FOLDER / "ark/responses/image-process.sse").read_bytes())
    assert [body["type"] for body in told if body.get("error")] == []
    assert [body["tool_error"]["message"] for body in told if "tool_error" in body] == [
        "image 1 is too small",
        "no such image",
    ]


def test_openais_chat_helper_reads_one_role_for_each_choice() -> None:
    state = ChatCompletionStreamState()
    for body in bodies(golden(FOLDER / "ark/chat/two-choices-with-tool-calls.sse").read_bytes()):
        state.handle_chunk(ChatCompletionChunk.model_validate(body | {"usage": None}))
    snapshot = state.current_completion_snapshot
    assert [choice.message.role for choice in snapshot.choices] == ["assistant", "assistant"]
    assert snapshot.choices[0].message.content == "Aa1first key"
    calls = snapshot.choices[1].message.tool_calls
    assert calls is not None
    assert [call.function.arguments for call in calls] == ['{"city":"北京"}']


def test_modelarts_error_reaches_openais_sdk_as_an_error() -> None:
    for case in ("error-frame", "error-frame-with-both-shapes"):
        error = bodies(golden(FOLDER / f"modelarts/chat/{case}.sse").read_bytes())[-1]["error"]
        assert error["code"].startswith("ModelArts.")
        assert set(error) == {"message", "type", "param", "code"}


@pytest.mark.parametrize("path", CAPTURES, ids=name)
@few
@given(data=st.data())
def test_a_stream_that_breaks_off_is_ended_by_an_event_of_its_api(path: Path, data: st.DataObject) -> None:
    frames = list(sse.frames(path.read_bytes()))
    count = data.draw(st.integers(0, len(frames) // 2))
    stream = stream_for(path)
    sent = b"".join(stream.feed(frame) for frame in frames[:count])
    end = stream.error(UpstreamError(502, "It broke.", code="upstream_truncated"))
    assert end.endswith(b"\n\n")
    last = events(sent + end)[-1]
    body = orjson.loads(last.data)
    api = path.parts[-2]
    if api == "chat":
        assert (last.name, body["error"]["code"]) == ("", "upstream_truncated")
    elif api == "images":
        assert (last.name, body["type"], body["error"]["message"]) == ("error", "error", "It broke.")
    elif count == 0:
        assert (last.name, body["code"], body["sequence_number"]) == ("error", "upstream_truncated", 0)
    else:
        assert last.name == "response.failed"
        assert body["response"]["error"] == {"code": "upstream_truncated", "message": "It broke."}
        assert [one["sequence_number"] for one in bodies(sent + end)] == list(range(count + 1))
        assert body["response"]["status"] == "failed"
    stream.feed(end)
    assert stream.finished()
