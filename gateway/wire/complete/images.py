"""Ark's pictures and embeddings of media in a form that OpenAI's clients read to the end (the ``/v1`` dialect)."""

from gateway.wire import body as wire_body
from gateway.wire import sse
from gateway.wire.stream import ImagesStream

_FAILED = "image_generation.partial_failed"
_FAILED_BYTES = _FAILED.encode()
_USAGE = b'"usage":{'
_INPUT = b'"input_tokens"'
# Ark counts no input: its total is its output.
_NO_INPUT = _INPUT + b':0,"input_tokens_details":{"image_tokens":0,"text_tokens":0},'


class CompleteImages(ImagesStream):
    """Ark's events with the ``error`` of one failed picture renamed ``failure``: at an ``error`` the OpenAI SDK
    raises and drops the pictures that follow."""

    def edit(self, block: bytes) -> bytes:
        if _FAILED_BYTES not in block:
            return block
        return b"".join(map(self._frame, sse.frames(block)))

    def _frame(self, frame: bytes) -> bytes:
        event = sse.read(frame) if _FAILED_BYTES in frame else None
        body = event.json() if event else None
        if event is None or body is None or _FAILED not in (event.name, body.get("type")):
            return frame
        renamed = {"failure" if name == "error" else name: value for name, value in body.items()}
        try:
            return sse.encode(renamed, event.name)
        except TypeError:  # nested too deeply to be written
            return frame


def images(raw: bytes) -> bytes:
    """A whole answer with the input tokens that OpenAI's usage requires; spliced, as the pictures are large."""
    start = raw.rfind(_USAGE) + len(_USAGE)
    if start < len(_USAGE) or _INPUT in raw[start:] or raw.startswith(b"}", start):
        return raw
    return raw[:start] + _NO_INPUT + raw[start:]


def multimodal(raw: bytes) -> bytes:
    """A whole answer with its one embedding in a list, as OpenAI has it."""
    value = sse.Event("", raw).json()
    data = value.get("data") if value else None
    if value is None or not isinstance(data, dict):
        return raw
    return wire_body.dump(value | {"data": [{"index": 0, **data}]})
