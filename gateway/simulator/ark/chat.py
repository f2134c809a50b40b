"""Ark's chat completions, whole and streamed, and their three variants (contexts, bots, batch)."""

from collections.abc import Iterator, Mapping
from typing import Any

from gateway.simulator.answer import Ask, Draft, draft
from gateway.simulator.ark.chat_rules import check_chat
from gateway.simulator.ark.decoding import check_types
from gateway.simulator.ark.errors import failure_frame, not_found, require
from gateway.simulator.ark.media import see
from gateway.simulator.call import Call
from gateway.simulator.chat_ask import chat_ask
from gateway.simulator.conversation import Conversation
from gateway.simulator.prompts import chat_turns
from gateway.simulator.reply import DONE, Reply, Stream, answer, frame

Json = dict[str, Any]


async def complete(call: Call) -> Reply:
    return await _complete(call, ())


async def complete_in_context(call: Call) -> Reply:
    require(call.body, "context_id")
    check_types(call.body, {"context_id": "string"}, call.raw)
    id = call.body["context_id"]
    if id not in call.state.contexts:
        raise not_found("Context", id)
    return await _complete(call, call.state.contexts[id])


async def complete_as_bot(call: Call) -> Reply:
    return await _complete(call, (), {"references": [], "bot_usage": {"model_usage": []}, "metadata": {}})


async def create_context(call: Call) -> Reply:
    check_chat(call.body, call.raw)
    id = f"ctx-{call.state.ids.plain()[:20]}"
    conversation = await see(chat_turns(call.body["messages"]), call)
    call.state.contexts[id] = conversation
    count = draft(Ask(conversation, {}), call.fault).prompt_tokens
    return answer(
        {
            "id": id,
            "model": call.body["model"],
            "mode": call.body.get("mode") or "session",
            "ttl": call.body.get("ttl") or 86_400,
            "truncation_strategy": call.body.get("truncation_strategy") or {"type": "last_history_tokens"},
            "usage": {"prompt_tokens": count, "completion_tokens": 0, "total_tokens": count},
        }
    )


async def _complete(call: Call, before: Conversation, extra: Mapping[str, Any] | None = None) -> Reply:
    check_chat(call.body, call.raw)
    conversation = before + await see(chat_turns(call.body["messages"]), call)
    ask = chat_ask(call.body, conversation, thinking=_thinks(call.body))
    drafted = draft(ask, call.fault)
    ids = [call.state.ids.call() for _ in drafted.calls]
    if call.streamed:
        return Stream(list(_frames(call, drafted, ids)), lambda _: failure_frame(call.request_id))
    return answer({**_completion(call, drafted, ids), **(extra or {})})


def _thinks(body: Mapping[str, Any]) -> bool:
    thinking = (body.get("thinking") or {}).get("type")
    return thinking == "enabled" or (
        thinking is None and body.get("reasoning_effort") not in (None, "none", "minimal")
    )


def _completion(call: Call, drafted: Draft, ids: list[str]) -> Json:
    message: Json = {"content": "".join(drafted.text)}
    if drafted.thought:
        message["reasoning_content"] = "".join(drafted.thought)
    if drafted.refusal:
        message["refusal"] = "".join(drafted.refusal)
    message["role"] = "assistant"
    if drafted.calls:
        message["tool_calls"] = _tool_calls(drafted, ids)
    choice = {"finish_reason": drafted.finish, "index": 0, "logprobs": None, "message": message}
    choices = [{**choice, "index": index} for index in range(call.body.get("n") or 1)]
    return {"choices": choices, **_head(call, "chat.completion"), "usage": _usage(drafted)}


def _frames(call: Call, drafted: Draft, ids: list[str]) -> Iterator[bytes]:
    options = call.body.get("stream_options") or {}
    head = _head(call, "chat.completion.chunk")
    running = _usage(drafted) if options.get("chunk_include_usage") else None
    for choice in _choices(drafted, ids):
        for index in range(call.body.get("n") or 1):
            yield frame({"choices": [{**choice, "index": index}], **head, "usage": running})
    if options.get("include_usage"):
        yield frame({"choices": [], **head, "usage": _usage(drafted)})
    yield DONE


def _choices(drafted: Draft, ids: list[str]) -> Iterator[Json]:
    for thought in drafted.thought:
        yield _delta({"content": "", "reasoning_content": thought, "role": "assistant"})
    for text in drafted.text:
        yield _delta({"content": text, "role": "assistant"})
    for refusal in drafted.refusal:
        yield _delta({"content": "", "refusal": refusal, "role": "assistant"})
    for index, call in enumerate(_tool_calls(drafted, ids)):
        yield _delta({"content": "", "role": "assistant", "tool_calls": [{**call, "index": index}]})
    yield {"delta": {"content": "", "role": "assistant"}, "finish_reason": drafted.finish, "index": 0}


def _delta(delta: Json) -> Json:
    return {"delta": delta, "index": 0}


def _tool_calls(drafted: Draft, ids: list[str]) -> list[Json]:
    return [
        {"function": {"arguments": call.arguments, "name": call.name}, "id": id, "type": "function"}
        for call, id in zip(drafted.calls, ids, strict=True)
    ]


def _head(call: Call, object: str) -> Json:
    return {
        "created": int(call.now),
        "id": call.request_id,
        "model": call.body["model"],
        "service_tier": "default",
        "object": object,
    }


def _usage(drafted: Draft) -> Json:
    return {
        "completion_tokens": drafted.completion_tokens,
        "prompt_tokens": drafted.prompt_tokens,
        "total_tokens": drafted.prompt_tokens + drafted.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": len(drafted.thought)},
    }
