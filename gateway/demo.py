"""``arkway demo``: the OpenAI SDK asks about a picture through the gateway, in front of the simulator."""

import asyncio
import base64
import contextlib
import logging
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import uvicorn
from openai import AsyncOpenAI
from rich.console import Console

from gateway import server, telemetry
from gateway.app import create_app
from gateway.settings import Logging, Settings
from gateway.simulator import create_simulator
from gateway.simulator.ark.gallery import strawberries

_QUESTION = "数一数有多少颗草莓？ (How many strawberries are there?)"
_MODEL = "doubao-seed-1-6-vision-250815"


async def run() -> None:
    telemetry.configure(Logging(format="json", level="error"))
    logging.getLogger("uvicorn").setLevel(logging.ERROR)
    console = Console(highlight=False, soft_wrap=True)
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder) / "strawberries.png"
        strawberries().save(picture)
        async with (
            served(uvicorn.Config(create_simulator(), port=0, log_config=None, access_log=False)) as upstream,
            served(_gateway(_settings(upstream, folder))) as gateway,
        ):
            client = AsyncOpenAI(base_url=f"{gateway}/v1", api_key="any", max_retries=0)
            console.print(
                f"Arkway listens on {gateway}/v1, a simulated Ark and ModelArts behind it on {upstream}."
            )
            console.print(f"The picture: seven strawberries, {picture.stat().st_size} bytes of PNG.\n")
            await _ask_responses(client, console, picture)
            await _ask_chat(client, console, picture)
            await client.close()


async def _ask_responses(client: AsyncOpenAI, console: Console, picture: Path) -> None:
    console.print("[bold]client.responses.create(model='strawberry-counter', stream=True)[/bold]")
    console.print(f"[cyan]> {_QUESTION}[/cyan]")
    content = [
        {"type": "input_image", "image_url": _data_url(picture)},
        {"type": "input_text", "text": _QUESTION},
    ]
    raw: Any = await client.responses.with_raw_response.create(
        model="strawberry-counter",
        input=[{"role": "user", "content": content}],  # type: ignore[list-item,misc]
        stream=True,
    )
    async for event in raw.parse():
        if event.type == "response.output_text.delta":
            console.print(event.delta, end="", markup=False)
    _tell_changes(console, raw.headers.get("x-arkway-changes"))


async def _ask_chat(client: AsyncOpenAI, console: Console, picture: Path) -> None:
    console.print(
        "[bold]client.chat.completions.create(model='qwen-vl', stream=True)[/bold], the picture as file://"
    )
    console.print("[cyan]> What do you see?[/cyan]")
    content = [
        {"type": "text", "text": "What do you see?"},
        {"type": "image_url", "image_url": {"url": picture.as_uri()}},
    ]
    raw: Any = await client.chat.completions.with_raw_response.create(
        model="qwen-vl",
        messages=[{"role": "user", "content": content}],  # type: ignore[list-item,misc]
        stream=True,
    )
    async for chunk in raw.parse():
        for choice in chunk.choices:
            console.print(choice.delta.content or "", end="", markup=False)
    _tell_changes(console, raw.headers.get("x-arkway-changes"))


def _tell_changes(console: Console, changes: str | None) -> None:
    console.print(f"\n[green]The gateway changed on the way: {changes or 'nothing'}[/green]\n")


def _settings(upstream: str, folder: str) -> Settings:
    point = {"type": "image_process", "point": {"type": "enabled"}}
    return Settings.model_validate(
        {
            "backends": {
                "ark": {"kind": "ark", "base_url": f"{upstream}/api/v3", "api_key": "demo"},
                "maas": {"kind": "modelarts", "base_url": f"{upstream}/v2/infer/demo/v1", "api_key": "demo"},
            },
            "models": {
                "strawberry-counter": {"backend": "ark", "model": _MODEL, "tools": [point]},
                "qwen-vl": {"backend": "maas", "model": "Qwen3-VL-30B-A3B"},
            },
            "server": {"port": 0},
            "images": {"local_roots": [folder]},
            "storage": {"database": f"sqlite:///{folder}/arkway.db", "files": f"{folder}/files"},
        }
    )


def _gateway(settings: Settings) -> uvicorn.Config:
    return server.config(settings, create_app(settings))


def _data_url(path: Path) -> str:
    return f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}"


@contextlib.asynccontextmanager
async def served(config: uvicorn.Config) -> AsyncIterator[str]:
    """Runs a server; gives its URL."""
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        if task.done():
            task.result()
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await task
