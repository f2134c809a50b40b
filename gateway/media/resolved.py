"""What became of a request's media, and how that is told."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from gateway.backends.base import Api, Backend, Change
from gateway.backends.media import MediaRules
from gateway.wire.media import MediaRef, New, Path

Deed = Literal["converted", "inlined", "uploaded", "reused", "frames", "pages"]

_WHY: dict[Deed, str] = {
    "converted": "the backend would refuse it as it was.",
    "inlined": "the backend takes it as a data URL of its real type.",
    "uploaded": "it is large; it was uploaded once and is referenced by its id.",
    "reused": "the backend has it already.",
    "frames": "the backend takes no video; it is shown frames of it.",
    "pages": "the backend takes no PDF; it is shown the pages.",
}


class Place(NamedTuple):
    """Where a request's media go: the backend, the API and what it takes there, with whose key, for which caller."""

    backend: Backend
    api: Api
    media: MediaRules
    key: str
    owner: str

    @property
    def title(self) -> str:
        return self.backend.title

    @property
    def account(self) -> str:
        return self.backend.account(self.key)


@dataclass(frozen=True, slots=True)
class Resolved:
    """One part: what comes in its place (None: nothing), what was done and how often, the backend's file id used,
    and what else is told."""

    ref: MediaRef
    new: New | None = None
    deeds: tuple[tuple[Deed, int], ...] = ()
    file_id: str | None = None
    notes: tuple[Change, ...] = ()


def changes(resolved: Sequence[Resolved]) -> list[Change]:
    """What was done to the media of a request, counted by kind."""
    counts: dict[tuple[str, Deed], int] = {}
    for one in resolved:
        for deed, count in one.deeds:
            counts[one.ref.kind, deed] = counts.get((one.ref.kind, deed), 0) + count
    told = [Change(f"{kind}:{deed}={count}", _WHY[deed]) for (kind, deed), count in counts.items()]
    return told + [note for one in resolved for note in one.notes]


def parts(resolved: Sequence[Resolved]) -> dict[Path, New]:
    """What comes in the place of the parts that changed, by their place in the body."""
    return {one.ref.path: one.new for one in resolved if one.new is not None}
