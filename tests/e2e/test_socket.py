"""Responses over a WebSocket, through the OpenAI SDK's own connection and a bare one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest
from openai import AsyncOpenAI
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from .conftest import Gateway, Http, Launch, Simulated, until
from .pictures import asked, data_url, seen, shape, small, url_part

KEY = "sk-socket-key"
MODELS = ["doubao-vision", "qwen-vl"]
LOOK = {"type": "function", "name": "look", "parameters": {"type": "object"}}

models = pytest.mark.parametrize("model", MODELS)
prefixes = pytest.mark.parametrize("path", ["/v1/responses", "/api/v3/responses"])


def address(gateway: Gateway, path: str = "/v1/responses") -> str:
    return gateway.url.replace("http", "ws", 1) + path


@asynccontextmanager
async def opened(
    gateway: Gateway, path: str = "/v1/responses", **headers: str
) -> AsyncIterator[ClientConnection]:
    async with connect(
        address(gateway, path), additional_headers=headers, max_size=None, proxy=None
    ) as socket:
        yield socket


async def create(socket: ClientConnection, **body: Any) -> None:
    await socket.send(orjson.dumps({"type": "response.create", "model": "doubao-vision", **body}).decode())


async def events(socket: ClientConnection) -> list[dict[str, Any]]:
    """The messages of one response, to its end."""
    told: list[dict[str, Any]] = []
    while not told or told[-1]["type"] not in ("response.completed", "response.failed", "error"):
        told.append(orjson.loads(await socket.recv()))
    return told


async def turn(socket: ClientConnection, **body: Any) -> dict[str, Any]:
    """The response, which nobody is to store; it is done."""
    await create(socket, **{"store": False, **body})
    last = (await events(socket))[-1]
    assert last["type"] == "response.completed", last
    response: dict[str, Any] = last["response"]
    return response


async def refused(socket: ClientConnection, **body: Any) -> dict[str, Any]:
    """The error, which is all that comes."""
    await create(socket, **{"store": False, **body})
    (told,) = await events(socket)
    assert told["status"] == 400
    error: dict[str, Any] = told["error"]
    return error


def is_not_found(error: dict[str, Any]) -> bool:
    return (error["code"], error["param"]) == ("previous_response_not_found", "previous_response_id")


def said(response: dict[str, Any]) -> str:
    return "".join(part["text"] for item in response["output"] for part in item.get("content") or [])


def conversation(received: dict[str, Any]) -> list[str]:
    """Who said what of a body that a backend received, reasoning aside."""
    calls = {"tool": "function_call_output", "assistant with calls": "function_call"}
    if "messages" in received:
        told = [one["role"] + " with calls" * bool(one.get("tool_calls")) for one in received["messages"]]
        return [calls.get(role, role) for role in told]
    return [one.get("role") or one["type"] for one in received["input"] if one.get("type") != "reasoning"]


def text(told: list[dict[str, Any]]) -> str:
    return "".join(event["delta"] for event in told if event["type"] == "response.output_text.delta")


async def test_the_sdks_connection_carries_one_response_after_another(gateway: Gateway, sdks: Any) -> None:
    client: AsyncOpenAI = gateway.openai
    picture = url_part("responses", data_url(small("blue")))
    async with client.responses.connect() as connection:
        for question in ("first", "second"):
            body = asked("responses", picture, {"type": "input_text", "text": question})
            await connection.response.create(model="doubao-vision", **body)
            told = []
            async for event in connection:
                told.append(event)
                if event.type == "response.completed":
                    break
            assert [event.sequence_number for event in told] == list(range(len(told)))
            assert seen(told[-1].response.output_text) == [shape(small("blue"), "blue")]
            assert question in told[-1].response.output_text


@pytest.mark.parametrize("path", ["/v1/responses", "/responses", "/api/v3/responses"])
async def test_it_stands_under_every_prefix(gateway: Gateway, path: str) -> None:
    async with opened(gateway, path) as socket:
        await create(socket, input="hello")
        told = await events(socket)
    assert told[0]["type"] == "response.created"
    assert '"hello"' in text(told)


async def test_an_error_leaves_the_connection_open(gateway: Gateway, sim: Simulated) -> None:
    async with opened(gateway) as socket:
        bodies = [b"{", b'"x"', b'{"type":"response.steer"}', b'{"type":"response.create"}']
        bodies.append(orjson.dumps({"type": "response.create", "model": "no-such-model", "input": "x"}))
        bodies.append(orjson.dumps({"type": "response.create", "model": "doubao-vision", "background": True}))
        for body in bodies:
            await socket.send(body.decode())
            (told,) = await events(socket)
            assert list(told) == ["type", "status", "error"]
            assert list(told["error"]) == ["message", "type", "param", "code"]
            assert told["status"] in (400, 404)
        await sim.fault(status=429)
        await create(socket, input="x")
        assert (await events(socket))[-1]["status"] == 429
        await create(socket, input="still here")
        assert "still here" in text(await events(socket))


async def test_one_response_at_a_time(gateway: Gateway, sim: Simulated) -> None:
    await sim.fault(stall_after=2, stall=60)
    async with opened(gateway) as socket:
        await create(socket, input="slow")
        await sim.busy(chunks=2)
        await create(socket, input="too soon")
        told = await events(socket)
        assert (told[-1]["status"], told[-1]["error"]["code"]) == (409, "response_in_progress")
    await sim.idle()  # leaving ended the first one


async def test_a_failure_midway_is_an_event_and_not_the_end(gateway: Gateway, sim: Simulated) -> None:
    await sim.fault(reset_after=3)
    async with opened(gateway) as socket:
        await create(socket, input="x")
        assert (await events(socket))[-1]["type"] == "response.failed"
        await create(socket, input="again")
        assert (await events(socket))[-1]["type"] == "response.completed"


@pytest.mark.parametrize("header", [None, "Bearer wrong", f"Basic {KEY}"])
async def test_a_bad_key_is_a_401_at_the_handshake(launch: Launch, header: str | None) -> None:
    gateway = launch(access={"mode": "keys", "keys": [{"name": "a", "key": KEY}]})
    with pytest.raises(InvalidStatus) as refused:
        async with opened(gateway, **({"authorization": header} if header else {})):
            pass
    response = refused.value.response
    assert response.status_code == 401
    assert orjson.loads(response.body)["error"]["code"] == "invalid_api_key"
    async with opened(gateway, authorization=f"Bearer {KEY}") as socket:
        await create(socket, input="good key")
        assert "good key" in text(await events(socket))


async def test_other_paths_have_none(gateway: Gateway) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with opened(gateway, "/v1/chat/completions"):
            pass
    assert refused.value.response.status_code == 404


async def test_pages_of_other_origins_are_kept_out(gateway: Gateway) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with opened(gateway, origin="https://example.org"):
            pass
    assert refused.value.response.status_code == 403


async def test_each_response_has_its_log_line(
    gateway: Gateway, sim: Simulated, capsys: pytest.CaptureFixture[str]
) -> None:
    async with opened(gateway) as socket:
        await create(socket, input="x")
        await events(socket)
    lines = ""

    def told() -> bool:
        nonlocal lines
        lines += capsys.readouterr().out
        return "method=WS" in lines and "outcome=ok" in lines

    await until(told, "the log line")


async def test_callers_who_leave_at_any_moment_leave_nothing_behind(gateway: Gateway, sim: Simulated) -> None:
    async def leave(moment: float) -> None:
        async with opened(gateway) as socket:
            await create(socket, input="x")
            await asyncio.sleep(moment)

    sim.renew(chunk_delay=0.002)
    await asyncio.gather(*(leave(i / 500) for i in range(12)))
    await sim.idle()


@models
@prefixes
async def test_a_response_goes_on_from_the_one_before_it(
    gateway: Gateway, sim: Simulated, model: str, path: str
) -> None:
    picture = url_part("responses", data_url(small("blue")))
    async with opened(gateway, path) as socket:
        question = asked("responses", picture, {"type": "input_text", "text": "call look"})
        first = await turn(socket, model=model, instructions="once", tools=[LOOK], **question)
        (call,) = [item for item in first["output"] if item["type"] == "function_call"]
        output = {"type": "function_call_output", "call_id": call["call_id"], "output": "it is blue"}
        second = await turn(socket, model=model, input=[output], previous_response_id=first["id"])
        third = await turn(socket, model=model, input="sure?", previous_response_id=second["id"])
    assert seen(said(second)) == seen(said(third)) == [shape(small("blue"), "blue")]
    assert 'last user text: "sure?"' in said(third)
    if path.startswith("/v1"):
        assert third["previous_response_id"] == second["id"]
    received = (await sim.last())["body"]
    assert "previous_response_id" not in received
    assert conversation(received) == ["user", "function_call", "function_call_output", "assistant", "user"]
    assert len(await sim.requests()) == 3


@models
@pytest.mark.parametrize("fault", [{"status": 429}, {"status": 500}, {"reset_after": 3}, {"cut_after": 3}])
async def test_a_continuation_that_fails_takes_the_response_before_it_along(
    launch: Launch, sim: Simulated, model: str, fault: dict[str, Any]
) -> None:
    gateway = launch(upstream={"retries": 0})
    async with opened(gateway) as socket:
        first = await turn(socket, model=model, input="one")
        await sim.fault(**fault)
        await create(socket, model=model, input="two", previous_response_id=first["id"], store=False)
        assert (await events(socket))[-1]["type"] in ("error", "response.failed")
        assert is_not_found(await refused(socket, model=model, input="x", previous_response_id=first["id"]))
        assert '"again"' in said(await turn(socket, model=model, input="again"))


@models
@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"input": [{"type": "function_call_output", "call_id": "c", "output": "x"}]}, "input[0].call_id"),
        ({"input": [{"type": "compaction", "encrypted_content": "x"}]}, "input[0].encrypted_content"),
        (
            {"input": asked("responses", url_part("responses", "data:image/png;base64,AAAA"))["input"]},
            "input[0].content[0].image_url",
        ),
        ({"input": "x", "background": True}, "background"),
        ({"input": 5}, "input"),
    ],
)
async def test_one_that_is_refused_does_so_too(
    gateway: Gateway, sim: Simulated, model: str, more: dict[str, Any], param: str
) -> None:
    async with opened(gateway) as socket:
        first = await turn(socket, model=model, input="one")
        error = await refused(socket, model=model, previous_response_id=first["id"], **more)
        assert error["param"] == param
        assert is_not_found(await refused(socket, model=model, input="x", previous_response_id=first["id"]))


@models
async def test_another_connection_knows_nothing_of_it(gateway: Gateway, http: Http, model: str) -> None:
    async with opened(gateway) as socket, opened(gateway) as other:
        first = await turn(socket, model=model, input="one")
        body = {"model": model, "input": "x", "previous_response_id": first["id"]}
        assert is_not_found(await refused(other, **body))
        answer = await http.post(f"{gateway.v1}/responses", body)
        assert answer.status == 400
        assert is_not_found(answer.error)
        assert said(await turn(socket, **body)).startswith("I see 0 pictures in 3 messages.")


@models
async def test_it_is_forgotten_with_its_connection_and_after_the_next_response(
    gateway: Gateway, model: str
) -> None:
    async with opened(gateway) as socket:
        first = await turn(socket, model=model, input="one")
        await turn(socket, model=model, input="another matter")
        assert is_not_found(await refused(socket, model=model, input="x", previous_response_id=first["id"]))
        latest = await turn(socket, model=model, input="a third")
    async with opened(gateway) as socket:
        assert is_not_found(await refused(socket, model=model, input="x", previous_response_id=latest["id"]))


@models
async def test_a_failure_of_something_else_leaves_it(gateway: Gateway, sim: Simulated, model: str) -> None:
    async with opened(gateway) as socket:
        first = await turn(socket, model=model, input="one")
        await sim.fault(status=429)
        await create(socket, model=model, input="else")
        assert (await events(socket))[-1]["status"] == 429
        second = await turn(socket, model=model, input="two", previous_response_id=first["id"])
        assert said(second).startswith("I see 0 pictures in 3 messages.")


@pytest.mark.parametrize("id", [f"resp_{'0' * 32}", "resp_02177494466149900bcc3116dfc56b9203b0", "resp_x"])
@prefixes
@models
async def test_an_unknown_previous_response(gateway: Gateway, model: str, path: str, id: str) -> None:
    async with opened(gateway, path) as socket:
        error = await refused(socket, model=model, input="x", previous_response_id=id)
    assert error["param"] == "previous_response_id"
    arks = model == "doubao-vision" and not id.endswith("0" * 32)  # it was asked for it
    own_words = arks and path.startswith("/api/v3")
    assert error["code"] == (
        "InvalidParameter.PreviousResponseNotFound" if own_words else "previous_response_not_found"
    )


async def test_what_ark_stores_is_gone_on_from_there(gateway: Gateway, sim: Simulated) -> None:
    async with opened(gateway) as socket:
        first = await turn(socket, input="one", store=True)
        second = await turn(socket, input="two", previous_response_id=first["id"])
        third = await turn(socket, input="three", previous_response_id=second["id"])
    assert (await sim.last())["body"]["previous_response_id"] == first["id"]
    assert third["previous_response_id"] == second["id"]
    assert said(third).startswith("I see 0 pictures in 5 messages.")


async def test_what_the_gateway_stores_after_it_stands_for_itself(gateway: Gateway) -> None:
    async with opened(gateway) as socket:
        first = await turn(socket, model="qwen-vl", input="one", store=True)
        second = await turn(socket, model="qwen-vl", input="two", previous_response_id=first["id"])
        third = await turn(
            socket, model="qwen-vl", input="three", previous_response_id=second["id"], store=True
        )
    assert third["previous_response_id"] == second["id"]
    fourth = await gateway.openai.responses.create(
        model="qwen-vl", input="four", previous_response_id=third["id"]
    )
    assert fourth.output_text.startswith("I see 0 pictures in 7 messages.")


async def test_a_conversation_can_change_its_backend(gateway: Gateway) -> None:
    async with opened(gateway) as socket:
        first = await turn(socket, model="qwen-vl", input="one")
        second = await turn(socket, model="doubao-vision", input="two", previous_response_id=first["id"])
        third = await turn(socket, model="qwen-vl", input="three", previous_response_id=second["id"])
    assert said(third).startswith("I see 0 pictures in 5 messages.")


async def test_what_a_connection_remembers_is_bounded(launch: Launch) -> None:
    gateway = launch(server={"max_body_bytes": 4000})
    async with opened(gateway) as socket:
        first = await turn(socket, input="x" * 3000)
        second = await turn(socket, input="y" * 3000, previous_response_id=first["id"])
        error = await refused(socket, input="z", previous_response_id=second["id"])
        assert is_not_found(error)
        assert "4000 characters" in error["message"]


@models
@prefixes
async def test_a_compaction_begins_a_chain(
    gateway: Gateway, http: Http, sim: Simulated, model: str, path: str
) -> None:
    made = await http.post(f"{gateway.url}{path}/compact", {"model": model, "input": "remember slate"})
    async with opened(gateway, path) as socket:
        question = asked("responses", {"type": "input_text", "text": "one"})["input"]
        first = await turn(socket, model=model, input=[*made.json["output"], *question])
        await turn(socket, model=model, input="two", previous_response_id=first["id"])
    received = (await sim.last())["body"]
    assert conversation(received) == ["user", "user", "user", "assistant", "user"]
    assert "Summary of the conversation up to here:" in str(received)
