"""What a scenario is: what is said, what the model answers, and what is heard of it wherever it came from."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .talk import Finish, Heard, Json, Output, Picture, Said

HEX = {"red": "#ff0000", "green": "#008000", "blue": "#0000ff", "white": "#ffffff"}


@dataclass(frozen=True)
class Turn:
    say: tuple[Said | Output, ...]
    heard: Heard
    script: Json = field(default_factory=dict)


@dataclass(frozen=True)
class Scenario:
    name: str
    turns: tuple[Turn, ...]
    settings: Json = field(default_factory=dict)
    changes: Mapping[str, tuple[str, ...]] = field(
        default_factory=dict
    )  # by place: beyond those of every request
    heard: Mapping[str, Heard] = field(default_factory=dict)  # by place, where the one turn's answer differs
    usage: tuple[int, int] | None = None  # input and output


def user(*parts: str | Picture, whole: bool = False) -> Said:
    return Said("user", parts, whole)


def says(*said: str | Picture | Said | Output, then: Heard | str, **script: Any) -> Turn:
    """A turn whose answer is scripted."""
    loose = tuple(one for one in said if isinstance(one, str | Picture))
    told = (*(one for one in said if not isinstance(one, str | Picture)), *([user(*loose)] if loose else []))
    heard = Heard(then) if isinstance(then, str) else then
    return Turn(told, heard, heard.script | script)


def sees(*said: Said | Output, order: str, last: str, pictures: Iterable[Picture] = ()) -> Turn:
    """A turn in which the model describes what it was sent."""
    return Turn(said, Heard(description(order, last, tuple(pictures))), {"thought": ""})


def description(order: str, last: str, pictures: tuple[Picture, ...] = ()) -> str:
    messages = order.count(" | ") + 1
    seen = [
        f"image {i}: {one.shape}, dominant colour {one.colour} ({HEX[one.colour]}), {len(one.data)} bytes"
        for i, one in enumerate(pictures)
    ]
    counted = f"I see {_counted(len(seen), 'picture')} in {_counted(messages, 'message')}."
    return "\n".join((counted, f"order: {order}", *seen, f'last user text: "{last}"'))


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def one(name: str, answer: Heard | str, script: Json | None = None, **more: Any) -> Scenario:
    return Scenario(name, (says("Go on.", then=answer, **(script or {})),), **more)


def function(name: str, parameters: Json | None = None) -> Json:
    return {"name": name, "description": f"To {name}.", "parameters": parameters or {"type": "object"}}


def calling(
    *calls: tuple[str, str], text: str = "", thought: str = "", finish: Finish | None = None
) -> Heard:
    return Heard(text, thought, calls, finish)
