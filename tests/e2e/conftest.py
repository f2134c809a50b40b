"""The gateway as ``arkway serve`` runs it, in front of a simulator that each test has to itself."""

import asyncio
import io
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import openai
import orjson
import pytest
from volcenginesdkarkruntime import AsyncArk

from gateway import server
from gateway.app import create_app
from gateway.settings import Settings
from gateway.simulator import create_simulator

from .process import Process
from .servers import Gallery, Host, Stage, plain

ARK_KEY = "upstream-key-of-ark"
MAAS_KEY = "upstream-key-of-maas"
UPLOAD_OVER = 16 << 10
VISION = "doubao-seed-1-6-vision-250815"
QWEN = "Qwen3-VL-30B-A3B"


async def until(condition: Callable[[], Any], what: str = "it", seconds: float = 10.0) -> Any:
    """Looks again and again until the condition holds, and fails if it never does; its value."""
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        value = condition()
        value = await value if isinstance(value, Awaitable) else value
        if value:
            return value
        assert asyncio.get_running_loop().time() < deadline, f"never happened: {what}"
        await asyncio.sleep(0.005)


@dataclass
class Answer:
    status: int
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        """The error, having seen that it stands in OpenAI's envelope."""
        assert self.headers["content-type"].startswith("application/json"), self.headers
        assert list(self.json) == ["error"]
        error: dict[str, Any] = self.json["error"]
        assert list(error) == ["message", "type", "param", "code"]
        assert error["message"]
        return error

    @property
    def text(self) -> str:
        """What the model said, in either API."""
        assert self.status == 200, self.body
        if "choices" in self.json:
            return str(self.json["choices"][0]["message"]["content"])
        return "".join(
            item["content"][0]["text"] for item in self.json["output"] if item["type"] == "message"
        )

    @property
    def frames(self) -> list[bytes]:
        """The events, comments aside."""
        frames = self.body.split(b"\n\n")
        assert frames.pop() == b"", "the body does not end with a whole frame"
        return [frame for frame in frames if not frame.startswith(b":")]

    @property
    def events(self) -> list[Any]:
        data = [frame.split(b"data:", 1)[1] for frame in self.frames]
        return [orjson.loads(text) for text in data if text.strip() != b"[DONE]"]

    @property
    def changes(self) -> list[str]:
        return [change for change in self.headers.get("x-arkway-changes", "").split(", ") if change]


