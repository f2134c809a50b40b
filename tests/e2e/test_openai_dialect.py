"""OpenAI's dialect under /v1: strict clients and the SDK's helpers work, and nothing else changes."""

import asyncio
from typing import Any

import openai
import orjson
import pytest
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import BaseModel, TypeAdapter

from tests.open_responses import wrong_with_event, wrong_with_response

from .conftest import VISION, Gateway, Http, Simulated
from .pictures import asked, data_url, seen, shape, small, text_part, url_part

QUESTION: Any = [
    {"role": "user", "content": [url_part("responses", data_url(small())), text_part("responses", "zoom")]}
]
ZOOM: Any = [{"type": "image_process", "zoom": {"type": "enabled"}}]
MODELS = ["doubao-vision", "qwen-vl"]
WEATHER: Any = {
    "type": "function",
    "name": "get_weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)


class Berries(BaseModel):
    count: int
    kind: str


class GetWeather(BaseModel):
    """The weather in a city."""

    city: str


async def test_helper_of_responses(gateway: Gateway) -> None:
    async with gateway.openai.responses.stream(model="doubao-vision", input="one two three") as stream:
        types = [event.type async for event in stream]
        final = await stream.get_final_response()
    assert final.status == "completed"
    assert 'last user text: "one two three"' in final.output_text
    assert types[0] == "response.created"
    assert types[-1] == "response.completed"


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")  # the tool is not one of the SDK's
async def test_helper_of_responses_with_processed_picture(gateway: Gateway) -> None:
    call = gateway.openai.responses.stream(model="doubao-vision", input=QUESTION, tools=ZOOM)
    async with call as stream:
        types = [event.type async for event in stream]
        final = await stream.get_final_response()
    assert "response.image_process_call.completed" in types
    assert "(zoom of image 0)" in final.output_text


@pytest.mark.parametrize("model", ["doubao-vision", "qwen-vl"])
async def test_helper_of_chat(gateway: Gateway, model: str) -> None:
    messages: Any = [
        {"role": "user", "content": [url_part("chat", data_url(small())), text_part("chat", "?")]}
    ]
    async with gateway.openai.chat.completions.stream(model=model, messages=messages) as stream:
        types = {event.type async for event in stream}
        final = await stream.get_final_completion()
    assert "content.delta" in types
    assert final.choices[0].message.role == "assistant"
    assert seen(final.choices[0].message.content or "") == [shape(small(), "red")]


def test_synchronous_client(gateway: Gateway) -> None:
    with openai.OpenAI(base_url=gateway.v1, api_key="k", max_retries=0) as client:
        said = client.responses.create(model="doubao-vision", input="hello").output_text
        assert '"hello"' in said
        with client.responses.stream(model="doubao-vision", input="hello") as stream:
            assert stream.get_final_response().output_text == said
        messages: Any = [{"role": "user", "content": "hello"}]
        with client.chat.completions.stream(model="qwen-vl", messages=messages) as chat:
            assert '"hello"' in (chat.get_final_completion().choices[0].message.content or "")
        assert "doubao-vision" in [model.id for model in client.models.list()]


@pytest.mark.parametrize("model", MODELS)
async def test_structured_output(gateway: Gateway, model: str) -> None:
    responses, asked = gateway.openai.responses, "How many berries?"
    whole = await responses.parse(model=model, input=asked, text_format=Berries)
    async with responses.stream(model=model, input=asked, text_format=Berries) as stream:
        done = [event.parsed async for event in stream if event.type == "response.output_text.done"]
        final = await stream.get_final_response()
    assert isinstance(whole.output_parsed, Berries)
    assert done == [final.output_parsed] == [whole.output_parsed]


@pytest.mark.parametrize("model", MODELS)
async def test_function_tools(gateway: Gateway, model: str) -> None:
    tools: Any = [openai.pydantic_function_tool(GetWeather)]
    responses, asked = gateway.openai.responses, "call GetWeather"
    whole = await responses.parse(model=model, input=asked, tools=tools)
    async with responses.stream(model=model, input=asked, tools=tools) as stream:
        events = [event async for event in stream]
        final = await stream.get_final_response()
    snapshots = [event.snapshot for event in events if event.type == "response.function_call_arguments.delta"]
    for answer in (whole, final):
        call = next(item for item in answer.output if item.type == "function_call")
        assert isinstance(call.parsed_arguments, GetWeather)
        assert (call.name, call.arguments, call.status) == ("GetWeather", snapshots[-1], "completed")


@pytest.mark.parametrize("model", MODELS)
async def test_helper_of_chat_with_tools_and_structured_output(gateway: Gateway, model: str) -> None:
    completions = gateway.openai.chat.completions
    tools: Any = [openai.pydantic_function_tool(GetWeather)]

    async def final(text: str, **more: Any) -> Any:
        messages: Any = [{"role": "user", "content": text}]
        async with completions.stream(model=model, messages=messages, **more) as stream:
            assert [event.type async for event in stream][-1] != "error"
            message = (await stream.get_final_completion()).choices[0].message
        whole = (await completions.parse(model=model, messages=messages, **more)).choices[0].message
        assert (message.role, message.content or "") == (whole.role, whole.content or "")
        return message

    (call,) = (await final("call GetWeather", tools=tools)).tool_calls
    assert isinstance(call.function.parsed_arguments, GetWeather)
    assert isinstance((await final("How many?", response_format=Berries)).parsed, Berries)


STRICT: dict[str, dict[str, Any]] = {
    "text": {"input": "hello"},
    "settings": {
        "input": "hello",
        "temperature": 0.3,
        "instructions": "be brief",
        "max_output_tokens": 900,
        "metadata": {"job": "7"},
        "user": "u",
        "safety_identifier": "s",
    },
    "effort": {"input": "hello", "reasoning": {"effort": "low"}},
    "too long": {"input": "say much", "max_output_tokens": 3},
    "function": {"input": "call get_weather", "tools": [WEATHER]},
    "structured": {
        "input": "How many?",
        "text": {"format": {"type": "json_schema", "name": "b", "schema": Berries.model_json_schema()}},
    },
}


@pytest.mark.parametrize("prefix", ["/v1", ""])
@pytest.mark.parametrize("case", sorted(STRICT))
async def test_strict_clients_find_every_required_field(
    gateway: Gateway, http: Http, case: str, prefix: str
) -> None:
    body = {"model": "doubao-vision", **STRICT[case]}
    whole = (await http.post(f"{gateway.url}{prefix}/responses", body)).json
    stored = (await http.get(f"{gateway.url}{prefix}/responses/{whole['id']}")).json
    events = (await http.post(f"{gateway.url}{prefix}/responses", {**body, "stream": True})).events
    assert [*wrong_with_response(whole), *wrong_with_response(stored)] == []
    assert [wrong for event in events for wrong in wrong_with_event(event)] == []
    for event in events:
        EVENT.validate_json(orjson.dumps(event), strict=True)
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    sdks = Response.model_validate_json(orjson.dumps(whole), strict=True)
    assert sdks.status == ("incomplete" if case == "too long" else "completed")
    settings = {name: value for name, value in STRICT[case].items() if name != "input"}
    for response in (whole, *(event["response"] for event in (*events[:2], events[-1]))):
        assert _holds(response, settings)


def _holds(told: Any, asked: Any) -> bool:
    """Whether everything that was asked is told back, among more."""
    if isinstance(asked, dict):
        return all(name in told and _holds(told[name], value) for name, value in asked.items())
    if isinstance(asked, list):
        return len(told) == len(asked) and all(map(_holds, told, asked))
    return bool(told == asked)


@pytest.mark.parametrize("model", MODELS)
async def test_strict_clients_with_a_processed_picture(gateway: Gateway, http: Http, model: str) -> None:
    tools = ZOOM if model == "doubao-vision" else []
    body = {"model": model, "input": QUESTION, "tools": tools, "stream": True}
    events = (await http.post(f"{gateway.v1}/responses", body)).events
    assert [wrong for event in events for wrong in wrong_with_event(event)] == []
    own = [event for event in events if "image_process" in orjson.dumps(event.get("item", event)).decode()]
    assert bool(own) == bool(tools)
    for event in events:
        if event not in own:
            EVENT.validate_json(orjson.dumps(event), strict=True)


async def test_what_was_dropped_is_not_told_back_but_labels_are(gateway: Gateway, http: Http) -> None:
    """What was dropped for Ark is not told back as if it had held; labels are, as they change nothing."""
    body = {"model": "doubao-vision", "input": "x", "truncation": "auto", "prompt_cache_key": "k"}
    told = (await http.post(f"{gateway.v1}/responses", body)).json
    assert (told["truncation"], told["prompt_cache_key"]) == ("disabled", "k")


async def test_tool_error_does_not_kill_the_stream(gateway: Gateway) -> None:
    fault = '[[fault: {"tool_error": "the picture is too dark"}]]'
    question: Any = [
        {"role": "user", "content": [*QUESTION[0]["content"], text_part("responses", f"zoom {fault}")]}
    ]
    stream: Any = await gateway.openai.responses.create(
        model="doubao-vision", input=question, tools=ZOOM, stream=True
    )
    events = [event async for event in stream]
    failed = next(event for event in events if event.type == "response.image_process_call.completed")
    assert failed.tool_error == {"message": "the picture is too dark"}
    assert events[-1].type == "response.completed"


@pytest.mark.parametrize("api", ["chat", "responses"])
async def test_unknown_events_and_fields_survive(
    gateway: Gateway, http: Http, sim: Simulated, api: str
) -> None:
    strange = (
        b": a comment of the backend\n\n"
        b'event: response.never_heard_of\ndata: {"type":"response.never_heard_of","x":[1,2,{"y":null}]}\n\n'
        b'data: {"choices":[{"index":0,"delta":{"odd":"\xe2\x80\xa8"},"finish_reason":null}],"z":1}\r\n\r\n'
        b"id: 5\nretry: 10\ndata: two\ndata: lines\n\n"
    )
    end = {
        "chat": b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n',
        "responses": b'event: response.failed\ndata: {"type":"response.failed","sequence_number":9}\n\n',
    }[api]
    await sim.fault(body=(strange + end).decode())
    path = {"chat": "chat/completions", "responses": "responses"}[api]
    body = {"model": "doubao-vision", "stream": True, **asked(api, text_part(api, "x"))}
    answer = await http.post(f"{gateway.v1}/{path}", body)
    assert answer.body == strange + end


async def test_role_stands_in_the_first_delta_alone(gateway: Gateway, http: Http) -> None:
    body = {"model": "doubao-vision", "stream": True, **asked("chat", text_part("chat", "one two"))}
    deltas = [
        event["choices"][0]["delta"]
        for event in (await http.post(f"{gateway.v1}/chat/completions", body)).events
    ]
    assert [("role" in delta) for delta in deltas] == [True] + [False] * (len(deltas) - 1)


async def test_settings_of_the_models_entry(gateway: Gateway, http: Http, sim: Simulated) -> None:
    question = asked("responses", url_part("responses", data_url(small())), text_part("responses", "数一数"))
    body = {"model": "strawberry-counter", **question, "user": "u", "metadata": {}}
    answer = await http.post(f"{gateway.v1}/responses", body)
    assert "(point of image 0)" in answer.text
    assert answer.headers["x-arkway-backend"] == "ark"
    assert answer.headers["x-arkway-model"] == VISION
    assert answer.changes == [
        "add-tool:image_process",
        "add-header:ark-beta-image-process",
        "drop:metadata",
        "drop:user",
    ]
    sent = (await sim.last())["body"]
    assert sent["model"] == VISION
    assert [tool["type"] for tool in sent["tools"]] == ["image_process"]


@pytest.mark.parametrize(
    ("more", "change"),
    [
        ({"caching": {"type": "enabled"}, "tools": ZOOM}, "drop:caching"),
        ({"prompt_cache_key": "k"}, "drop:prompt_cache_key"),
        ({"truncation": "auto"}, "drop:truncation"),
        ({"top_logprobs": 2}, "drop:top_logprobs"),
        ({"text": {"format": {"type": "text"}, "verbosity": "low"}}, "drop:text.verbosity"),
        ({"service_tier": "flex"}, "drop:service_tier"),
        ({"include": ["reasoning.encrypted_content", "file_search_call.results"]}, "drop:include[1]"),
        ({"stream_options": {"include_obfuscation": False}}, "drop:stream_options"),
    ],
)
async def test_fields_that_ark_refuses_are_dropped(
    gateway: Gateway, http: Http, more: dict[str, Any], change: str
) -> None:
    answer = await http.post(f"{gateway.v1}/responses", {"model": "doubao-vision", "input": "x", **more})
    assert answer.status == 200
    assert change in answer.changes


async def test_developer_is_system(gateway: Gateway, http: Http) -> None:
    for model in ("doubao-vision", "qwen-vl"):
        body = {"model": model, "messages": [{"role": "developer", "content": "rules"}]}
        answer = await http.post(f"{gateway.v1}/chat/completions", body)
        assert 'order: system: text "rules"' in answer.text
        assert answer.changes == ["role:developer=system"]


async def test_many_at_once_do_not_mix(gateway: Gateway, http: Http) -> None:
    async def one(number: int) -> None:
        api, model = [("chat", "qwen-vl"), ("chat", "doubao-vision"), ("responses", "doubao-vision")][
            number % 3
        ]
        picture = small("blue", size=(20 + number, 30))
        body = asked(
            api,
            url_part(api, data_url(picture)),
            text_part(api, f"number {number}"),
            model=model,
            stream=True,
        )
        path = "chat/completions" if api == "chat" else "responses"
        text = (await http.post(f"{gateway.v1}/{path}", body)).body
        said = "".join(orjson.loads(b'"' + chunk.split(b'"')[0] + b'"') for chunk in _deltas(text))
        assert f"number {number}" in said
        assert f"PNG {20 + number}x30" in said

    await asyncio.gather(*(one(number) for number in range(60)))


def _deltas(body: bytes) -> list[bytes]:
    """The texts of a stream's deltas, still escaped."""
    body = body.replace(b'\\"', b"\\u0022")
    key = b'"delta":"' if b"response.output_text.delta" in body else b'"content":"'
    end = body.find(b"response.output_text.done")
    return body[: end if end >= 0 else len(body)].split(key)[1:]
