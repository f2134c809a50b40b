"""What a backend is: declared values and pure methods. A third backend is one more file beside this one.

Nothing here does I/O: a backend turns bodies into requests and answers into errors, and yields the requests of
a longer exchange for the shell to send (``Flow``).
"""

import hashlib
import re
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any, BinaryIO, ClassVar, Literal, NamedTuple, Protocol, TypeAlias, TypeVar

from gateway.backends.media import MediaRules
from gateway.errors import InvalidRequest, UpstreamError
from gateway.wire import body as wire_body
from gateway.wire import fault
from gateway.wire.change import Change as Change
from gateway.wire.stream import STREAMS, Stream

Json = dict[str, Any]
Api = Literal["chat", "responses", "images", "embeddings", "multimodal"]
Dialect = Literal["openai", "ark"]
T = TypeVar("T")


class OnDisk(Protocol):
    """Bytes that are read only as they are sent; a ``pathlib.Path`` is such."""

    def open(self, mode: Literal["rb"], /) -> BinaryIO: ...


class Form(NamedTuple):
    """A multipart body: text fields, then one file."""

    fields: Mapping[str, str]
    filename: str
    content_type: str
    data: bytes | OnDisk


class UpstreamRequest(NamedTuple):
    """One request to a backend; ``path`` is relative to its base URL, ``delay`` seconds to wait before it."""

    method: str
    path: str
    headers: Mapping[str, str] = MappingProxyType({})
    body: bytes | None = None
    form: Form | None = None
    delay: float = 0.0


@dataclass(frozen=True, slots=True)
class UpstreamReply:
    """A whole answer of a backend."""

    status: int
    headers: Mapping[str, str]
    body: bytes


_NO_MEDIA = MediaRules(max_body=None)

Flow: TypeAlias = Generator[UpstreamRequest, UpstreamReply, T]


@dataclass(frozen=True)
class Rule:
    """What a backend refuses of a body, and what becomes of it: ``apply`` patches it and returns the changes.

    ``field`` and ``why`` stand in the compatibility table. ``field`` begins with the name of a body's field: without
    that there is nothing to do, unless ``always``.
    """

    field: str
    why: str
    apply: Callable[[Json, "Rule"], list[Change]]
    always: bool = False

    @cached_property
    def about(self) -> str:
        """The body's field."""
        return re.split(r"\W", self.field, maxsplit=1)[0]


class Uploaded(NamedTuple):
    """A file at a backend: its id, and until when it stands (Unix seconds)."""

    file_id: str
    expires_at: float


