"""One question asked through any SDK, API and mode: the text of the answer and the gateway's headers."""

from collections.abc import Mapping
from typing import Any, NamedTuple


class Told(NamedTuple):
    text: str
    headers: Mapping[str, str]

    @property
    def changes(self) -> list[str]:
        return [change for change in self.headers.get("x-arkway-changes", "").split(", ") if change]


async def ask(client: Any, api: str, body: dict[str, Any], *, stream: bool) -> Told:
    resource = client.chat.completions if api == "chat" else client.responses
    raw = await resource.with_raw_response.create(**body, stream=stream)
    answer = raw.parse()
    answer = await answer if hasattr(answer, "__await__") else answer
    text = await _streamed(api, answer) if stream else _whole(api, answer)
    return Told(text, raw.headers)


async def _streamed(api: str, stream: Any) -> str:
    if api == "chat":
        chunks = [chunk async for chunk in stream]
        assert chunks[-1].choices[0].finish_reason == "stop"
        return "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    events = [event async for event in stream]
    assert events[-1].type == "response.completed"
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert "".join(deltas) == _whole(api, events[-1].response)
    return "".join(deltas)


def _whole(api: str, answer: Any) -> str:
    if api == "chat":
        return str(answer.choices[0].message.content)
    return "".join(item.content[0].text for item in answer.output if item.type == "message")
