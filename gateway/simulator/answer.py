"""What the simulated models say: a description of what they were really sent.

The answer is a function of the request, so a test can tell from it which pixels, texts and settings arrived, in which order.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from gateway.simulator.conversation import (
    Clip,
    Conversation,
    Message,
    Part,
    last_user_text,
    pictures,
    spoken,
    tool_outputs,
)
from gateway.simulator.faults import Fault
from gateway.simulator.pictures import Picture, describe
from gateway.simulator.samples import sample

_LONGEST_QUOTE = 200
_LONGEST_ORDER_QUOTE = 40
_WORD = re.compile(r"[A-Za-z][a-z]*|\d+")
_SHORT = 2  # letters of words that stand in texts of all kinds
_CALL = re.compile(r"\bcall\s+([\w.-]+)")
_LATER = "afterwards"
# A token is a word with the blanks behind it, or one Chinese character.
_TOKEN = re.compile(r"[\u4e00-\u9fff\u3000-\u303f]|[^\s\u4e00-\u9fff\u3000-\u303f]+\s*|\s+")
_PIXELS_PER_TOKEN = 784


@dataclass(frozen=True)
class Ask:
    conversation: Conversation
    functions: Mapping[str, Mapping[str, Any]]  # name -> JSON schema of the arguments
    forced: str | None = None  # a function's name, "any" or "none"
    parallel: bool = True
    schema: Mapping[str, Any] | None = None  # of the JSON text that is wanted
    thinking: bool = False
    limit: int | None = None
    limit_covers_thinking: bool = True


@dataclass(frozen=True)
class FunctionCall:
    name: str
    arguments: str


@dataclass(frozen=True)
class Draft:
    """An answer before it takes an API's shape; texts are lists of the chunks they stream in."""

    thought: Sequence[str]
    text: Sequence[str]
    calls: Sequence[FunctionCall]
    cut: str | None  # what cut it short: length or content_filter
    prompt_tokens: int
    refusal: Sequence[str] = ()

    @property
    def finish(self) -> str:
        """In chat's words."""
        return self.cut or ("tool_calls" if self.calls else "stop")

    @property
    def completion_tokens(self) -> int:
        said = len(self.thought) + len(self.text) + len(self.refusal)
        return said + sum(len(tokens(call.arguments)) for call in self.calls)


def draft(ask: Ask, fault: Fault) -> Draft:
    calls = _calls(ask) if fault.calls is None else _scripted_calls(fault)
    thought = tokens(_thought(ask, fault))
    silent = fault.text is None and (calls or fault.refusal is not None)
    text = [] if silent else _text(ask, fault)
    room = len(thought) + len(text) if ask.limit is None else ask.limit
    kept_thought = thought[:room] if ask.limit_covers_thinking else thought
    kept_text = text[: max(0, room - len(kept_thought) * ask.limit_covers_thinking)]
    truncated = len(kept_thought) + len(kept_text) < len(thought) + len(text)
    cut = fault.finish or ("length" if truncated else None)
    refusal = tokens(fault.refusal or "")
    return Draft(kept_thought, kept_text, calls, cut, prompt_tokens(ask.conversation), refusal)


def describe_conversation(conversation: Conversation) -> str:
    seen = pictures(conversation)
    clips = [part for message in conversation for part in message.parts if isinstance(part, Clip)]
    return "\n".join(
        (
            f"I see {_counted(len(seen), 'picture')} in {_counted(spoken(conversation), 'message')}.",
            f"order: {_order(conversation)}",
            *(f"image {index}: {describe(picture)}" for index, picture in enumerate(seen)),
            *(_clip(clip) for clip in clips),
            f'last user text: "{last_user_text(conversation)[:_LONGEST_QUOTE]}"',
        )
    )


def _clip(clip: Clip) -> str:
    told = f"{clip.kind}: {clip.size} bytes"
    return told if clip.fps == 1 else f"{told} at {clip.fps:g} fps"


