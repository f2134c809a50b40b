"""The life of a Responses call on a backend that has chat alone: kept, continued, run in the background, cancelled."""

import asyncio
import time
from typing import Any

import openai
import pytest

from .conftest import MAAS_KEY, QWEN, VISION, Gateway, Http, Launch, Run, Simulated, until
from .pictures import data_url, large, seen, small, text_part, url_part

MODEL = "qwen-vl"
KEYS = [{"name": name, "key": f"sk-{name}-0123456789"} for name in ("one", "two")]
LOOK = {
    "type": "function",
    "name": "look",
    "description": "Looks closer.",
    "parameters": {"type": "object", "properties": {"where": {"type": "string"}}},
}


def asked(*parts: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"role": "user", "content": list(parts)}]


def text(said: str) -> dict[str, Any]:
    return text_part("responses", said)


def picture(colour: str = "red") -> dict[str, Any]:
    return url_part("responses", data_url(large(colour)))


async def create(gateway: Gateway, *, stream: bool = False, **more: Any) -> Any:
    """The final response, however it came; a wait that would never end is a failure."""
    async with asyncio.timeout(10):
        return await _created(gateway, stream=stream, **more)


async def _created(gateway: Gateway, *, stream: bool, **more: Any) -> Any:
    made = await gateway.openai.responses.create(model=MODEL, stream=stream, **more)
    if not stream:
        return made
    events = [event async for event in made]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    return events[-1].response


async def ended(gateway: Gateway, id: str) -> Any:
    async def over() -> Any:
        found = await gateway.openai.responses.retrieve(id)
        return found if found.status not in ("queued", "in_progress") else None

    return await until(over, "the response ends")


@pytest.mark.parametrize("stream", [False, True])
async def test_created_retrieved_listed_deleted(gateway: Gateway, http: Http, *, stream: bool) -> None:
    made = await create(gateway, stream=stream, input=asked(text("what?"), picture()), metadata={"a": "b"})
    assert made.id.startswith("resp_")
    found = await gateway.openai.responses.retrieve(made.id)
    assert found.to_dict() == made.to_dict()
    assert found.metadata == {"a": "b"}
    items = (await gateway.openai.responses.input_items.list(made.id)).data
    assert [part.type for part in items[0].content] == ["input_text", "input_image"]
    replayed = await gateway.openai.responses.retrieve(made.id, stream=True)
    assert [event async for event in replayed][-1].response.output_text == made.output_text
    await gateway.openai.responses.delete(made.id)
    with pytest.raises(openai.NotFoundError):
        await gateway.openai.responses.retrieve(made.id)
    assert list((gateway.folder / "files").iterdir()) == []


@pytest.mark.parametrize("stream", [False, True])
async def test_what_is_not_to_be_kept(gateway: Gateway, *, stream: bool) -> None:
    made = await create(gateway, stream=stream, input="hello", store=False)
    assert made.store is False
    with pytest.raises(openai.NotFoundError):
        await gateway.openai.responses.retrieve(made.id)
    with pytest.raises(openai.BadRequestError) as refused:
        await create(gateway, input="and?", previous_response_id=made.id)
    assert refused.value.param == "previous_response_id"


@pytest.mark.parametrize("stream", [False, True])
async def test_three_rounds_with_a_function_and_a_picture(
    gateway: Gateway, sim: Simulated, *, stream: bool
) -> None:
    first = await create(
        gateway,
        stream=stream,
        input=asked(text("call look"), picture("red")),
        tools=[LOOK],
        instructions="only once",
    )
    call = next(item for item in first.output if item.type == "function_call")
    second = await create(
        gateway,
        stream=stream,
        previous_response_id=first.id,
        input=[{"type": "function_call_output", "call_id": call.call_id, "output": "it is red"}],
        tools=[LOOK],
    )
    assert second.previous_response_id == first.id
    assert [colour for _, colour, _ in seen(second.output_text)] == ["red"]
    third = await create(
        gateway,
        stream=stream,
        previous_response_id=second.id,
        input=asked(text("and this?"), picture("blue")),
    )
    assert third.previous_response_id == second.id
    assert [colour for _, colour, _ in seen(third.output_text)] == ["red", "blue"]
    messages = (await sim.last("chat/completions"))["body"]["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant", "tool", "assistant", "user"]
    assert messages[1]["tool_calls"][0]["id"] == messages[2]["tool_call_id"] == call.call_id
    own = (await gateway.openai.responses.input_items.list(third.id)).data
    assert len(own) == 1