class Backend:
    """An OpenAI-compatible service; subclasses say how theirs differs."""

    kind: ClassVar[str]
    title: ClassVar[str]
    paths: ClassVar[Mapping[Api, str]] = {
        "chat": "/chat/completions",
        "images": "/images/generations",
        "embeddings": "/embeddings",
    }
    missing: ClassVar[Mapping[Api, str]] = {}  # why an API is not there
    rules: ClassVar[Mapping[Api, tuple[Rule, ...]]] = {}
    refused_tools: ClassVar[Mapping[Api, Mapping[str, str]]] = {}  # by the API spoken: tool type -> why
    media: ClassVar[Mapping[str, MediaRules]] = {}  # by use: an API, or one with a tool that takes less
    beta_headers: ClassVar[Mapping[str, str]] = {}  # tool type -> header
    has_files: ClassVar[bool] = False  # whether it keeps files under ids
    hopeless: ClassVar[frozenset[str]] = frozenset()  # codes of a 429 that no retry mends
    about_request: ClassVar[frozenset[str]] = frozenset()  # codes of a 403 that blame no key and no account

    def __init__(self, name: str, base_url: str, api_key: str | None) -> None:
        self.name = name
        self.base_url = _trimmed(base_url)
        self._api_key = api_key

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, {self.base_url!r})"

    def key(self, callers_own: str | None) -> str:
        """The key that goes to the backend: the caller's own in passthrough mode, else the configured one."""
        return callers_own or self._api_key or ""

    def account(self, key: str) -> str:
        """Names the account whose files a key sees, without telling the key."""
        return hashlib.sha256(f"{self.base_url}\n{key}".encode()).hexdigest()[:32]

    def lacks(self, api: Api) -> str | None:
        """Why this backend cannot serve an API, not even by another; None when it can."""
        if self.spoken(api, {}) in self.paths:
            return None
        return self.missing.get(api, f"{self.title} has no {api} API.")

    def spoken(self, api: Api, body: Json) -> Api:
        """The API by which a call of ``api`` is served: another than the caller's where the backend lacks it."""
        return "chat" if api == "responses" and api not in self.paths else api

    def refuses(self, api: Api, tools: Sequence[Any]) -> bool:
        """Whether a call of ``api`` with these tools is refused for the type of one of them."""
        refused = tuple(self.refused_tools.get(self.spoken(api, {}), ()))
        return any(isinstance(tool, dict) and tool.get("type") in refused for tool in tools)

    def prepare(self, api: Api, body: Json) -> tuple[Json, dict[str, str], list[Change]]:
        """The body as the backend takes it, headers to add, and what was changed.

        Raises InvalidRequest for what cannot be mended without changing the meaning.
        """
        if api not in STREAMS and wire_body.flag(body, "stream"):
            text = f"Answers of the {api} API are not streamed; leave `stream` out."
            raise InvalidRequest(text, param="stream", code="unsupported_value")
        patched = dict(body)
        changes: list[Change] = []
        for rule in self.rules.get(api, ()):
            if rule.about in patched or rule.always:
                changes += rule.apply(patched, rule)
        return patched, self._headers_for(patched), changes

    def _headers_for(self, body: Json) -> dict[str, str]:
        tools = body.get("tools")
        if not isinstance(tools, list):
            return {}
        types = [tool.get("type") for tool in tools if isinstance(tool, dict)]
        return {header: "true" for kind, header in self.beta_headers.items() if kind in types}

    def media_for(self, api: Api, body: Json) -> MediaRules:
        """What the backend takes of media for this body; nothing where nothing is declared."""
        return self.media.get(api, _NO_MEDIA)

    def request(self, api: Api, body: Json, headers: Mapping[str, str]) -> UpstreamRequest:
        """Raises InvalidRequest for a body that is larger than the backend takes."""
        dumped = wire_body.dump(body)
        limit = self.media_for(api, body).max_body
        if limit is not None and len(dumped) > limit:
            text = f"With its media the request has {len(dumped)} bytes; {self.title} takes at most {limit}."
            raise InvalidRequest(text, code="request_too_large", status=413)
        return UpstreamRequest("POST", self.paths[api], headers, dumped)

    def split(self, api: Api, body: Json) -> list[Json]:
        """The bodies to send for a prepared one: several where the backend makes one picture a call and more are
        wanted; then ``merge`` makes one answer of theirs. A streamed body is never split."""
        return [body]

    def merge(self, api: Api, answers: Sequence[bytes]) -> bytes:
        """The answers to what ``split`` gave, in order, as one. Among them may be errors; alone they are the answer."""
        return answers[0]

    def error(
        self, status: int, headers: Mapping[str, str], body: bytes, *, callers_key: bool = False
    ) -> UpstreamError:
        """The error that an answer with a status other than 2xx tells; a redirection is the backend's failure.

        401 and 403 mean that the gateway's key was wrong, not the caller's, unless the caller's own key went up
        or the code is one of ``about_request``.
        """
        told = fault.read(body) or fault.Fault(
            f"{self.title} answered {status} without a reason that can be read."
        )
        retry_after = headers.get("retry-after")
        request_id = told.request_id or headers.get("x-request-id")
        kind = told.type or _type_of(status)
        if status in (401, 403) and not callers_key and told.code not in self.about_request:
            message = f"{self.title} refused the gateway's own key or account: {told.message}"
            return UpstreamError(502, message, type="upstream_error", code=told.code, request_id=request_id)
        return UpstreamError(
            status if status >= 400 else 502,
            told.message,
            type=kind,
            code=told.code,
            param=told.param,
            retry_after=retry_after,
            request_id=request_id,
            raw=self.raw_error(body),
            hopeless=told.code in self.hopeless,
        )

    def raw_error(self, body: bytes) -> bytes | None:
        """The error body where Ark's dialect gets it unchanged."""
        return None

    def status_of(self, api: Api, dialect: Dialect, answer: Json) -> int | None:
        """The status that an answer sent under 200 deserves where it is an error; None for a real answer."""
        return 502 if fault.stands_for(answer) else None

    def stream(self, api: Api, dialect: Dialect, request: Json) -> Stream:
        """What carries a streamed answer to the caller."""
        return STREAMS[api]()

    def answer(self, api: Api, dialect: Dialect, request: Json, raw: bytes) -> bytes:
        """A whole answer in the caller's dialect."""
        return raw

    def upload(self, form: Form, now: float) -> Flow[Uploaded]:
        """Uploads a file and waits until it can be used; only for a backend that takes file ids."""
        raise NotImplementedError(f"{self.title} takes no files")

    def file_request(self, method: str, file_id: str) -> UpstreamRequest:
        """GET or DELETE of one file; only for a backend that has files."""
        return UpstreamRequest(method, f"/files/{file_id}")

    def delete_file(self, file_id: str) -> Flow[None]:
        """Deletes a file; one that is gone already is no failure."""
        reply = yield self.file_request("DELETE", file_id)
        if reply.status >= 400 and reply.status != 404:
            raise self.error(reply.status, reply.headers, reply.body)

    def file_is_gone(self, error: UpstreamError, file_ids: list[str]) -> bool:
        """Whether an error says that a file which was uploaded before is there no more."""
        return False


