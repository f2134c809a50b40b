"""What a model gets to see: messages of texts, pictures and other media, in order."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gateway.simulator.pictures import Picture


@dataclass(frozen=True)
class Clip:
    kind: str  # "video", "PDF" or "audio"
    size: int
    fps: float = 1  # at which a video is sampled


Part = str | Picture | Clip
BUILT_IN = "image_process"  # the role of the built-in tool's results


@dataclass(frozen=True)
class Message:
    role: str
    parts: tuple[Part, ...]


Conversation = tuple[Message, ...]


def pictures(conversation: Iterable[Message]) -> list[Picture]:
    return [part for message in conversation for part in message.parts if isinstance(part, Picture)]


def texts(message: Message) -> Iterator[str]:
    return (part for part in message.parts if isinstance(part, str))


def spoken(conversation: Conversation) -> int:
    """How many messages were said, not counting the pictures that a built-in tool put in between."""
    return sum(message.role != BUILT_IN for message in conversation)


def last_user_text(conversation: Conversation) -> str:
    for message in reversed(conversation):
        text = " ".join(texts(message))
        if message.role == "user" and text:
            return text
    return ""


def tool_outputs(conversation: Conversation) -> int:
    """How often tools have answered since the user last spoke."""
    count = 0
    for message in reversed(conversation):
        if message.role == "user":
            break
        count += message.role == "tool"
    return count
