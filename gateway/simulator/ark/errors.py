"""Ark's error body: code, message with the request id, param, type."""

from collections.abc import Mapping
from typing import Any

import orjson

from gateway.simulator.call import Call
from gateway.simulator.faults import Fault
from gateway.simulator.refusal import Refusal
from gateway.simulator.reply import Whole, frame

_TYPES = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    429: "TooManyRequests",
    500: "InternalServerError",
}
_CODES = {
    400: "InvalidParameter",
    401: "AuthenticationError",
    403: "AccessDenied",
    404: "InvalidEndpointOrModel.NotFound",
    429: "RateLimitExceeded.EndpointRPMExceeded",
    503: "ServerOverloaded",
}
_FAILURE = "The service encountered an unexpected internal error."
_MESSAGES = {
    401: "The API key or AK/SK in the request is missing or invalid.",
    403: "The access to the requested resource is denied.",
    404: "The model or endpoint does not exist or you do not have access to it.",
    429: "The requests per minute (RPM) limit of the endpoint is exceeded. Please try again later.",
    503: "The service is overloaded. Please try again later.",
}


class ArkError(Refusal):
    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        param: str = "",
        type: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.param = param
        self.type = _TYPES.get(status, "InternalServerError") if type is None else type
        self.headers = {} if retry_after is None else {"retry-after": f"{retry_after:g}"}

    def body(self, request_id: str) -> dict[str, Any]:
        message = f"{self.message} Request id: {request_id}"
        return {"error": {"code": self.code, "message": message, "param": self.param, "type": self.type}}

    def reply(self, request_id: str, *, streamed: bool) -> Whole:
        return Whole(orjson.dumps(self.body(request_id)), self.status, headers=self.headers)


def invalid(
    message: str, *, code: str = "InvalidParameter", param: str = "", type: str = "BadRequest"
) -> ArkError:
    return ArkError(400, code, message, param=param, type=type)


def invalid_parameter(name: str, reason: str, *, code: str = "InvalidParameter") -> ArkError:
    return invalid(
        f"The parameter `{name}` specified in the request are not valid: {reason}.", code=code, param=name
    )


def missing(name: str) -> ArkError:
    return invalid(
        f"The request failed because it is missing `{name}` parameter.", code="MissingParameter", param=name
    )


def not_found(kind: str, id: str) -> ArkError:
    return ArkError(404, f"NotFound.{kind}", f"The specified {kind.lower()} `{id}` is not found.")


def require(body: Mapping[str, Any], *names: str) -> None:
    for name in names:
        if body.get(name) in (None, "", []):
            raise missing(name)


def failure(request_id: str) -> dict[str, str]:
    return {"code": "InternalServiceError", "message": f"{_FAILURE} Request id: {request_id}"}


def failure_frame(request_id: str) -> bytes:
    """Ark's Go SDK knows an error in a chat stream by its first bytes, ``{"error":``."""
    return frame({"error": {**failure(request_id), "param": "", "type": "InternalServerError"}})


async def unknown_action(call: Call) -> Whole:
    raise ArkError(404, "InvalidAction", f"The specified action is invalid: {call.path}")


class Ark:
    largest_body = 64 * 1024 * 1024

    def authorise(self, headers: Mapping[str, str]) -> None:
        scheme, _, key = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not key.strip():
            raise ArkError(401, _CODES[401], _MESSAGES[401])

    def malformed(self, raw: bytes, error: str) -> Refusal:
        return invalid(f"Syntax error at index 0: {error}" if not raw else f"Syntax error: {error}")

    def too_large(self, size: int) -> Refusal:
        limit = self.largest_body // 1024 // 1024
        return ArkError(
            413,
            "InvalidParameter",
            f"The request body ({size} bytes) exceeds the limit ({limit} MB).",
            type="BadRequest",
        )

    def scripted(self, fault: Fault) -> Refusal:
        status = fault.status or 500
        code = fault.code or _CODES.get(status, "InternalServiceError")
        return ArkError(
            status, code, fault.message or _MESSAGES.get(status, _FAILURE), retry_after=fault.retry_after
        )

    def headers(self, call: Call) -> Mapping[str, str]:
        client_id = call.headers.get("x-client-request-id", call.request_id)
        return {
            "x-request-id": call.request_id,
            "x-client-request-id": client_id,
            "x-envoy-upstream-service-time": "1",
        }
