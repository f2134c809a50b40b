"""ModelArts' images/generations: a JPEG as a data URL, made in milliseconds since 1970."""

import asyncio
import base64
import re
from collections.abc import Mapping
from typing import Any

from gateway.simulator.call import Call
from gateway.simulator.faults import without_script
from gateway.simulator.modelarts.chat_rules import check_types
from gateway.simulator.modelarts.errors import invalid
from gateway.simulator.modelarts.media import look
from gateway.simulator.painter import paint
from gateway.simulator.pictures import Picture
from gateway.simulator.reply import Reply, answer

Size = tuple[int, int]

_SIZE = re.compile(r"(\d{1,5})[x*](\d{1,5})")
_SHORTEST, _LONGEST, _STEP, _STEEPEST_RATIO = 512, 3072, 16, 12
_LONGEST_BASE64 = 3_145_728


async def generate(call: Call) -> Reply:
    body = call.body
    for name in ("model", "prompt"):
        if not body.get(name):
            raise invalid(f"The parameter {name} is required.")
    check_types(body, {"model": "string", "prompt": "string"})
    if body.get("response_format") not in (None, "b64_json"):
        raise invalid("response_format must be b64_json.")
    edits = "edit" in body["model"]
    references = [await _reference(body)] if edits else []
    size = (references[0].width, references[0].height) if edits else _size(body.get("size"))
    data = await asyncio.to_thread(
        paint,
        without_script(body["prompt"]),
        size,
        references,
        index=0,
        format="jpeg",
        mark=body.get("watermark") is True,
    )
    return answer(_generation(body["model"], data, call.now))


def _generation(model: str, data: bytes, now: float) -> dict[str, Any]:
    encoded = f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"
    counts = dict.fromkeys(("prompt_tokens", "completion_tokens", "total_tokens"), 0)
    return {
        "model": model,
        "created": int(now * 1000),
        "data": [{"url": None, "b64_json": encoded}],
        "usage": {"model_latency": 0.1, **counts},
        "error": None,
    }


async def _reference(body: Mapping[str, Any]) -> Picture:
    image = body.get("image")
    if not isinstance(image, str) or not image:
        raise invalid("The parameter image is required.")
    if len(image) > _LONGEST_BASE64:
        raise invalid(f"The base64 of the image must not be longer than {_LONGEST_BASE64} characters.")
    return await look(image, ("JPEG", "PNG"))


def _size(text: Any) -> Size:
    match = _SIZE.fullmatch(text) if isinstance(text, str) else None
    if not match:
        raise invalid("The parameter size is required: WxH.")
    width, height = (int(side) // _STEP * _STEP for side in match.groups())
    if not (min(width, height) >= _SHORTEST and max(width, height) <= _LONGEST):
        raise invalid(f"Width and height must be between {_SHORTEST} and {_LONGEST}.")
    if max(width, height) > _STEEPEST_RATIO * min(width, height):
        raise invalid(f"The aspect ratio must be between 1:{_STEEPEST_RATIO} and {_STEEPEST_RATIO}:1.")
    return width, height
