"""Files that stand at Ark: its own by their ids, and the copies that go when their file goes."""

import time
from typing import Any

import openai
import pytest

from .conftest import Gateway, Http, Launch, Running, Simulated, until
from .pictures import asked, data_url, file_part, large, small, url_part

KEYS = [{"name": name, "key": f"sk-{name}-0123456789"} for name in ("one", "two")]


async def native(sim: Simulated, data: bytes) -> Any:
    """A file that somebody uploaded to Ark without the gateway."""
    async with openai.AsyncOpenAI(base_url=f"{sim.url}/api/v3", api_key="k") as client:
        return await client.files.create(file=("a.png", data), purpose="user_data")


async def at_ark(sim: Simulated) -> list[str]:
    listed = (await sim.http.get(f"{sim.url}/api/v3/files", headers={"authorization": "Bearer k"})).json
    return [file["id"] for file in listed["data"]]


async def say(gateway: Gateway, http: Http, file_id: str, **headers: str) -> None:
    body = asked("responses", file_part("responses", file_id), model="doubao-vision")
    answer = await http.post(f"{gateway.v1}/responses", body, **headers)
    assert answer.status == 200, answer.body


async def test_course_of_arks_own_file_with_both_sdks(gateway: Gateway, sim: Simulated, http: Http) -> None:
    now = time.time()
    sim.renew(processing_time=60, clock=lambda: now)
    file = await native(sim, small("blue"))
    told = (await http.get(f"{gateway.v1}/files/{file.id}")).json
    assert told["status"] == "uploaded"
    assert (await gateway.ark.files.retrieve(file.id)).status == "processing"
    now += 60
    assert (await gateway.openai.files.wait_for_processing(file.id, poll_interval=0.05)).status == "processed"
    shown = await gateway.ark.files.retrieve(file.id)
    assert (shown.status, shown.expire_at) == ("active", told["expires_at"])
    assert (await gateway.ark.files.wait_for_processing(file.id)).id == file.id
    raw = await http.get(f"{gateway.v3}/files/{file.id}")
    arks = await http.get(f"{sim.url}/api/v3/files/{file.id}", headers={"authorization": "Bearer k"})
    assert raw.body == arks.body
    assert raw.headers["x-arkway-backend"] == "ark"
    assert (await gateway.openai.files.delete(file.id)).deleted
    assert await at_ark(sim) == []


async def test_arks_own_file_that_is_not_ready_is_not_the_gateways_key(
    gateway: Gateway, sim: Simulated, http: Http
) -> None:
    now = time.time()
    sim.renew(processing_time=60, clock=lambda: now)
    file = await native(sim, small("blue"))
    body = asked("responses", file_part("responses", file.id), model="doubao-vision")
    early = await http.post(f"{gateway.v1}/responses", body)
    assert (early.status, early.error["code"]) == (403, "OperationDenied.InvalidState")
    assert early.error["message"].startswith(f"The file `{file.id}` is processing, not active.")
    with pytest.raises(openai.PermissionDeniedError, match="is processing, not active"):
        await gateway.openai.responses.create(**body)
    raw = await http.post(f"{gateway.v3}/responses", body)
    assert (raw.status, raw.json["error"]["type"]) == (403, "Forbidden")
    now += 60
    await say(gateway, http, file.id)


async def test_failed_file_under_openais_names(gateway: Gateway, sim: Simulated, http: Http) -> None:
    file = await native(sim, small("blue")[:30])
    told = (await http.get(f"{gateway.v1}/files/{file.id}")).json
    assert (told["status"], told["error"]["code"]) == ("error", "InvalidParameter")


async def test_content_of_arks_own_file(gateway: Gateway, sim: Simulated, http: Http) -> None:
    file = await native(sim, small())
    answer = await http.get(f"{gateway.v1}/files/{file.id}/content")
    assert (answer.status, answer.error["param"]) == (404, "file_id")
    assert "Ark's own cannot" in answer.error["message"]


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize(
    "file_id",
    ["file-20261018114827-zzzzz", "file-..", "file-1%3Fa=b", "file-1%0A", "x", "file-", "file-" + "1" * 60],
)
async def test_id_that_nobody_knows(
    gateway: Gateway, http: Http, sim: Simulated, method: str, file_id: str
) -> None:
    for prefix in (gateway.v1, gateway.v3):
        answer = await http.send(method, f"{prefix}/files/{file_id}")
        assert (answer.status, answer.error["code"]) == (404, "file_not_found")
    paths = {request["path"] for request in await sim.requests()}
    assert paths <= {f"/api/v3/files/{file_id}"}


