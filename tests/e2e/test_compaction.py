"""POST /responses/compact on both backends, and conversations that go on from what it gives."""

from typing import Any

import openai
import pytest

from .conftest import Gateway, Http, Launch, Run, Simulated
from .pictures import data_url, large, seen, shape, small, text_part, url_part

MODELS = ["doubao-vision", "qwen-vl"]
KEYS = [{"name": "a", "key": "sk-a-0123456789", "models": ["qwen-*"]}]
LOOK = {"type": "function", "name": "look", "parameters": {"type": "object"}}

models = pytest.mark.parametrize("model", MODELS)
# The SDK reads the user's messages as an answer's.
pytestmark = pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")


def user(*parts: dict[str, Any] | str) -> dict[str, Any]:
    content = [text_part("responses", part) if isinstance(part, str) else part for part in parts]
    return {"type": "message", "role": "user", "content": content}


def conversation() -> list[dict[str, Any]]:
    return [
        {"role": "developer", "content": "Speak of colours alone."},
        user("What is this?", url_part("responses", data_url(small("blue")))),
        {"type": "function_call", "call_id": "c1", "name": "look", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "it is blue"},
        {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "Blue.", "annotations": []}],
        },
        {"role": "user", "content": "Thanks."},
    ]


async def compacted(http: Http, url: str, **body: Any) -> Any:
    answer = await http.post(f"{url}/responses/compact", body)
    assert answer.status == 200, answer.body
    return answer.json


def last_said(received: dict[str, Any]) -> str:
    """The text of the last message that a backend received."""
    messages = received["body"].get("messages") or received["body"]["input"]
    content = messages[-1]["content"]
    return str(content if isinstance(content, str) else content[-1]["text"])


@models
@pytest.mark.parametrize("stream", [False, True])
async def test_the_sdk_compacts_a_conversation_and_goes_on_from_it(
    gateway: Gateway, sim: Simulated, model: str, *, stream: bool
) -> None:
    responses: Any = gateway.openai.responses
    said = conversation()
    made = await responses.compact(model=model, input=said, instructions="Be brief.", prompt_cache_key="k")
    assert (made.object, [item.type for item in made.output]) == (
        "response.compaction",
        ["message", "message", "compaction"],
    )
    assert made.usage.total_tokens == made.usage.input_tokens + made.usage.output_tokens > 0
    question, thanks, _ = [item.to_dict() for item in made.output]
    assert question["content"] == said[1]["content"]
    assert (thanks["role"], thanks["content"][0]["text"]) == ("user", "Thanks.")
    asked = await sim.last()
    assert last_said(asked).startswith("Summarise the conversation so far.")
    assert "Be brief." in str(asked["body"])
    assert asked["body"].get("store") in (False, None)

    more = user("Which colour was it?")
    answer = await responses.create(model=model, input=[*made.output, more], stream=stream)
    if stream:
        answer = [event async for event in answer][-1].response
    assert seen(answer.output_text) == [shape(small("blue"), "blue")]
    received = str((await sim.last())["body"])
    assert "Summary of the conversation up to here:" in received
    assert 'tool: text "it is blue"' in received
    assert "compaction" not in received


@models
@pytest.mark.parametrize("prefix", ["/v1", "/api/v3", ""])
async def test_it_stands_under_every_prefix(gateway: Gateway, http: Http, model: str, prefix: str) -> None:
    made = await compacted(http, gateway.url + prefix, model=model, input="hello")
    assert list(made) == ["id", "object", "created_at", "output", "usage"]
    assert [item["type"] for item in made["output"]] == ["message", "compaction"]
    assert made["usage"]["input_tokens_details"]["cached_tokens"] == 0
    for method in ("GET", "DELETE"):
        answer = await http.send(method, f"{gateway.url}{prefix}/responses/compact")
        assert answer.status == 404


@models
async def test_what_is_compacted_again_is_one_summary(
    gateway: Gateway, http: Http, sim: Simulated, model: str
) -> None:
    first = await compacted(http, gateway.v1, model=model, input="one")
    second = await compacted(http, gateway.v1, model=model, input=[*first["output"], user("two")])
    assert [item["type"] for item in second["output"]] == ["message", "message", "compaction"]
    assert "Summary of the conversation up to here:" in str((await sim.last())["body"])


async def test_a_response_of_the_gateways_own_is_compacted(gateway: Gateway, sim: Simulated) -> None:
    responses: Any = gateway.openai.responses
    picture = large("green")
    first = await responses.create(
        model="qwen-vl", input=[user("one", url_part("responses", data_url(picture)))]
    )
    made = await responses.compact(model="qwen-vl", previous_response_id=first.id)
    question, _ = [item.to_dict() for item in made.output]
    assert (question["content"][0]["text"], question["content"][1]["type"]) == ("one", "input_image")
    answer = await responses.create(model="qwen-vl", input=[*made.output, user("two")])
    assert seen(answer.output_text) == [shape(picture, "green")]
    listed = (await responses.input_items.list(answer.id, order="asc")).data
    assert [item.type for item in listed] == ["message", "compaction", "message"]
    third = await responses.create(model="qwen-vl", input="three", previous_response_id=answer.id)
    assert seen(third.output_text) == [shape(picture, "green")]
    assert "Summary of the conversation up to here:" in str((await sim.last())["body"])


