"""The responses of one connection: the next goes on from the latest though nobody stores it (OpenAI's WebSocket mode)."""

from dataclasses import dataclass

from gateway.errors import InvalidRequest
from gateway.responses.recall import Recalled, continued
from gateway.wire import items
from gateway.wire.items import Json

_PARAM = "previous_response_id"
_ENOUGH = ("completed", "incomplete")  # of these there is something to go on from


@dataclass(frozen=True, slots=True)
class _Latest:
    """All that was said up to a response, itself included; None where that was too much to be kept.

    ``previous`` is a response that a backend keeps, and which all this goes on from.
    """

    id: str
    said: list[Json] | None
    previous: str | None


class Chain:
    """Remembers the latest response of its connection, in memory alone, and ends with it.

    What it holds is bounded: one response with the conversation before it, of at most ``most`` characters.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._latest: _Latest | None = None

    def next(self, body: Json) -> "Continuation":
        """The turn that ``body`` begins. What it goes on from is forgotten until it has succeeded: a failed turn
        takes that with it, as OpenAI has it."""
        latest = self._latest
        if latest is None or latest.id != body.get(_PARAM):
            return Continuation(self, None)
        self._latest = None
        return Continuation(self, latest)

    def remember(self, latest: _Latest | None) -> None:
        self._latest = latest


@dataclass(frozen=True, slots=True)
class Continuation:
    """One turn of a chain."""

    _chain: Chain
    _before: _Latest | None

    def joined(self, body: Json) -> Recalled:
        """The body with what the chain remembers in front of its input. Raises InvalidRequest."""
        items.of_input(body.get("input"))  # refused now: it is read again when the answer is out
        before = self._before
        if before is None:
            return Recalled(body)
        if before.said is None:
            text = f"The conversation up to the response {before.id!r} has more than {self._chain.most} characters (server.max_body_bytes), which is not kept in memory; send what was said before as `input`, or have responses stored."
            raise InvalidRequest(text, param=_PARAM, code="previous_response_not_found")
        return continued(body, before.said, before.previous)

    def done(self, asked: Json, response: Json) -> None:
        """Takes the response in its last state, and the body that stood for itself when it asked for it."""
        if response.get("status") not in _ENOUGH:
            return
        if response.get("store", asked.get("store")) is not False:
            self._chain.remember(None)  # it is found where it is stored
            return
        output = response.get("output")
        said = [*items.of_input(asked.get("input")), *(output if isinstance(output, list) else [])]
        fits = _weight(said) <= self._chain.most
        self._chain.remember(_Latest(str(response.get("id")), said if fits else None, asked.get(_PARAM)))


def _weight(value: object) -> int:
    """Characters of the texts in it, which is where large things are."""
    weight, rest = 0, [value]
    while rest:
        one = rest.pop()
        if isinstance(one, str):
            weight += len(one)
        elif isinstance(one, dict):
            rest += one.values()
        elif isinstance(one, list):
            rest += one
    return weight
