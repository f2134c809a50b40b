"""``arkway explain``: what would be sent upstream for a request, and why. Sends nothing."""

import re
from typing import Any, NamedTuple, get_args

import orjson
from rich.console import Console
from rich.syntax import Syntax

from gateway.app import router
from gateway.backends.base import Api, Change, Json
from gateway.errors import InvalidRequest
from gateway.media.foresight import foresee
from gateway.responses import compaction
from gateway.routing import Candidate
from gateway.settings import Settings
from gateway.wire import body as wire_body

_LONG = 120  # characters of a string that are shown
_SIGNS = (("messages", "chat"), ("prompt", "images"))


class Explained(NamedTuple):
    """One candidate's request: where to, with what, and what was changed."""

    backend: str
    url: str
    headers: dict[str, str]
    body: Json
    changes: tuple[Change, ...]
    media: list[str]


def explain(settings: Settings, raw: bytes, api: str | None) -> list[Explained]:
    """The requests of all candidates, the likeliest first. Raises GatewayError as the gateway would answer."""
    body = wire_body.parse(raw)
    named = _api(body, api)
    body = compaction.opened(body) if named == "responses" else body
    candidates = router(settings).resolve(wire_body.string(body, "model"), named, body, 0.0)
    return [_explained(settings, candidate, named, body) for candidate in candidates]


def _api(body: Json, named: str | None) -> Api:
    told = named or next((api for name, api in _SIGNS if name in body), None)
    if told is None:
        told = "embeddings" if "embed" in str(body.get("model")) else "responses"
    if told not in get_args(Api):
        raise InvalidRequest(
            f"There is no API {told!r}; known are {', '.join(get_args(Api))}.", param="--api"
        )
    return told  # type: ignore[return-value]  # one of the literals, as just checked


def _explained(settings: Settings, candidate: Candidate, api: Api, body: Json) -> Explained:
    backend = candidate.backend
    prepared = candidate.prepare(api, body, {})
    taken = backend.media_for(prepared.api, prepared.body)
    foreseen = [foresee(ref, backend.title, taken, settings.images) for ref in prepared.media(api)]
    request = backend.request(prepared.api, prepared.body, prepared.headers)
    headers = {"authorization": "Bearer ***", "content-type": "application/json", **request.headers}
    return Explained(
        backend.name,
        backend.base_url + request.path,
        headers,
        shortened(prepared.body),
        prepared.changes,
        foreseen,
    )


def shortened(value: Any) -> Any:
    """A body fit to be read: picture data and other long strings cut."""
    if isinstance(value, dict):
        return {name: shortened(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [shortened(inner) for inner in value]
    if isinstance(value, str) and len(value) > _LONG:
        return f"{re.split('(?<=base64,)', value)[0][:_LONG]}… ({len(value)} characters)"
    return value


def run(settings: Settings, raw: bytes, api: str | None, *, as_json: bool) -> None:
    explained = explain(settings, raw, api)
    if as_json:
        told = [
            {**one._asdict(), "changes": [change._asdict() for change in one.changes]} for one in explained
        ]
        print(orjson.dumps(told, option=orjson.OPT_INDENT_2).decode())
        return
    console = Console(soft_wrap=True, highlight=False)
    for i, one in enumerate(explained):
        _show(console, one, "would be sent" if i == 0 else "on failure or by weight")
    console.print("[dim]Nothing was sent.[/dim]")


def _show(console: Console, one: Explained, when: str) -> None:
    console.print(f"[bold]{one.backend}[/bold] ({when})\nPOST {one.url}", markup=True)
    for name, value in one.headers.items():
        console.print(f"{name}: {value}", markup=False)
    console.print(
        Syntax(
            orjson.dumps(one.body, option=orjson.OPT_INDENT_2).decode(), "json", background_color="default"
        )
    )
    for change in one.changes:
        console.print(f"  {change.what}: {change.why}", markup=False)
    for told in one.media:
        console.print(f"  {told}", markup=False)
    if not one.changes and not one.media:
        console.print("  nothing is changed but the model's name", markup=False)
