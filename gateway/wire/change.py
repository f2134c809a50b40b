"""What the gateway changed of a request."""

from typing import NamedTuple


class Change(NamedTuple):
    """One thing that the gateway changed: as ``x-arkway-changes`` tells it, and why."""

    what: str
    why: str
