"""Ark's chat chunks, as OpenAI's helpers read them."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.wire import sse
from gateway.wire.complete import CompleteChat
from tests.strategies import spoilt


def chunk(*choices: object, **more: object) -> dict[str, object]:
    return {"choices": list(choices), "id": "1", **more}


def completed_chat(*chunks: object) -> list[object]:
    stream = CompleteChat()
    return [_json(stream.feed(sse.encode(one))) for one in chunks]


def _json(frame: bytes) -> object:
    event = sse.read(frame)
    assert event is not None
    return event.json()


def test_the_role_stands_in_the_first_delta_of_each_choice_only() -> None:
    def said(index: int, **delta: object) -> dict[str, object]:
        return {"delta": delta, "index": index}

    told = completed_chat(
        chunk(said(0, content="a", role="assistant")),
        chunk(said(1, content="b", role="assistant"), said(0, content="c", role="assistant")),
        chunk(said(1, role="assistant", content="d")),
        chunk(said(0, role="assistant")),
    )
    assert told == [
        chunk(said(0, content="a", role="assistant")),
        chunk(said(1, content="b", role="assistant"), said(0, content="c")),
        chunk(said(1, content="d")),
        chunk(said(0)),
    ]


def test_a_choice_that_starts_late_keeps_its_role_though_its_tool_call_is_number_zero() -> None:
    call = {"content": "", "tool_calls": [{"function": {"arguments": "{}"}, "index": 0}], "role": "assistant"}
    first = chunk({"delta": {"content": "a", "role": "assistant"}, "index": 0})
    late = chunk({"delta": call, "index": 1})
    assert completed_chat(first, late) == [first, late]


def test_a_role_in_the_answers_own_text_stays() -> None:
    first = chunk({"delta": {"content": "a", "role": "assistant"}, "index": 0})
    text = chunk({"delta": {"content": ',"role":"assistant"},"index":0'}, "index": 0})
    assert completed_chat(first, text) == [first, text]


def test_a_chunk_that_needs_nothing_keeps_its_bytes() -> None:
    stream = CompleteChat()
    for frame in (
        b'data: { "choices": [ ] }\n\n',
        b'data:{"choices":[{"delta":{"role":"assistant"} }]}\n\n',
        b"data: [DONE]\n\n",
    ):
        assert stream.feed(frame) == frame


def test_hostile_chunks_do_not_crash() -> None:
    start = chunk({"delta": {"content": "a", "role": "assistant"}, "index": 0})
    for value in spoilt(start):
        stream = CompleteChat()
        for one in (start, value, start):
            stream.feed(sse.encode(one))


@given(
    st.lists(
        st.binary(max_size=20).map(lambda noise: b'data: {"role":"assistant"' + noise + b"}\n\n"), max_size=3
    )
)
def test_broken_chunks_pass_untouched(frames: list[bytes]) -> None:
    stream = CompleteChat()
    for frame in frames:
        assert stream.feed(frame) == frame
