"""The OpenAI Agents SDK, with its models for both APIs."""

from typing import Any, Literal

import agents
import openai
from scenarios import (
    BAD,
    BREAK,
    CALL,
    CLOCK,
    DULL,
    HELLO,
    KEY,
    LOOK,
    PICTURES,
    ROUNDS,
    SAID,
    SAY,
    THINK,
    THOUGHT,
    URL,
    WEATHER,
    Report,
    raises,
    run,
    saw_both,
    used_tools,
)

agents.set_tracing_disabled(True)
client = openai.AsyncOpenAI(base_url=URL, api_key=KEY, max_retries=0)


@agents.function_tool(failure_error_function=None)
def weather(city: Literal["Paris"]) -> str:
    """Tells the weather."""
    return WEATHER


@agents.function_tool(failure_error_function=None)
def clock(city: Literal["Paris"]) -> str:
    """Tells the time."""
    return CLOCK


class Agents:
    def __init__(self, name: str, model: Any) -> None:
        self.name = name
        self._model = model

    async def text(self, model: str) -> None:
        result = await agents.Runner.run(self._agent(model), HELLO)
        assert HELLO in result.final_output
        assert result.context_wrapper.usage.total_tokens > 0

    async def text_streamed(self, model: str) -> None:
        result = agents.Runner.run_streamed(self._agent(model), SAY)
        deltas = [
            event.data.delta
            async for event in result.stream_events()
            if event.type == "raw_response_event" and event.data.type == "response.output_text.delta"
        ]
        assert "".join(deltas) == result.final_output == SAID
        assert result.context_wrapper.usage.total_tokens > 0

    async def pictures(self, model: str) -> None:
        shown = [{"type": "input_image", "image_url": url, "detail": "auto"} for url in PICTURES]
        content = [*shown, {"type": "input_text", "text": LOOK}]
        saw_both((await agents.Runner.run(self._agent(model), [_user(content)])).final_output)

    async def tools(self, model: str) -> None:
        result = await agents.Runner.run(self._agent(model, tools=[weather, clock]), CALL)
        _looped(result)

    async def tools_streamed(self, model: str) -> None:
        result = agents.Runner.run_streamed(self._agent(model, tools=[weather, clock]), CALL)
        async for _ in result.stream_events():
            pass
        _looped(result)

    async def structured(self, model: str) -> None:
        result = await agents.Runner.run(self._agent(model, output_type=Report), HELLO)
        assert HELLO in result.final_output.title

    async def reasoning(self, model: str) -> None:
        streamed = agents.Runner.run_streamed(self._agent(model), THINK)
        async for _ in streamed.stream_events():
            pass
        for result in (streamed, await agents.Runner.run(self._agent(model), THINK)):
            item = result.new_items[0]
            assert isinstance(item, agents.ReasoningItem)
            assert item.raw_item.summary[0].text == THOUGHT

    async def continued(self, model: str) -> None:
        """By the items themselves, reasoning and calls among them; on Responses by the id as well."""
        agent = self._agent(model, tools=[weather, clock])
        first = await agents.Runner.run(agent, CALL)
        second = await agents.Runner.run(agent, [*first.to_input_list(), _user(HELLO)])
        used_tools(second.final_output)
        assert f'last user text: "{HELLO}"' in second.final_output
        if self.name == "responses":
            third = await agents.Runner.run(agent, "And now?", previous_response_id=second.last_response_id)
            assert HELLO in third.final_output

    async def refused(self, model: str) -> None:
        with raises(openai.BadRequestError, words=DULL):
            await agents.Runner.run(self._agent(model), BAD)

    async def broken(self, model: str) -> None:
        result = agents.Runner.run_streamed(self._agent(model), BREAK)
        with raises(openai.APIError, agents.AgentsException):
            async for _ in result.stream_events():
                pass

    def _agent(self, model: str, **more: Any) -> agents.Agent:
        settings = agents.ModelSettings(include_usage=True)  # which it asks of OpenAI's own address only
        return agents.Agent(
            "helper",
            instructions="Be short.",
            model=self._model(model, client),
            model_settings=settings,
            **more,
        )


def _user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def _looped(result: Any) -> None:
    calls = [
        sum(item.type == "function_call" for item in response.output) for response in result.raw_responses
    ]
    assert tuple(calls) == (*ROUNDS, 0)
    used_tools(result.final_output)


run(
    "openai-agents",
    Agents("chat", agents.OpenAIChatCompletionsModel),
    Agents("responses", agents.OpenAIResponsesModel),
)
