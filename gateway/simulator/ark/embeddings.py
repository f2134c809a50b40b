"""Ark's embeddings of texts and of media, and its tokenization; numbers follow from the input alone."""

import hashlib
from typing import Any

from gateway.simulator.answer import prompt_tokens, tokens
from gateway.simulator.ark.chat_rules import check_content
from gateway.simulator.ark.decoding import check_types, mismatch
from gateway.simulator.ark.errors import invalid_parameter, require
from gateway.simulator.ark.media import see
from gateway.simulator.call import Call
from gateway.simulator.conversation import Message
from gateway.simulator.prompts import chat_turns
from gateway.simulator.reply import Reply, answer
from gateway.simulator.vectors import embedding

_DIMENSIONS = 2048


async def embed_texts(call: Call) -> Reply:
    _check(call, "input")
    texts = _texts(call, "input")
    data = [
        {"object": "embedding", "index": index, "embedding": embedding(text.encode(), call.body, _DIMENSIONS)}
        for index, text in enumerate(texts)
    ]
    count = sum(len(tokens(text)) for text in texts)
    return answer(
        {
            "created": int(call.now),
            "id": call.request_id,
            "data": data,
            "model": call.body["model"],
            "object": "list",
            "usage": {"prompt_tokens": count, "total_tokens": count},
        }
    )


async def embed_media(call: Call) -> Reply:
    """The answer's ``data`` is one object, not a list: all parts make one embedding."""
    _check(call, "input")
    check_types(call.body, {"input": "array"}, call.raw)
    check_content(call.body["input"], call.raw)
    (message,) = await see(chat_turns([{"role": "user", "content": call.body["input"]}]), call)
    texts = Message("user", tuple(part for part in message.parts if isinstance(part, str)))
    total, text = prompt_tokens((message,)), prompt_tokens((texts,))
    content = repr([part if isinstance(part, str) else _digest(part) for part in message.parts]).encode()
    return answer(
        {
            "created": int(call.now),
            "id": call.request_id,
            "data": {"object": "embedding", "embedding": embedding(content, call.body, _DIMENSIONS)},
            "model": call.body["model"],
            "object": "list",
            "usage": {
                "prompt_tokens": total,
                "total_tokens": total,
                "prompt_tokens_details": {"text_tokens": text, "image_tokens": total - text},
            },
        }
    )


async def tokenize(call: Call) -> Reply:
    _check(call, "text")
    data = [_tokenization(text, index) for index, text in enumerate(_texts(call, "text"))]
    return answer(
        {
            "object": "list",
            "id": call.request_id,
            "model": call.body["model"],
            "data": data,
            "created": int(call.now),
        }
    )


def _check(call: Call, content: str) -> None:
    require(call.body, "model", content)
    check_types(call.body, {"dimensions": "int64", "encoding_format": "string"}, call.raw)
    if not 1 <= (call.body.get("dimensions") or _DIMENSIONS) <= _DIMENSIONS:
        raise invalid_parameter("dimensions", f"must be between 1 and {_DIMENSIONS}")


def _texts(call: Call, name: str) -> list[str]:
    value = call.body[name]
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list):
        raise mismatch(name, value, "string|array", call.raw)
    for text in texts:
        if not isinstance(text, str):
            raise mismatch(name, text, "string", call.raw)
    return texts


def _digest(part: Any) -> str:
    return hashlib.sha256(getattr(part, "data", repr(part).encode())).hexdigest()


def _tokenization(text: str, index: int) -> dict[str, Any]:
    parts = tokens(text)
    ends = [sum(len(part) for part in parts[: n + 1]) for n in range(len(parts))]
    return {
        "index": index,
        "object": "tokenization",
        "total_tokens": len(parts),
        "token_ids": [int.from_bytes(hashlib.sha256(part.encode()).digest()[:2]) for part in parts],
        "offset_mapping": [[end - len(part), end] for part, end in zip(parts, ends, strict=True)],
    }
