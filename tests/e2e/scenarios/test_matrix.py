"""Each scenario by each API on each backend, streamed and whole: a caller cannot tell where the answer came from."""

from dataclasses import replace
from typing import Any

import pytest

from gateway.simulator.recorder import shortened

from .conftest import PLACES, Asked, Place, Rig
from .scenario import Scenario, Turn
from .table import SCENARIOS
from .talk import Conversation, Json, arrived, spelled

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize("place", PLACES, ids=[place.name for place in PLACES])
@pytest.mark.parametrize("scenario", SCENARIOS, ids=[scenario.name for scenario in SCENARIOS])
async def test_scenario(rig: Rig, scenario: Scenario, place: Place, stream: bool) -> None:
    conversation = Conversation(place.api)
    called: list[tuple[str, str, str]] = []
    for turn in scenario.turns:
        asked = await take(rig, conversation, scenario, turn, place, stream=stream)
        answer = asked.answer
        expected = scenario.heard.get(place.name, turn.heard)
        assert answer.heard == replace(expected, finish=expected.finished)
        assert asked.changes == [*place.changes, *scenario.changes.get(place.name, ())]
        check_settings(scenario.settings, place, asked)
        assert arrived(place.spoken, asked.sent)[0] == shortened([list(call) for call in called]) or called == []
        if scenario.usage and (place.api == "responses" or not stream):
            assert answer.usage == (*scenario.usage, 0)
        calls = zip(answer.call_ids, answer.heard.calls, strict=True)
        called += [(id, name, arguments) for id, (name, arguments) in calls]
        assert len(set(answer.call_ids)) == len(answer.call_ids)


async def take(
    rig: Rig, conversation: Conversation, scenario: Scenario, turn: Turn, place: Place, *, stream: bool
) -> Asked:
    if turn.script:
        await rig.sim.fault(path=place.path, **turn.script)
    for said in turn.say:
        conversation.say(said)
    asked = await rig.ask(place, conversation.body(scenario.settings), stream=stream)
    conversation.hear(asked.answer)
    return asked


def check_settings(settings: Json, place: Place, asked: Asked) -> None:
    """They reached the backend under its own names."""
    wanted: dict[str, Any] = spelled(place.spoken, settings)
    wanted = {**wanted, **wanted.pop("extra_body", {})}
    instructions = wanted.pop("instructions", None)
    if instructions and place.spoken == place.api == "responses":
        assert asked.sent["instructions"] == instructions
    for name, value in wanted.items():
        sent = asked.sent.get(name)
        if name == "tools" and "add-tool:image_process" in asked.changes:
            sent = asked.sent["tools"][:-1]
        assert sent == value
