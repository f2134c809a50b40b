"""ModelArts' chat completions, in the shape of the vLLM servers behind it."""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from gateway.simulator.answer import Draft, draft
from gateway.simulator.call import Call
from gateway.simulator.chat_ask import chat_ask
from gateway.simulator.modelarts.chat_rules import check_chat
from gateway.simulator.modelarts.errors import failure_frame, is_own_deployment
from gateway.simulator.modelarts.media import see
from gateway.simulator.prompts import chat_turns
from gateway.simulator.reply import Reply, Stream, answer

Json = dict[str, Any]

_DONE = b"data:[DONE]\n\n"


async def complete(call: Call) -> Reply:
    check_chat(call)
    conversation = await see(chat_turns(call.body["messages"]))
    ask = chat_ask(call.body, conversation, thinking=_thinks(call.body), limit_covers_thinking=True)
    drafted = draft(ask, call.fault)
    id = ("chatcmpl-" if is_own_deployment(call) else "chat-") + call.state.ids.plain()
    calls = _tool_calls(drafted, call)
    if call.streamed:
        return Stream(list(_frames(call, id, drafted, calls)), lambda _: failure_frame(call.request_id))
    return answer(_completion(call, id, drafted, calls))


def _thinks(body: Mapping[str, Any]) -> bool:
    template = body.get("chat_template_kwargs") or {}
    switched = template.get("thinking") or template.get("enable_thinking")
    return bool(switched) or (body.get("thinking") or {}).get("type") == "enabled"


def _completion(call: Call, id: str, drafted: Draft, calls: list[Json]) -> Json:
    message = {
        "role": "assistant",
        "reasoning_content": "".join(drafted.thought) or None,
        "content": "".join(drafted.text) or None,
        "tool_calls": calls,
        **({"refusal": "".join(drafted.refusal)} if drafted.refusal else {}),
    }
    choice = {
        "index": 0,
        "message": message,
        "logprobs": None,
        "finish_reason": drafted.finish,
        "stop_reason": None,
    }
    return {
        **_head(call, id, "chat.completion"),
        "choices": [{**choice, "index": index} for index in range(call.body.get("n") or 1)],
        "usage": _usage(drafted, drafted.completion_tokens),
        "prompt_logprobs": None,
        "kv_transfer_params": None,
    }


def _frames(call: Call, id: str, drafted: Draft, calls: list[Json]) -> Iterator[bytes]:
    """Usage comes with every chunk unless the request says otherwise."""
    counted = (call.body.get("stream_options") or {}).get("include_usage") is not False
    head = _head(call, id, "chat.completion.chunk")
    for said, choice in enumerate(_choices(drafted, calls)):
        usage = {"usage": _usage(drafted, min(said, drafted.completion_tokens))} if counted else {}
        for index in range(call.body.get("n") or 1):
            told = {**choice, "index": index}
            yield b"data:" + orjson.dumps({**head, "choices": [told], **usage}) + b"\n\n"
    yield _DONE


def _choices(drafted: Draft, calls: list[Json]) -> Iterator[Json]:
    yield _choice({"role": "assistant", "content": ""})
    for thought in drafted.thought:
        yield _choice({"reasoning_content": thought})
    for text in drafted.text:
        yield _choice({"content": text})
    for refusal in drafted.refusal:
        yield _choice({"refusal": refusal})
    for index, call in enumerate(calls):
        yield _choice({"tool_calls": [{"index": index, **call}]})
    yield {**_choice({"content": ""}), "finish_reason": drafted.finish, "stop_reason": None}


def _choice(delta: Json) -> Json:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}


def _tool_calls(drafted: Draft, call: Call) -> list[Json]:
    return [
        {
            "id": f"chatcmpl-tool-{call.state.ids.plain()}",
            "type": "function",
            "function": {"name": wanted.name, "arguments": wanted.arguments},
        }
        for wanted in drafted.calls
    ]


def _head(call: Call, id: str, object: str) -> Json:
    return {"id": id, "object": object, "created": int(call.now), "model": call.body["model"]}


def _usage(drafted: Draft, completion_tokens: int) -> Json:
    return {
        "prompt_tokens": drafted.prompt_tokens,
        "total_tokens": drafted.prompt_tokens + completion_tokens,
        "completion_tokens": completion_tokens,
        "prompt_tokens_details": None,
    }
