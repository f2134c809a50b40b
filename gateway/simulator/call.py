"""One request to a simulated vendor, read and ready to be answered."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from starlette.datastructures import QueryParams

from gateway.simulator.faults import Fault
from gateway.simulator.form import Form
from gateway.simulator.refusal import Refusal
from gateway.simulator.reply import Reply
from gateway.simulator.state import State


@dataclass(frozen=True)
class Call:
    state: State
    method: str
    path: str
    parameters: Mapping[str, str]
    query: QueryParams
    headers: Mapping[str, str]
    body: Any
    raw: bytes
    form: Form | None
    fault: Fault
    request_id: str
    now: float

    @property
    def streamed(self) -> bool:
        return isinstance(self.body, dict) and self.body.get("stream") is True

    @property
    def base_url(self) -> str:
        return f"http://{self.headers.get('host', 'localhost')}"


Handler = Callable[[Call], Awaitable[Reply]]


class Vendor(Protocol):
    """What differs between the vendors before an endpoint sees the request."""

    largest_body: int

    def authorise(self, headers: Mapping[str, str]) -> None:
        """Raises the vendor's refusal when there is no bearer key."""

    def malformed(self, raw: bytes, error: str) -> Refusal: ...

    def too_large(self, size: int) -> Refusal: ...

    def scripted(self, fault: Fault) -> Refusal: ...

    def headers(self, call: Call) -> Mapping[str, str]: ...
