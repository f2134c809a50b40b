"""The Responses API served by a chat backend: a ``Translation``, as a package."""

from gateway.wire.translate.responses_over_chat.answer import ChatReply
from gateway.wire.translate.responses_over_chat.request import request as request
from gateway.wire.translate.translation import Json, Mark, Reply


def reply(request: Json, mark: Mark) -> Reply:
    """The way back of one answer to the caller's own ``request``."""
    return ChatReply(request, mark)
