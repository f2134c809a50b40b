"""A dictionary of bounded size."""

from collections import OrderedDict
from typing import Generic, TypeVar

_T = TypeVar("_T")


class Shelf(OrderedDict[str, _T], Generic[_T]):
    """The newest entries by id; the oldest fall off."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self._room = room

    def __setitem__(self, key: str, value: _T) -> None:
        super().__setitem__(key, value)
        while len(self) > self._room:
            self.popitem(last=False)
