"""What goes back to the caller, seen as the messages that the server gets."""

from collections.abc import MutableMapping
from typing import Any

import pytest

from gateway.reply import send_whole
from gateway.telemetry import Record


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ("doubao-vision", b"doubao-vision"),
        ("a\r\nset-cookie: b=c", b"a??set-cookie: b=c"),
        ("tab\tnul\x00del\x7f", b"tab?nul?del?"),
        ("豆包", b"??"),
    ],
)
async def test_a_model_name_cannot_break_out_of_its_header(model: str, told: bytes) -> None:
    messages: list[MutableMapping[str, Any]] = []

    async def send(message: MutableMapping[str, Any]) -> None:
        messages.append(message)

    record = Record("req_1", "POST", "/v1/responses", upstream_model=model)
    await send_whole(send, record, 200, {}, b"{}")
    assert dict(messages[0]["headers"])[b"x-arkway-model"] == told
    assert messages[1] == {"type": "http.response.body", "body": b"{}"}