@dataclass
class Http:
    """Raw HTTP, to see what is really on the wire. A body that does not end well-formed raises."""

    session: aiohttp.ClientSession

    async def send(self, method: str, url: str, **more: Any) -> Answer:
        async with self.session.request(method, url, allow_redirects=False, **more) as response:
            return Answer(response.status, response.headers, await response.read())

    async def get(self, url: str, **more: Any) -> Answer:
        return await self.send("GET", url, **more)

    async def post(self, url: str, body: Any, **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.send("POST", url, data=_stream(body), headers={**_JSON, **named})

    def open(self, url: str, body: Any) -> Any:
        """A request whose answer is read as it comes: use it with ``async with``."""
        return self.session.post(url, data=_stream(body), headers=_JSON)


_JSON = {"content-type": "application/json"}


def _stream(body: Any) -> Any:
    return io.BytesIO(body if isinstance(body, bytes) else orjson.dumps(body))


@dataclass
class Simulated:
    """The vendors behind the gateway: scripts for them, and what they received."""

    url: str
    stage: Stage
    http: Http

    def renew(self, **options: Any) -> None:
        self.stage.app = create_simulator(**{"chunk_delay": 0, "processing_time": 0, **options})

    async def fault(self, path: str = "", times: int = 1, **fault: Any) -> None:
        order = {"fault": fault, "times": times, "path": path}
        assert (await self.http.post(f"{self.url}/_simulator/faults", order)).status == 200

    async def requests(self, path: str = "") -> list[dict[str, Any]]:
        told = (await self.http.get(f"{self.url}/_simulator/requests")).json["data"]
        return [request for request in told if path in request["path"]]

    async def last(self, path: str = "") -> dict[str, Any]:
        return (await self.requests(path))[-1]

    async def open(self) -> int:
        count: int = (await self.http.get(f"{self.url}/_simulator/state")).json["open"]
        return count

    async def idle(self) -> None:
        """Waits until no request is open any more."""

        async def nothing_open() -> bool:
            return await self.open() == 0

        await until(nothing_open, "the last request to the backend ends")

    async def busy(self, count: int = 1, chunks: int = 0) -> None:
        """Waits until that many requests run and have sent that many chunks."""

        async def running() -> bool:
            records = [one for one in await self.requests() if one["outcome"] == "running"]
            return len(records) >= count and all(one["chunks_sent"] >= chunks for one in records)

        await until(running, "the requests reach the backend")


@dataclass
class Gateway:
    """A running gateway and the ways to call it."""

    url: str
    folder: Path
    sdks: "Sdks"

    @property
    def v1(self) -> str:
        return f"{self.url}/v1"

    @property
    def v3(self) -> str:
        return f"{self.url}/api/v3"

    @property
    def pictures(self) -> Path:
        return self.folder / "pictures"

    @property
    def openai(self) -> openai.AsyncOpenAI:
        client: openai.AsyncOpenAI = self.sdks.get(openai.AsyncOpenAI, self.v1)
        return client

    @property
    def ark(self) -> Any:
        return self.sdks.get(AsyncArk, self.v3)

    def client(self, name: str) -> Any:
        return self.openai if name == "openai" else self.ark


@dataclass
class Sdks:
    """The vendors' clients, made when first asked for."""

    made: dict[tuple[Any, ...], Any] = field(default_factory=dict)

    def get(self, make: Any, base_url: str, api_key: str = "callers-key") -> Any:
        name = (make, base_url, api_key)
        if name not in self.made:
            self.made[name] = make(base_url=base_url, api_key=api_key, max_retries=0)
        return self.made[name]

    async def close(self) -> None:
        for client in self.made.values():
            await client.close()


Launch = Callable[..., Gateway]


def sections(vendors: str, folder: Path, **more: Any) -> dict[str, Any]:
    """A configuration: what the tests share, with ``more`` over it, section by section."""
    point = {"type": "image_process", "point": {"type": "enabled"}}
    common: dict[str, Any] = {
        "server": {"port": 0},
        "backends": {
            "ark": {"kind": "ark", "base_url": f"{vendors}/api/v3", "api_key": ARK_KEY},
            "maas": {"kind": "modelarts", "base_url": f"{vendors}/v2/infer/any/v1", "api_key": MAAS_KEY},
        },
        "models": {
            "doubao-vision": {"backend": "ark", "model": VISION},
            "qwen-vl": {"backend": "maas", "model": QWEN},
            "strawberry-counter": {"backend": "ark", "model": VISION, "tools": [point]},
            "doubao-*": {"backend": "ark"},
            "Qwen*": {"backend": "maas"},
        },
        "images": {
            "allow_hosts": ["127.0.0.1"],
            "local_roots": [str(folder / "pictures")],
            "upload_over": UPLOAD_OVER,
        },
        "storage": {"database": f"sqlite:///{folder}/arkway.db", "files": str(folder / "files")},
    }
    names = {*common, *more}
    return {name: {**common.get(name, {}), **more.get(name, {})} for name in names}


@pytest.fixture(scope="session")
def host() -> Iterator[Host]:
    """Where the gateways run."""
    host = Host()
    yield host
    host.close()


@pytest.fixture(scope="session")
def outside() -> Iterator[Host]:
    """Where everything else runs that the gateways speak to."""
    host = Host()
    yield host
    host.close()


@pytest.fixture(scope="session")
def stage(outside: Host) -> Iterator[tuple[Stage, str]]:
    stage = Stage()
    served = outside.serve(plain(stage))
    yield stage, served.url
    outside.stop(served)


@pytest.fixture(scope="session")
def gallery(outside: Host) -> Iterator[Gallery]:
    gallery = Gallery()
    served = outside.serve(plain(gallery))
    gallery.url = served.url
    yield gallery
    outside.stop(served)


@pytest.fixture(autouse=True)
def quiet(
    host: Host,
    outside: Host,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[None]:
    """No server has anything to complain about: no traceback, no failed task that nobody looked at."""
    for one in (host, outside):
        one.complaints.clear()
    yield
    printed = capsys.readouterr()
    print(printed.out, end="")
    assert "[error " not in printed.out + printed.err
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []
    assert host.complaints + outside.complaints == []


@pytest.fixture
async def http() -> AsyncIterator[Http]:
    connector = aiohttp.TCPConnector(limit=0)
    timeout = aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        yield Http(session)


@pytest.fixture
def sim(stage: tuple[Stage, str], http: Http) -> Simulated:
    simulated = Simulated(stage[1], stage[0], http)
    simulated.renew()
    return simulated


@pytest.fixture
async def sdks() -> AsyncIterator[Sdks]:
    sdks = Sdks()
    yield sdks
    await sdks.close()


@pytest.fixture
def launch(host: Host, sim: Simulated, sdks: Sdks, tmp_path: Path) -> Iterator[Launch]:
    """Starts gateways: ``launch(images={…})`` with parts of the configuration changed."""
    started = []

    def launch(**more: Any) -> Gateway:
        folder = tmp_path / f"gateway-{len(started)}"
        (folder / "pictures").mkdir(parents=True)
        settings = Settings.model_validate(sections(sim.url, folder, **more))
        served = host.serve(server.config(settings, create_app(settings)))
        started.append(served)
        return Gateway(served.url, folder, sdks)

    yield launch
    for served in started:
        host.stop(served)


@pytest.fixture
def gateway(launch: Launch) -> Gateway:
    return launch()


@dataclass
class Running:
    """A gateway in a process of its own, whose log is read."""

    gateway: Gateway
    process: Process

    async def request(self, path: str = "", after: int = 0) -> dict[str, Any]:
        """The log line of the next request to a path."""

        def line() -> Any:
            return [one for one in self.process.requests()[after:] if path in one["path"]]

        lines: list[dict[str, Any]] = await until(line, "the request's log line")
        return lines[0]

    def seen(self) -> int:
        return len(self.process.requests())


Run = Callable[..., Running]


@pytest.fixture
def run(sim: Simulated, sdks: Sdks, tmp_path: Path) -> Iterator[Run]:
    """Starts ``arkway serve`` in a process: ``run(server={…})``. Its log must hold no traceback in the end."""
    started: list[Process] = []

    def run(*arguments: str, **more: Any) -> Running:
        folder = tmp_path / f"process-{len(started)}"
        (folder / "pictures").mkdir(parents=True)
        process = Process.serve(folder, sections(sim.url, folder, **more), *arguments)
        started.append(process)
        return Running(Gateway(process.url, folder, sdks), process)

    yield run
    for process in started:
        process.end()
        assert "Traceback" not in process.text
        assert '"level":"error"' not in process.text


@pytest.fixture(scope="module")
def shared(stage: tuple[Stage, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One such process for all tests of a module."""
    folder = tmp_path_factory.mktemp("shared")
    (folder / "pictures").mkdir()
    process = Process.serve(folder, sections(stage[1], folder))
    yield Running(Gateway(process.url, folder, Sdks()), process)
    process.signal()
    process.wait()
    assert "Traceback" not in process.text
    assert '"level":"error"' not in process.text
