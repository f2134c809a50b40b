"""Volcengine Ark (Doubao): chat, Responses with image_process, Files, Seedream and embeddings."""

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

from gateway.backends import generation, seedream
from gateway.backends.ark_media import MEDIA
from gateway.backends.base import (
    DEVELOPER_AS_SYSTEM,
    Api,
    Backend,
    Change,
    Dialect,
    Flow,
    Form,
    Json,
    Rule,
    Uploaded,
    UpstreamReply,
    UpstreamRequest,
    drop,
    refuse,
)
from gateway.backends.media import MediaRules
from gateway.errors import InvalidRequest, UpstreamError
from gateway.wire import complete, fault, media, sse
from gateway.wire.stream import Stream

_UNKNOWN = "Ark's Responses API refuses unknown fields, and this is one."
# Tuples, as a caller's value may be a list or an object, which no set can be asked for.
_INCLUDABLE = (
    "message.input_audio.audio_url",
    "message.input_image.image_url",
    "reasoning.encrypted_content",
)
_SERVICE_TIERS = ("auto", "default", "fast")
_NO_PREVIOUS = "InvalidParameter.PreviousResponseNotFound"
_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 3.0  # seconds between looks at a file that is being processed
_PROCESSING = 600.0  # seconds for which Ark may process a video
_LIFETIME = 7 * 86400  # Ark's default, said explicitly so that the expiry is known here too


class Ark(Backend):
    """See https://www.volcengine.com/docs/82379/1569618 (Responses) and /1798161 (image_process)."""

    kind = "ark"
    title = "Volcengine Ark"
    paths: ClassVar[Mapping[Api, str]] = {
        **Backend.paths,
        "responses": "/responses",
        "multimodal": "/embeddings/multimodal",
    }
    beta_headers: ClassVar[Mapping[str, str]] = {
        "image_process": "ark-beta-image-process",
        "mcp": "ark-beta-mcp",
        "knowledge_search": "ark-beta-knowledge-search",
        "doubao_app": "ark-beta-doubao-app",
    }
    media: ClassVar[Mapping[str, MediaRules]] = MEDIA
    has_files: ClassVar[bool] = True
    hopeless: ClassVar[frozenset[str]] = frozenset({"QuotaExceeded", "SetLimitExceeded"})
    # Of the 403s on https://www.volcengine.com/docs/82379/1299023 those about a file or context that is not ready or
    # is locked. The others blame rights, payment, activation or the account's storage; refused content is a 400.
    about_request: ClassVar[frozenset[str]] = frozenset(
        {"OperationDenied.InvalidState", "OperationDenied.UnsupportedPhase"}
    )

    def media_for(self, api: Api, body: Json) -> MediaRules:
        stricter = (
            self.media.get(f"{api} with image_process") if "image_process" in _tool_types(body) else None
        )
        return stricter or super().media_for(api, body)

    def spoken(self, api: Api, body: Json) -> Api:
        """image_process stands on the Responses API alone."""
        return "responses" if api == "chat" and "image_process" in _tool_types(body) else api

    def raw_error(self, body: bytes) -> bytes | None:
        return body or None

    def error(
        self, status: int, headers: Mapping[str, str], body: bytes, *, callers_key: bool = False
    ) -> UpstreamError:
        error = super().error(status, headers, body, callers_key=callers_key)
        if error.code == _NO_PREVIOUS:
            error.code, error.param = "previous_response_not_found", "previous_response_id"
        return error

    def stream(self, api: Api, dialect: Dialect, request: Json) -> Stream:
        if dialect == "openai" and api == "chat":
            return complete.CompleteChat()
        if dialect == "openai" and api == "responses":
            return complete.CompleteResponses(complete.settings(request))
        if dialect == "openai" and api == "images":
            return complete.CompleteImages()
        return super().stream(api, dialect, request)

    def answer(self, api: Api, dialect: Dialect, request: Json, raw: bytes) -> bytes:
        if dialect == "ark":
            return raw
        if api == "responses":
            return complete.answer(raw, complete.settings(request))
        if api == "images":
            return complete.images(raw)
        return complete.multimodal(raw) if api == "multimodal" else raw

    def split(self, api: Api, body: Json) -> list[Json]:
        return generation.split(body) if api == "images" else [body]

    def merge(self, api: Api, answers: Sequence[bytes]) -> bytes:
        return generation.merge(answers)

    def status_of(self, api: Api, dialect: Dialect, answer: Json) -> int | None:
        if api != "images":
            return super().status_of(api, dialect, answer)
        # Ark tells a total failure under 200, and its own SDKs look for it there.
        return None if dialect == "ark" else seedream.status(answer)

    def upload(self, form: Form, now: float) -> Flow[Uploaded]:
        expires_at = int(now) + _LIFETIME
        fields = {**form.fields, "purpose": "user_data", "expire_at": str(expires_at)}
        file = self._file((yield UpstreamRequest("POST", "/files", form=form._replace(fields=fields))))
        for pause in _pauses():
            if file.get("status") != "processing":
                break
            look = self.file_request("GET", file["id"])._replace(delay=pause)
            file = self._file((yield look))
        if file.get("status") != "active":
            raise _not_active(file)
        told = file.get("expire_at")
        return Uploaded(file["id"], told if isinstance(told, int) else expires_at)

    def _file(self, reply: UpstreamReply) -> Json:
        if reply.status >= 400:
            raise self.error(reply.status, reply.headers, reply.body)
        file = sse.Event("", reply.body).json() or {}
        if not isinstance(file.get("id"), str):
            raise UpstreamError(502, "Ark took the file but told no id for it.", code="upload_failed")
        return file

    def file_is_gone(self, error: UpstreamError, file_ids: list[str]) -> bool:
        text = f"{error.code} {error.message}".lower()
        named = any(file_id in error.message for file_id in file_ids)
        return error.status in (400, 404) and (
            named or ("file" in text and "not" in text and "found" in text)
        )