async def test_first_backend_that_knows_the_file(launch: Launch, http: Http, sim: Simulated) -> None:
    second = {"kind": "ark", "base_url": f"{sim.url}/api/v3", "api_key": "k"}
    gateway = launch(
        backends={"nowhere": {**second, "base_url": "http://127.0.0.1:1/api/v3"}, "second": second}
    )
    file = await native(sim, small())
    await sim.fault(f"/files/{file.id}", status=404)
    answer = await http.get(f"{gateway.v1}/files/{file.id}")
    assert (answer.status, answer.headers["x-arkway-backend"]) == (200, "second")
    unknown = await http.get(f"{gateway.v1}/files/file-20261018114827-zzzzz")
    assert (unknown.status, unknown.error["code"]) == (502, "upstream_unreachable")  # it may stand there


async def test_refusals_of_the_backend(gateway: Gateway, http: Http, sim: Simulated) -> None:
    file = await native(sim, small())
    for fault, status in (
        ({"status": 429, "retry_after": 3}, 429),
        ({"status": 401}, 502),
        ({"html": True}, 502),
    ):
        await sim.fault(f"/files/{file.id}", **fault)
        answer = await http.get(f"{gateway.v1}/files/{file.id}")
        assert answer.status == status
        assert answer.error["message"]


async def test_passthrough_asks_with_the_callers_key(launch: Launch, http: Http, sim: Simulated) -> None:
    gateway = launch(access={"mode": "passthrough"})
    file = await native(sim, small())
    headers = {"authorization": "Bearer the-callers-own"}
    assert (await http.get(f"{gateway.v1}/files/{file.id}", headers=headers)).status == 200
    assert (await sim.last("/files/"))["headers"]["authorization"] == "Bearer the-callers-own"


async def test_copies_are_nobodys_by_their_id(
    launch: Launch, http: Http, sim: Simulated, tmp_path: object
) -> None:
    storage = {"database": f"sqlite:///{tmp_path}/shared.db", "files": f"{tmp_path}/files"}
    gateway, later = launch(storage=storage), launch(storage=storage)
    picture = url_part("responses", data_url(large()))
    await http.post(f"{gateway.v1}/responses", asked("responses", picture, model="doubao-vision"))
    [copy] = await at_ark(sim)
    for one in (gateway, later):  # what it has in memory, and what stands in the database
        for method in ("GET", "DELETE"):
            answer = await http.send(method, f"{one.v1}/files/{copy}")
            assert (answer.status, answer.error["code"]) == (404, "file_not_found")
    assert await at_ark(sim) == [copy]


async def test_deleted_file_is_deleted_at_ark(gateway: Gateway, http: Http, sim: Simulated) -> None:
    data = large()
    made = await gateway.openai.files.create(file=("a.png", data), purpose="user_data")
    await say(gateway, http, made.id)
    assert len(await at_ark(sim)) == 1
    await gateway.openai.files.delete(made.id)
    assert await at_ark(sim) == []
    again = await gateway.openai.files.create(file=("a.png", data), purpose="user_data")
    await say(gateway, http, again.id)  # it has forgotten the copy, and makes another
    assert len(await at_ark(sim)) == 1


async def test_copy_stays_while_anybody_has_the_content(launch: Launch, http: Http, sim: Simulated) -> None:
    gateway = launch(access={"mode": "keys", "keys": KEYS})
    data, made = large(), {}
    clients = {key["key"]: gateway.sdks.get(openai.AsyncOpenAI, gateway.v1, key["key"]) for key in KEYS}
    for key, client in clients.items():
        made[key] = (await client.files.create(file=("a.png", data), purpose="user_data")).id
        await say(gateway, http, made[key], authorization=f"Bearer {key}")
    copies = await at_ark(sim)
    assert len(copies) == 1
    first, last = clients.items()
    await first[1].files.delete(made[first[0]])
    assert await at_ark(sim) == copies
    await last[1].files.delete(made[last[0]])
    assert await at_ark(sim) == []


async def test_copy_of_a_passthrough_caller(launch: Launch, http: Http, sim: Simulated) -> None:
    gateway = launch(access={"mode": "passthrough"})
    client = gateway.sdks.get(openai.AsyncOpenAI, gateway.v1, "the-callers-own")
    made = await client.files.create(file=("a.png", large()), purpose="user_data")
    await say(gateway, http, made.id, authorization="Bearer the-callers-own")
    assert len(await at_ark(sim)) == 1
    await client.files.delete(made.id)
    assert await at_ark(sim) == []
    assert (await sim.last("/files/"))["headers"]["authorization"] == "Bearer the-callers-own"


async def test_deletion_that_ark_refuses_is_a_warning(run: Any, http: Http, sim: Simulated) -> None:
    running: Running = run()
    gateway = running.gateway
    made = await gateway.openai.files.create(file=("a.png", large()), purpose="user_data")
    await say(gateway, http, made.id)
    [copy] = await at_ark(sim)
    await sim.fault(f"/files/{copy}", status=500)
    assert (await gateway.openai.files.delete(made.id)).deleted

    def warned() -> Any:
        return [line["level"] for line in running.process.lines if line["event"] == "uploads.undeleted"]

    assert await until(warned, "the log line") == ["warning"]
    assert (await http.get(f"{gateway.v1}/files/{copy}")).status == 404  # still nobody's
