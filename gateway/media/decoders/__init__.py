"""Decoders of hostile bytes. They run in a child process and nowhere else (`gateway.media.workshop`).

A job is a function named like its module: ``def mend(source: BinaryIO, orders: Orders) -> Products``.
"""

from collections.abc import Iterator
from typing import Any, TypeAlias

Orders: TypeAlias = dict[str, Any]
Products: TypeAlias = Iterator[tuple[dict[str, Any], bytes]]


class Undecodable(Exception):
    """What cannot be decoded, or not within the limits; `text` is meant for the caller and never a library's."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
