"""Ark's files: how long an upload is waited for, and how one is deleted."""

import orjson
import pytest

from gateway.backends.ark import Ark
from gateway.backends.base import Form, UpstreamReply, UpstreamRequest
from gateway.errors import UpstreamError

BACKEND = Ark("ark", "https://ark.example.com/api/v3", "k")
PROCESSING = UpstreamReply(200, {}, orjson.dumps({"id": "file-1", "status": "processing"}))


def test_the_wait_grows_and_ends_after_ten_minutes() -> None:
    delays: list[float] = []

    def wait() -> None:
        flow = BACKEND.upload(Form({}, "a.mp4", "video/mp4", b""), 0)
        next(flow)
        while True:
            delays.append(flow.send(PROCESSING).delay)

    with pytest.raises(UpstreamError) as caught:
        wait()
    assert caught.value.code == "upload_timeout"
    assert delays[0] == 0.25
    assert delays == sorted(delays)
    assert delays[-1] == 3
    assert 600 <= sum(delays) < 603


@pytest.mark.parametrize("status", [200, 404])
def test_a_deletion(status: int) -> None:
    flow = BACKEND.delete_file("file-1")
    assert next(flow) == UpstreamRequest("DELETE", "/files/file-1")
    with pytest.raises(StopIteration):
        flow.send(UpstreamReply(status, {}, b"{}"))


def test_a_deletion_that_fails() -> None:
    flow = BACKEND.delete_file("file-1")
    next(flow)
    with pytest.raises(UpstreamError) as caught:
        flow.send(UpstreamReply(429, {}, b'{"error":{"code":"RateLimitExceeded","message":"slow down"}}'))
    assert caught.value.status == 429
