"""Huawei ModelArts MaaS and own deployments on it: chat, images and embeddings."""

from collections.abc import Mapping, Sequence
from itertools import starmap
from typing import ClassVar

from gateway.backends import generation, qwen_image
from gateway.backends.base import (
    DEVELOPER_AS_SYSTEM,
    Api,
    Backend,
    Change,
    Dialect,
    Json,
    Rule,
    UpstreamRequest,
    refuse_tool,
)
from gateway.backends.media import MB, ClipRules, ImageRules, MediaRules, pictures
from gateway.wire import fault, sse
from gateway.wire.stream import ChatStream, Stream

# The table of the vendor's page on image understanding, and gif, which its text on several pictures adds.
_UNDERSTOOD = pictures("bmp", "gif", "jpeg", "png", "tiff", "webp")
_SHOWN = ClipRules(frozenset(), as_pictures=True)


class ModelArts(Backend):
    """See https://support.huaweicloud.com/usermanual-maas-modelarts/ (MaaS)."""

    kind = "modelarts"
    title = "Huawei ModelArts"
    missing: ClassVar[Mapping[Api, str]] = {
        "multimodal": "Huawei ModelArts embeds texts only; use /embeddings for this model.",
    }
    refused_tools: ClassVar[Mapping[Api, Mapping[str, str]]] = {
        "chat": {"image_process": "only Volcengine Ark has it."},
    }
    media: ClassVar[Mapping[str, MediaRules]] = {
        "chat": MediaRules(
            # The vendor names a limit of pixels and side but no figures (81118); these are where its decoder stops.
            image=ImageRules(_UNDERSTOOD, max_encoded=10 * MB - 1, max_pixels=178_956_970, max_side=65_500),
            video=_SHOWN,
            file=_SHOWN,
            max_body=None,
        ),
        "images": MediaRules(
            # Of the page's two versions the stricter one on bytes: 3145728 characters of base64.
            image=ImageRules(pictures("jpeg", "png"), max_encoded=3 * MB, max_side=3072, stills=True),
            max_body=None,
        ),
    }
    hopeless: ClassVar[frozenset[str]] = frozenset({"ModelArts.81113"})
    # Refused content, by https://support.huaweicloud.com/intl/en-us/usermanual-maas-modelarts/maas-modelarts-0080.html;
    # its other 403s blame the account: not subscribed, quota used up, frozen, expired, another's task.
    about_request: ClassVar[frozenset[str]] = frozenset({qwen_image.SENSITIVE})

    def stream(self, api: Api, dialect: Dialect, request: Json) -> Stream:
        return _Chat() if api == "chat" else super().stream(api, dialect, request)

    def request(self, api: Api, body: Json, headers: Mapping[str, str]) -> UpstreamRequest:
        return super().request(api, qwen_image.sent(body) if api == "images" else body, headers)

    def answer(self, api: Api, dialect: Dialect, request: Json, raw: bytes) -> bytes:
        return qwen_image.answer(raw, request) if api == "images" else raw

    def split(self, api: Api, body: Json) -> list[Json]:
        return generation.split(body) if api == "images" else [body]

    def merge(self, api: Api, answers: Sequence[bytes]) -> bytes:
        return generation.merge(answers)

    def status_of(self, api: Api, dialect: Dialect, answer: Json) -> int | None:
        return qwen_image.status(answer) if api == "images" else super().status_of(api, dialect, answer)


class _Chat(ChatStream):
    """Chat chunks as they come; only an error in ModelArts' own shape is put into OpenAI's.

    The OpenAI SDK yields ``{"error_code": …}`` as an empty chunk, so the caller would not see it.
    """

    def ends(self, name: str, body: Json) -> bool:
        return super().ends(name, body) or fault.of(body) is not None

    def edit(self, block: bytes) -> bytes:
        if b'"error_code":' not in block:
            return block
        return b"".join(map(self._frame, sse.frames(block)))

    def _frame(self, frame: bytes) -> bytes:
        event = sse.read(frame)
        body = event.json() if event else None
        told = fault.of(body) if body and not body.get("error") else None
        if told is None:
            return frame
        error = {
            "message": told.message,
            "type": told.type or "server_error",
            "param": told.param,
            "code": told.code,
        }
        return sse.encode({"error": error})


def _no_empty_tool_calls(body: Json, rule: Rule) -> list[Change]:
    messages = body.get("messages")
    if not isinstance(messages, list):
        return []
    empty = [i for i, said in enumerate(messages) if isinstance(said, dict) and said.get("tool_calls") == []]
    if empty:
        body["messages"] = [
            {name: value for name, value in said.items() if name != "tool_calls"} if i in empty else said
            for i, said in enumerate(messages)
        ]
    return [Change(f"drop:messages[{i}].tool_calls", rule.why) for i in empty]


def _no_thinking(body: Json, rule: Rule) -> list[Change]:
    if body.get("reasoning_effort") != "none":
        return []
    del body["reasoning_effort"]
    body.setdefault("thinking", {"type": "disabled"})
    return [Change("reasoning_effort:none=thinking:disabled", rule.why)]


ModelArts.rules = {
    "chat": (
        DEVELOPER_AS_SYSTEM,
        Rule(
            "reasoning_effort: none",
            "ModelArts' DeepSeek models refuse it; `thinking` is what switches their reasoning off.",
            _no_thinking,
        ),
        *starmap(refuse_tool, ModelArts.refused_tools["chat"].items()),
        Rule(
            "messages[].tool_calls: []",
            "ModelArts refuses an empty list, though its answers have one.",
            _no_empty_tool_calls,
        ),
    ),
    "images": qwen_image.RULES,
}
