"""Ark's identifiers: ``02``, the time in milliseconds, 38 hexadecimal digits."""

import secrets
from collections.abc import Callable
from datetime import UTC, datetime

# Items of a response carry the address of the machine that made them where other ids are random.
_ITEM_TAIL = "0" * 20 + "ffffac1827e2"


class Ids:
    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock

    def request(self) -> str:
        return f"02{self._milliseconds()}{secrets.token_hex(19)}"

    def response(self) -> str:
        return f"resp_{self.request()}"

    def item(self, prefix: str) -> str:
        return f"{prefix}_02{self._milliseconds()}{_ITEM_TAIL}{secrets.token_hex(3)}"

    def call(self) -> str:
        return f"call_{secrets.token_hex(12)}"

    def file(self) -> str:
        made = datetime.fromtimestamp(self._clock(), UTC)
        return f"file-{made:%Y%m%d%H%M%S}-{secrets.token_hex(3)[:5]}"

    def plain(self) -> str:
        return secrets.token_hex(16)

    def _milliseconds(self) -> int:
        return int(self._clock() * 1000)
