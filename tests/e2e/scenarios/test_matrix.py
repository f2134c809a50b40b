"""Each scenario by each API on each backend, streamed and whole: a caller cannot tell where the answer came from."""

from dataclasses import replace
from typing import Any

import pytest

from .conftest import Asked, Place, Rig, each_place, each_way
from .scenario import Scenario, Turn
from .table import SCENARIOS
from .talk import Conversation, Json, arrived, spelled

pytestmark = pytest.mark.asyncio(loop_scope="module")


@each_way
@each_place
@pytest.mark.parametrize("scenario", SCENARIOS, ids=[scenario.name for scenario in SCENARIOS])
async def test_scenario(rig: Rig, scenario: Scenario, place: Place, stream: bool) -> None:
    conversation = Conversation(place.api)
    for turn in scenario.turns:
        asked = await take(rig, conversation, turn, scenario.settings, place, stream=stream)
        heard = scenario.heard.get(place.name, turn.heard)
        assert asked.answer.heard == replace(heard, finish=heard.finished)
        assert asked.changes == place.changed(*scenario.changes.get(place.name, ()))
        check_settings(scenario.settings, place, asked)
        check_calls(conversation, place, asked)
        if scenario.usage:
            check_usage(scenario.usage, place, asked, stream=stream)
        conversation.hear(asked.answer)


async def take(
    rig: Rig, conversation: Conversation, turn: Turn, settings: Json, place: Place, *, stream: bool
) -> Asked:
    if turn.script:
        await rig.sim.fault(path=place.path, **turn.script)
    for said in turn.say:
        conversation.say(said)
    return await rig.ask(place, conversation.body(settings), stream=stream)


def check_settings(settings: Json, place: Place, asked: Asked) -> None:
    """They reached the backend under its own names, and a response tells them back."""
    wanted = spelled(place.spoken, settings)
    wanted |= wanted.pop("extra_body", {})
    instructions = wanted.pop("instructions", None)
    for name, value in wanted.items():
        if any(name in change for change in asked.changes) or (name == "metadata" and place.translated):
            continue
        own = [tool for tool in asked.sent.get("tools", ()) if tool["type"] == "function"]
        sent = own if name == "tools" else asked.sent.get(name)
        assert sent == value or value == {"type": "text"}
    if place.api == "responses":
        told = spelled("responses", {**settings, "instructions": instructions})
        told.pop("extra_body", None)
        for response in asked.responses:
            assert within(told, response)


def within(part: Any, whole: Any) -> bool:
    """Whether all of a value is found in another that may say more."""
    if isinstance(part, dict):
        return all(within(value, whole.get(name)) for name, value in part.items())
    if isinstance(part, list):
        return len(part) == len(whole) and all(map(within, part, whole))
    return bool(part == whole)


def check_calls(conversation: Conversation, place: Place, asked: Asked) -> None:
    """Each earlier call and its output reached the backend under one id, in the order in which they were said."""
    calls, outputs = arrived(place.spoken, asked.sent)
    told, given = arrived(place.api, conversation.body({}))
    assert calls == told
    assert [id for id, _ in outputs] == [id for id, _ in given]
    assert {id for id, _ in outputs} <= {id for id, _, _ in calls}
    assert all(
        text in (one, "See the next message.") for (_, text), (_, one) in zip(outputs, given, strict=True)
    )
    assert len(set(asked.answer.call_ids)) == len(asked.answer.call_ids)


def check_usage(usage: tuple[int, int], place: Place, asked: Asked, *, stream: bool) -> None:
    """Chat tells it at the end of a stream only where that is asked for; ModelArts' chat tells it in any case."""
    untold = stream and place.api == "chat" and place.name != "chat-modelarts"
    assert asked.answer.usage == (None if untold else (*usage, 0))
