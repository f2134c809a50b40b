"""Who may call: open on this machine alone, with static keys, or with the caller's own key."""

from pathlib import Path
from typing import Any

import openai
import pytest

from .conftest import ARK_KEY, Gateway, Http, Launch, Simulated, sections
from .pictures import asked, data_url, file_part, large, text_part, url_part
from .process import arkway, written

KEYS = {
    "mode": "keys",
    "keys": [
        {"name": "ci", "key": "sk-ci-0123456789", "team": "qa", "models": ["qwen-*"]},
        {"name": "cd", "key": "sk-cd-0123456789", "team": "qa"},
        {"name": "lone", "key": "sk-lone-0123456789"},
    ],
}
PATHS = [
    ("POST", "/chat/completions"),
    ("POST", "/responses"),
    ("POST", "/responses/compact"),
    ("POST", "/images/generations"),
    ("POST", "/embeddings"),
    ("GET", "/models"),
    ("GET", "/models/qwen-vl"),
    ("GET", "/files"),
    ("POST", "/files"),
    ("GET", "/files/file-1"),
    ("DELETE", "/files/file-1"),
    ("GET", "/files/file-1/content"),
    ("GET", "/nothing"),
    ("GET", "/docs"),
    ("GET", "/openapi.json"),
]


@pytest.mark.parametrize("prefix", ["/v1", "/api/v3", ""])
@pytest.mark.parametrize("mode", ["keys", "passthrough"])
async def test_without_a_key(launch: Launch, http: Http, sim: Simulated, mode: str, prefix: str) -> None:
    gateway = launch(access={**KEYS, "mode": mode} if mode == "keys" else {"mode": mode})
    wrong = [{}, {"authorization": "Basic abc"}, {"authorization": "Bearer "}]
    if mode == "keys":
        wrong += [{"authorization": "Bearer sk-wrong"}, {"authorization": "Bearer sk-ci-012345678"}]
    for method, path in PATHS:
        for headers in wrong:
            answer = await http.send(method, gateway.url + prefix + path, headers=headers)
            assert (answer.status, answer.error["code"]) == (401, "invalid_api_key")
            assert "x-request-id" in answer.headers
            assert "sk-" not in answer.error["message"]
    assert not await sim.requests()


@pytest.mark.parametrize("mode", ["keys", "passthrough"])
@pytest.mark.parametrize("prefix", ["/v1", "/api/v3", ""])
async def test_health_needs_no_key(launch: Launch, http: Http, mode: str, prefix: str) -> None:
    gateway = launch(access={**KEYS, "mode": mode} if mode == "keys" else {"mode": mode})
    for path, status in (("live", "live"), ("ready", "ready")):
        answer = await http.get(f"{gateway.url}{prefix}/health/{path}")
        assert (answer.status, answer.json) == (200, {"status": status})
        assert "x-request-id" in answer.headers


async def test_keys(launch: Launch, http: Http, sim: Simulated) -> None:
    gateway = launch(access=KEYS)
    client = gateway.sdks.get(openai.AsyncOpenAI, gateway.v1, "sk-ci-0123456789")
    messages: Any = [{"role": "user", "content": "hello"}]
    await client.chat.completions.create(model="qwen-vl", messages=messages)
    with pytest.raises(openai.PermissionDeniedError) as refused:
        await client.chat.completions.create(model="doubao-vision", messages=messages)
    assert (refused.value.code, refused.value.param) == ("model_not_allowed", "model")
    assert [model.id async for model in client.models.list()] == ["qwen-vl"]
    with pytest.raises(openai.NotFoundError):
        await client.models.retrieve("doubao-vision")
    calls = [one for one in await sim.requests() if one["method"] == "POST"]
    assert len(calls) == 1


