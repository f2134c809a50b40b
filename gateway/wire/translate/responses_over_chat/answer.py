"""A chat completion as a Response object."""

from typing import Any

from gateway.errors import UpstreamError
from gateway.wire.stream import Stream
from gateway.wire.translate.responses_over_chat import output
from gateway.wire.translate.responses_over_chat.shape import Ending, Shape
from gateway.wire.translate.responses_over_chat.stream import ResponsesFromChat
from gateway.wire.translate.translation import Mark

Json = dict[str, Any]


class ChatReply:
    """The way back of one answer."""

    def __init__(self, request: Json, mark: Mark) -> None:
        self._shape = Shape(request, mark)

    def answer(self, value: Json) -> Json:
        """Raises UpstreamError for an answer without a message."""
        choice = next(iter(output.objects(value.get("choices"))), {})
        said = choice.get("message")
        if not isinstance(said, dict):
            text = "The backend's answer holds no message."
            raise UpstreamError(502, text, code="upstream_garbage")
        ending = Ending.after(choice.get("finish_reason"))
        items = self._items(said, output.logprobs(choice))
        items[-1]["status"] = ending.of_last
        return self._shape.response(value, ending, items, value.get("usage"))

    def stream(self) -> Stream:
        return ResponsesFromChat(self._shape)

    def _items(self, said: Json, logprobs: list[Json]) -> list[Json]:
        items: list[Json] = []
        calls = output.objects(said.get("tool_calls"))
        thought, text = output.thought(said), output.plain(said.get("content"))
        if thought:
            items.append(output.reasoning(self._shape.id("rs", 0), thought, "completed"))
        refusal = output.plain(said.get("refusal"))
        refused = [output.refusal(refusal)] if refusal else []
        if text or refused or not calls:
            told = [output.text(text, logprobs)] if text or not refused else []
            id = self._shape.id("msg", len(items))
            items.append(output.message(id, [*told, *refused], "completed"))
        for call in calls:
            items.append(self._call(call, len(items)))
        return items

    def _call(self, call: Json, index: int) -> Json:
        held = call.get("function")
        function = held if isinstance(held, dict) else {}
        id, name = call.get("id"), function.get("name")
        return output.call(
            self._shape.id("fc", index),
            id if isinstance(id, str) and id else self._shape.id("call", index),
            name if isinstance(name, str) else "",
            output.arguments(function.get("arguments")),
            "completed",
        )
