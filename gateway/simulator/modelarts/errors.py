"""ModelArts' errors, in the five shapes that its gateways and model servers answer with."""

from collections.abc import Mapping
from typing import Any, Literal

import orjson

from gateway.simulator.call import Call
from gateway.simulator.faults import Fault
from gateway.simulator.refusal import Refusal
from gateway.simulator.reply import JSON, Reply, Whole

Shape = Literal["a", "b", "c", "d", "e"]
Json = dict[str, Any]

_CODES = {
    400: "ModelArts.81001",
    401: "ModelArts.81003",
    403: "ModelArts.81004",
    404: "ModelArts.81009",
    429: "ModelArts.81101",
}
_TYPES = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    429: "TooManyRequests",
}
_SHAPES: Mapping[int, Shape] = {401: "c", 404: "c", 405: "e", 413: "c", 429: "b"}
_BACKEND_TIMED_OUT = "APIG.0203"


class ModelArtsError(Refusal):
    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        shape: Shape | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code or _CODES.get(status, _BACKEND_TIMED_OUT)
        self.shape = shape or _SHAPES.get(status, "c" if status >= 500 else "a")
        self.headers = {} if retry_after is None else {"retry-after": f"{retry_after:g}"}

    def reply(self, request_id: str, *, streamed: bool) -> Whole:
        """A streamed request's 400 comes framed as an event, under its own status."""
        body = orjson.dumps(self.body(request_id))
        if streamed and self.status == 400:
            return Whole(b"data:" + body, 400, "text/event-stream;charset=UTF-8", self.headers)
        return Whole(body, self.status, JSON, self.headers)

    def body(self, request_id: str) -> Json:
        match self.shape:
            case "a":
                return failure(self.code, self.message, self._type, request_id)
            case "b":
                return {
                    "error": {"message": self.message, "type": self._type, "param": "", "code": self.code}
                }
            case "c":
                trace = {"request_id": request_id} if self.code.startswith("APIG.") else {}
                return {"error_code": self.code, "error_msg": self.message, **trace}
            case "d":
                return {
                    "object": "error",
                    "message": self.message,
                    "type": f"{self._type}Error",
                    "param": None,
                    "code": self.status,
                }
            case "e":
                return {"detail": self.message}

    @property
    def _type(self) -> str:
        return _TYPES.get(self.status, "InternalServerError")


def failure(code: str, message: str, type: str, span_id: str) -> Json:
    error = {"code": code, "message": message, "param": None, "type": type}
    return {"error": error, "error_code": code, "error_msg": message, "span_id": span_id}


def failure_frame(request_id: str) -> bytes:
    body = failure("ModelArts.4503", "Backend service is unavailable.", "InternalServerError", request_id)
    return b"data:" + orjson.dumps(body) + b"\n\n"


def invalid(message: str, call: Call | None = None) -> ModelArtsError:
    """An own deployment's model server checks for itself, in its own shape."""
    return ModelArtsError(400, message, shape="d" if call and is_own_deployment(call) else "a")


def is_own_deployment(call: Call) -> bool:
    return call.path.startswith("/v2/infer/")


async def unknown_path(call: Call) -> Reply:
    message = "The API does not exist or has not been published in the environment"
    raise ModelArtsError(404, message, code="APIG.0101")


async def method_not_allowed(call: Call) -> Reply:
    raise ModelArtsError(405, "Method Not Allowed")


class ModelArts:
    largest_body = 64 * 1024 * 1024

    def authorise(self, headers: Mapping[str, str]) -> None:
        if "authorization" not in headers:
            raise ModelArtsError(400, "Authorization header is missing.", code="ModelArts.81002", shape="c")
        scheme, _, key = headers["authorization"].partition(" ")
        if scheme.lower() != "bearer" or not key.strip():
            raise ModelArtsError(401, "Invalid authorization header.")

    def malformed(self, raw: bytes, error: str) -> Refusal:
        return invalid(f"Failed to format request body: {error}")

    def too_large(self, size: int) -> Refusal:
        return ModelArtsError(413, "Request entity too large", code="APIG.0201")

    def scripted(self, fault: Fault) -> Refusal:
        status = fault.status or 500
        message = fault.message or _TYPES.get(status, "Backend timeout")
        return ModelArtsError(
            status, message, code=fault.code, shape=fault.shape, retry_after=fault.retry_after
        )

    def headers(self, call: Call) -> Mapping[str, str]:
        return {"x-request-id": call.request_id}
