"""What travels and what stays: headers both ways, and secrets that stand nowhere."""

from typing import Any

import pytest

from .conftest import ARK_KEY, MAAS_KEY, Gateway, Http, Run, Simulated, until
from .pictures import PATHS, asked, base64_of, data_url, large, small, text_part, url_part
from .servers import Gallery, unused_port

SENT = {
    "authorization": "Bearer callers-key",
    "x-api-key": "callers-other-key",
    "api-key": "callers-third-key",
    "cookie": "session=callers-cookie",
    "proxy-authorization": "Basic callers-proxy",
    "connection": "keep-alive, x-nominated",
    "x-nominated": "hop",
    "keep-alive": "timeout=5",
    "te": "trailers",
    "x-forwarded-for": "192.0.2.7",
    "forwarded": "for=192.0.2.7",
    "x-stainless-os": "Linux",
    "openai-organization": "org-1",
    "user-agent": "callers-agent",
    "accept-encoding": "gzip",
    "referer": "https://example.org/secret-page",
}
STAY = {
    *("x-api-key", "api-key", "cookie", "proxy-authorization", "x-nominated", "keep-alive", "te"),
    *("x-forwarded-for", "forwarded", "x-stainless-os", "openai-organization", "referer"),
}


@pytest.mark.parametrize(
    ("api", "model", "key"),
    [
        ("chat", "doubao-vision", ARK_KEY),
        ("chat", "qwen-vl", MAAS_KEY),
        ("responses", "doubao-vision", ARK_KEY),
    ],
)
async def test_headers_to_the_backend(
    gateway: Gateway, http: Http, sim: Simulated, api: str, model: str, key: str
) -> None:
    travels = {"ark-beta-something": "true", "x-client-request-id": "mine-1"}
    body = {"model": model, **asked(api, text_part(api, "x"))}
    await http.post(gateway.v1 + PATHS[api], body, **SENT, **travels)
    headers = (await sim.last())["headers"]
    assert not STAY & set(headers)
    assert headers["authorization"] == f"Bearer {key}"
    assert headers["accept-encoding"] == "identity"
    assert headers["user-agent"].startswith("arkway/")
    assert "x-nominated" not in headers.get("connection", "")
    assert {name: headers.get(name) for name in travels} == travels
    assert "callers" not in str(headers)


async def test_headers_to_the_caller(gateway: Gateway, http: Http, sim: Simulated) -> None:
    for stream in (True, False):
        body = {"model": "doubao-vision", "input": "x", "stream": stream}
        answer = await http.post(f"{gateway.v1}/responses", body)
        record = await sim.last()
        assert answer.headers["x-request-id"].startswith("req_")
        assert answer.headers["x-upstream-request-id"].startswith("02")
        assert answer.headers["x-arkway-backend"] == "ark"
        assert "total;dur=" in answer.headers["server-timing"]
        assert answer.headers.getall("content-type")[1:] == []
        assert "server" not in answer.headers
        assert record["outcome"] == "complete"


async def test_beta_header_is_added_only_where_it_is_missing(
    gateway: Gateway, http: Http, sim: Simulated
) -> None:
    body = {"model": "doubao-vision", "input": "x", "tools": [{"type": "image_process"}]}
    added = await http.post(f"{gateway.v1}/responses", body)
    assert added.changes == ["add-header:ark-beta-image-process"]
    own = await http.post(f"{gateway.v1}/responses", body, ark_beta_image_process="true")
    assert own.changes == []
    assert (await sim.last())["headers"]["ark-beta-image-process"] == "true"


SIGNATURE = "X-Tos-Signature=canary-signature"


@pytest.mark.parametrize("mode", ["keys", "passthrough"])
async def test_secrets_stand_nowhere(
    run: Run, http: Http, sim: Simulated, gallery: Gallery, mode: str
) -> None:
    """Keys, signed URLs and pictures: not in the log, not in an error, not in a header."""
    caller = "sk-canary-of-the-caller"
    keys = {"keys": [{"name": "ci", "key": caller}]} if mode == "keys" else {}
    gone = {"kind": "modelarts", "base_url": f"http://127.0.0.1:{unused_port()}/v1", "api_key": MAAS_KEY}
    running = run(
        access={"mode": mode, **keys},
        backends={"gone": gone},
        models={"gone": {"backend": "gone"}},
        logging={"level": "debug", "format": "json"},
        upstream={"retries": 1},
    )
    picture = small("blue", size=(33, 33))
    bodies: list[dict[str, Any]] = []
    for model in ("doubao-vision", "qwen-vl", "gone", "unknown-model"):
        urls = [
            gallery.put("signed.png", picture) + f"?{SIGNATURE}",
            f"{gallery.url}/missing.png?{SIGNATURE}",
            f"http://user:canary-password@127.0.0.1:{unused_port()}/a.png",
            f"http://127.0.0.1:{unused_port()}/a.png?{SIGNATURE}",
            data_url(picture),
            data_url(large("red")),
            base64_of(picture),
        ]
        bodies += [{"model": model, **asked("chat", url_part("chat", url))} for url in urls]
    bodies += [
        {"model": "doubao-vision", **asked("chat", text_part("chat", f'x [[fault: {{"status": {status}}}]]'))}
        for status in (400, 401, 403, 429, 500)
    ]
    seen = ""
    for body in bodies:
        answer = await http.post(
            f"{running.gateway.v1}/chat/completions", body, authorization=f"Bearer {caller}"
        )
        seen += str(dict(answer.headers)) + answer.body.decode()
    denied = await http.post(
        f"{running.gateway.v1}/responses", {"model": "gone"}, authorization="Basic sk-canary-wrong"
    )
    seen += denied.body.decode()
    canaries = [caller, ARK_KEY, MAAS_KEY, "canary", base64_of(picture)[:60], base64_of(picture)[-60:]]
    # The line of a request is written after its answer.
    told = len(bodies) + 1
    await until(lambda: running.process.text.count('"event":"request"') >= told, "every request's log line")
    log = running.process.text
    assert log.count('"event":"request"') == told
    for canary in canaries:
        assert canary not in seen
        assert canary not in log
