"""What the items of a Responses answer add to a chat message, piece by piece and each piece once.

Both ways to an answer go through here: a whole one says every item at once, a stream says what comes and then
what its ``.done`` events hold beyond that. So the two give the same message.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import orjson

from gateway.wire.translate.chat_over_responses import pictures
from gateway.wire.translate.translation import Json

_GAP = "\n\n"
_FIELDS: Mapping[str, str] = {
    "output_text": "content",
    "refusal": "refusal",
    "summary_text": "reasoning_content",
    "reasoning_text": "reasoning_content",
}


class Place(NamedTuple):
    """One text of an answer: the type of its part, the place of its item, and its own in the item."""

    type: str
    item: int
    part: int


class Deltas:
    """One message as it grows; what is asked of it gives deltas, in the form of a chat stream."""

    def __init__(self, *, as_field: bool) -> None:
        self._as_field = as_field
        self._begun: set[Place] = set()
        self._cited: dict[Place, int] = {}  # annotations that have come
        self._citations = 0  # those that were passed on
        self._calls: dict[int, int] = {}  # the place of an item -> the number of its call
        self._argued: set[int] = set()  # items whose arguments have begun
        self._processed: set[int] = set()
        self._pictures = 0
        self._open_line = False  # whether the content ends in text, so that a picture needs a line of its own
        self._thought = False
        self._items: Mapping[str, Callable[[int, Json], Iterator[Json]]] = {
            "message": self._message,
            "reasoning": self._reasoning,
            "function_call": self._call,
            "image_process": self._process,
        }

    @property
    def has_calls(self) -> bool:
        return bool(self._calls)

    def text(self, place: Place, text: Any) -> Iterator[Json]:
        """More of a text."""
        if not isinstance(text, str) or not text:
            return
        field = _FIELDS[place.type]
        if place not in self._begun:
            self._begun.add(place)
            if field == "reasoning_content":
                text = _GAP + text if self._thought else text
                self._thought = True
        if field == "content":
            self._open_line = True
        yield {field: text}

    def whole_text(self, place: Place, text: Any) -> Iterator[Json]:
        """A text that is complete: news only where nothing of it has come."""
        if place not in self._begun:
            yield from self.text(place, text)

    def annotation(self, place: Place, annotation: Any) -> Iterator[Json]:
        """A citation; Ark does not tell where in the text it belongs, and strict clients want to read it."""
        self._cited[place] = self._cited.get(place, 0) + 1
        if not isinstance(annotation, dict) or annotation.get("type") != "url_citation":
            return  # chat knows no other
        told = {"start_index": 0, "end_index": 0, **annotation}
        del told["type"]
        yield {"annotations": [{"index": self._citations, "type": "url_citation", "url_citation": told}]}
        self._citations += 1

    def part(self, item: int, number: int, part: Any) -> Iterator[Json]:
        """A part that is complete."""
        kind = part.get("type") if isinstance(part, dict) else None
        if not isinstance(kind, str) or kind not in _FIELDS:
            return
        place = Place(kind, item, number)
        yield from self.whole_text(place, part.get("refusal" if kind == "refusal" else "text"))
        for annotation in listed(part.get("annotations"))[self._cited.get(place, 0) :]:
            yield from self.annotation(place, annotation)

    def begin(self, index: int, item: Any) -> Iterator[Json]:
        """An item of which all but the name is still to come."""
        if isinstance(item, dict) and item.get("type") == "function_call":
            yield from self._open_call(index, item)

    def item(self, index: int, item: Any) -> Iterator[Json]:
        """An item that is complete."""
        kind = item.get("type") if isinstance(item, dict) else None
        if isinstance(kind, str) and kind in self._items:
            yield from self._items[kind](index, item)

    def _message(self, index: int, item: Json) -> Iterator[Json]:
        content = item.get("content")
        if isinstance(content, str):
            content = [{"type": "output_text", "text": content}]
        for number, part in enumerate(listed(content)):
            yield from self.part(index, number, part)

    def _reasoning(self, index: int, item: Json) -> Iterator[Json]:
        for name in ("summary", "content"):
            for number, part in enumerate(listed(item.get(name))):
                yield from self.part(index, number, part)

    def _open_call(self, index: int, item: Json, arguments: str = "") -> Iterator[Json]:
        """The beginning of a call, once its name and id are known."""
        call_id, name = item.get("call_id") or item.get("id"), item.get("name")
        if index in self._calls or not isinstance(call_id, str) or not isinstance(name, str):
            return
        number = self._calls[index] = len(self._calls)
        function = {"name": name, "arguments": arguments}
        yield {"tool_calls": [{"index": number, "id": call_id, "type": "function", "function": function}]}

    def arguments(self, index: int, arguments: Any) -> Iterator[Json]:
        """More of a call's arguments; of a call that has not begun they come with its item."""
        if index in self._calls and isinstance(arguments, str) and arguments:
            self._argued.add(index)
            yield {"tool_calls": [{"index": self._calls[index], "function": {"arguments": arguments}}]}

    def whole_arguments(self, index: int, arguments: Any) -> Iterator[Json]:
        if index not in self._argued:
            yield from self.arguments(index, _spelled(arguments))

    def _call(self, index: int, item: Json) -> Iterator[Json]:
        arguments = item.get("arguments")
        if index in self._calls:
            yield from self.whole_arguments(index, arguments)
        else:
            self._argued.add(index)
            yield from self._open_call(index, item, _spelled(arguments))

    def _process(self, index: int, item: Json) -> Iterator[Json]:
        if index in self._processed:
            return
        self._processed.add(index)
        if self._as_field:
            yield {"image_process": [{**item, "index": self._pictures}]}
            self._pictures += 1
            return
        told = pictures.markdown(item)
        if told:
            yield {"content": _GAP + told if self._open_line else told}
            self._open_line = False


def _spelled(arguments: Any) -> str:
    """A call's arguments as text: some backends give the object itself."""
    if isinstance(arguments, str):
        return arguments
    try:
        return orjson.dumps(arguments).decode() if isinstance(arguments, dict) else ""
    except TypeError:  # nested more deeply than can be written
        return ""


def joined(deltas: Iterable[Json]) -> Json:
    """The message that the deltas of whole items make: texts run on, entries of lists lose their ``index``."""
    message: Json = {"role": "assistant", "content": None, "refusal": None}
    for delta in deltas:
        for name, value in delta.items():
            if isinstance(value, str):
                message[name] = (message.get(name) or "") + value
            else:
                entries = [{key: inner for key, inner in entry.items() if key != "index"} for entry in value]
                message.setdefault(name, []).extend(entries)
    return message


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
