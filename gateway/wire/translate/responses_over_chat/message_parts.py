"""The parts of a streamed message while they grow: text and refusal."""

from typing import Any, Protocol

import orjson

from gateway.wire.translate.responses_over_chat import output
from gateway.wire.translate.responses_over_chat.numbered import Growing, Numbered

Json = dict[str, Any]

_NO_LOGPROBS = b'"logprobs":[],'


class Part(Protocol):
    """One part of a message."""

    def open(self) -> None: ...

    def part(self) -> Json:
        """The object as far as it has come."""

    def close(self) -> None: ...


class Text:
    def __init__(self, events: Numbered, place: Json) -> None:
        self._events, self._place = events, place
        self._text = Growing(events, "response.output_text.delta", place)
        self._logprobs: list[Json] = []

    def open(self) -> None:
        self._events.event("response.content_part.added", **self._place, part=self.part())

    def add(self, piece: str, logprobs: list[Json]) -> None:
        self._logprobs += logprobs
        self._text.add(piece, b'"logprobs":%s,' % orjson.dumps(logprobs) if logprobs else _NO_LOGPROBS)

    def part(self) -> Json:
        return output.text(self._text.text(), self._logprobs)

    def close(self) -> None:
        part, event = self.part(), self._events.event
        event("response.output_text.done", **self._place, text=part["text"], logprobs=part["logprobs"])
        event("response.content_part.done", **self._place, part=part)


class Refusal:
    def __init__(self, events: Numbered, place: Json) -> None:
        self._events, self._place = events, place
        self._text = Growing(events, "response.refusal.delta", place)

    def open(self) -> None:
        self._events.event("response.content_part.added", **self._place, part=self.part())

    def add(self, piece: str) -> None:
        self._text.add(piece)

    def part(self) -> Json:
        return output.refusal(self._text.text())

    def close(self) -> None:
        part, event = self.part(), self._events.event
        event("response.refusal.done", **self._place, refusal=part["refusal"])
        event("response.content_part.done", **self._place, part=part)
