"""Stored responses through the API: the gateway's own, and those that Ark keeps."""

import json
import random
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import openai
import pytest

from gateway.responses.lifecycle import Lifecycle
from gateway.storage.database import Database
from gateway.storage.files import FileStore
from gateway.storage.responses import ResponseStore

from .conftest import Gateway, Http, Launch, Simulated
from .pictures import data_url, large, text_part, url_part

KEYS = [{"name": name, "key": f"sk-{name}-0123456789"} for name in ("one", "two")]
IMAGE_URL = "message.input_image.image_url"


class Kept:
    """Puts responses into a running gateway's store."""

    def __init__(self, gateway: Gateway) -> None:
        self.database = Database(f"sqlite:///{gateway.folder}/arkway.db")
        self.files = FileStore(self.database, gateway.folder / "files")
        self.lifecycle = Lifecycle.of(ResponseStore(self.database), self.files)

    async def put(
        self, input: Any = "hello", *, owner: str = "local", status: str = "completed", **more: Any
    ) -> str:
        digits = f"{random.getrandbits(128):032x}"
        turn = self.lifecycle.turn(owner, {"model": "qwen-vl", "input": input, **more}, "maas")
        assert turn
        await self.lifecycle.keeper.enter(turn, response(digits, status))
        return f"resp_{digits}"


def response(digits: str, status: str = "completed") -> dict[str, Any]:
    text = {"type": "output_text", "text": "你好", "annotations": [], "logprobs": []}
    item = {"id": f"msg_{digits}0000", "type": "message", "role": "assistant", "status": "completed"}
    head = {
        "id": f"resp_{digits}",
        "object": "response",
        "created_at": 1,
        "model": "qwen-vl",
        "status": status,
    }
    return {**head, "output": [{**item, "content": [text]}], "tools": [], "error": None}


@pytest.fixture
async def kept(gateway: Gateway) -> AsyncIterator[Kept]:
    kept = Kept(gateway)
    yield kept
    kept.database.close()


def pictures(folder: Path) -> int:
    return len(list((folder / "files").iterdir()))


async def test_course_of_an_own_response(gateway: Gateway, http: Http, kept: Kept) -> None:
    picture = data_url(large())
    asked = [
        {"role": "user", "content": [text_part("responses", "what?"), url_part("responses", picture)]},
        {"type": "function_call_output", "call_id": "c", "output": "done"},
    ]
    id = await kept.put(asked)
    found = await gateway.openai.responses.retrieve(id)
    assert (found.output_text, found.status) == ("你好", "completed")
    assert (await http.get(f"{gateway.v1}/responses/{id}")).json == response(id.removeprefix("resp_"))
    assert (await gateway.ark.responses.retrieve(id)).id == id
    items = [item async for item in gateway.openai.responses.input_items.list(id, limit=1, order="asc")]
    assert [item.type for item in items] == ["message", "function_call_output"]
    assert items[0].content[1].file_id
    assert pictures(gateway.folder) == 1
    assert (await gateway.openai.files.list()).data == []
    same = await gateway.openai.responses.cancel(id)
    assert same.status == "completed"
    gone = await http.send("DELETE", f"{gateway.v1}/responses/{id}")
    assert gone.json == {"id": id, "object": "response", "deleted": True}
    assert pictures(gateway.folder) == 0
    for method, rest in (
        ("GET", ""),
        ("DELETE", ""),
        ("GET", "/input_items"),
        ("POST", "/cancel"),
        ("GET", "?stream=true"),
    ):
        answer = await http.send(method, f"{gateway.v1}/responses/{id}{rest}")
        assert (answer.status, answer.error["code"]) == (404, "response_not_found")


async def test_input_items_are_paged(gateway: Gateway, http: Http, kept: Kept) -> None:
    id = await kept.put([{"role": "user", "content": str(n)} for n in range(25)])
    url = f"{gateway.v1}/responses/{id}/input_items"
    newest = (await http.get(url)).json
    assert [item["content"][0]["text"] for item in newest["data"]] == [str(n) for n in range(24, 4, -1)]
    assert newest["has_more"]
    rest = (await http.get(f"{url}?after={newest['last_id']}")).json
    assert [item["content"][0]["text"] for item in rest["data"]] == ["4", "3", "2", "1", "0"]
    assert not rest["has_more"]
    before = (await http.get(f"{url}?order=asc&before={rest['first_id']}")).json
    assert len(before["data"]) == 4
    for query, param in (
        ("limit=0", "limit"),
        ("limit=x", "limit"),
        ("after=msg_x", "after"),
        ("order=up", "order"),
    ):
        answer = await http.get(f"{url}?{query}")
        assert (answer.status, answer.error["param"]) == (400, param)


