"""Chat completions served by Ark's Responses API, for what Ark has only there: image_process.

What image_process made reaches the caller as ``process_output`` says: as Markdown pictures in the text, or as the
field ``image_process`` of the message, a list of Ark's own items (in a stream each in a delta of its own, with its
``index``). Of both only text goes back with the history. ``image_index`` counts the pictures of one request and the
results of its own rounds: a picture that was made for an earlier answer counts again only when the caller sends its
URL as an ``image_url`` part.
"""

from typing import Literal

from gateway.wire.translate.chat_over_responses.answer import ChatReply
from gateway.wire.translate.chat_over_responses.body import request as request
from gateway.wire.translate.translation import Json, Mark, Reply


def reply(request: Json, mark: Mark, *, process_output: Literal["markdown", "field"] = "markdown") -> Reply:
    return ChatReply(request, mark, as_field=process_output == "field")
