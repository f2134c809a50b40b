"""What every Python client is asked, and the line for each outcome that `make clients` reads."""

import asyncio
import contextlib
import importlib.metadata
import json
import os
import sys
import traceback
from collections.abc import Iterator
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict

URL = os.environ["ARKWAY_URL"]
PICTURES = (os.environ["ARKWAY_RED"], os.environ["ARKWAY_BLUE"])
MODELS = (
    "doubao-vision",
    "qwen-vl",
    "strawberry-counter",
)  # the last one: Ark with image_process, so chat by way of Responses
KEY = "callers-key"

_PATIENCE = 30.0  # seconds for one scenario


def scripted(**fault: Any) -> str:
    """A question that tells the simulated model what to do."""
    return f"Go on. [[fault: {json.dumps(fault, ensure_ascii=False)}]]"


HELLO = "Good morning"
SAID = "你好，世界！👋🏽 Ça va? 👨‍👩‍👧‍👦 再见 🇨🇳"
SAY = scripted(text=SAID)
THOUGHT = "Two and two 是四。"
THINK = scripted(thought=THOUGHT)
DULL = "The picture is too dull."
BAD = scripted(status=400, message=DULL)
BREAK = scripted(cut_after=6)
LOOK = "What do you see?"
# The simulated models call what they are told to, in three rounds; the first has two calls at once.
CALL = "call weather and call clock, afterwards call weather, afterwards call clock"
ROUNDS = (2, 1, 1)
WEATHER = "sunny ☀️"
CLOCK = "noon 十二点"
CITY = "Paris"
PARAMETERS = {
    "type": "object",
    "properties": {"city": {"type": "string", "enum": [CITY]}},
    "required": ["city"],
    "additionalProperties": False,
}


class Report(BaseModel):
    """The answer that is wanted in the scenario of structured output."""

    model_config = ConfigDict(extra="forbid")

    title: str
    count: int
    tags: list[str]


def saw_both(text: str) -> None:
    found = [
        text.find(f"image {i}: PNG 64x48, dominant colour {name}") for i, name in enumerate(("red", "blue"))
    ]
    assert -1 < found[0] < found[1], text


def used_tools(text: str) -> None:
    """The model's last word tells every output that it was given."""
    told = (text.count(f'tool: text "{WEATHER}"'), text.count(f'tool: text "{CLOCK}"'))
    assert told == (2, 2), text


def function(name: str, arguments: str | dict[str, Any]) -> str:
    given = json.loads(arguments) if isinstance(arguments, str) else arguments
    assert given == {"city": CITY}, given
    return {"weather": WEATHER, "clock": CLOCK}[name]


@contextlib.contextmanager
def raises(*kinds: type[Exception], words: str = "") -> Iterator[None]:
    """Whatever is raised inside must be of these kinds and say these words."""
    try:
        yield
    except kinds as error:
        told = str(error)
        assert told
        assert words in told, told
    else:
        raise AssertionError("nothing was raised")


class Api(Protocol):
    """One of a client's ways to call; each of its methods is a scenario."""

    name: str


def run(distribution: str, *apis: Api) -> None:
    print("client", distribution, importlib.metadata.version(distribution), flush=True)
    sys.exit(not asyncio.run(_run(apis)))


async def _run(apis: tuple[Api, ...]) -> bool:
    outcomes = [
        await _outcome(api, model, scenario)
        for model in MODELS
        for api in apis
        for scenario in vars(type(api))
        if not scenario.startswith("_") and scenario != "name"
    ]
    return all(outcomes)


async def _outcome(api: Api, model: str, scenario: str) -> bool:
    line = f"{api.name} {model} {scenario}"
    try:
        async with asyncio.timeout(_PATIENCE):
            await getattr(api, scenario)(model)
    except Exception as error:  # noqa: BLE001 - whatever a client raises is this scenario's outcome
        traceback.print_exc()
        reason = " ".join(str(error).split())
        print("failed", line, f"{type(error).__name__}: {reason}"[:300], flush=True)
        return False
    print("ok", line, flush=True)
    return True