@pytest.mark.parametrize(
    "query", [f"include[]={IMAGE_URL}", f"include={IMAGE_URL}", f"include=x,{IMAGE_URL}"]
)
async def test_where_a_picture_comes_from(gateway: Gateway, http: Http, kept: Kept, query: str) -> None:
    remote = "https://example.com/a.png"
    id = await kept.put([{"role": "user", "content": [url_part("responses", remote)]}])
    url = f"{gateway.v1}/responses/{id}/input_items"
    assert (await http.get(url)).json["data"][0]["content"][0]["image_url"] is None
    assert (await http.get(f"{url}?{query}")).json["data"][0]["content"][0]["image_url"] == remote


async def test_own_response_as_a_stream(gateway: Gateway, http: Http, kept: Kept) -> None:
    id = await kept.put()
    stream = await gateway.openai.responses.retrieve(id, stream=True)
    events = [event async for event in stream]
    assert events[0].type == "response.created"
    assert events[-1].type == "response.completed"
    assert events[-1].response.output_text == "你好"
    rest = await gateway.openai.responses.retrieve(id, stream=True, starting_after=3)
    assert [event.sequence_number async for event in rest] == list(range(4, len(events)))


async def test_other_keys_do_not_see_it(launch: Launch, http: Http) -> None:
    gateway = launch(access={"mode": "keys", "keys": KEYS})
    kept = Kept(gateway)
    id = await kept.put(
        [{"role": "user", "content": [url_part("responses", data_url(large()))]}], owner="key:one"
    )
    urls = [f"{gateway.v1}/responses/{id}{rest}" for rest in ("", "?stream=true", "/input_items")]
    for key, status in (("two", 404), ("one", 200)):
        headers = {"authorization": f"Bearer sk-{key}-0123456789"}
        assert [(await http.get(url, headers=headers)).status for url in urls] == [status] * 3
    headers = {"authorization": "Bearer sk-two-0123456789"}
    for method, rest in (("DELETE", ""), ("POST", "/cancel")):
        foreign = await http.send(method, f"{gateway.v1}/responses/{id}{rest}", headers=headers)
        unknown = await http.send(method, f"{gateway.v1}/responses/resp_{'0' * 32}{rest}", headers=headers)
        assert (foreign.status, unknown.status) == (404, 404)
        assert foreign.error["message"].replace(id, "X") == unknown.error["message"].replace(
            f"resp_{'0' * 32}", "X"
        )
    stored = await kept.lifecycle.store.get("key:one", id)
    assert stored
    file = f"{gateway.v1}/files/{stored.input[0]['content'][0]['file_id']}"
    assert (await http.get(file, headers=headers)).status == 404
    kept.database.close()


async def test_what_runs_in_another_process(gateway: Gateway, http: Http, kept: Kept) -> None:
    id = await kept.put(status="in_progress")
    url = f"{gateway.v1}/responses/{id}"
    assert (await http.get(url)).json["status"] == "in_progress"
    for answer in (await http.get(f"{url}?stream=true"), await http.send("POST", f"{url}/cancel")):
        assert (answer.status, answer.error["code"]) == (409, "response_elsewhere")


async def test_callers_cannot_upload_under_the_gateways_purpose(gateway: Gateway) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        await gateway.openai.files.create(file=("a.png", b"x"), purpose="response_input")  # type: ignore[arg-type]
    assert refused.value.param == "purpose"


async def at_ark(gateway: Gateway, **more: Any) -> str:
    content = [text_part("responses", "what?"), url_part("responses", data_url(large(side=40)))]
    made = await gateway.openai.responses.create(
        model="doubao-vision", input=[{"role": "user", "content": content}], **more
    )
    return str(made.id)


