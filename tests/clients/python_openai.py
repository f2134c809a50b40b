"""The OpenAI Python SDK."""

from typing import Any

import openai
from scenarios import (
    BAD,
    BREAK,
    CALL,
    DULL,
    HELLO,
    KEY,
    LOOK,
    PARAMETERS,
    PICTURES,
    ROUNDS,
    SAID,
    SAY,
    THINK,
    THOUGHT,
    URL,
    Report,
    function,
    raises,
    run,
    saw_both,
    used_tools,
)

client = openai.AsyncOpenAI(base_url=URL, api_key=KEY, max_retries=0)
NAMES = ("weather", "clock")


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


class Chat:
    name = "chat"

    async def text(self, model: str) -> None:
        answer = await client.chat.completions.create(model=model, messages=[user(HELLO)])
        assert HELLO in answer.choices[0].message.content
        assert answer.choices[0].finish_reason == "stop"
        assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 0

    async def text_streamed(self, model: str) -> None:
        options = {"include_usage": True}
        text, usage = "", None
        async for chunk in await client.chat.completions.create(
            model=model, messages=[user(SAY)], stream=True, stream_options=options
        ):
            usage = chunk.usage or usage
            text += "".join(choice.delta.content or "" for choice in chunk.choices)
        assert text == SAID
        assert usage.total_tokens > 0

    async def pictures(self, model: str) -> None:
        shown = [{"type": "image_url", "image_url": {"url": url}} for url in PICTURES]
        messages = [user([*shown, {"type": "text", "text": LOOK}])]
        answer = await client.chat.completions.create(model=model, messages=messages)
        saw_both(answer.choices[0].message.content)

    async def tools(self, model: str) -> None:
        await self._loop(model, self._whole)

    async def tools_streamed(self, model: str) -> None:
        await self._loop(model, self._streamed)

    async def structured(self, model: str) -> None:
        answer = await client.chat.completions.parse(
            model=model, messages=[user(HELLO)], response_format=Report
        )
        assert HELLO in answer.choices[0].message.parsed.title

    async def reasoning(self, model: str) -> None:
        message = (await self._whole(model=model, messages=[user(THINK)])).choices[0].message
        assert message.reasoning_content == THOUGHT
        message = (await self._streamed(model=model, messages=[user(THINK)])).choices[0].message
        assert message.reasoning_content == THOUGHT

    async def refused(self, model: str) -> None:
        with raises(openai.BadRequestError, words=DULL):
            await client.chat.completions.create(model=model, messages=[user(BAD)])

    async def broken(self, model: str) -> None:
        chunks = await client.chat.completions.create(model=model, messages=[user(BREAK)], stream=True)
        with raises(openai.APIError):
            async for _ in chunks:
                pass

    async def _whole(self, **body: Any) -> Any:
        return await client.chat.completions.create(**body)

    async def _streamed(self, **body: Any) -> Any:
        async with client.chat.completions.stream(**body) as stream:
            return await stream.get_final_completion()

    async def _loop(self, model: str, ask: Any) -> None:
        tools = [
            {"type": "function", "function": {"name": name, "parameters": PARAMETERS, "strict": True}}
            for name in NAMES
        ]
        messages: list[Any] = [user(CALL)]
        rounds = []
        while True:
            message = (await ask(model=model, messages=messages, tools=tools)).choices[0].message
            if not message.tool_calls:
                break
            rounds.append(len(message.tool_calls))
            messages.append(message)
            for call in message.tool_calls:
                told = function(call.function.name, call.function.arguments)
                messages.append({"role": "tool", "tool_call_id": call.id, "content": told})
        assert tuple(rounds) == ROUNDS
        used_tools(message.content)


class Responses:
    name = "responses"

    async def text(self, model: str) -> None:
        response = await client.responses.create(model=model, input=HELLO, instructions="Be short.")
        assert HELLO in response.output_text
        assert response.status == "completed"
        assert response.usage.total_tokens == response.usage.input_tokens + response.usage.output_tokens > 0

    async def text_streamed(self, model: str) -> None:
        async with client.responses.stream(model=model, input=SAY) as events:
            numbers = [event.sequence_number async for event in events]
            response = await events.get_final_response()
        assert numbers == list(range(len(numbers)))
        assert response.output_text == SAID
        assert response.usage.total_tokens > 0

    async def pictures(self, model: str) -> None:
        shown = [{"type": "input_image", "image_url": url, "detail": "auto"} for url in PICTURES]
        content = [*shown, {"type": "input_text", "text": LOOK}]
        saw_both((await client.responses.create(model=model, input=[user(content)])).output_text)

    async def tools(self, model: str) -> None:
        await self._loop(model, self._whole)

    async def tools_streamed(self, model: str) -> None:
        await self._loop(model, self._streamed)

    async def structured(self, model: str) -> None:
        response = await client.responses.parse(model=model, input=HELLO, text_format=Report)
        assert HELLO in response.output_parsed.title

    async def reasoning(self, model: str) -> None:
        for ask in (self._whole, self._streamed):
            response = await ask(model=model, input=THINK)
            assert response.output[0].type == "reasoning"
            assert response.output[0].summary[0].text == THOUGHT

    async def continued(self, model: str) -> None:
        first = await client.responses.create(model=model, input=HELLO)
        second = await self._streamed(model=model, input="And now?", previous_response_id=first.id)
        assert HELLO in second.output_text
        assert second.previous_response_id == first.id
        assert (await client.responses.retrieve(second.id)).output_text == second.output_text
        await client.responses.delete(first.id)

    async def refused(self, model: str) -> None:
        with raises(openai.BadRequestError, words=DULL):
            await client.responses.create(model=model, input=BAD)

    async def broken(self, model: str) -> None:
        events = [
            event async for event in await client.responses.create(model=model, input=BREAK, stream=True)
        ]
        assert events[-1].type == "response.failed"
        assert events[-1].response.status == "failed"
        assert events[-1].response.error.message

    async def _whole(self, **body: Any) -> Any:
        return await client.responses.create(**body)

    async def _streamed(self, **body: Any) -> Any:
        async with client.responses.stream(**body) as events:
            return await events.get_final_response()

    async def _loop(self, model: str, ask: Any) -> None:
        tools = [
            {"type": "function", "name": name, "parameters": PARAMETERS, "strict": True} for name in NAMES
        ]
        items: list[Any] = [user(CALL)]
        rounds = []
        while True:
            response = await ask(model=model, input=items, tools=tools)
            calls = [item for item in response.output if item.type == "function_call"]
            if not calls:
                break
            rounds.append(len(calls))
            items += response.output
            for call in calls:
                told = function(call.name, call.arguments)
                items.append({"type": "function_call_output", "call_id": call.call_id, "output": told})
        assert tuple(rounds) == ROUNDS
        used_tools(response.output_text)


run("openai", Chat(), Responses())
