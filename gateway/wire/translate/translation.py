"""What it is to serve one API by another: a request one way, its answer the other, whole or streamed."""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from gateway.wire.change import Change
from gateway.wire.stream import Stream

Json = dict[str, Any]


class Translated(NamedTuple):
    """A request in the backend's API, and what was left out or rewritten on the way."""

    body: Json
    changes: tuple[Change, ...] = ()


class Mark(NamedTuple):
    """What makes one answer its own: 32 hexadecimal digits, of which its ids are made, and Unix seconds."""

    digits: str
    created_at: int


class Reply(Protocol):
    """The way back of one answer. What it gives follows from what it was made of and what it is fed, alone."""

    def answer(self, value: Json) -> Json:
        """A whole answer of the backend in the caller's API. Raises UpstreamError for one that cannot be read."""

    def stream(self) -> Stream:
        """What turns the backend's frames into the caller's; asked for once."""


class Translation(Protocol):
    """One pair of APIs, named after the caller's and the backend's."""

    @property
    def request(self) -> Callable[[Json], Translated]:
        """Raises InvalidRequest with the caller's own ``param`` for what cannot be said in the backend's API."""

    @property
    def reply(self) -> Callable[[Json, Mark], Reply]:
        """Of the caller's own body, whose settings the answer tells back."""
