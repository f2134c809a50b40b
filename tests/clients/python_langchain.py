"""LangChain's ChatOpenAI, in both APIs."""

from typing import Any

import openai
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_openai import ChatOpenAI
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

TOOLS = [
    {"type": "function", "function": {"name": name, "description": "Tells.", "parameters": PARAMETERS}}
    for name in ("weather", "clock")
]


class Chat:
    name = "chat"
    _responses = False

    async def text(self, model: str) -> None:
        answer = await self._model(model).ainvoke([("system", "Be short."), ("user", HELLO)])
        assert HELLO in answer.text
        assert answer.usage_metadata["total_tokens"] > 0

    async def text_streamed(self, model: str) -> None:
        answer = await _streamed(self._model(model), SAY)
        assert answer.text == SAID
        assert answer.usage_metadata["total_tokens"] > 0

    async def pictures(self, model: str) -> None:
        """In LangChain's form and in OpenAI's."""
        for shown in (_plain_picture, _openai_picture):
            content = [*map(shown, PICTURES), {"type": "text", "text": LOOK}]
            saw_both((await self._model(model).ainvoke([HumanMessage(content=content)])).text)

    async def tools(self, model: str) -> None:
        bound = self._model(model).bind_tools(TOOLS)
        await _loop(bound.ainvoke)

    async def tools_streamed(self, model: str) -> None:
        bound = self._model(model).bind_tools(TOOLS)
        await _loop(lambda messages: _streamed(bound, messages))

    async def structured(self, model: str) -> None:
        for method in ("json_schema", "function_calling"):
            asked = self._model(model).with_structured_output(Report, method=method)
            report = await asked.ainvoke(HELLO)
            assert report.count == 1
            assert report.tags

    async def refused(self, model: str) -> None:
        with raises(openai.BadRequestError, words=DULL):
            await self._model(model).ainvoke(BAD)

    async def broken(self, model: str) -> None:
        with raises(openai.APIError, ValueError):
            await _streamed(self._model(model), BREAK)

    def _model(self, model: str, **more: Any) -> ChatOpenAI:
        return ChatOpenAI(
            base_url=URL,
            api_key=KEY,
            model=model,
            use_responses_api=self._responses,
            stream_usage=True,
            max_retries=0,
            **more,
        )


class Responses(Chat):
    name = "responses"
    _responses = True

    text, text_streamed, pictures = Chat.text, Chat.text_streamed, Chat.pictures
    tools, tools_streamed, structured = Chat.tools, Chat.tools_streamed, Chat.structured
    refused, broken = Chat.refused, Chat.broken

    async def reasoning(self, model: str) -> None:
        """Of chat's answers ChatOpenAI takes no reasoning."""
        asked = self._model(model)
        for answer in (await asked.ainvoke(THINK), await _streamed(asked, THINK)):
            block = answer.content_blocks[0]
            assert (block["type"], block["reasoning"]) == ("reasoning", THOUGHT)

    async def continued(self, model: str) -> None:
        asked = self._model(model, use_previous_response_id=True)
        first = await asked.ainvoke(HELLO)
        assert first.response_metadata["id"].startswith("resp_")
        second = await asked.ainvoke([HumanMessage(HELLO), first, HumanMessage("And now?")])
        assert HELLO in second.text


def _plain_picture(url: str) -> dict[str, Any]:
    return {"type": "image", "base64": url.partition(",")[2], "mime_type": "image/png"}


def _openai_picture(url: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}


async def _streamed(model: Any, asked: Any) -> Any:
    answer = None
    async for chunk in model.astream(asked):
        answer = chunk if answer is None else answer + chunk
    return answer


async def _loop(ask: Any) -> None:
    messages: list[Any] = [HumanMessage(CALL)]
    rounds = []
    while True:
        answer: AIMessage = await ask(messages)
        if not answer.tool_calls:
            break
        rounds.append(len(answer.tool_calls))
        messages.append(answer)
        for call in answer.tool_calls:
            told = function(call["name"], call["args"])
            messages.append(ToolMessage(told, tool_call_id=call["id"]))
    assert tuple(rounds) == ROUNDS
    used_tools(answer.text)


run("langchain-openai", Chat(), Responses())
