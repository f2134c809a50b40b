"""The log: structlog lines, readable on a terminal and JSON elsewhere, with one line for each request."""

import asyncio
import atexit
import logging
import re
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, BinaryIO

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from gateway.backends.base import Change
from gateway.settings import Logging
from gateway.wire.usage import Usage

_LONGEST = 2000  # characters of a logged value
_SECRET = re.compile(r"(?i)(bearer\s+|api[-_]?key[\"'=:\s]+)[^\s\"',}]+|\bsk-[A-Za-z0-9_-]{6,}")
_PICTURE = re.compile(r"data:[\w.+/-]*;base64,[A-Za-z0-9+/=_-]*")

_OURS = frozenset({"timestamp", "level", "request_id", "method", "outcome"})  # nobody else's words

# What a request's line tells where it is known, as it is.
_TOLD = (
    *("status", "caller", "model", "backend", "upstream_model", "stream", "pictures"),
    *("upstream_request_id", "code", "cause"),
)
_FOREIGN = (
    "path",
    "model",
    "upstream_model",
    "changes",
    "upstream_request_id",
    "code",
    "cause",
)  # a request's

OPEN_PATHS = ("/health/live", "/health/ready")  # asked all the time, by anyone

log = structlog.get_logger("gateway")


class Record:
    """What is known of one request, for its log line and its response headers. What is not known has its value here,
    and takes no time when a request begins."""

    caller: str | None = None
    api: str | None = None
    model: str | None = None
    backend: str | None = None
    upstream_model: str | None = None
    stream: bool = False
    changes: Sequence[Change] = ()
    pictures: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    media_seconds: float | None = None
    upstream_seconds: float | None = None
    upstream_request_id: str | None = None
    status: int | None = None
    usage: Usage | None = None
    code: str | None = None
    cause: str | None = None
    left: bool = False
    broken: bool = False
    finished: bool = False

    def __init__(self, request_id: str, method: str, path: str) -> None:
        self.request_id = request_id
        self.method = method
        self.path = path
        self.started = time.perf_counter()

    @property
    def outcome(self) -> str:
        """ok, error (told with a status), left (the caller went), or broken (the stream failed midway)."""
        if self.left:
            return "left"
        if self.broken:
            return "broken"
        return "ok" if self.status is not None and self.status < 400 else "error"

    def timing(self) -> str:
        """The value of ``server-timing``: where the time until the answer's first byte went, in milliseconds."""
        told = f"total;dur={(time.perf_counter() - self.started) * 1000:.1f}"
        if self.upstream_seconds is not None:
            told = f"upstream;dur={self.upstream_seconds * 1000:.1f}, {told}"
        if self.media_seconds is not None:
            told = f"media;dur={self.media_seconds * 1000:.1f}, {told}"
        return told

    def told(self) -> dict[str, str]:
        """The response headers that tell what became of the request."""
        told = {"x-request-id": self.request_id}
        if self.backend:
            told["x-arkway-backend"] = self.backend
        if self.upstream_model:
            told["x-arkway-model"] = self.upstream_model
        if self.changes:
            told["x-arkway-changes"] = ", ".join([change.what for change in self.changes])
        told["server-timing"] = self.timing()
        return told

    def line(self) -> dict[str, Any]:
        """The request's log line; what is unknown is left out."""
        told: dict[str, Any] = {
            "request_id": self.request_id,
            "method": self.method,
            "path": self.path,
            "outcome": self.outcome,
            "bytes_in": self.bytes_in,
            "bytes_out": self.bytes_out,
            "total_ms": _milliseconds(time.perf_counter() - self.started),
        }
        known = vars(self)
        for name in _TOLD:
            value = known.get(name)
            if value:
                told[name] = value
        if self.changes:
            told["changes"] = ",".join([change.what for change in self.changes])
        if self.upstream_seconds is not None:
            told["upstream_ms"] = _milliseconds(self.upstream_seconds)
        if self.usage:
            told["input_tokens"], told["output_tokens"] = self.usage.input, self.usage.output
        return told


