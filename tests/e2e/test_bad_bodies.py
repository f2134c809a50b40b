"""Bodies that cannot be served: the right status, OpenAI's envelope, the exact ``param``, and nothing goes upstream."""

import asyncio
import itertools
from typing import Any

import orjson
import pytest

from .conftest import Answer, Gateway, Http, Launch, Simulated
from .pictures import PATHS, asked, data_url, large, small, text_part, url_part
from .servers import Gallery

PREFIXES = ("/v1", "/api/v3", "")


def refused(answer: Answer, status: int, code: str | None, param: str | None) -> str:
    assert (answer.status, answer.error["code"], answer.error["param"]) == (status, code, param)
    assert answer.error["type"] == "invalid_request_error"
    assert answer.headers["x-request-id"].startswith("req_")
    return str(answer.error["message"])


@pytest.mark.parametrize(
    ("raw", "code", "says"),
    [
        (b"", "empty_body", "empty"),
        (b"  \n", "empty_body", "empty"),
        (b'{"model": ', "invalid_json", "line 1 column"),
        (b'{"model": "x" // why\n}', "invalid_json", "comment on line 1"),
        (b'{\n/* why */ "model": "x"}', "invalid_json", "comment on line 2"),
        (b"[1]", "invalid_type", "an array"),
        (b'"text"', "invalid_type", "a string"),
        (b"null", "invalid_type", "null"),
        (b"\xff\xfe{}", "invalid_json", "not valid JSON"),
        (b'{"a": NaN}', "invalid_json", "not valid JSON"),
        (b"[" * 100_000, "invalid_json", "not valid JSON"),
    ],
)
async def test_no_json_object(
    gateway: Gateway, http: Http, sim: Simulated, raw: bytes, code: str, says: str
) -> None:
    for prefix in PREFIXES:
        for path in ("/chat/completions", "/responses", "/images/generations", "/embeddings"):
            answer = await http.post(gateway.url + prefix + path, raw)
            assert says in refused(answer, 400, code, None)
    assert not await sim.requests()


@pytest.mark.parametrize(
    ("model", "status", "code"),
    [
        (None, 400, "missing_required_parameter"),
        (5, 400, "invalid_type"),
        ("", 400, "invalid_type"),
        ({"a": 1}, 400, "invalid_type"),
        ("qwen-v1", 404, "model_not_found"),
    ],
)
@pytest.mark.parametrize("api", PATHS)
async def test_model(
    gateway: Gateway, http: Http, sim: Simulated, api: str, model: Any, status: int, code: str
) -> None:
    body = {"model": model, **asked(api, text_part(api, "x"))}
    message = refused(await http.post(gateway.v1 + PATHS[api], body), status, code, "model")
    if status == 404:
        assert "qwen-vl" in message
    assert not await sim.requests()


@pytest.mark.parametrize("stream", ["yes", 1, [], {}])
async def test_stream_that_is_no_boolean(gateway: Gateway, http: Http, stream: Any) -> None:
    body = {"model": "qwen-vl", "stream": stream, **asked("chat", text_part("chat", "x"))}
    refused(await http.post(f"{gateway.v1}/chat/completions", body), 400, "invalid_type", "stream")


WRONG: list[tuple[str, dict[str, Any]]] = [
    ("chat", {"messages": "hello"}),
    ("chat", {"messages": 5}),
    ("chat", {"messages": None}),
    ("chat", {}),
    ("chat", {"messages": [5, None, "x", []]}),
    ("chat", {"messages": [{"role": "user", "content": 5}]}),
    ("chat", {"messages": [{"role": "user", "content": [5, None, "x"]}]}),
    ("chat", {"messages": [{"role": 5, "content": "x"}]}),
    ("chat", {"messages": [{"role": "user", "content": [{"type": ["text"]}]}]}),
    ("chat", {"messages": [{"role": "user", "content": "x"}], "tools": "none"}),
    ("chat", {"messages": [{"role": "user", "content": "x"}], "tools": [5, None]}),
    ("chat", {"messages": [{"role": "user", "content": "x"}], "temperature": "hot"}),
    ("chat", {"messages": [{"role": "user", "content": "x"}], "stream_options": []}),
    ("responses", {"input": 5}),
    ("responses", {"input": {"role": "user"}}),
    ("responses", {"input": [5, None, "x", []]}),
    ("responses", {"input": [{"role": "user", "content": 5}]}),
    ("responses", {"input": [{"type": "function_call_output", "output": 5}]}),
    ("responses", {"input": "x", "tools": "none"}),
    ("responses", {"input": "x", "tools": [5, None, {"type": {}}]}),
    ("responses", {"input": "x", "include": 5}),
    ("responses", {"input": "x", "include": [{"a": 1}]}),
    ("responses", {"input": "x", "service_tier": ["flex"]}),
    ("responses", {"input": "x", "text": 5, "reasoning": "much", "caching": 7}),
]


