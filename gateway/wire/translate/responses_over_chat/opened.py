"""The items of a streamed response while they grow: each tells its beginning, its deltas and its end as events."""

from typing import Any, Protocol, TypeVar

import orjson

from gateway.wire.translate.responses_over_chat import output
from gateway.wire.translate.responses_over_chat.message_parts import Part, Refusal, Text
from gateway.wire.translate.responses_over_chat.numbered import Growing, Numbered

Json = dict[str, Any]
PartT = TypeVar("PartT", Text, Refusal)


class Item(Protocol):
    """One item of the output."""

    def item(self, status: str) -> Json:
        """The object as far as it has come."""

    def close(self, status: str) -> None: ...


class Reasoning:
    """The model's reasoning, told as its one summary."""

    def __init__(self, events: Numbered, id: str, index: int) -> None:
        self._events, self._id, self._index = events, id, index
        self._place = {"item_id": id, "output_index": index, "summary_index": 0}
        self._text = Growing(events, "response.reasoning_summary_text.delta", self._place)

    def open(self) -> None:
        item = self.item("in_progress") | {"summary": []}
        self._events.event("response.output_item.added", output_index=self._index, item=item)
        self._events.event("response.reasoning_summary_part.added", **self._place, part=output.summary(""))

    def add(self, piece: str) -> None:
        self._text.add(piece)

    def item(self, status: str) -> Json:
        return output.reasoning(self._id, self._text.text(), status)

    def close(self, status: str) -> None:
        event, text = self._events.event, self._text.text()
        event("response.reasoning_summary_text.done", **self._place, text=text)
        event("response.reasoning_summary_part.done", **self._place, part=output.summary(text))
        event("response.output_item.done", output_index=self._index, item=self.item(status))


class Message:
    """What the model says, and where it refuses."""

    def __init__(self, events: Numbered, id: str, index: int) -> None:
        self._events, self._id, self._index = events, id, index
        self._parts: list[Part] = []

    def open(self) -> None:
        item = self.item("in_progress")
        self._events.event("response.output_item.added", output_index=self._index, item=item)

    def text(self, piece: str, logprobs: list[Json]) -> None:
        last = self._parts[-1] if self._parts else None
        part = last if isinstance(last, Text) else self._begun(Text(self._events, self._next()))
        part.add(piece, logprobs)

    def refusal(self, piece: str) -> None:
        last = self._parts[-1] if self._parts else None
        part = last if isinstance(last, Refusal) else self._begun(Refusal(self._events, self._next()))
        part.add(piece)

    def item(self, status: str) -> Json:
        return output.message(self._id, [part.part() for part in self._parts], status)

    def close(self, status: str) -> None:
        if not self._parts:
            self._begun(Text(self._events, self._next()))
        self._parts[-1].close()
        self._events.event("response.output_item.done", output_index=self._index, item=self.item(status))

    def _next(self) -> Json:
        """Where the next part stands."""
        return {"item_id": self._id, "output_index": self._index, "content_index": len(self._parts)}

    def _begun(self, part: PartT) -> PartT:
        if self._parts:
            self._parts[-1].close()
        self._parts.append(part)
        part.open()
        return part


class Call:
    """A function call. It is opened once its name is whole: when arguments come, or something else does."""

    def __init__(self, events: Numbered) -> None:
        self._events = events
        self._told_id: str | None = None
        self._name = ""
        self._early: list[str] = []
        self._arguments: Growing | None = None
        self._id = self._call_id = ""
        self._index = -1

    @property
    def ready(self) -> bool:
        return self._arguments is None and bool(self._name and self._early)

    def take(self, id: Any, name: Any, piece: str) -> None:
        if isinstance(id, str) and id:
            self._told_id = id
        if isinstance(name, str) and self._arguments is None and name != self._name:
            self._name += name
        if not piece:
            return
        if self._arguments is not None:
            self._arguments.add(piece)
        else:
            self._early.append(piece)

    def is_another(self, id: Any, name: Any, piece: str) -> bool:
        """Whether a delta at the same place begins a further call: some backends number all calls 0."""
        if isinstance(id, str) and id:
            return self._told_id is not None and id != self._told_id
        return bool(name and piece) and _whole(self._text())

    def open(self, id: str, own_call_id: str, index: int) -> None:
        self._id, self._index = id, index
        self._call_id = self._told_id or own_call_id
        item = self.item("in_progress") | {"arguments": ""}
        self._events.event("response.output_item.added", output_index=index, item=item)
        place = {"item_id": id, "output_index": index}
        self._arguments = Growing(self._events, "response.function_call_arguments.delta", place)
        for piece in self._early:
            self._arguments.add(piece)

    def item(self, status: str) -> Json:
        return output.call(self._id, self._call_id, self._name, self._text(), status)

    def close(self, status: str) -> None:
        item = self.item(status)
        told = {"item_id": self._id, "name": self._name, "arguments": item["arguments"]}
        name = "response.function_call_arguments.done"
        self._events.event(name, output_index=self._index, **told)
        self._events.event("response.output_item.done", output_index=self._index, item=item)

    def _text(self) -> str:
        return self._arguments.text() if self._arguments is not None else "".join(self._early)


def _whole(arguments: str) -> bool:
    try:
        return isinstance(orjson.loads(arguments), dict)
    except orjson.JSONDecodeError:
        return False
