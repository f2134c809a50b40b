"""In mode `keys` all callers share the account at Ark: each team sees the responses that it made there, and no others."""

import asyncio
from dataclasses import dataclass
from typing import Any

import openai
import pytest
from volcenginesdkarkruntime import AsyncArk
from volcenginesdkarkruntime._exceptions import ArkBadRequestError, ArkNotFoundError

from .conftest import ARK_KEY, Answer, Gateway, Http, Launch, Run, Simulated

MODEL = "doubao-vision"
NAMES = {"ann": "vision", "ben": "vision", "cat": "audio", "dan": None}
KEYS = [{"name": name, "key": f"sk-{name}-0123456789", "team": team} for name, team in NAMES.items()]
ACCESS = {"mode": "keys", "keys": KEYS}
FOREIGN = ("cat", "dan")
UNKNOWN = "resp_02177494466149900bcc3116dfc56b9203b01425516f61b9ebd48"
SDKS = ("openai", "ark")
NOT_FOUND = {"openai": openai.NotFoundError, "ark": ArkNotFoundError}
BAD_REQUEST = {"openai": openai.BadRequestError, "ark": ArkBadRequestError}

sdks = pytest.mark.parametrize("sdk", SDKS)
streamed = pytest.mark.parametrize("stream", [False, True])


@dataclass
class Caller:
    """One key, as it calls by one of the SDKs, under that vendor's prefix."""

    gateway: Gateway
    sdk: str
    name: str
    http: Http

    @property
    def key(self) -> str:
        return f"sk-{self.name}-0123456789"

    @property
    def base(self) -> str:
        return self.gateway.v1 if self.sdk == "openai" else self.gateway.v3

    @property
    def responses(self) -> Any:
        make = openai.AsyncOpenAI if self.sdk == "openai" else AsyncArk
        return self.gateway.sdks.get(make, self.base, self.key).responses

    async def create(self, *, stream: bool = False, **more: Any) -> str:
        made = await self.responses.create(model=MODEL, input="hello", stream=stream, **more)
        if stream:
            made = [event async for event in made][-1].response
        assert made.status == "completed"
        return str(made.id)

    async def send(self, method: str, rest: str) -> Answer:
        headers = {"authorization": f"Bearer {self.key}"}
        return await self.http.send(method, f"{self.base}/responses/{rest}", headers=headers)

    async def sees(self, id: str) -> None:
        assert (await self.responses.retrieve(id)).id == id
        items = (await self.send("GET", f"{id}/input_items")).json["data"]
        assert items[0]["content"][0]["text"] == "hello"
        await self.create(previous_response_id=id)

    async def sees_not(self, id: str) -> None:
        missing, bad = NOT_FOUND[self.sdk], BAD_REQUEST[self.sdk]
        for call in (self.responses.retrieve, self.responses.delete):
            with pytest.raises(missing):
                await call(id)
        told = [
            await self.send(method, f"{id}{rest}")
            for method, rest in (
                ("GET", "?stream=true"),
                ("GET", "/input_items"),
                ("POST", "/cancel"),
                ("DELETE", ""),
            )
        ]
        assert [(one.status, one.error["code"]) for one in told] == [(404, "response_not_found")] * 4
        for stream in (False, True):
            with pytest.raises(bad) as refused:
                await self.responses.create(model=MODEL, input="x", previous_response_id=id, stream=stream)
            assert getattr(refused.value, "param", None) == "previous_response_id"


def callers(gateway: Gateway, sdk: str, http: Http) -> list[Caller]:
    return [Caller(gateway, sdk, name, http) for name in NAMES]


@sdks
@streamed
async def test_a_team_sees_its_own(
    launch: Launch, http: Http, sim: Simulated, sdk: str, *, stream: bool
) -> None:
    ann, ben, cat, dan = callers(launch(access=ACCESS), sdk, http)
    id = await ann.create(stream=stream)
    await ann.sees(id)
    await ben.sees(id)
    count = len(await sim.requests())
    await asyncio.gather(cat.sees_not(id), dan.sees_not(id), dan.sees_not(UNKNOWN))
    assert len(await sim.requests()) == count  # Ark was not asked
    await ben.responses.delete(id)
    with pytest.raises(NOT_FOUND[sdk]):
        await ann.responses.retrieve(id)


@streamed
async def test_a_key_without_a_team_sees_its_own(launch: Launch, http: Http, *, stream: bool) -> None:
    ann, _, _, dan = callers(launch(access=ACCESS), "openai", http)
    id = await dan.create(stream=stream)
    await asyncio.gather(dan.sees(id), ann.sees_not(id))


async def test_a_stream_belongs_to_its_owner_from_its_first_event(
    launch: Launch, http: Http, sim: Simulated
) -> None:
    ann, ben, cat, _ = callers(launch(access=ACCESS), "openai", http)
    await sim.fault(stall_after=5)
    async with await ann.responses.create(model=MODEL, input="hello", stream=True) as stream:
        id = (await anext(aiter(stream))).response.id
        assert (await ben.responses.retrieve(id)).id == id
        with pytest.raises(openai.NotFoundError):
            await cat.responses.retrieve(id)


async def test_a_foreign_response_reads_as_an_unknown_one(launch: Launch, http: Http) -> None:
    ann, _, cat, _ = callers(launch(access=ACCESS), "openai", http)
    id = await ann.create()
    foreign, unknown = await asyncio.gather(cat.send("GET", id), cat.send("GET", UNKNOWN))
    assert foreign.body.replace(id.encode(), b"X") == unknown.body.replace(UNKNOWN.encode(), b"X")


@sdks
@streamed
async def test_after_a_restart(run: Run, http: Http, sdk: str, *, stream: bool) -> None:
    first = run(access=ACCESS)
    id = await callers(first.gateway, sdk, http)[0].create(stream=stream)
    first.process.signal()
    assert await asyncio.to_thread(first.process.wait) == 0
    folder = first.gateway.folder
    storage = {"database": f"sqlite:///{folder}/arkway.db", "files": str(folder / "files")}
    ann, ben, cat, dan = callers(run(access=ACCESS, storage=storage).gateway, sdk, http)
    await asyncio.gather(ann.sees(id), ben.sees(id), cat.sees_not(id), dan.sees_not(id))


@streamed
async def test_in_another_process_at_once(launch: Launch, http: Http, *, stream: bool) -> None:
    one = launch(access=ACCESS)
    storage = {"database": f"sqlite:///{one.folder}/arkway.db", "files": str(one.folder / "files")}
    other = launch(access=ACCESS, storage=storage)
    id = await callers(one, "openai", http)[0].create(stream=stream)
    ann, ben, cat, _ = callers(other, "openai", http)
    await asyncio.gather(ann.sees(id), ben.sees(id), cat.sees_not(id))


async def test_what_was_made_outside_of_the_gateway(launch: Launch, http: Http, sim: Simulated) -> None:
    """It can be reached where there is one owner, and where Ark checks the caller's key itself."""
    url = f"{sim.url}/api/v3/responses"
    body = {"model": "doubao-seed-1-6-vision-250815", "input": "hello"}
    id = (await http.post(url, body, authorization=f"Bearer {ARK_KEY}")).json["id"]
    for mode, status in (("open", 200), ("passthrough", 200), ("keys", 404)):
        gateway = launch(access=ACCESS if mode == "keys" else {"mode": mode})
        headers = {"authorization": f"Bearer {KEYS[0]['key']}"}
        answer = await http.get(f"{gateway.v1}/responses/{id}", headers=headers)
        assert answer.status == status