async def test_a_response_of_arks_own_is_compacted_there(gateway: Gateway, sim: Simulated) -> None:
    responses: Any = gateway.openai.responses
    picture = url_part("responses", data_url(small("red")))
    first = await responses.create(model="doubao-vision", input=[user("one", picture)])
    made = await responses.compact(model="doubao-vision", previous_response_id=first.id, input="two")
    question, _ = [item.to_dict() for item in made.output]  # Ark alone knows the first
    assert question["content"][0]["text"] == "two"
    assert (await sim.last())["body"]["previous_response_id"] == first.id
    await responses.create(model="doubao-vision", input=[*made.output, user("three")])
    assert shape(small("red"), "red") in seen(str((await sim.last())["body"]))


@models
async def test_the_summary_is_written_without_tools(
    gateway: Gateway, http: Http, sim: Simulated, model: str
) -> None:
    """Codex sends all that its responses have."""
    more = {
        "tools": [LOOK],
        "tool_choice": "required",
        "parallel_tool_calls": True,
        "text": {"verbosity": "low"},
    }
    body = {"model": model, "input": "call look", **more}
    answer = await http.post(f"{gateway.v1}/responses/compact", body)
    assert answer.json["output"][-1]["type"] == "compaction"
    dropped = ["drop:parallel_tool_calls", "drop:text", "drop:tool_choice", "drop:tools"]
    assert sorted(change for change in answer.changes if change in dropped) == dropped
    assert not {"tools", "tool_choice", "text", "response_format"} & set((await sim.last())["body"])


@models
@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        ({"model": None}, 400, "model"),
        ({"model": 5}, 400, "model"),
        ({"model": "no-such-model"}, 404, "model"),
        ({"input": None}, 400, "input"),
        ({"input": [5]}, 400, "input[0]"),
        ({"stream": True}, 400, "stream"),
        ({"background": True}, 400, "background"),
        ({"previous_response_id": f"resp_{'0' * 32}"}, 400, "previous_response_id"),
        ({"previous_response_id": "resp_0217"}, 400, "previous_response_id"),
        (
            {"input": [user("x"), {"type": "compaction", "encrypted_content": "x"}]},
            400,
            "input[1].encrypted_content",
        ),
        (
            {"input": [user("x", url_part("responses", "data:image/png;base64,AAAA"))]},
            400,
            "input[0].content[1].image_url",
        ),
    ],
)
async def test_what_is_refused(
    gateway: Gateway, http: Http, model: str, body: dict[str, Any], status: int, param: str
) -> None:
    answer = await http.post(f"{gateway.v1}/responses/compact", {"model": model, "input": "x", **body})
    assert (answer.status, answer.error["param"]) == (status, param)


@models
@pytest.mark.parametrize("stream", [False, True])
async def test_a_compaction_that_is_not_ours_is_refused_in_any_request(
    gateway: Gateway, http: Http, sim: Simulated, model: str, *, stream: bool
) -> None:
    item = {"type": "compaction", "id": "cmp_1", "encrypted_content": "gAAAAABo"}
    body = {"model": model, "input": [user("x"), item], "stream": stream}
    for url in (gateway.v1, gateway.v3):
        answer = await http.post(f"{url}/responses", body)
        assert (answer.status, answer.error["param"]) == (400, "input[1].encrypted_content")
        assert answer.error["code"] == "invalid_encrypted_content"
    assert await sim.requests() == []


@models
async def test_failures_of_the_backend(launch: Launch, http: Http, sim: Simulated, model: str) -> None:
    gateway = launch(upstream={"retries": 0})
    for fault, status, code in (
        ({"status": 429, "code": "X"}, 429, "X"),
        ({"finish": "length"}, 502, "compaction_failed"),
        ({"thought": "", "text": ""}, 502, "compaction_failed"),
    ):
        await sim.fault(**fault)
        answer = await http.post(f"{gateway.v1}/responses/compact", {"model": model, "input": "x"})
        assert (answer.status, answer.error["code"]) == (status, code)


async def test_who_may_call(launch: Launch, http: Http, sim: Simulated) -> None:
    gateway = launch(access={"mode": "keys", "keys": KEYS})
    client: Any = gateway.sdks.get(openai.AsyncOpenAI, gateway.v1, KEYS[0]["key"])
    with pytest.raises(openai.PermissionDeniedError):
        await client.responses.compact(model="doubao-vision", input="x")
    assert await sim.requests() == []
    assert (await client.responses.compact(model="qwen-vl", input="x")).object == "response.compaction"


async def test_a_compaction_waits_its_turn(launch: Launch, http: Http, sim: Simulated) -> None:
    gateway = launch(admission={"max_requests": 1, "queue_timeout": 0.05})
    body = {"model": "qwen-vl", "input": "x"}
    await sim.fault(stall_after=1)
    async with http.open(f"{gateway.v1}/responses", {**body, "stream": True}) as held:
        await held.content.readany()
        answer = await http.post(f"{gateway.v1}/responses/compact", body)
        assert answer.error["code"] == "overloaded"
        held.close()
    await sim.idle()


async def test_its_log_line(run: Run, http: Http, sim: Simulated) -> None:
    running = run()
    body = {"model": "qwen-vl", "input": "x", "tools": [LOOK]}
    await compacted(http, running.gateway.v1, **body)
    line = await running.request("/responses/compact")
    assert (line["status"], line["outcome"], line["model"], line["backend"]) == (200, "ok", "qwen-vl", "maas")
    assert line["changes"] == "drop:tools,translated:responses-over-chat"
    assert line["input_tokens"] > 0
