"""The way back: a whole answer of Ark's Responses API as a chat completion, or the stream that makes one."""

from gateway.errors import UpstreamError
from gateway.wire.stream import Stream
from gateway.wire.translate.chat_over_responses.chunks import Chunks
from gateway.wire.translate.chat_over_responses.deltas import Deltas, joined, listed
from gateway.wire.translate.chat_over_responses.outcome import failure, finish_reason, usage_of
from gateway.wire.translate.chat_over_responses.stream import ChatOverResponses
from gateway.wire.translate.translation import Json, Mark


class ChatReply:
    """The way back of one answer; ``as_field`` puts what image_process did into a field of the message."""

    def __init__(self, request: Json, mark: Mark, *, as_field: bool) -> None:
        self._request = request
        self._mark = mark
        self._as_field = as_field

    def answer(self, value: Json) -> Json:
        if value.get("status") == "failed":
            raise failure(value)
        if value.get("object") != "response" and not isinstance(value.get("output"), list):
            raise UpstreamError(502, "The backend's answer is no Response object.", code="upstream_garbage")
        deltas = Deltas(as_field=self._as_field)
        message = joined(
            delta
            for index, item in enumerate(listed(value.get("output")))
            for delta in deltas.item(index, item)
        )
        if message["content"] is None and message["refusal"] is None and not deltas.has_calls:
            message["content"] = ""
        reason = finish_reason(value, has_calls=deltas.has_calls)
        told = usage_of(value)
        return {
            "id": f"chatcmpl-{self._mark.digits}",
            "object": "chat.completion",
            "created": self._mark.created_at,
            "model": value.get("model") or self._request.get("model"),
            "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": reason}],
            **({"usage": told} if told else {}),
        }

    def stream(self) -> Stream:
        options = self._request.get("stream_options")
        include_usage = isinstance(options, dict) and options.get("include_usage") is True
        chunks = Chunks(self._mark, self._request.get("model"), with_usage=include_usage)
        return ChatOverResponses(chunks, Deltas(as_field=self._as_field))
