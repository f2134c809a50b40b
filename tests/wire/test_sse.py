"""Events as bytes: framing survives any cut and any line end, and reading undoes writing."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.wire import sse
from tests.strategies import cut, json_values

STREAM = (
    b'event: a\ndata: {"n":1}\n\n'
    b": comment\n\n"
    b'data:{"text":"one\xe2\x80\xa8line \xe5\x9b\xbe"}\n\n'
    b'id: 7\nretry: 10\ndata: {"n":\ndata: 2}\n\n'
    b"data: [DONE]\n\n"
)
LINE_ENDS = [b"\n", b"\r\n", b"\r"]


def framed(chunks: list[bytes]) -> tuple[list[bytes], bytes]:
    framer = sse.Framer()
    blocks = [framer.feed(chunk) for chunk in chunks]
    return [frame for block in blocks for frame in sse.frames(block)], framer.rest()


def events(frames: list[bytes]) -> list[sse.Event]:
    return [event for event in map(sse.read, frames) if event]


@pytest.mark.parametrize("end", LINE_ENDS)
@given(data=st.data())
def test_cutting_the_bytes_anywhere_gives_the_same_frames(data: st.DataObject, end: bytes) -> None:
    stream = STREAM.replace(b"\n", end)
    frames, rest = framed(data.draw(cut(stream)))
    assert frames == list(sse.frames(stream))
    assert rest == b""


@pytest.mark.parametrize("end", LINE_ENDS)
def test_byte_by_byte_each_frame_is_let_go_with_its_last_byte(end: bytes) -> None:
    stream = STREAM.replace(b"\n", end)
    framer = sse.Framer()
    fed = [framer.feed(stream[i : i + 1]) for i in range(len(stream))]
    assert [block for block in fed if block] == list(sse.frames(stream))


@pytest.mark.parametrize("end", LINE_ENDS)
def test_line_ends_do_not_change_the_events(end: bytes) -> None:
    assert events(list(sse.frames(STREAM.replace(b"\n", end)))) == [
        sse.Event("a", b'{"n":1}'),
        sse.Event("", '{"text":"one\u2028line 图"}'.encode()),
        sse.Event("", b'{"n":\n2}'),
        sse.Event("", b"[DONE]"),
    ]


@given(data=st.data(), stream=st.text("ad: \n\r", max_size=40).map(str.encode))
def test_any_mix_of_line_ends_loses_no_byte_and_no_event(data: st.DataObject, stream: bytes) -> None:
    framer = sse.Framer()
    passed = b"".join(framer.feed(chunk) for chunk in data.draw(cut(stream)))
    assert passed + framer.rest() == stream
    assert events(list(sse.frames(passed))) == events(list(sse.frames(stream.removesuffix(framer.rest()))))


@given(st.binary(max_size=60) | st.text("d:\r\n", max_size=40).map(str.encode))
def test_frames_partition_a_block(block: bytes) -> None:
    frames = list(sse.frames(block))
    assert b"".join(frames) == block
    assert all(frames)


@given(json_values, st.sampled_from(["", "response.created", "图"]))
def test_reading_undoes_writing(value: object, name: str) -> None:
    frame = sse.encode(value, name)
    event = sse.read(frame)
    assert event is not None
    assert (event.name, orjson.loads(event.data)) == (name, value)
    assert list(sse.frames(frame)) == [frame]
    assert event.json() == (value if isinstance(value, dict) else None)


def test_a_frame_in_its_middle_is_held_back() -> None:
    framer = sse.Framer()
    assert framer.feed(b'data: {"a":1}\n') == b""
    assert framer.feed(b'\ndata: {"b"') == b'data: {"a":1}\n\n'
    assert framer.rest() == b'data: {"b"'


def test_a_frame_may_be_as_long_as_the_limit_and_no_longer() -> None:
    framer = sse.Framer(limit=10)
    assert framer.feed(b"data: 1234") == b""
    with pytest.raises(sse.FrameTooLong, match="10 bytes"):
        framer.feed(b"5")


def test_the_limit_is_for_one_frame_and_not_for_the_stream() -> None:
    framer = sse.Framer(limit=16)
    fed = [framer.feed(b"\n\ndata: 123456"), *(framer.feed(b"\n\ndata: 123456") for _ in range(9))]
    assert b"".join(fed).count(b"data: 123456\n\n") == 9


@pytest.mark.parametrize(
    ("frame", "event"),
    [
        (b"data: x\n\n", sse.Event("", b"x")),
        (b"data:x\n\n", sse.Event("", b"x")),
        (b"data:  x\n\n", sse.Event("", b" x")),
        (b"data\n\n", sse.Event("", b"")),
        (b"data: a\ndata: b\n\n", sse.Event("", b"a\nb")),
        (b"event: one\nevent: two\ndata: x\n\n", sse.Event("two", b"x")),
        (b"event: \xff\ndata: x\n\n", sse.Event("\ufffd", b"x")),
        (b"Data: x\n\n", None),
        (b": only a comment\n\n", None),
        (b"event: ping\n\n", None),
        (b"", None),
    ],
)
def test_a_frame_is_read_as_the_standard_says(frame: bytes, event: sse.Event | None) -> None:
    assert sse.read(frame) == event


def test_unicode_line_separators_do_not_end_a_line() -> None:
    frame = 'data: {"a":"1\u2028\u2029\x85\x0b\x0c2"}\n\n'.encode()
    event = sse.read(frame)
    assert event is not None
    assert event.data.endswith(b'2"}')


@pytest.mark.parametrize("data", [b"[DONE]", b"[DONE] "])
def test_done_is_known(data: bytes) -> None:
    assert sse.Event("", data).done
    assert not sse.Event("", b'{"a":"[DONE]"}').done


@pytest.mark.parametrize("data", [b"", b"[1]", b"null", b'"x"', b"{", b"[DONE]", b"\xff"])
def test_data_that_is_no_object_has_no_json(data: bytes) -> None:
    assert sse.Event("", data).json() is None


def test_the_last_event_is_found_behind_comments() -> None:
    assert sse.last_event(b"data: 1\n\ndata: 2\n\n: bye\n\nevent: ping\n\n") == sse.Event("", b"2")
    assert sse.last_event(b": a\n\n") is None


@pytest.mark.parametrize("block", [b": hi\n\n", b"\n\n: hi\n\n", b"data:{}\n\n", b"event: a\ndata: 1\n\n"])
def test_events_and_comments_look_like_a_stream(block: bytes) -> None:
    assert sse.plausible(block)


@pytest.mark.parametrize("block", [b'{"error":1}\n\n', b"<html>\n\n</html>", b"\n\n", b""])
def test_anything_else_does_not(block: bytes) -> None:
    assert not sse.plausible(block)


@pytest.mark.parametrize(
    "rest", [b'data: {"a":1}', b'data: {"a":1}\n', b'data: {"a":1}\r\n', b'data: {"a":1}\r']
)
def test_a_whole_last_event_gets_its_blank_line(rest: bytes) -> None:
    assert sse.completed(rest) == b'data: {"a":1}\n\n'


def test_done_without_its_blank_line_gets_one() -> None:
    assert sse.completed(b"data: [DONE]") == b"data: [DONE]\n\n"


@given(st.integers(0, len(b'event: x\ndata: {"a":{"b":"c"}}') - 1))
def test_an_event_cut_in_its_middle_stays_out(length: int) -> None:
    assert sse.completed(b'event: x\ndata: {"a":{"b":"c"}}'[:length]) == b""


def test_the_keep_alive_is_a_comment() -> None:
    assert sse.read(sse.KEEP_ALIVE) is None
    assert list(sse.frames(sse.KEEP_ALIVE)) == [sse.KEEP_ALIVE]
    assert sse.KEEP_ALIVE.startswith(b":")
