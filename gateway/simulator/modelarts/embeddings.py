"""ModelArts' embeddings, in OpenAI's form."""

from gateway.simulator.answer import tokens
from gateway.simulator.call import Call
from gateway.simulator.modelarts.chat_rules import check_types
from gateway.simulator.modelarts.errors import invalid
from gateway.simulator.reply import Reply, answer
from gateway.simulator.vectors import embedding

_DIMENSIONS = 1024


async def embed(call: Call) -> Reply:
    value = call.body.get("input")
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
        raise invalid("The parameter input must be a string or a list of strings.")
    check_types(call.body, {"model": "string", "dimensions": "int64"})
    if not 1 <= (call.body.get("dimensions") or _DIMENSIONS) <= _DIMENSIONS:
        raise invalid(f"dimensions must be between 1 and {_DIMENSIONS}.")
    count = sum(len(tokens(text)) for text in texts)
    data = [
        {"object": "embedding", "index": index, "embedding": embedding(text.encode(), call.body, _DIMENSIONS)}
        for index, text in enumerate(texts)
    ]
    return answer(
        {
            "id": f"embd-{call.state.ids.plain()}",
            "object": "list",
            "created": int(call.now),
            "model": call.body.get("model"),
            "data": data,
            "usage": {"prompt_tokens": count, "total_tokens": count, "completion_tokens": 0},
        }
    )
