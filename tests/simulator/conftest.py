"""One real server for all tests; each test puts its own simulator behind it."""

import io
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import openai
import orjson
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from gateway.simulator import create_simulator

NOW = 1_775_418_249.0


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


@dataclass
class Stage:
    """What the server serves at the moment."""

    port: int = 0
    app: Starlette | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self.app is not None
        await self.app(scope, receive, send)


class Server(uvicorn.Server):
    def __init__(self, stage: Stage) -> None:
        super().__init__(uvicorn.Config(stage, port=0, lifespan="off", log_level="error"))
        self.stage = stage
        self.ready = threading.Event()

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        self.stage.port = self.servers[0].sockets[0].getsockname()[1]
        self.ready.set()

    def capture_signals(self) -> Any:
        return nullcontext()


@dataclass
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        error: dict[str, Any] = self.json["error"]
        return error

    @property
    def text(self) -> str:
        """What the model said, in either API."""
        if "choices" in self.json:
            return str(self.json["choices"][0]["message"]["content"])
        return "".join(
            item["content"][0]["text"] for item in self.json["output"] if item["type"] == "message"
        )

    @property
    def frames(self) -> list[bytes]:
        return self.body.split(b"\n\n")[:-1]

    @property
    def events(self) -> list[Any]:
        lines = [line for line in self.body.splitlines() if line.startswith(b"data:")]
        return [orjson.loads(line[5:]) for line in lines if b"[DONE]" not in line]


@dataclass
class Client:
    """Raw HTTP, to see what is really on the wire."""

    session: aiohttp.ClientSession
    base: str
    headers: dict[str, str] = field(default_factory=lambda: {"authorization": "Bearer key"})

    @property
    def ark(self) -> str:
        return f"{self.base}/api/v3"

    @property
    def maas(self) -> str:
        return f"{self.base}/v2/infer/any/v1"

    async def send(self, method: str, url: str, **more: Any) -> Answer:
        headers = {**self.headers, **more.pop("headers", {})}
        if isinstance(more.get("data"), bytes):
            more["data"] = io.BytesIO(more["data"])  # aiohttp warns of large bare bytes
        async with self.session.request(method, url, headers=headers, **more) as response:
            return Answer(response.status, response.headers, await response.read())

    async def post(self, url: str, body: Any, **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named["content-type"] = "application/json"
        return await self.send("POST", url, data=orjson.dumps(body), headers=named)

    async def chat(self, *content: Any, **more: Any) -> Answer:
        return await self.post(f"{self.ark}/chat/completions", chat_body(*content, **more))

    async def maas_chat(self, *content: Any, **more: Any) -> Answer:
        return await self.post(f"{self.maas}/chat/completions", chat_body(*content, **more))

    async def respond(self, *content: Any, **more: Any) -> Answer:
        body = {"model": "doubao", "input": [{"role": "user", "content": list(content)}], **more}
        return await self.post(f"{self.ark}/responses", body, ark_beta_image_process="true")

    async def records(self) -> list[Any]:
        data: list[Any] = (await self.send("GET", f"{self.base}/_simulator/requests")).json["data"]
        return data


def chat_body(*content: Any, **more: Any) -> dict[str, Any]:
    return {"model": "doubao", "messages": [{"role": "user", "content": list(content)}], **more}


@pytest.fixture(scope="session")
def stage() -> Iterator[Stage]:
    stage = Stage()
    server = Server(stage)
    thread = threading.Thread(target=server.run)
    thread.start()
    server.ready.wait()
    yield stage
    server.should_exit = True
    thread.join()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def base(stage: Stage, clock: Clock) -> str:
    stage.app = create_simulator(clock=clock, chunk_delay=0)
    return f"http://127.0.0.1:{stage.port}"


@pytest.fixture
async def http(base: str) -> AsyncIterator[Client]:
    async with aiohttp.ClientSession() as session:
        yield Client(session, base)


@pytest.fixture
async def ark(base: str) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=f"{base}/api/v3", api_key="key", max_retries=0) as client:
        yield client


@pytest.fixture
async def maas(base: str) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=f"{base}/v2/infer/any/v1", api_key="key", max_retries=0) as client:
        yield client