def _trimmed(base_url: str) -> str:
    """ModelArts' page prints the full ``…/v1/chat/completions`` as the base URL."""
    url = base_url.rstrip("/")
    for path in ("/chat/completions", "/responses"):
        url = url.removesuffix(path)
    return url.rstrip("/")


def _type_of(status: int) -> str:
    if status == 429:
        return "rate_limit_error"
    return "invalid_request_error" if 400 <= status < 500 else "server_error"


def drop(field: str, why: str) -> Rule:
    """Takes a field out (``text.verbosity`` names a nested one). Null means unset: that goes without a word."""
    return Rule(field, why, _drop)


def _drop(body: Json, rule: Rule) -> list[Change]:
    outer, _, inner = rule.field.partition(".")
    if not inner:
        return [] if body.pop(outer, None) is None else [Change(f"drop:{outer}", rule.why)]
    holder = body.get(outer)
    if not isinstance(holder, dict) or inner not in holder:
        return []
    body[outer] = {name: value for name, value in holder.items() if name != inner}
    return [] if holder[inner] is None else [Change(f"drop:{rule.field}", rule.why)]


def refuse(field: str, why: str, unless: tuple[Any, ...] = ()) -> Rule:
    """Refuses a field whose loss would change the answer; the values in ``unless`` mean nothing and go."""

    def apply(body: Json, rule: Rule) -> list[Change]:
        value = body.pop(rule.field, None)
        if value is None or value in unless:
            return []
        raise InvalidRequest(
            f"`{rule.field}` cannot be served: {rule.why}", param=rule.field, code="unsupported_parameter"
        )

    return Rule(field, why, apply)


def _developer_as_system(body: Json, rule: Rule) -> list[Change]:
    messages = body.get("messages")
    if not isinstance(messages, list):
        return []
    told = [isinstance(message, dict) and message.get("role") == "developer" for message in messages]
    if not any(told):
        return []
    body["messages"] = [
        message | {"role": "system"} if is_developer else message
        for message, is_developer in zip(messages, told, strict=True)
    ]
    return [Change("role:developer=system", rule.why)]


def refuse_tool(kind: str, why: str) -> Rule:
    """Refuses a tool type that the API does not have, naming its place."""

    def apply(body: Json, rule: Rule) -> list[Change]:
        tools = body.get("tools")
        for i, tool in enumerate(tools if isinstance(tools, list) else []):
            if isinstance(tool, dict) and tool.get("type") == kind:
                text = f"The tool {kind} cannot be served here: {rule.why}"
                raise InvalidRequest(text, param=f"tools[{i}]", code="unsupported_tool")
        return []

    return Rule(f"tools[].type: {kind}", why, apply)


DEVELOPER_AS_SYSTEM = Rule(
    "messages[].role: developer",
    "neither backend knows the role; `system` is what it stands for.",
    _developer_as_system,
)
