"""When the simulated models call a function: the same for both vendors, whichever API speaks to them."""

from typing import Any

import pytest

from .conftest import Client
from .media import input_text, text_part

APIS = ("ark chat", "ark responses", "modelarts chat")
QUESTION = "What's the weather like in San Francisco?"


async def called(http: Client, api: str, text: str, names: list[str], **more: Any) -> list[str]:
    """The functions that are called when these are offered."""
    functions = [{"name": name, "parameters": {"type": "object"}} for name in names]
    if api == "ark responses":
        tools = [{"type": "function", **function} for function in functions]
        answer = await http.respond(input_text(text), tools=tools, **more)
        return [item["name"] for item in answer.json["output"] if item["type"] == "function_call"]
    send = http.chat if api == "ark chat" else http.maas_chat
    tools = [{"type": "function", "function": function} for function in functions]
    message = (await send(text_part(text), tools=tools, **more)).json["choices"][0]["message"]
    return [call["function"]["name"] for call in message.get("tool_calls", ())]


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize(
    ("text", "name", "wanted"),
    [
        (QUESTION, "get_weather", True),
        (QUESTION, "getWeather", True),
        (QUESTION, "get_current_weather", True),
        (QUESTION, "weather", True),
        (QUESTION, "weather.get", False),
        (QUESTION, "get_time", False),
        (QUESTION, "is", False),
        ("Whether or not.", "get_weather", False),
        ("Go on.", "get_weather", False),
        ("call get_time", "get_time", True),
    ],
)
async def test_what_the_text_asks_for(http: Client, api: str, text: str, name: str, wanted: bool) -> None:
    assert await called(http, api, text, [name]) == ([name] if wanted else [])


@pytest.mark.parametrize("api", APIS)
async def test_several_are_called_where_that_is_allowed(http: Client, api: str) -> None:
    names, text = ["get_weather", "get_time", "get_news"], "What time is it, and how is the weather?"
    assert await called(http, api, text, names) == names[:2]
    assert await called(http, api, text, names, parallel_tool_calls=False) == names[:1]
    assert await called(http, api, f"call get_news first. {text}", names) == ["get_news"]


@pytest.mark.parametrize("api", APIS)
async def test_the_choice_stands_above_the_text(http: Client, api: str) -> None:
    names = ["get_time", "get_weather"]
    assert await called(http, api, QUESTION, names, tool_choice="none") == []
    assert await called(http, api, QUESTION, names, tool_choice="required") == ["get_weather"]
    assert await called(http, api, "Go on.", names, tool_choice="required") == ["get_time"]