async def test_a_chain_without_its_beginning(gateway: Gateway, sim: Simulated) -> None:
    first = await create(gateway, input="one")
    second = await create(gateway, input="two", previous_response_id=first.id)
    await gateway.openai.responses.delete(first.id)
    count = len(await sim.requests())
    with pytest.raises(openai.BadRequestError) as refused:
        await create(gateway, input="three", previous_response_id=second.id)
    assert refused.value.param == "previous_response_id"
    assert len(await sim.requests()) == count


@pytest.mark.parametrize(
    "id", [f"resp_{'0' * 32}", "resp_02177494466149900bcc3116dfc56b9203b01425516f61b9ebd48"]
)
async def test_a_previous_response_that_is_not_there(gateway: Gateway, sim: Simulated, id: str) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        await create(gateway, input="x", previous_response_id=id)
    assert refused.value.param == "previous_response_id"
    assert await sim.requests() == []


async def test_a_broken_picture_is_named_as_its_caller_sent_it(gateway: Gateway) -> None:
    first = await create(gateway, input=asked(text("one"), picture()))
    broken = url_part("responses", "data:image/png;base64,AAAA")
    with pytest.raises(openai.BadRequestError) as refused:
        await create(gateway, input=asked(text("two"), broken), previous_response_id=first.id)
    assert refused.value.param == "input[0].content[1].image_url"


async def test_other_keys(launch: Launch, http: Http, sim: Simulated) -> None:
    gateway = launch(access={"mode": "keys", "keys": KEYS})
    one, two = (
        gateway.sdks.get(openai.AsyncOpenAI, gateway.v1, f"sk-{name}-0123456789") for name in ("one", "two")
    )
    made = await one.responses.create(model=MODEL, input="secret")
    for call in (two.responses.retrieve, two.responses.delete, two.responses.cancel):
        with pytest.raises(openai.NotFoundError):
            await call(made.id)
    with pytest.raises(openai.BadRequestError) as refused:
        await two.responses.create(model=MODEL, input="x", previous_response_id=made.id)
    assert refused.value.param == "previous_response_id"
    assert (await one.responses.retrieve(made.id)).id == made.id
    assert len(await sim.requests()) == 1


async def test_an_expiry(gateway: Gateway) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        await create(gateway, input="x", extra_body={"expire_at": 5})
    assert refused.value.param == "expire_at"
    made = await create(gateway, input="x", extra_body={"expire_at": int(time.time()) + 86400})
    assert (await gateway.openai.responses.retrieve(made.id)).id == made.id


async def test_in_the_background(gateway: Gateway, sim: Simulated) -> None:
    await sim.fault(stall_after=3, stall=0.3)
    made = await create(gateway, input=asked(text("hello"), picture()), background=True)
    assert (made.status, made.background, made.output) == ("queued", True, [])
    assert (await gateway.openai.responses.retrieve(made.id)).status in ("queued", "in_progress")
    assert len((await gateway.openai.responses.input_items.list(made.id)).data) == 1
    done = await ended(gateway, made.id)
    assert done.status == "completed"
    assert '"hello"' in done.output_text
    more = await create(gateway, input="and?", previous_response_id=made.id)
    assert len(seen(more.output_text)) == 1


