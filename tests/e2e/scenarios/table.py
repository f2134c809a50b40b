"""The scenarios: what is said, what the model answers, and what is heard of it wherever it came from.

A turn with a ``script`` of None leaves the answer to the simulated model, which then describes what it was sent.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from ..pictures import encoded, small
from .talk import Heard, Json, Output, Picture, Said

RED, GREEN, BLUE = (Picture(small(colour), colour) for colour in ("red", "green", "blue"))
HEX = {"red": "#ff0000", "green": "#008000", "blue": "#0000ff"}
THINKING, NOT_THINKING = ({"extra_body": {"thinking": {"type": kind}}} for kind in ("enabled", "disabled"))
FAMILY = "👨‍👩‍👧‍👦🏳️‍🌈👍🏽"
CHINESE = "图中有三颗草莓：左上角一颗,右下角两颗。它们都是红色的，叶子呈绿色；背景是白色的桌面。"
DISHONEST = 'data: [DONE]\n\nevent: error\ndata: {"error": {"code": "no"}}\n\n: and on'
ESCAPES = '"quoted" \\back\\ \t tab \r\n line \u2028 separator \x00 nul \x7f </script> \ufeff ＼ 𝄞'
PLACE_OF = {"type": "object", "properties": {"city": {"type": "string", "enum": ["Paris"]}}}
ANSWER_OF = {"type": "object", "properties": {"colour": {"const": "red"}, "count": {"type": "integer"}}}


@dataclass(frozen=True)
class Turn:
    say: tuple[Said | Output, ...]
    heard: Heard
    script: Json | None = field(default_factory=dict)  # beyond what the answer asks for


@dataclass(frozen=True)
class Scenario:
    name: str
    turns: tuple[Turn, ...]
    settings: Json = field(default_factory=dict)
    changes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # by place: beyond those of every request
    heard: Mapping[str, Heard] = field(default_factory=dict)  # by place, where the one turn's answer differs
    usage: tuple[int, int] | None = None  # input and output


def user(*parts: str | Picture, whole: bool = False) -> Said:
    return Said("user", parts, whole)


def says(*said: str | Picture | Said | Output, then: Heard | str, **script: Any) -> Turn:
    """A turn whose answer is scripted."""
    loose = tuple(one for one in said if isinstance(one, str | Picture))
    told = (*(one for one in said if not isinstance(one, str | Picture)), *([user(*loose)] if loose else []))
    return Turn(told, Heard(then) if isinstance(then, str) else then, script)


def sees(*said: Said | Output, order: str, last: str, pictures: Iterable[Picture] = (), more: str = "") -> Turn:
    """A turn in which the model describes what it was sent."""
    return Turn(said, Heard(description(order, last, tuple(pictures)) + more), None)


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


def calling(*calls: tuple[str, str], text: str = "", thought: str = "", finish: Any = None) -> Heard:
    return Heard(text, thought, calls, finish)


def developer(rest: str) -> str:
    return f'developer: text "Be brief." | {rest}'


TOOLS: Json = {"functions": [function("look", PLACE_OF), function("count")]}
SLOW: Json = {"slow_bytes": 0}
LOOK, COUNT = ("look", '{"city":"Paris"}'), ("count", "{}")
LONG_ARGUMENTS = orjson.dumps({"points": [[i, i * i] for i in range(300)], "name": CHINESE}).decode()
UNICODE = orjson.dumps({"city": "北京市 🏙️", "note": ESCAPES}).decode()
JPEG = Picture(small("blue", format="JPEG"), "blue", "JPEG 64x48")
HISTORY = (
    user("One.", whole=True),
    Said("assistant", ("Uno.",), whole=True),
    user("Two."),
    Said("assistant", ("Dos.",)),
)

TEXTS = [
    one("plain text", "Hello there."),
    one("one word", "Hi"),
    one("long text", "word and word, " * 150),
    one("one chunk", CHINESE, {"chunks": 1}),
    one("chunks of one character", CHINESE, {"chunks": len(CHINESE)}),
    one("Chinese", CHINESE),
    one("long Chinese and emoji", (CHINESE + FAMILY) * 6),
    one("Chinese and emoji cut at every byte", CHINESE + FAMILY, SLOW),
    one("emoji alone cut at every byte", FAMILY * 3, SLOW),
    one("what looks like a stream's end", DISHONEST),
    one("what looks like a stream's end cut at every byte", DISHONEST, SLOW),
    one("control characters and escapes", ESCAPES),
    one("Markdown and code", "# A\n\n```py\nprint('x')\n```\n\n![p](https://e.com/a.png)\n| a | b |\n"),
    one("JSON as text", '{"choices":[{"delta":{"content":"no"}}],"usage":null,"error":{"code":"x"}}'),
    one("blanks alone", " \n "),
    one("nothing", ""),
    one("no [DONE]", "Hello.", {"no_done": True}),
    one("no [DONE] cut at every byte", "Hello.", {"no_done": True, **SLOW}),
    Scenario("usage", (says("Say hello to them.", then="Hello to them all."),), usage=(4, 4)),
]

ASKED = "Is it red?"
CONVERSATIONS = [
    Scenario("a string", (sees(user(ASKED, whole=True), order=f'user: text "{ASKED}"', last=ASKED),)),
    Scenario(
        "instructions",
        (sees(user(ASKED), order=f'system: text "Be brief." | user: text "{ASKED}"', last=ASKED),),
        {"instructions": "Be brief."},
    ),
    Scenario(
        "system message",
        (
            sees(
                Said("system", ("Be brief.",), whole=True),
                user(ASKED),
                order=f'system: text "Be brief." | user: text "{ASKED}"',
                last=ASKED,
            ),
        ),
    ),
    Scenario(
        "developer message",
        (
            sees(
                Said("developer", ("Be brief.",), whole=True),
                user(ASKED),
                order=f'system: text "Be brief." | user: text "{ASKED}"',
                last=ASKED,
            ),
        ),
        changes=dict.fromkeys(
            ("chat-ark", "chat-modelarts", "responses-modelarts"), ("role:developer=system",)
        ),
        heard=dict.fromkeys(
            ("chat-ark-by-responses", "responses-ark"),
            Heard(description(developer(f'user: text "{ASKED}"'), ASKED)),
        ),
    ),
    Scenario(
        "instructions before a system message",
        (
            sees(
                Said("system", ("And kind.",)),
                user(ASKED),
                order=f'system: text "Be brief." | system: text "And kind." | user: text "{ASKED}"',
                last=ASKED,
            ),
        ),
        {"instructions": "Be brief."},
    ),
    Scenario(
        "history",
        (
            sees(
                *HISTORY,
                user("Three?"),
                order='user: text "One." | assistant: text "Uno." | user: text "Two." | assistant: text "Dos." '
                '| user: text "Three?"',
                last="Three?",
            ),
        ),
    ),
    Scenario(
        "several texts in one message",
        (sees(user("A", "B 图", "C"), order='user: text "A" text "B 图" text "C"', last="A B 图 C"),),
    ),
    Scenario(
        "Chinese question",
        (sees(user("图里有几颗草莓？🍓"), order='user: text "图里有几颗草莓？🍓"', last="图里有几颗草莓？🍓"),),
    ),
    Scenario(
        "answers go back as they came",
        (
            says("One.", then=Heard(f"Uno {FAMILY}.")),
            says("Two.", then="Dos."),
            sees(
                user("Three?"),
                order=f'user: text "One." | assistant: text "Uno {FAMILY}." | user: text "Two." '
                '| assistant: text "Dos." | user: text "Three?"',
                last="Three?",
            ),
        ),
    ),
    Scenario(
        "answer with reasoning goes back",
        (
            says("One.", then=Heard("Uno.", "They count.")),
            sees(
                user("Two?"),
                order='user: text "One." | assistant: text "Uno." | user: text "Two?"',
                last="Two?",
            ),
        ),
        NOT_THINKING,
    ),
]

PICTURES = [
    Scenario(
        "one picture",
        (sees(user(RED, ASKED), order=f'user: [image 0] text "{ASKED}"', last=ASKED, pictures=[RED]),),
    ),
    Scenario("a picture alone", (sees(user(RED), order="user: [image 0]", last="", pictures=[RED]),)),
    Scenario(
        "pictures among texts",
        (
            sees(
                user("A", RED, "B", GREEN, BLUE, "C"),
                order='user: text "A" [image 0] text "B" [image 1] [image 2] text "C"',
                last="A B C",
                pictures=[RED, GREEN, BLUE],
            ),
        ),
    ),
    Scenario(
        "the same picture twice",
        (
            sees(
                user(RED, BLUE, RED),
                order="user: [image 0] [image 1] [image 2]",
                last="",
                pictures=[RED, BLUE, RED],
            ),
        ),
    ),
    Scenario(
        "pictures of several messages",
        (
            sees(
                user(BLUE, "First."),
                Said("assistant", ("Blue.",)),
                user("Second.", RED),
                order='user: [image 0] text "First." | assistant: text "Blue." | user: text "Second." [image 1]',
                last="Second.",
                pictures=[BLUE, RED],
            ),
        ),
    ),
    Scenario(
        "a picture of an earlier turn",
        (
            says(GREEN, "What?", then="Green."),
            sees(
                user("Sure?"),
                order='user: [image 0] text "What?" | assistant: text "Green." | user: text "Sure?"',
                last="Sure?",
                pictures=[GREEN],
            ),
        ),
    ),
    Scenario("a JPEG", (sees(user(JPEG), order="user: [image 0]", last="", pictures=[JPEG]),)),
    *(
        Scenario(
            f"detail {detail}",
            (
                sees(
                    user(Picture(RED.data, "red", detail=detail)),
                    order="user: [image 0]",
                    last="",
                    pictures=[RED],
                ),
            ),
        )
        for detail in ("low", "high")
    ),
]
