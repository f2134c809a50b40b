"""Ark's chat chunks in a form that OpenAI's helpers read: ``role`` once for each choice.

Nothing else is filled in: ``usage: null`` and a missing ``refusal``, ``logprobs`` or ``finish_reason`` are what
OpenAI's types allow, and what its SDKs and the Vercel AI SDK take for unset.
"""

from typing import Any

from gateway.wire import sse
from gateway.wire.stream import ChatStream

_ROLE = b'"role":"assistant"'
_LATER_ROLE = b',"role":"assistant"},"index":0'


class CompleteChat(ChatStream):
    """Ark's chat chunks with ``role`` only in a choice's first delta: OpenAI's helper concatenates strings."""

    def __init__(self) -> None:
        super().__init__()
        self._begun: set[int] = set()

    def edit(self, block: bytes) -> bytes:
        if _ROLE not in block:
            return block
        return b"".join(map(self._frame, sse.frames(block)))

    def _frame(self, frame: bytes) -> bytes:
        if _ROLE not in frame:
            return frame
        if 0 in self._begun and frame.count(_ROLE) == 1:
            spliced = frame.replace(_LATER_ROLE, b'},"index":0', 1)
            if len(spliced) != len(frame):
                return spliced
        return self._parsed(frame)

    def _parsed(self, frame: bytes) -> bytes:
        event = sse.read(frame)
        body = event.json() if event else None
        choices = body.get("choices") if body else None
        if not isinstance(choices, list):
            return frame
        repeated = [self._begins_again(choice) for choice in choices]
        return sse.encode(body) if any(repeated) else frame

    def _begins_again(self, choice: Any) -> bool:
        """Whether a role was taken out of this choice's delta."""
        delta = choice.get("delta") if isinstance(choice, dict) else None
        if not isinstance(delta, dict) or "role" not in delta:
            return False
        index = choice.get("index", 0)
        if not isinstance(index, int):
            return False
        if index in self._begun:
            del delta["role"]
            return True
        self._begun.add(index)
        return False
