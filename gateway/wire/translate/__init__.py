"""One API served by another. PURE: ids and the time come in from outside."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal

from gateway.wire.translate import chat_over_responses, responses_over_chat
from gateway.wire.translate.translation import Json, Mark, Reply, Translated, Translation


@dataclass(frozen=True)
class Pair:
    """A translation made of its two ways."""

    request: Callable[[Json], Translated]
    reply: Callable[[Json, Mark], Reply]


def translations(
    process_output: Literal["markdown", "field"] = "markdown",
) -> Mapping[tuple[str, str], Translation]:
    """By the caller's API and the backend's."""
    shown = partial(chat_over_responses.reply, process_output=process_output)
    return {
        ("responses", "chat"): Pair(responses_over_chat.request, responses_over_chat.reply),
        ("chat", "responses"): Pair(chat_over_responses.request, shown),
    }
