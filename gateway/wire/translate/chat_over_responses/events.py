"""What each event of a Responses stream adds to a chat message; events that are not here add nothing."""

from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

from gateway.wire.translate.chat_over_responses.deltas import Deltas, Place
from gateway.wire.translate.translation import Json

Tell: TypeAlias = Callable[[Deltas, Json], Iterator[Json]]

# The texts of an answer: what their events are called, the type of their part, and where its number stands.
_TEXTS = (
    ("output_text", "output_text", "content_index"),
    ("refusal", "refusal", "content_index"),
    ("reasoning_summary_text", "summary_text", "summary_index"),
    ("reasoning_text", "reasoning_text", "content_index"),
)


def _number(event: Json, name: str) -> int:
    """The place that an event names; -1 where it names none."""
    value = event.get(name)
    return value if isinstance(value, int) else -1


def _place(event: Json, kind: str, part: str) -> Place:
    return Place(kind, _number(event, "output_index"), _number(event, part))


def _text_delta(kind: str, part: str) -> Tell:
    return lambda deltas, event: deltas.text(_place(event, kind, part), event.get("delta"))


def _text_done(kind: str, part: str) -> Tell:
    text = "refusal" if kind == "refusal" else "text"
    return lambda deltas, event: deltas.whole_text(_place(event, kind, part), event.get(text))


def _part_done(part: str) -> Tell:
    return lambda deltas, event: deltas.part(
        _number(event, "output_index"), _number(event, part), event.get("part")
    )


def _annotation(deltas: Deltas, event: Json) -> Iterator[Json]:
    return deltas.annotation(_place(event, "output_text", "content_index"), event.get("annotation"))


def _arguments_delta(deltas: Deltas, event: Json) -> Iterator[Json]:
    return deltas.arguments(_number(event, "output_index"), event.get("delta"))


def _arguments_done(deltas: Deltas, event: Json) -> Iterator[Json]:
    return deltas.whole_arguments(_number(event, "output_index"), event.get("arguments"))


def _item_added(deltas: Deltas, event: Json) -> Iterator[Json]:
    return deltas.begin(_number(event, "output_index"), event.get("item"))


def _item_done(deltas: Deltas, event: Json) -> Iterator[Json]:
    return deltas.item(_number(event, "output_index"), event.get("item"))


TELLS: Mapping[str, Tell] = {
    **{f"response.{name}.delta": _text_delta(kind, part) for name, kind, part in _TEXTS},
    **{f"response.{name}.done": _text_done(kind, part) for name, kind, part in _TEXTS},
    "response.content_part.done": _part_done("content_index"),
    "response.reasoning_summary_part.done": _part_done("summary_index"),
    "response.output_text.annotation.added": _annotation,
    "response.function_call_arguments.delta": _arguments_delta,
    "response.function_call_arguments.done": _arguments_done,
    "response.output_item.added": _item_added,
    "response.output_item.done": _item_done,
}
