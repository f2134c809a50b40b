"""From the caller's model name to the candidates that may serve it. Pure: chance comes in as a number."""

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple

from gateway.backends.base import Api, Backend, Change, Json
from gateway.errors import InvalidRequest
from gateway.wire import body as wire_body
from gateway.wire import media
from gateway.wire.media import MediaRef
from gateway.wire.translate import translations
from gateway.wire.translate.translation import Translation

_ADDED = "the model's entry adds it."
_LABELS = (
    "metadata",
    "previous_response_id",
    "prompt_cache_key",
    "safety_identifier",
    "user",
)  # they change nothing of an answer
_TRANSLATIONS = translations()
_LONGEST_NAME = 256  # characters; looking for near names and matching patterns grow with it


class Prepared(NamedTuple):
    """A body and headers as a backend takes them, and what was changed for it."""

    api: Api
    body: Json
    headers: dict[str, str]
    changes: tuple[Change, ...]
    asked: Json  # the caller's own body, with what the model's entry adds
    translation: Translation | None  # where the backend is spoken to by another API than the caller's

    def media(self, api: Api) -> list[MediaRef]:
        """What the body points to, under the names that it has in the caller's own body of ``api``."""
        if self.translation is None:
            return media.find(self.api, self.body)
        named = media.find(api, self.asked)  # first: it names what is wrong as the caller knows it
        refs = media.find(self.api, self.body)
        return [ref._replace(param=own.param) for ref, own in zip(refs, named, strict=True)]

    @property
    def served(self) -> Json:
        """What an answer may tell back: the request as the backend takes it, with the caller's own labels. Those of
        Responses do so alone."""
        if self.api != "responses":
            return self.body
        return self.body | {name: self.asked[name] for name in _LABELS if name in self.asked}


class Candidate(NamedTuple):
    """One place where a request can go: the backend, the model's name there, and what is added for it."""

    backend: Backend
    model: str
    weight: float = 1.0
    tools: tuple[Json, ...] = ()
    extra: Mapping[str, Any] = MappingProxyType({})
    translations: Mapping[tuple[str, str], Translation] = _TRANSLATIONS

    def named(self, name: str) -> "Candidate":
        """A pattern's candidate for one of its names, which is passed on where the entry has no model's name."""
        return self if self.model else self._replace(model=name)

    def refuses(self, api: Api, body: Json) -> bool:
        """Whether the backend refuses the call for a tool that the caller or the entry names."""
        own = body.get("tools")
        return self.backend.refuses(api, [*(own if isinstance(own, list) else ()), *self.tools])

    def prepare(self, api: Api, body: Json, forwarded: Mapping[str, str]) -> Prepared:
        """A request as this place takes it, its pictures aside. Raises InvalidRequest for what cannot be mended."""
        extended, changes = self._extend(body)
        spoken, translated, translation = self.backend.spoken(api, extended), extended, None
        if spoken != api:
            translation = self.translations[api, spoken]
            translated, rewritten = translation.request(extended)
            why = f"{self.backend.title} serves this by its {spoken} API."
            changes += [Change(f"translated:{api}-over-{spoken}", why), *rewritten]
        patched, wanted, patches = self.backend.prepare(spoken, translated)
        sent = dict(forwarded)
        for name in wanted:
            if name not in forwarded:
                sent[name] = wanted[name]
                changes.append(Change(f"add-header:{name}", "the tool is in beta and asks for it."))
        return Prepared(spoken, patched, sent, (*changes, *patches), extended, translation)

    def _extend(self, body: Json) -> tuple[Json, list[Change]]:
        """The body with the upstream model's name, and with the entry's tools and fields where the caller set none."""
        if not self.extra and not self.tools:
            wire_body.items(body, "tools")  # what is no list is refused in any case
            return {**body, "model": self.model}, []
        extended = {
            **self.extra,
            **{name: value for name, value in body.items() if value is not None or name not in self.extra},
        }
        extended["model"] = self.model
        own = wire_body.items(extended, "tools")
        known = [_identity(tool) for tool in own if isinstance(tool, dict)]
        added = [tool for tool in self.tools if _identity(tool) not in known]
        if added:
            extended["tools"] = [*own, *added]
        names = [name for name in self.extra if body.get(name) is None and name != "model"]
        return extended, [
            *(Change(f"add-field:{name}", _ADDED) for name in names),
            *(Change(f"add-tool:{tool.get('type')}", _ADDED) for tool in added),
        ]


def _identity(tool: Json) -> tuple[Any, Any]:
    """What makes a tool the same as another: its type, and of functions the name."""
    function = tool.get("function")
    return tool.get("type"), function.get("name") if isinstance(function, dict) else tool.get("name")


class Router:
    """The table of models: exact names first, then patterns, the one with most literal characters first."""

    def __init__(self, routes: Mapping[str, Sequence[Candidate]]) -> None:
        self.names = tuple(name for name in routes if "*" not in name)
        patterns = sorted(
            (name for name in routes if "*" in name), key=lambda name: -len(name.replace("*", ""))
        )
        self.patterns = tuple(patterns)
        self._routes = routes
        self._compiled = [(pattern, matcher(pattern)) for pattern in patterns]

    def resolve(self, name: str, api: Api, body: Json, chance: float) -> list[Candidate]:
        """The candidates for a model in the order to try them; ``chance`` in [0, 1) draws the first by weight.

        Those that refuse a tool of the body are left out, unless all do: then each can tell why.
        Raises InvalidRequest: 404 for an unknown model, 400 for an API that none of its backends has.
        """
        candidates = self._find(name)
        able = [candidate for candidate in candidates if candidate.backend.lacks(api) is None]
        if not able:
            reason = candidates[0].backend.lacks(api)
            raise InvalidRequest(
                f"The model `{name}` cannot be called so: {reason}", param="model", code="unsupported_api"
            )
        if len(able) > 1:
            able = drawn_first([one for one in able if not one.refuses(api, body)] or able, chance)
        return [one.named(name) for one in able]

    def backends(self, name: str) -> list[Backend]:
        """The backends that a name or pattern goes to. Raises InvalidRequest (404) for an unknown one."""
        return [candidate.backend for candidate in self._routes.get(name) or self._find(name)]

    def _find(self, name: str) -> Sequence[Candidate]:
        if len(name) > _LONGEST_NAME:
            raise self._unknown(name[:_LONGEST_NAME])
        if name in self._routes and "*" not in name:
            return self._routes[name]
        for pattern, matches in self._compiled:
            if matches(name):
                return self._routes[pattern]
        raise self._unknown(name)

    def _unknown(self, name: str) -> InvalidRequest:
        known = [*self.names, *self.patterns]
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.4) or known[:3]
        hint = f" The nearest known: {', '.join(near)}." if near else " No models are configured."
        return InvalidRequest(
            f"The model `{name}` does not exist.{hint}", param="model", code="model_not_found", status=404
        )


def drawn_first(candidates: list[Candidate], chance: float) -> list[Candidate]:
    """The list with one entry, drawn by weight, moved to its front; the others keep their order."""
    if len(candidates) == 1:
        return candidates
    point = chance * sum(candidate.weight for candidate in candidates)
    for i, candidate in enumerate(candidates):
        point -= candidate.weight
        if point < 0:
            return [candidate, *candidates[:i], *candidates[i + 1 :]]
    return candidates


@lru_cache(maxsize=1024)
def matcher(pattern: str) -> Callable[[str], object]:
    """Whether a name fits a pattern, in which ``*`` stands for anything; letters' case counts."""
    return re.compile(".*".join(map(re.escape, pattern.split("*"))), re.DOTALL).fullmatch