def tokens(text: str) -> list[str]:
    return _TOKEN.findall(text)


def prompt_tokens(conversation: Conversation) -> int:
    return sum(_part_tokens(part) for message in conversation for part in message.parts)


def _text(ask: Ask, fault: Fault) -> list[str]:
    text = _said(ask) if fault.text is None else fault.text
    return tokens(text) if fault.chunks is None else _divided(text, fault.chunks)


def _said(ask: Ask) -> str:
    said = describe_conversation(ask.conversation)
    if ask.schema is None:
        return said
    return orjson.dumps(sample(ask.schema, said) if ask.schema else {"answer": said}).decode()


def _divided(text: str, count: int) -> list[str]:
    """The text in so many chunks, said again from the start where it is too short for that."""
    size = max(1, len(text) // count)
    repeated = text * (1 + count // max(1, len(text)))
    chunks = [repeated[start : start + size] for start in range(0, size * count, size)]
    return chunks if len(repeated) > len(text) else [*chunks[:-1], text[size * (count - 1) :]]


def _thought(ask: Ask, fault: Fault) -> str:
    if fault.thought is not None or not ask.thinking:
        return fault.thought or ""
    count = _counted(len(pictures(ask.conversation)), "picture")
    return f"There are {count} and {_counted(spoken(ask.conversation), 'message')}; I tell what I see."


def _scripted_calls(fault: Fault) -> list[FunctionCall]:
    return [FunctionCall(call.name, call.arguments) for call in fault.calls or ()]


def _calls(ask: Ask) -> list[FunctionCall]:
    if ask.forced == "none":
        return []
    answered = tool_outputs(ask.conversation)
    for names in _rounds(ask):
        if answered == 0:
            return [FunctionCall(name, _arguments(ask.functions[name])) for name in names]
        answered -= len(names)
    return []


def _rounds(ask: Ask) -> list[list[str]]:
    """What is called together: `call a and call b, afterwards call c` is two rounds. Without a `call`, what is asked
    for by what it is about; and where something must be called, the first."""
    if ask.forced not in (None, "any"):
        return [[ask.forced]] if ask.forced in ask.functions else []
    said = last_user_text(ask.conversation)
    spoken_of = map(_CALL.findall, said.split(_LATER))
    named = [[name for name in names if name in ask.functions] for names in spoken_of]
    wanted = [names for names in named if names] or [_asked_for(ask, said)]
    rounds = [names if ask.parallel else names[:1] for names in wanted if names]
    return rounds or ([list(ask.functions)[:1]] if ask.forced == "any" and ask.functions else [])


def _asked_for(ask: Ask, said: str) -> list[str]:
    """The functions whose names' last words are said: "How is the weather?" asks for `get_weather`."""
    words = {word.lower() for word in _WORD.findall(said)}
    return [name for name in ask.functions if _topic(name) in words]


def _topic(name: str) -> str | None:
    word = (_WORD.findall(name) or [""])[-1].lower()
    return word if len(word) > _SHORT else None


def _arguments(schema: Mapping[str, Any]) -> str:
    return orjson.dumps(sample(schema) if schema else {}).decode()


def _order(conversation: Conversation) -> str:
    numbers = iter(range(len(pictures(conversation))))
    return " | ".join(_message_order(message, numbers) for message in conversation)


def _message_order(message: Message, numbers: Iterator[int]) -> str:
    return " ".join((f"{message.role}:", *(_mark(part, numbers) for part in message.parts)))


def _mark(part: Part, numbers: Iterator[int]) -> str:
    if isinstance(part, str):
        return f'text "{part[:_LONGEST_ORDER_QUOTE]}"'
    return f"[image {next(numbers)}]" if isinstance(part, Picture) else f"[{part.kind}]"


def _part_tokens(part: Part) -> int:
    if isinstance(part, str):
        return len(tokens(part))
    if isinstance(part, Picture):
        return min(1280, max(1, part.pixels // _PIXELS_PER_TOKEN))
    return max(1, part.size // 1024)


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
