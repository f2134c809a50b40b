"""What Ark leaves out, filled in for strict OpenAI clients (the ``/v1`` dialect).

Ark's server omits empty fields, where OpenAI's types require them and its helpers append to them. Rare events are
parsed and completed; deltas, one per token, are spliced as bytes or let through.
"""

from gateway.wire.complete.chat import CompleteChat
from gateway.wire.complete.events import CompleteResponses
from gateway.wire.complete.images import CompleteImages, images, multimodal
from gateway.wire.complete.objects import annotation, answer, item, part, response, settings

__all__ = [
    "CompleteChat",
    "CompleteImages",
    "CompleteResponses",
    "annotation",
    "answer",
    "images",
    "item",
    "multimodal",
    "part",
    "response",
    "settings",
]