@pytest.mark.parametrize(("api", "wrong"), WRONG)
async def test_wrong_types(gateway: Gateway, http: Http, api: str, wrong: dict[str, Any]) -> None:
    """Whether the gateway or the backend refuses them: a clear 4xx, or an answer where nothing is hurt."""
    models = ("doubao-vision", "qwen-vl" if api == "chat" else "strawberry-counter")
    for model, stream in itertools.product(models, (True, False)):
        answer = await http.post(gateway.v1 + PATHS[api], {"model": model, "stream": stream, **wrong})
        assert answer.status in (200, 400)
        assert answer.status == 200 or answer.error["message"]


@pytest.mark.parametrize("url", [5, None, True, ["x"], {"url": {"url": "x"}}])
@pytest.mark.parametrize("api", PATHS)
async def test_picture_that_is_no_string(
    gateway: Gateway, http: Http, sim: Simulated, api: str, url: Any
) -> None:
    name = "messages" if api == "chat" else "input"
    body = {"model": "doubao-vision", **asked(api, text_part(api, "x"), url_part(api, url))}
    answer = await http.post(gateway.v1 + PATHS[api], body)
    refused(answer, 400, "invalid_type", f"{name}[0].content[1].image_url")
    assert not await sim.requests()


TINY = {"max_body_bytes": 2000, "port": 0}


@pytest.mark.parametrize("prefix", PREFIXES)
async def test_body_over_the_limit(launch: Launch, http: Http, sim: Simulated, prefix: str) -> None:
    gateway = launch(server=TINY)
    body = orjson.dumps({"model": "qwen-vl", **asked("chat", text_part("chat", "x" * 3000))})

    async def chunks() -> Any:
        for start in range(0, len(body), 500):
            yield body[start : start + 500]

    url = f"{gateway.url}{prefix}/chat/completions"
    started = asyncio.get_running_loop().time()
    whole = await http.post(url, body)
    chunked = await http.send("POST", url, data=chunks())
    for answer in (whole, chunked):
        assert "2000 bytes" in refused(answer, 413, "request_too_large", None)
    assert asyncio.get_running_loop().time() - started < 4  # it does not wait for more than there is
    assert not await sim.requests()
    assert (await http.post(url, {"model": "qwen-vl", **asked("chat", text_part("chat", "x"))})).status == 200


async def test_compressed_body(gateway: Gateway, http: Http) -> None:
    answer = await http.post(f"{gateway.v1}/responses", b"\x1f\x8b", content_encoding="gzip")
    assert "compressed" in refused(answer, 415, "unsupported_encoding", None)


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "unknown_url"),
        ("POST", "/chat/completion", 404, "unknown_url"),
        ("POST", "/chat/completions/", 404, "unknown_url"),
        ("GET", "/chat/completions", 405, "method_not_allowed"),
        ("DELETE", "/responses", 405, "method_not_allowed"),
        ("PUT", "/files", 405, "method_not_allowed"),
        ("POST", "/models", 405, "method_not_allowed"),
        ("GET", "/files/%00", 404, "file_not_found"),
        ("GET", "/files/..%2f..%2fetc%2fpasswd", 404, None),
        ("GET", "/models/nothing-known", 404, "model_not_found"),
    ],
)
async def test_paths_and_methods(
    gateway: Gateway, http: Http, method: str, path: str, status: int, code: str | None
) -> None:
    for prefix in PREFIXES:
        answer = await http.send(method, gateway.url + prefix + path)
        assert answer.status == status
        assert answer.error["code"] == code or code is None


PICTURES = {
    "private": ("http://10.0.0.1/a.png", "invalid_image_url"),
    "metadata": ("http://169.254.169.254/latest/meta-data", "invalid_image_url"),
    "loopback name": ("http://localhost/a.png", "invalid_image_url"),
    "ftp": ("ftp://example.org/a.png", "invalid_image_url"),
    "words": ("a picture of a cat", "invalid_image_url"),
    "empty": ("", "invalid_image_url"),
    "broken base64": ("data:image/png;base64,%%%%", "invalid_base64"),
    "short base64": ("data:image/png;base64,A", "invalid_base64"),
    "no base64": ("data:image/png,abc", "invalid_image_url"),
    "no data": ("data:image/png;base64,", "invalid_image_url"),
    "not a picture": (data_url(b"%PDF-1.7 and so on"), "invalid_image_url"),
    "text": (data_url(b"hello, I am a text and no picture at all"), "invalid_image_url"),
    "outside": ("file:///etc/passwd", "invalid_image_url"),
    "no such file": ("file:///nowhere/at/all.png", "invalid_image_url"),
    "other machine": ("file://server/share/a.png", "invalid_image_url"),
    "relative": ("file:a.png", "invalid_image_url"),
}


