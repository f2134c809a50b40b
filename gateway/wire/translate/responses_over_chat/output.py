"""The output of a response, item by item, for whole answers and streams alike; and what drifts in its types."""

from typing import Any

import orjson

from gateway.errors import UpstreamError

Json = dict[str, Any]

_MOST = 2**53  # what JSON's readers count exactly


def reasoning(id: str, text: str, status: str) -> Json:
    return {"id": id, "type": "reasoning", "summary": [summary(text)], "status": status}


def message(id: str, content: list[Json], status: str) -> Json:
    return {"id": id, "type": "message", "role": "assistant", "content": content, "status": status}


def call(id: str, call_id: str, name: str, arguments: str, status: str) -> Json:
    return {
        "id": id,
        "type": "function_call",
        "call_id": call_id,
        "name": name,
        "arguments": arguments,
        "status": status,
    }


def summary(text: str) -> Json:
    return {"type": "summary_text", "text": text}


def text(value: str, logprobs: list[Json]) -> Json:
    return {"type": "output_text", "text": value, "annotations": [], "logprobs": logprobs}


def refusal(value: str) -> Json:
    return {"type": "refusal", "refusal": value}


def plain(value: Any) -> str:
    """A text that some backends tell as parts."""
    if isinstance(value, str):
        return value
    texts = [part.get("text") for part in objects(value)]
    return "".join(text for text in texts if isinstance(text, str)) if texts else ""


def thought(said: Json) -> str:
    """The reasoning in a message or a delta; newer servers call it ``reasoning``."""
    return plain(said.get("reasoning_content")) or plain(said.get("reasoning"))


def arguments(value: Any) -> str:
    """The arguments of a call, which some backends tell as an object. Raises UpstreamError for what cannot be told."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    try:
        return orjson.dumps(value).decode()
    except TypeError as error:
        raise UpstreamError(
            502,
            "The backend called a function with arguments that are nested too deeply.",
            code="upstream_garbage",
        ) from error


def objects(value: Any) -> list[Json]:
    """The objects in what should be a list of them."""
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def logprobs(choice: Json) -> list[Json]:
    told = choice.get("logprobs")
    return list(map(_logprob, objects(told.get("content")))) if isinstance(told, dict) else []


def _logprob(entry: Json) -> Json:
    return {**_likely(entry), "top_logprobs": list(map(_likely, objects(entry.get("top_logprobs"))))}


def _likely(entry: Json) -> Json:
    token, chance, spelled = entry.get("token"), entry.get("logprob"), entry.get("bytes")
    return {
        "token": token if isinstance(token, str) else "",
        "logprob": chance if isinstance(chance, int | float) else 0.0,
        "bytes": [count(byte) for byte in spelled] if isinstance(spelled, list) else [],
    }


def usage(told: Any) -> Json | None:
    if not isinstance(told, dict):
        return None
    input_tokens, output_tokens = count(told.get("prompt_tokens")), count(told.get("completion_tokens"))
    return {
        "input_tokens": input_tokens,
        "input_tokens_details": {"cached_tokens": _detail(told, "prompt_tokens_details", "cached_tokens")},
        "output_tokens": output_tokens,
        "output_tokens_details": {
            "reasoning_tokens": _detail(told, "completion_tokens_details", "reasoning_tokens")
        },
        "total_tokens": count(told.get("total_tokens")) or input_tokens + output_tokens,
    }


def _detail(told: Json, holder: str, name: str) -> int:
    held = told.get(holder)
    return count(held.get(name)) if isinstance(held, dict) else 0


def count(value: Any) -> int:
    """A count of any type; 0 for what is none."""
    return int(value) if isinstance(value, int | float) and 0 <= value < _MOST else 0
