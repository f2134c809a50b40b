"""Ark's images/generations (Seedream): pictures that exist, whole or one event each."""

import asyncio
import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.simulator.ark.decoding import check_types, mismatch
from gateway.simulator.ark.errors import failure_frame, invalid_parameter, require
from gateway.simulator.ark.image_sizes import Generation, Size, generation, picture_size
from gateway.simulator.ark.media import look
from gateway.simulator.ark.picture_rules import SEEDREAM_REFERENCE
from gateway.simulator.call import Call
from gateway.simulator.faults import without_script
from gateway.simulator.painter import paint
from gateway.simulator.pictures import Picture
from gateway.simulator.prompts import Source
from gateway.simulator.reply import DONE, Reply, Stream, answer, frame

Json = dict[str, Any]

_FIELDS = {
    "model": "string",
    "prompt": "string",
    "image": "string|array",
    "size": "string",
    "response_format": "string",
    "output_format": "string",
    "watermark": "bool",
    "stream": "bool",
    "sequential_image_generation": "string",
    "sequential_image_generation_options": "object",
}
_MOST_PICTURES = 15  # references and results together
_DEFAULT_SERIES = 2
_FAILURE = {
    "code": "OutputImageSensitiveContentDetected",
    "message": "The request failed because the output image may contain sensitive information.",
}
_PIXELS_PER_TOKEN = 256


@dataclass(frozen=True)
class Commission:
    model: str
    prompt: str
    size: Size
    references: Sequence[Picture]
    count: int
    format: str
    mark: bool


async def generate(call: Call) -> Reply:
    commission = await _commission(call)
    results = [await _result(index, commission, call) for index in range(commission.count)]
    usage = _usage(results, commission.size)
    if call.streamed:
        return Stream(
            list(_frames(results, commission, usage, call)), lambda _: failure_frame(call.request_id)
        )
    head = {"model": commission.model, "created": int(call.now)}
    if all("error" in result for result in results):
        return answer({**head, "error": _FAILURE})
    return answer({**head, "data": results, "usage": usage})


async def _commission(call: Call) -> Commission:
    body = call.body
    require(body, "model", "prompt")
    check_types(body, _FIELDS, call.raw)
    made = generation(body["model"])
    _check_values(body, made)
    urls = _reference_urls(body.get("image"), made, call.raw)
    seen = [await look(Source("picture", url), n, call, SEEDREAM_REFERENCE) for n, url in enumerate(urls)]
    return Commission(
        model=body["model"],
        prompt=without_script(body["prompt"]),
        size=picture_size(body.get("size") or made.default, made),
        references=[picture for picture in seen if isinstance(picture, Picture)],
        count=_count(body, len(urls)),
        format=body.get("output_format") or "jpeg",
        mark=body.get("watermark") is not False,
    )


def _check_values(body: Mapping[str, Any], made: Generation) -> None:
    known = {
        "response_format": ("url", "b64_json"),
        "output_format": made.output_formats,
        "sequential_image_generation": ("auto", "disabled"),
    }
    for name, values in known.items():
        if body.get(name) is not None and body[name] not in values:
            raise invalid_parameter(name, f"invalid value: `{body[name]}`")
    if body.get("stream") and not made.streams:
        raise invalid_parameter(
            "stream", "not supported by the model", code="InvalidParameter.UnsupportedParameter"
        )


def _reference_urls(value: Any, made: Generation, raw: bytes) -> list[str]:
    urls = [value] if isinstance(value, str) else value or []
    for url in urls:
        if not isinstance(url, str):
            raise mismatch("image", url, "string", raw)
    if len(urls) > made.most_references:
        raise invalid_parameter("image", f"at most {made.most_references} reference images")
    return urls


def _count(body: Mapping[str, Any], references: int) -> int:
    if body.get("sequential_image_generation") != "auto":
        return 1
    options = body.get("sequential_image_generation_options") or {}
    count = options.get("max_images") or _DEFAULT_SERIES
    if not isinstance(count, int) or not 1 <= count <= _MOST_PICTURES:
        raise invalid_parameter("sequential_image_generation_options.max_images", "must be between 1 and 15")
    return max(1, min(count, _MOST_PICTURES - references))


async def _result(index: int, commission: Commission, call: Call) -> Json:
    if index in call.fault.failed_images:
        return {"error": _FAILURE}
    data = await asyncio.to_thread(
        paint,
        commission.prompt,
        commission.size,
        commission.references,
        index=index,
        format=commission.format,
        mark=commission.mark,
    )
    size = "{}x{}".format(*commission.size)
    if call.body.get("response_format") == "b64_json":
        return {"b64_json": base64.b64encode(data).decode(), "size": size}
    return {"url": call.base_url + call.state.exhibit(data, commission.format), "size": size}


def _usage(results: Sequence[Json], size: Size) -> Json:
    done = sum("error" not in result for result in results)
    count = done * size[0] * size[1] // _PIXELS_PER_TOKEN
    return {"generated_images": done, "output_tokens": count, "total_tokens": count}


def _frames(results: Sequence[Json], commission: Commission, usage: Json, call: Call) -> Iterator[bytes]:
    head = {"model": commission.model, "created": int(call.now)}
    for index, result in enumerate(results):
        event = f"image_generation.partial_{'failed' if 'error' in result else 'succeeded'}"
        yield frame({"type": event, **head, "image_index": index, **result}, event)
    event = "image_generation.completed"
    yield frame({"type": event, **head, "usage": usage}, event)
    yield DONE
