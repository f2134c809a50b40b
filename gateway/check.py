"""``arkway check``: does each backend answer with the configured key; what is wrong, and how to mend it."""

from typing import NamedTuple

from rich.console import Console

from gateway.app import backend as make_backend
from gateway.backends.base import Backend, UpstreamReply, UpstreamRequest
from gateway.errors import UpstreamError
from gateway.settings import BackendEntry, Settings
from gateway.upstream import Upstreams
from gateway.wire import fault
from gateway.wire.sse import Event


class Finding(NamedTuple):
    """What was found out about one backend."""

    backend: str
    good: bool
    text: str


async def check(settings: Settings) -> list[Finding]:
    upstreams = Upstreams(settings.upstream, {})
    await upstreams.start()
    try:
        return [
            await _check_backend(upstreams, settings, name, entry)
            for name, entry in settings.backends.items()
        ]
    finally:
        await upstreams.close()


async def _check_backend(upstreams: Upstreams, settings: Settings, name: str, entry: BackendEntry) -> Finding:
    backend = make_backend(name, entry)
    if not backend.key(None) and settings.access.mode != "passthrough":
        return Finding(
            name,
            False,
            f"no key: set backends.{name}.api_key, for example to ${{{entry.kind.upper()}_API_KEY}}.",
        )
    try:
        reply = await upstreams.fetch(backend, backend.key(None), UpstreamRequest("GET", "/models"))
    except UpstreamError as error:
        cause = f" ({error.__cause__})" if error.__cause__ else ""
        return Finding(name, False, f"{error.message}{cause} Is base_url right: {backend.base_url}?")
    return _read(backend, reply, settings.access.mode == "passthrough")


def _read(backend: Backend, reply: UpstreamReply, passthrough: bool) -> Finding:
    told = fault.read(reply.body)
    reason = told.message if told else f"status {reply.status}"
    if reply.status in (401, 403):
        if passthrough:
            return Finding(backend.name, True, "answers; the callers' own keys are used.")
        return Finding(
            backend.name, False, f"refuses the key: {reason} Check backends.{backend.name}.api_key."
        )
    if reply.status == 404:
        # Ark's Agent Plan and some deployments have no list of models, so this alone is no fault.
        return Finding(
            backend.name,
            True,
            f"answers, but lists no models; check base_url if calls fail: {backend.base_url}",
        )
    if reply.status >= 400:
        return Finding(backend.name, False, f"answers {reply.status}: {reason}")
    listed = (Event("", reply.body).json() or {}).get("data")
    if not isinstance(listed, list):
        return Finding(
            backend.name,
            False,
            f"answers something that is no list of models. Is base_url right: {backend.base_url}?",
        )
    return Finding(backend.name, True, f"answers; the key is taken; {len(listed)} models are listed.")


async def run(settings: Settings) -> bool:
    """Prints what was found; whether all is well."""
    console = Console(soft_wrap=True, highlight=False)
    access = settings.access
    keys = f", {len(access.keys)} keys" if access.mode == "keys" else ""
    console.print(
        f"The configuration is valid: access {access.mode}{keys}, models {', '.join(settings.models)}.",
        markup=False,
    )
    findings = await check(settings)
    for finding in findings:
        mark = "[green]ok[/green]  " if finding.good else "[red]fail[/red]"
        console.print(f"{mark} {finding.backend}: ", end="")
        console.print(finding.text, markup=False)
    return all(finding.good for finding in findings)