Settle = Callable[[Record], None]


def settle(record: Record) -> None:
    """Writes the request's line. Plain, so that no cancellation can come between."""
    if record.path in OPEN_PATHS:
        log.debug("request", **record.line())
    else:
        log.info("request", **record.line())


def settler() -> Settle:
    """What writes the lines of requests as the log is configured now: ``settle``, or where the lines are JSON what
    writes the same in half of the time."""
    lines = structlog.get_config()["logger_factory"]()
    if not isinstance(lines, Lines) or not log.bind().is_enabled_for(logging.INFO):
        return settle

    def write(record: Record) -> None:
        if record.path in OPEN_PATHS:
            settle(record)
        else:
            event = record.line()
            for name in _FOREIGN:
                if name in event:
                    event[name] = redacted(event[name])
            event["event"] = "request"
            lines.msg(_json_bytes(None, "info", stamp(None, "info", event)))

    return write


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 1)


class Lines:
    """Writes log lines, those of one turn of the event loop together: under load one write serves many requests."""

    def __init__(self, target: BinaryIO) -> None:
        self._target = target
        self._pending: list[bytes] = []

    def msg(self, line: bytes) -> None:
        self._pending.append(line)
        if len(self._pending) > 1:
            return
        try:
            asyncio.get_running_loop().call_soon(self.flush)
        except RuntimeError:  # no loop runs
            self.flush()

    debug = info = warning = error = critical = msg

    def flush(self) -> None:
        if self._pending:
            lines, self._pending = self._pending, []
            self._target.write(b"\n".join(lines) + b"\n")
            self._target.flush()


def configure(settings: Logging) -> None:
    """Sets up the process's log, uvicorn's and the libraries' lines included."""
    console = settings.format == "console" or (settings.format == "auto" and sys.stderr.isatty())
    level = getattr(logging, settings.level.upper())
    shared: list[Processor] = [
        stamp,
        structlog.processors.format_exc_info,  # as text in the line itself: one event stays one line
        redact,
    ]
    if console:
        renderer: Processor = structlog.dev.ConsoleRenderer()
        own = renderer
        factory: Any = structlog.WriteLoggerFactory(sys.stderr)
    else:
        own, renderer = _json_bytes, _json
        factory = _to(Lines(sys.stderr.buffer))
    structlog.configure(
        processors=[*shared, own],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=factory,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(handlers=[handler], level=max(level, logging.INFO), force=True)
    for name in ("uvicorn.access", "sqlalchemy.engine"):
        logging.getLogger(name).setLevel(logging.WARNING)


def _to(lines: Lines) -> Callable[..., Lines]:
    atexit.register(lines.flush)
    return lambda *_: lines


def _json_bytes(_: WrappedLogger, __: str, event: EventDict) -> bytes:
    return orjson.dumps(event, default=repr)


def _json(_: WrappedLogger, __: str, event: EventDict) -> str:
    return orjson.dumps(event, default=repr).decode()


def stamp(_: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Adds the level and the time, in a third of the time that structlog's own processors take."""
    event["level"] = "warning" if method == "warn" else method
    event["timestamp"] = datetime.now(UTC).isoformat()[:-6] + "Z"
    return event


def redact(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Masks keys and picture data, and bounds the length of every text."""
    for name, value in event.items():
        if isinstance(value, str) and len(value) > 8 and name not in _OURS:  # no key is shorter
            event[name] = redacted(value)
    return event


@lru_cache(maxsize=4096)  # most texts come with every request: paths, models, callers
def redacted(text: str) -> str:
    text = _PICTURE.sub("data:…", text) if "base64," in text else text
    return _SECRET.sub(_masked, text)[:_LONGEST]


def _masked(found: re.Match[str]) -> str:
    return f"{found[1] or ''}***"
