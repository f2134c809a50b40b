"""Some scenarios through Ark's own SDK, under its own prefix: what is translated is whole there too."""

from dataclasses import replace

import pytest

from .conftest import Place, Rig, by_name, each_way
from .scenario import Scenario
from .table import SCENARIOS
from .talk import Conversation

pytestmark = pytest.mark.asyncio(loop_scope="module")

# Under its own prefix Ark's answers are as Ark leaves them, which is told elsewhere.
OTHERS = [by_name(name) for name in ("chat-ark-by-responses", "chat-modelarts", "responses-modelarts")]
NAMES = (
    "plain text",
    "long Chinese and emoji",
    "Chinese and emoji cut at every byte",
    "instructions",
    "pictures among texts",
    "a call after text",
    "three rounds of parallel calls with reasoning",
    "a picture as a function's output",
    "reasoning on",
    "a limit of tokens that is reached",
    "filtered content",
)
CHOSEN = [next(one for one in SCENARIOS if one.name == name) for name in NAMES]


@each_way
@pytest.mark.parametrize("place", OTHERS, ids=[place.name for place in OTHERS])
@pytest.mark.parametrize("scenario", CHOSEN, ids=NAMES)
async def test_scenario(rig: Rig, scenario: Scenario, place: Place, stream: bool) -> None:
    conversation = Conversation(place.api)
    for turn in scenario.turns:
        if turn.script:
            await rig.sim.fault(path=place.path, **turn.script)
        for said in turn.say:
            conversation.say(said)
        asked = await rig.ask(place, conversation.body(scenario.settings), stream=stream, sdk="ark")
        assert asked.answer.heard == replace(turn.heard, finish=turn.heard.finished)
        assert asked.changes == place.changed()
        conversation.hear(asked.answer)