async def test_the_background_is_left_to_places_that_are_translated(launch: Launch, sim: Simulated) -> None:
    """Ark, which the draw would take, has none; of the others the next stands in."""
    spare = {"kind": "modelarts", "base_url": f"{sim.url}/v2/infer/spare/v1", "api_key": MAAS_KEY}
    places = [
        {"backend": "ark", "model": VISION},
        {"backend": "maas", "model": QWEN, "weight": 0},
        {"backend": "spare", "model": QWEN, "weight": 0},
    ]
    gateway = launch(backends={"spare": spare}, models={"both": places}, upstream={"retries": 0})
    for answering in ("/v2/infer/any", "/v2/infer/spare"):
        made = await gateway.openai.responses.create(model="both", input="hello", background=True)
        done = await ended(gateway, made.id)
        assert (done.status, done.error) == ("completed", None)
        assert (await sim.last())["path"].startswith(answering)
        await sim.fault(path="/v2/infer/any", status=500)
    assert await sim.requests("/api/v3") == []


async def test_a_stream_in_the_background_can_be_taken_up_again(gateway: Gateway, sim: Simulated) -> None:
    await sim.fault(stall_after=3, stall=0.3)
    stream = await gateway.openai.responses.create(model=MODEL, input="hello", background=True, stream=True)
    told = [await anext(aiter(stream)) for _ in range(2)]
    await stream.close()
    id = told[0].response.id
    rest = await gateway.openai.responses.retrieve(id, stream=True, starting_after=told[-1].sequence_number)
    told += [event async for event in rest]
    assert [event.sequence_number for event in told] == list(range(len(told)))
    assert told[-1].type == "response.completed"
    again = await gateway.openai.responses.retrieve(id, stream=True)
    assert [event.to_dict() async for event in again] == [event.to_dict() for event in told]


async def test_failure_in_the_background(gateway: Gateway, sim: Simulated) -> None:
    await sim.fault(cut_after=3)
    made = await create(gateway, input="hello", background=True)
    done = await ended(gateway, made.id)
    assert (done.status, done.error.code) == ("failed", "upstream_truncated")
    await sim.fault(status=400, message="too long")
    made = await create(gateway, input="hello", background=True)
    done = await ended(gateway, made.id)
    assert (done.status, done.error.message) == ("failed", "too long")


async def test_the_background_needs_the_store(gateway: Gateway) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        await create(gateway, input="hello", background=True, store=False)
    assert refused.value.param == "store"


async def test_cancelled_in_the_background(gateway: Gateway, sim: Simulated) -> None:
    await sim.fault(stall_after=3)
    made = await create(gateway, input="hello", background=True)
    await sim.busy(chunks=3)
    cancelled = await gateway.openai.responses.cancel(made.id)
    assert cancelled.status == "cancelled"
    assert (await gateway.openai.responses.retrieve(made.id)).status == "cancelled"
    assert (await gateway.openai.responses.cancel(made.id)).status == "cancelled"
    await sim.idle()


@pytest.mark.parametrize("model", [MODEL, "doubao-vision"])
async def test_a_callers_own_stream_is_cancelled(gateway: Gateway, sim: Simulated, model: str) -> None:
    await sim.fault(stall_after=5)
    async with await gateway.openai.responses.create(model=model, input="hello", stream=True) as stream:
        events = aiter(stream)
        first = await anext(events)
        cancelled = await gateway.openai.responses.cancel(first.response.id)
        assert (cancelled.id, cancelled.status) == (first.response.id, "cancelled")
        last = [event async for event in events][-1]
    assert (last.type, last.response["status"]) == ("response.cancelled", "cancelled")
    await sim.idle()


async def test_work_in_the_background_ends_with_the_gateway(run: Run, sim: Simulated, http: Http) -> None:
    running = run()
    await sim.fault(stall_after=3)
    made = await create(running.gateway, input="hello", background=True)
    await sim.busy(chunks=3)
    running.process.signal()
    assert await asyncio.to_thread(running.process.wait) == 0
    await sim.idle()
    assert made.status == "queued"


async def test_a_previous_response_of_the_chat_backend_on_ark(launch: Launch, sim: Simulated) -> None:
    """Our own ids can be continued anywhere; Ark's only on Ark."""
    gateway = launch()
    first = await create(gateway, input=asked(text("one"), url_part("responses", data_url(small("red")))))
    told = await gateway.openai.responses.create(
        model="doubao-vision", input="two", previous_response_id=first.id
    )
    assert [colour for _, colour, _ in seen(told.output_text)] == ["red"]