def _pauses() -> Iterator[float]:
    pause, waited = _FIRST_PAUSE, 0.0
    while waited < _PROCESSING:
        yield pause
        waited += pause
        pause = min(pause * 1.5, _LONGEST_PAUSE)


def _not_active(file: Json) -> UpstreamError:
    if file.get("status") == "failed":
        told = fault.of(file) or fault.Fault("no reason given")
        return UpstreamError(400, f"Ark could not process the file: {told.message}", code=told.code)
    return UpstreamError(504, "Ark did not finish processing the file in time.", code="upload_timeout")


def _tool_types(body: Json) -> list[str | None]:
    tools = body.get("tools")
    return (
        [tool.get("type") if isinstance(tool, dict) else None for tool in tools]
        if isinstance(tools, list)
        else []
    )


def _image_process_alone(body: Json, rule: Rule) -> list[Change]:
    types = _tool_types(body)
    if "image_process" in types:
        for rival in ("web_search", "doubao_app"):
            if rival in types:
                text = f"image_process cannot be used together with {rival}: {rule.why}"
                param = f"tools[{types.index(rival)}]"
                raise InvalidRequest(text, param=param, code="unsupported_combination")
    return []


def _image_process_unchosen(body: Json, rule: Rule) -> list[Change]:
    choice = body.get("tool_choice")
    if choice == "image_process" or (isinstance(choice, dict) and choice.get("type") == "image_process"):
        text = f"`tool_choice` cannot name image_process: {rule.why}"
        raise InvalidRequest(text, param="tool_choice", code="unsupported_value")
    return []


def _no_caching(body: Json, rule: Rule) -> list[Change]:
    """Caching only saves cost; without it the answer is the same."""
    caching = body.get("caching")
    if caching is None:
        return []
    tools = [kind for kind in _tool_types(body) if kind != "function"]
    enabled = not isinstance(caching, dict) or caching.get("type") != "disabled"
    if "image_process" in tools or (enabled and (tools or body.get("instructions") is not None)):
        del body["caching"]
        return [Change("drop:caching", rule.why)]
    return []


