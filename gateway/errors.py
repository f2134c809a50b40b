"""The one error that callers see, and what it carries."""

from typing import Any

Envelope = dict[str, dict[str, str | None]]


class GatewayError(Exception):
    """A failure told to the caller in OpenAI's envelope.

    ``message`` is public; the cause is chained with ``raise … from`` and stays in the log.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        type: str,
        code: str | None = None,
        param: str | None = None,
        retry_after: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.type = type
        self.code = code
        self.param = param
        self.retry_after = retry_after

    def envelope(self) -> Envelope:
        return {"error": {"message": self.message, "type": self.type, "param": self.param, "code": self.code}}

    def headers(self) -> dict[str, str]:
        return {"retry-after": self.retry_after} if self.retry_after else {}


class InvalidRequest(GatewayError):
    """The caller's request cannot be served as it is; saying the same again will not help."""

    def __init__(
        self, message: str, *, param: str | None = None, code: str | None = None, status: int = 400
    ) -> None:
        super().__init__(status, message, type="invalid_request_error", code=code, param=param)


class UpstreamError(GatewayError):
    """The backend failed or refused.

    ``raw`` is its own body where it may reach the caller unchanged (Ark's dialect from Ark), ``request_id`` its
    own; ``hopeless`` says that trying again will not help, whatever the status.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        type: str = "upstream_error",
        code: str | None = None,
        param: str | None = None,
        retry_after: str | None = None,
        request_id: str | None = None,
        raw: bytes | None = None,
        hopeless: bool = False,
    ) -> None:
        super().__init__(status, message, type=type, code=code, param=param, retry_after=retry_after)
        self.request_id = request_id
        self.raw = raw
        self.hopeless = hopeless

    def at(self, param: str) -> "UpstreamError":
        """The same error about a place in one request: several requests may have waited for what failed."""
        return UpstreamError(
            self.status,
            self.message,
            type=self.type,
            code=self.code,
            param=param,
            retry_after=self.retry_after,
            request_id=self.request_id,
            hopeless=self.hopeless,
        )

    def headers(self) -> dict[str, str]:
        told = super().headers()
        if self.request_id:
            told["x-upstream-request-id"] = self.request_id
        if self.hopeless:
            told["x-should-retry"] = "false"  # the OpenAI SDK obeys it
        return told


def bug() -> GatewayError:
    """Told where the gateway itself failed; what it was stands in the log alone."""
    text = "The gateway failed; its log tells why."
    return GatewayError(500, text, type="server_error", code="internal_error")


def stopping() -> UpstreamError:
    """Told to those who are still being served when the time to stop is over."""
    return UpstreamError(503, "The gateway is stopping; send the request again.", code="gateway_stopping")


class StorageUnavailable(GatewayError):
    """The gateway's own database or disk failed; what does not need them goes on."""

    def __init__(self, what: str) -> None:
        super().__init__(
            503, f"The gateway's {what} cannot be used now.", type="server_error", code="storage_unavailable"
        )


def not_an_object(what: str, value: Any, *, param: str | None = None) -> InvalidRequest:
    return InvalidRequest(
        f"{what} must be an object, not {json_type(value)}.", param=param, code="invalid_type"
    )


def json_type(value: Any) -> str:
    """The JSON name of a parsed value's type, for messages."""
    names = {dict: "an object", list: "an array", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")