async def test_course_of_arks_response(gateway: Gateway, sim: Simulated, http: Http) -> None:
    id = await at_ark(gateway)
    url = f"{sim.url}/api/v3/responses/{id}"
    arks = await http.get(url, headers={"authorization": "Bearer k"})
    raw = await http.get(f"{gateway.v3}/responses/{id}")
    assert raw.body == arks.body
    assert raw.headers["x-arkway-backend"] == "ark"
    completed = (await http.get(f"{gateway.v1}/responses/{id}")).json
    assert completed["tools"] == []
    assert completed["output"][-1]["content"][0]["annotations"] == []
    assert (await gateway.openai.responses.retrieve(id)).id == id
    assert (await gateway.ark.responses.retrieve(id)).id == id
    for query in (f"include[]={IMAGE_URL}", f"include={IMAGE_URL}", f"include=x,{IMAGE_URL}"):
        told = (await http.get(f"{gateway.v1}/responses/{id}/input_items?{query}&order=asc&limit=5")).json
        assert "data:image" in json.dumps(told)
    stream = await gateway.openai.responses.retrieve(id, stream=True, starting_after=0)
    assert [event.type async for event in stream][-1] == "response.completed"
    refused = await http.send("POST", f"{gateway.v1}/responses/{id}/cancel")
    assert (refused.status, refused.error["code"]) == (400, "unsupported_operation")
    assert "cannot cancel" in refused.error["message"]
    gone = await http.send("DELETE", f"{gateway.v1}/responses/{id}")
    assert gone.json == {"id": id, "object": "response", "deleted": True}
    assert (await http.get(f"{gateway.v1}/responses/{id}")).error["code"] == "response_not_found"
    assert (await http.get(url, headers={"authorization": "Bearer k"})).status == 404


@pytest.mark.parametrize(
    "id", ["resp_0217749446", "resp_..", "resp_1%3Fa=b", "x", "resp_", "resp_" + "1" * 200]
)
async def test_id_that_nobody_knows(gateway: Gateway, http: Http, sim: Simulated, id: str) -> None:
    for prefix in (gateway.v1, gateway.v3):
        for method, rest in (("GET", ""), ("DELETE", ""), ("GET", "/input_items"), ("POST", "/cancel")):
            answer = await http.send(method, f"{prefix}/responses/{id}{rest}")
            assert (answer.status, answer.error["code"]) == (404, "response_not_found")
    paths = {request["path"] for request in await sim.requests()}
    assert paths <= {f"/api/v3/responses/{id}", f"/api/v3/responses/{id}/input_items"}


async def test_a_backend_that_cannot_be_asked_is_no_404(gateway: Gateway, http: Http, sim: Simulated) -> None:
    await sim.fault("/responses", status=500)
    answer = await http.get(f"{gateway.v1}/responses/resp_0217749446")
    assert answer.status == 500


async def test_an_own_response_expires(gateway: Gateway, http: Http, kept: Kept) -> None:
    id = await kept.put(expire_at=int(time.time()) + 3600)
    assert (await http.get(f"{gateway.v1}/responses/{id}")).status == 200
    kept.database._transact(
        lambda connection: connection.exec_driver_sql("UPDATE responses SET expires_at = 1")
    )
    assert (await http.get(f"{gateway.v1}/responses/{id}")).status == 404


@pytest.mark.parametrize("stream", [False, True])
async def test_an_unknown_previous_response_on_ark(
    gateway: Gateway, http: Http, sim: Simulated, *, stream: bool
) -> None:
    """OpenAI's code under /v1, and Ark's own words under /api/v3."""
    id = "resp_02177494466149900bcc3116dfc56b9203b01425516f61b9ebd48"
    body = {"model": "doubao-vision", "input": "x", "previous_response_id": id, "stream": stream}
    answer = await http.post(f"{gateway.v1}/responses", body)
    assert (answer.status, answer.error["code"], answer.error["param"]) == (
        400,
        "previous_response_not_found",
        "previous_response_id",
    )
    assert id in answer.error["message"]
    answer = await http.post(f"{gateway.v3}/responses", body)
    assert (answer.status, answer.json["error"]["code"]) == (
        400,
        "InvalidParameter.PreviousResponseNotFound",
    )
    assert len(await sim.requests("/responses")) == 2