@pytest.mark.parametrize("case", PICTURES)
async def test_pictures(gateway: Gateway, http: Http, sim: Simulated, case: str) -> None:
    url, code = PICTURES[case]
    for api, model in (("chat", "doubao-vision"), ("chat", "qwen-vl"), ("responses", "doubao-vision")):
        name = "messages" if api == "chat" else "input"
        good = url_part(api, data_url(small()))
        body = {"model": model, **asked(api, text_part(api, "x"), good, url_part(api, url))}
        answer = await http.post(gateway.v1 + PATHS[api], body)
        message = refused(answer, 400, code, f"{name}[0].content[2].image_url")
        assert "root:" not in message
    assert not await sim.requests()


@pytest.mark.parametrize("name", ["missing.png", "text.png", "huge.png"])
async def test_remote_pictures(launch: Launch, http: Http, gallery: Gallery, name: str) -> None:
    gateway = launch(images={"fetch": {"bytes": 5000}})
    gallery.put("text.png", b"this is a text", "image/png")
    gallery.put("huge.png", large("red"), "image/png")
    body = {"model": "qwen-vl", **asked("chat", url_part("chat", f"{gallery.url}/{name}?signature=SECRET"))}
    answer = await http.post(f"{gateway.v1}/chat/completions", body)
    message = refused(answer, 400, "invalid_image_url", "messages[0].content[0].image_url")
    assert "SECRET" not in message


async def test_remote_picture_that_never_comes(launch: Launch, http: Http, gallery: Gallery) -> None:
    gateway = launch(images={"fetch": {"time": 0.2}})
    body = {"model": "qwen-vl", **asked("chat", url_part("chat", f"{gallery.url}/never"))}
    answer = await http.post(f"{gateway.v1}/chat/completions", body)
    assert "in time" in refused(answer, 400, "invalid_image_url", "messages[0].content[0].image_url")


async def test_picture_over_the_backends_limit(launch: Launch, http: Http, sim: Simulated) -> None:
    gateway = launch(images={"on_violation": "reject"})
    header = small(format="BMP")
    for model, size in (("doubao-vision", (10 << 20) + 1), ("qwen-vl", 8 << 20)):
        url = data_url(header.ljust(size, b"\0"), "image/bmp")
        body = {"model": model, **asked("chat", url_part("chat", url))}
        answer = await http.post(f"{gateway.v1}/chat/completions", body)
        message = refused(answer, 400, "image_too_large", "messages[0].content[0].image_url")
        assert "at most" in message
    assert not await sim.requests()


@pytest.mark.parametrize("api", PATHS)
@pytest.mark.parametrize("file_id", ["file-" + "0" * 32, "no-file-at-all"])
async def test_unknown_file(gateway: Gateway, http: Http, api: str, file_id: str) -> None:
    if api == "chat":
        part: dict[str, Any] = {"type": "image_url", "image_url": {"file_id": file_id}}
    else:
        part = {"type": "input_image", "file_id": file_id}
    answer = await http.post(gateway.v1 + PATHS[api], {"model": "doubao-vision", **asked(api, part)})
    assert answer.status in (400, 404)
    assert file_id in answer.error["message"]


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"tools": [{"type": "web_search"}, {"type": "image_process"}]}, "tools[0]"),
        ({"tools": [{"type": "image_process"}], "tool_choice": {"type": "image_process"}}, "tool_choice"),
        ({"background": True}, "background"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"prompt": {"id": "p"}}, "prompt"),
    ],
)
async def test_what_cannot_be_mended(
    gateway: Gateway, http: Http, sim: Simulated, more: dict[str, Any], param: str
) -> None:
    answer = await http.post(f"{gateway.v1}/responses", {"model": "doubao-vision", "input": "x", **more})
    assert (answer.status, answer.error["param"]) == (400, param)
    assert not await sim.requests()


async def test_tool_that_a_backend_does_not_have(gateway: Gateway, http: Http) -> None:
    for api in PATHS:
        body = {"model": "qwen-vl", "tools": [{"type": "image_process"}], **asked(api, text_part(api, "x"))}
        answer = await http.post(gateway.v1 + PATHS[api], body)
        assert (answer.status, answer.error["param"]) == (400, "tools[0]")


async def test_many_bad_requests_on_one_connection(gateway: Gateway, http: Http) -> None:
    url = f"{gateway.v1}/responses"
    answers = [await http.post(url, raw) for raw in (b"", b"[", b"{}", b"[]") * 5]
    assert {answer.status for answer in answers} == {400}
    await asyncio.gather(*(http.post(url, b"{") for _ in range(20)))