def _known_includes(body: Json, rule: Rule) -> list[Change]:
    include = body.get("include")
    if not isinstance(include, list):
        return []
    body["include"] = [value for value in include if value in _INCLUDABLE]
    return [
        Change(f"drop:include[{i}]", rule.why) for i, value in enumerate(include) if value not in _INCLUDABLE
    ]


def _known_service_tier(body: Json, rule: Rule) -> list[Change]:
    tier = body.get("service_tier")
    if tier is None or tier in _SERVICE_TIERS:
        return []
    del body["service_tier"]
    return [Change("drop:service_tier", rule.why)]


def _known_detail(body: Json, rule: Rule) -> list[Change]:
    """OpenAI's ``original`` asks for a picture unscaled; without it Ark takes its own default."""
    unknown = [ref for ref in media.find("responses", body) if ref.part.get("detail") == "original"]
    kept = {ref.path: {name: ref.part[name] for name in ref.part if name != "detail"} for ref in unknown}
    body.update(media.replace(body, kept))
    return [Change(f"drop:{media.spelled(ref.path)}.detail", rule.why) for ref in unknown]


def _refusals_as_text(body: Json, rule: Rule) -> list[Change]:
    given = body.get("input")
    told: dict[media.Path, media.New] = {}
    for i, item in enumerate(given if isinstance(given, list) else []):
        content = item.get("content") if isinstance(item, dict) else None
        for j, part in enumerate(content if isinstance(content, list) else []):
            if isinstance(part, dict) and part.get("type") == "refusal":
                text = {"type": "output_text", "text": part.get("refusal") or ""}
                told["input", i, "content", j] = text
    body.update(media.replace(body, told))
    return [Change(f"refusal:{media.spelled(path)}=output_text", rule.why) for path in told]


def _own_context_management(body: Json, rule: Rule) -> list[Change]:
    if not isinstance(body.get("context_management"), list):
        return []
    del body["context_management"]
    return [Change("drop:context_management", rule.why)]


Ark.rules = {
    "chat": (DEVELOPER_AS_SYSTEM,),
    "responses": (
        Rule(
            "tools: image_process with web_search or doubao_app",
            "Ark's page on image_process says so.",
            _image_process_alone,
        ),
        Rule(
            "tool_choice: image_process",
            "Ark lets the model decide when to process a picture.",
            _image_process_unchosen,
        ),
        Rule(
            "caching",
            "Ark answers 400 to caching with image_process, with any other non-function tool, and with instructions.",
            _no_caching,
        ),
        refuse("background", "Ark has no background responses.", unless=(False,)),
        refuse("conversation", "Ark has no conversations; use `previous_response_id`."),
        refuse("prompt", "Ark has no stored prompts; send the text as `instructions`."),
        *(
            drop(field, _UNKNOWN)
            for field in (
                "metadata",
                "moderation",
                "prompt_cache_key",
                "prompt_cache_options",
                "prompt_cache_retention",
                "stream_options",
                "top_logprobs",
                "truncation",
                "user",
                "text.verbosity",
                "reasoning.generate_summary",
                "reasoning.summary",
            )
        ),
        Rule(
            "context_management",
            "OpenAI's is a list, Ark's an object of the same name.",
            _own_context_management,
        ),
        Rule("input[].content[].detail: original", "Ark knows auto, low, high and xhigh.", _known_detail),
        Rule(
            "input[].content[].type: refusal",
            "Ark's messages have no such part; what the model said in an earlier answer stays, as text.",
            _refusals_as_text,
        ),
        Rule("include", "Ark knows three values: " + ", ".join(_INCLUDABLE) + ".", _known_includes),
        Rule("service_tier", "Ark knows auto, default and fast.", _known_service_tier),
    ),
    "images": seedream.RULES,
}
