"""A stop lets running answers end, and one that must not wait tells its callers so."""

import asyncio
import contextlib
import re
import signal
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .conftest import Http, Run, Simulated, sections, until
from .pictures import PATHS, asked, text_part
from .process import Process
from .servers import unused_port


def call(api: str, *, stream: bool = True) -> dict[str, Any]:
    return {"model": "doubao-vision", "stream": stream, **asked(api, text_part(api, "hello"))}


async def test_running_answers_end(run: Run, http: Http, sim: Simulated) -> None:
    running = run()
    await sim.fault(times=3, stall_after=3, stall=1.0)
    calls = [("chat", True), ("responses", True), ("chat", False)]
    tasks = [
        asyncio.create_task(http.post(running.gateway.v1 + PATHS[api], call(api, stream=stream)))
        for api, stream in calls
    ]
    await sim.busy(3, chunks=3)
    running.process.signal(signal.SIGTERM)

    async def refused() -> bool:
        return not await _listens(urlsplit(running.gateway.url).port)

    await until(refused, "new connections are refused")
    assert not any(task.done() for task in tasks)
    chat, responses, whole = await asyncio.gather(*tasks)
    assert chat.frames[-1] == b"data: [DONE]"
    assert responses.events[-1]["type"] == "response.completed"
    assert '"hello"' in whole.text
    assert await asyncio.to_thread(running.process.wait) == 0
    assert [line["outcome"] for line in running.process.requests()] == ["ok"] * 3


async def test_stop_that_must_not_wait_tells_the_callers(http: Http, sim: Simulated, tmp_path: Path) -> None:
    process = Process.serve(tmp_path, sections(sim.url, tmp_path, server={"drain_timeout": 1}))
    try:
        await sim.fault(times=3, stall_after=3)
        urls = {api: f"{process.url}/api/v3{path}" for api, path in PATHS.items()}
        tasks = [asyncio.create_task(http.post(urls[api], call(api))) for api in PATHS]
        waiting = asyncio.create_task(http.post(urls["chat"], call("chat", stream=False)))
        await sim.busy(3, chunks=3)
        process.signal()
        unanswered = await waiting
        assert (unanswered.status, unanswered.json["error"]["code"]) == (503, "gateway_stopping")
        for answer in await asyncio.gather(*tasks):
            last = answer.events[-1]
            assert last.get("error", last)["code"] == "gateway_stopping"
            assert b"[DONE]" not in answer.body
        assert await asyncio.to_thread(process.wait) == 0
        await sim.idle()
        ends = sorted((line["outcome"], line["code"]) for line in process.requests())
        assert ends == [*[("broken", "gateway_stopping")] * 2, ("error", "gateway_stopping")]
        assert "Traceback" not in process.text
    finally:
        process.end()


async def test_stop_when_idle_is_quick_and_clean(run: Run, http: Http) -> None:
    running = run()
    assert (await http.get(f"{running.gateway.url}/health/ready")).json == {"status": "ready"}
    started = time.monotonic()
    running.process.signal(signal.SIGINT)
    assert await asyncio.to_thread(running.process.wait) == 0
    assert time.monotonic() - started < 5


async def test_several_workers(run: Run, http: Http, sim: Simulated) -> None:
    running = run("--workers", "2")
    port = urlsplit(running.gateway.url).port
    await until(lambda: _listens(port), "the workers listen")
    body = call("chat", stream=False)
    answers = await asyncio.gather(
        *(http.post(f"{running.gateway.v1}/chat/completions", body) for _ in range(20))
    )
    assert {answer.status for answer in answers} == {200}
    file = await running.gateway.openai.files.create(file=("a.txt", b"x"), purpose="user_data")
    for _ in range(4):  # whichever worker answers
        assert (await running.gateway.openai.files.retrieve(file.id)).id == file.id
    running.process.signal()
    assert await asyncio.to_thread(running.process.wait) == 0


async def test_backend_that_is_killed(http: Http, run: Run, tmp_path: Path) -> None:
    port = unused_port()
    backend = Process.start("simulate", "--port", str(port), cwd=tmp_path, ready=re.compile("ModelArts"))
    entry = {"kind": "ark", "base_url": f"http://127.0.0.1:{port}/api/v3", "api_key": "k"}
    running = run(backends={"ark": entry})
    try:
        await until(lambda: _listens(port), "the simulator listens")
        text = 'x [[fault: {"stall_after": 6}]]'
        body = {"model": "doubao-vision", "stream": True, "input": text}
        async with http.open(f"{running.gateway.v1}/responses", body) as response:
            await response.content.readuntil(b"response.in_progress")
            backend.end()
            rest = await response.read()
        assert b"event: response.failed\n" in rest
        assert b"upstream_broken" in rest
        answer = await http.post(f"{running.gateway.v1}/responses", body)
        assert (answer.status, answer.error["code"]) == (502, "upstream_unreachable")
    finally:
        backend.end()


async def _listens(port: int | None) -> bool:
    with contextlib.suppress(OSError):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()
        await writer.wait_closed()
        return True
    return False
