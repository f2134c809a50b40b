"""One gateway and one simulator for all scenarios of a module, and one loop for its tests."""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import aiohttp
import pytest
import pytest_asyncio

from gateway import server
from gateway.app import create_app
from gateway.settings import Settings
from tests.e2e.conftest import VISION, Gateway, Http, Sdks, Simulated, sections
from tests.e2e.servers import Host, Stage

from . import hearing
from .talk import Answer, Json

_IDLE = {
    "type": "image_process",
    **{name: {"type": "disabled"} for name in ("point", "grounding", "zoom", "rotate")},
}


class Place(NamedTuple):
    """One way to a model: the caller's API and the model's name, and the API by which its backend is spoken to."""

    name: str
    api: str
    model: str
    spoken: str
    changes: tuple[str, ...] = ()  # of every request

    @property
    def path(self) -> str:
        return "/chat/completions" if self.spoken == "chat" else "/responses"

    @property
    def translated(self) -> bool:
        return self.api != self.spoken

    def changed(self, *more: str) -> list[str]:
        """The changes of every request and some more, in the order of their names."""
        return sorted((*self.changes, *more))


_BY_RESPONSES = (
    "add-tool:image_process",
    "translated:chat-over-responses",
    "add-header:ark-beta-image-process",
)
PLACES = (
    Place("chat-ark", "chat", "doubao-vision", "chat"),
    Place("chat-ark-by-responses", "chat", "doubao-by-responses", "responses", _BY_RESPONSES),
    Place("chat-modelarts", "chat", "qwen-vl", "chat"),
    Place("responses-ark", "responses", "doubao-vision", "responses"),
    Place("responses-modelarts", "responses", "qwen-vl", "chat", ("translated:responses-over-chat",)),
)
MODELARTS_RESPONSES = PLACES[-1]
MODELS = {"doubao-by-responses": {"backend": "ark", "model": VISION, "tools": [_IDLE]}}


each_place = pytest.mark.parametrize("place", PLACES, ids=[place.name for place in PLACES])
each_way = pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])


def by_name(name: str) -> Place:
    return next(place for place in PLACES if place.name == name)


READ: Mapping[tuple[str, bool], Callable[[Any], Answer]] = {
    ("chat", False): hearing.of_completion,
    ("chat", True): hearing.of_chunks,
    ("responses", False): hearing.of_response,
    ("responses", True): hearing.of_events,
}


@dataclass
class Asked:
    """What came of one request: its answer, the headers, and the body that the backend received."""

    answer: Answer
    raw: Any  # the whole answer, or the events of a stream
    headers: Any
    sent: Json = field(default_factory=dict)

    @property
    def changes(self) -> list[str]:
        """In the order of their names."""
        told = self.headers.get("x-arkway-changes", "")
        return sorted(change for change in told.split(", ") if change)

    @property
    def responses(self) -> list[Json]:
        """The Response objects of a Responses call."""
        events = self.raw if isinstance(self.raw, list) else [{"response": self.raw}]
        return [event["response"] for event in events if "response" in event]


@dataclass
class Rig:
    gateway: Gateway
    sim: Simulated

    async def ask(self, place: Place, body: Json, *, stream: bool, sdk: str = "openai") -> Asked:
        headers, raw = await self.call(place, body, stream=stream, sdk=sdk)
        read = READ[place.api, stream]
        return Asked(read(raw), raw, headers, (await self.sim.last(place.path))["body"])

    async def call(self, place: Place, body: Json, *, stream: bool, sdk: str = "openai") -> tuple[Any, Any]:
        """The headers and the answer as plain JSON, or the list of what was streamed."""
        client = self.gateway.client(sdk)
        resource = client.chat.completions if place.api == "chat" else client.responses
        extra = {"extra_body": body.pop("extra_body")} if "extra_body" in body else {}
        raw = await resource.with_raw_response.create(model=place.model, stream=stream, **body, **extra)
        answer = raw.parse()
        answer = await answer if hasattr(answer, "__await__") else answer
        if stream:
            return raw.headers, [event.to_dict(warnings=False) async for event in answer]
        return raw.headers, answer.to_dict(warnings=False)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_rig(
    host: Host, stage: tuple[Stage, str], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Rig]:
    folder = tmp_path_factory.mktemp("scenarios")
    (folder / "pictures").mkdir()
    connector, sdks = aiohttp.TCPConnector(limit=0), Sdks()
    configured = sections(stage[1], folder, upstream={"retries": 0})
    configured["models"] = {**configured["models"], **MODELS}
    settings = Settings.model_validate(configured)
    served = host.serve(server.config(settings, create_app(settings)))
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(30)) as session:
        yield Rig(Gateway(served.url, folder, sdks), Simulated(stage[1], stage[0], Http(session)))
    await sdks.close()
    host.stop(served)


@pytest.fixture
def rig(shared_rig: Rig) -> Rig:
    shared_rig.sim.renew()
    return shared_rig