async def test_files_are_seen_by_a_team_alone(launch: Launch) -> None:
    gateway = launch(access=KEYS)
    ci, cd, lone = (
        gateway.sdks.get(openai.AsyncOpenAI, gateway.v1, f"sk-{name}-0123456789")
        for name in ("ci", "cd", "lone")
    )
    file = await ci.files.create(file=("a.txt", b"x"), purpose="user_data")
    assert (await cd.files.retrieve(file.id)).id == file.id
    with pytest.raises(openai.NotFoundError):
        await lone.files.retrieve(file.id)
    with pytest.raises(openai.NotFoundError):
        await lone.files.delete(file.id)
    with pytest.raises(openai.NotFoundError):
        await lone.files.content(file.id)
    assert [one.id async for one in lone.files.list()] == []
    body = asked("responses", file_part("responses", file.id))
    with pytest.raises(openai.NotFoundError) as unknown:
        await lone.responses.create(model="doubao-vision", **body)
    assert unknown.value.param == "input[0].content[0].file_id"
    assert (await cd.files.delete(file.id)).deleted


async def test_callers_own_key_goes_upstream(launch: Launch, http: Http, sim: Simulated) -> None:
    gateway = launch(access={"mode": "passthrough"})
    body = {"model": "doubao-vision", "input": "x"}
    await http.post(f"{gateway.v1}/responses", body, authorization="Bearer own-key")
    assert (await sim.last())["headers"]["authorization"] == "Bearer own-key"
    await http.get(f"{gateway.v1}/models", headers={"authorization": "bearer own-key"})
    assert (await sim.last())["headers"]["authorization"] == "Bearer own-key"


async def test_what_is_kept_is_kept_for_each_callers_key(launch: Launch, http: Http, sim: Simulated) -> None:
    gateway = launch(access={"mode": "passthrough"})
    one, other = (gateway.sdks.get(openai.AsyncOpenAI, gateway.v1, key) for key in ("one-key", "other-key"))
    file = await one.files.create(file=("a.txt", b"x"), purpose="user_data")
    with pytest.raises(openai.NotFoundError):
        await other.files.retrieve(file.id)
    body = {"model": "doubao-vision", **asked("responses", url_part("responses", data_url(large("green"))))}
    changes = [
        (await http.post(f"{gateway.v1}/responses", body, authorization=f"Bearer {key}")).changes
        for key in ("one-key", "other-key", "one-key")
    ]
    assert changes == [["image:uploaded=1"], ["image:uploaded=1"], ["image:reused=1"]]
    uploads = await sim.requests("/files")
    assert [upload["headers"]["authorization"] for upload in uploads] == [
        "Bearer one-key",
        "Bearer other-key",
    ]


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [
        ("host", "evil.example", 403),
        ("host", "evil.example:80", 403),
        ("host", "127.0.0.1.evil.example", 403),
        ("host", "localhost", 200),
        ("host", "127.0.0.1:99", 200),
        ("host", "[::1]:8080", 200),
        ("origin", "https://evil.example", 403),
        ("origin", "null", 403),
        ("origin", "http://localhost.evil.example", 403),
        ("origin", "http://localhost:3000", 200),
    ],
)
async def test_open_mode_answers_no_foreign_page(
    gateway: Gateway, http: Http, name: str, value: str, status: int
) -> None:
    for path in ("/v1/models", "/files", "/api/v3/files"):
        answer = await http.get(gateway.url + path, headers={name: value})
        assert answer.status == status
        assert status == 200 or answer.error["code"] == "forbidden"


async def test_open_mode_without_any_key(gateway: Gateway, http: Http, sim: Simulated) -> None:
    body = {"model": "doubao-vision", "input": "x"}
    assert (await http.post(f"{gateway.v1}/responses", body)).status == 200
    assert (await sim.last())["headers"]["authorization"] == f"Bearer {ARK_KEY}"


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.0.2.1"])
def test_open_mode_does_not_listen_beyond_this_machine(tmp_path: Path, address: str) -> None:
    config = written(tmp_path, sections("http://127.0.0.1:1", tmp_path))
    done = arkway("serve", "--config", str(config), "--host", address, "--port", "0", cwd=tmp_path)
    assert done.returncode != 0
    assert done.stderr.decode().startswith("arkway: access.mode is open")
    assert done.stderr.count(b"\n") == 1


async def test_text_of_the_caller_is_no_credential(gateway: Gateway, http: Http, sim: Simulated) -> None:
    body = {"model": "qwen-vl", **asked("chat", text_part("chat", "authorization: Bearer stolen"))}
    await http.post(f"{gateway.v1}/chat/completions", body)
    assert "stolen" not in (await sim.last())["headers"]["authorization"]
