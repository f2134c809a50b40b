"""What every kind of backend promises; a new kind is tested by being listed."""

import copy
import re
from typing import get_args

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.backends import KINDS
from gateway.backends.base import Api, Backend, Dialect, Form, Rule, UpstreamReply
from gateway.errors import InvalidRequest, UpstreamError
from gateway.routing import Candidate
from gateway.wire import sse
from gateway.wire.stream import STREAMS
from tests.strategies import json_values, refusal, spoilt_objects

APIS: tuple[Api, ...] = get_args(Api)
DIALECTS: tuple[Dialect, ...] = get_args(Dialect)
KEY = "secret-key-0123456789"
BODIES: dict[Api, dict[str, object]] = {
    "chat": {
        "model": "m",
        "stream": False,
        "messages": [
            {"role": "developer", "content": "a"},
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://a/b"}}]},
            {"role": "assistant", "content": "b", "tool_calls": []},
        ],
        "tools": [{"type": "function", "function": {"name": "f"}}, {"type": "mcp"}],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
    },
    "responses": {
        "model": "m",
        "input": [{"role": "user", "content": [{"type": "input_image", "image_url": "https://a/b"}]}],
        "stream": True,
        "instructions": "a",
        "tools": [{"type": "image_process"}, {"type": "function", "name": "f"}],
        "tool_choice": "auto",
        "caching": {"type": "enabled"},
        "include": ["a", "reasoning.encrypted_content"],
        "service_tier": "flex",
        "context_management": [{}],
        "metadata": {"a": "b"},
        "text": {"verbosity": "low"},
        "reasoning": {"summary": "auto"},
        "background": False,
    },
    "images": {
        "model": "m",
        "prompt": "p",
        "image": ["https://a/b"],
        "size": "auto",
        "n": 1,
        "quality": "high",
        "background": "opaque",
        "output_format": "jpg",
        "response_format": "b64_json",
        "stream": False,
    },
    "embeddings": {"model": "m", "input": ["a"], "stream": False},
    "multimodal": {
        "model": "m",
        "input": [
            {"type": "text", "text": "a"},
            {"type": "image_url", "image_url": {"url": "https://a/b"}},
        ],
    },
}

every_kind = pytest.mark.parametrize("kind", KINDS)
every_api = pytest.mark.parametrize("api", APIS)


def backend(kind: str, base_url: str = "https://backend.example.com/v1", key: str | None = KEY) -> Backend:
    return KINDS[kind]("name", base_url, key)


@every_kind
def test_a_backend_is_listed_under_its_own_kind_and_has_a_title(kind: str) -> None:
    assert KINDS[kind].kind == kind
    assert KINDS[kind].title


@every_kind
@every_api
def test_an_api_has_a_path_or_a_reason_why_not(kind: str, api: Api) -> None:
    reason = backend(kind).lacks(api)
    spoken = backend(kind).spoken(api, {})
    if spoken in KINDS[kind].paths:
        assert reason is None
        assert re.fullmatch(r"(/[a-z]+)+", KINDS[kind].paths[spoken])
    else:
        assert reason
        assert KINDS[kind].title in reason


@every_kind
def test_rules_stand_under_apis_that_are_there_and_say_what_and_why(kind: str) -> None:
    assert KINDS[kind].rules.keys() <= KINDS[kind].paths.keys()
    for rules in KINDS[kind].rules.values():
        assert len({rule.field for rule in rules}) == len(rules)
        for rule in rules:
            assert rule.field
            assert rule.why.endswith(".")


@every_kind
def test_picture_rules_stand_under_apis_that_are_there_and_have_a_limit(kind: str) -> None:
    assert {use.partition(" ")[0] for use in KINDS[kind].media} <= KINDS[kind].paths.keys()
    for media in KINDS[kind].media.values():
        rules = media.image
        assert rules
        assert {"image/png", "image/jpeg"} <= rules.formats
        assert all(mime.startswith("image/") and mime == mime.lower() for mime in rules.formats)
        assert rules.max_bytes or rules.max_encoded


@every_kind
def test_clips_are_taken_as_they_are_or_shown_as_pictures(kind: str) -> None:
    for media in KINDS[kind].media.values():
        for clip in (media.video, media.audio, media.file):
            assert clip is None or bool(clip.formats) != clip.as_pictures


@every_kind
def test_beta_headers_are_named_in_lower_case(kind: str) -> None:
    for header in KINDS[kind].beta_headers.values():
        assert re.fullmatch(r"[a-z-]+", header)


@every_kind
@pytest.mark.parametrize("api", ["chat", "responses"])
@pytest.mark.parametrize("tool", ["image_process", "function", "web_search", "mcp"])
def test_a_tool_is_refused_by_the_preparation_where_it_is_declared_so(kind: str, api: Api, tool: str) -> None:
    """Routing goes by what is declared."""
    offered = [{"type": tool, "name": "f", "function": {"name": "f"}}]
    body = BODIES[api] | {"tools": offered, "tool_choice": "auto"}
    error = refusal(Candidate(backend(kind), "m").prepare, api, body, {})
    assert backend(kind).refuses(api, offered) == (error is not None)
    assert error is None or (error.param, error.code) == ("tools[0]", "unsupported_tool")


@every_kind
@every_api
def test_preparing_does_not_touch_the_callers_body(kind: str, api: Api) -> None:
    body = copy.deepcopy(BODIES[api])
    backend(kind).prepare(api, body)
    assert body == BODIES[api]


@every_kind
@every_api
def test_what_was_prepared_once_needs_nothing_more(kind: str, api: Api) -> None:
    once, _, _ = backend(kind).prepare(api, BODIES[api])
    twice, _, changes = backend(kind).prepare(api, once)
    assert (twice, changes) == (once, [])


@every_kind
@every_api
def test_each_change_has_a_name_for_the_header_and_a_reason(kind: str, api: Api) -> None:
    for change in backend(kind).prepare(api, BODIES[api])[2]:
        assert re.fullmatch(r"(drop|add-field):[\w.\[\]]+|\w+:[\w-]+=[\w-]+", change.what)
        assert change.why


@every_kind
@every_api
def test_a_wrong_type_at_any_place_is_taken_or_refused_with_a_400(kind: str, api: Api) -> None:
    tool = {"type": "image_process", "point": {"type": "enabled"}}
    candidates = [
        Candidate(backend(kind), "m"),
        Candidate(backend(kind), "m", 1.0, (tool,), {"thinking": {}}),
    ]
    for body in spoilt_objects(BODIES[api]):
        for candidate in candidates:
            _served_or_refused(candidate, api, body)


@every_kind
@every_api
@settings(max_examples=30)  # for each kind and API
@given(
    st.dictionaries(st.sampled_from(sorted({name for body in BODIES.values() for name in body})), json_values)
)
def test_no_json_crashes_the_preparation(kind: str, api: Api, body: dict[str, object]) -> None:
    _served_or_refused(Candidate(backend(kind), "m", 1.0, ({"type": "image_process"},)), api, body)


def _served_or_refused(candidate: Candidate, api: Api, body: dict[str, object]) -> None:
    error = refusal(_serve, candidate, api, body)
    if error is not None:
        assert 400 <= error.status < 500
        assert error.param


def _serve(candidate: Candidate, api: Api, body: dict[str, object]) -> None:
    prepared = candidate.prepare(api, body, {})
    if candidate.backend.lacks(api) is None:
        candidate.backend.request(prepared.api, prepared.body, prepared.headers)
    for dialect in DIALECTS:
        if prepared.body.get("stream"):
            stream = candidate.backend.stream(prepared.api, dialect, prepared.body)
            stream.feed(sse.encode({"type": "response.created", "response": {}}, "response.created"))
        candidate.backend.answer(prepared.api, dialect, prepared.body, b'{"object":"response"}')


@every_kind
def test_what_has_no_stream_is_refused_as_one(kind: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        backend(kind).prepare("embeddings", BODIES["embeddings"] | {"stream": True})
    assert (caught.value.status, caught.value.param) == (400, "stream")


@every_kind
def test_a_request_is_the_body_as_json_under_the_apis_path(kind: str) -> None:
    request = backend(kind).request("chat", {"model": "m"}, {"h": "v"})
    assert (request.method, request.path) == ("POST", "/chat/completions")
    assert (request.headers, request.body) == ({"h": "v"}, b'{"model":"m"}')


@every_kind
@pytest.mark.parametrize("tail", ["", "/", "/chat/completions", "/chat/completions/", "/responses"])
def test_a_base_url_may_be_the_whole_url_of_the_vendors_page(kind: str, tail: str) -> None:
    assert backend(kind, f"https://h/v2/infer/id/v1{tail}").base_url == "https://h/v2/infer/id/v1"


@every_kind
def test_the_key_is_in_no_text_about_the_backend(kind: str) -> None:
    one = backend(kind)
    assert KEY not in repr(one) + str(one) + one.account(KEY)


@every_kind
def test_the_callers_own_key_goes_before_the_configured_one(kind: str) -> None:
    assert backend(kind).key(None) == KEY
    assert backend(kind).key("own") == "own"
    assert backend(kind, key=None).key(None) == ""


@every_kind
def test_an_account_is_one_key_at_one_place(kind: str) -> None:
    one = backend(kind)
    assert one.account("a") == backend(kind).account("a")
    assert len({one.account("a"), one.account("b"), backend(kind, "https://other/v1").account("a")}) == 3


ERROR = {
    "error": {
        "code": "SomeCode",
        "message": "Bad thing. Request id: 0217abc",
        "param": "input",
        "type": "BadRequest",
    }
}


@every_kind
@pytest.mark.parametrize("status", [400, 404, 413, 429, 500, 503])
def test_a_backends_error_keeps_status_code_message_and_retry_after(kind: str, status: int) -> None:
    error = backend(kind).error(status, {"retry-after": "7"}, orjson.dumps(ERROR))
    assert (error.status, error.code, error.param) == (status, "SomeCode", "input")
    assert error.message == "Bad thing. Request id: 0217abc"
    assert error.headers() == {"retry-after": "7", "x-upstream-request-id": "0217abc"}


@every_kind
@pytest.mark.parametrize("status", [401, 403])
def test_the_gateways_wrong_key_is_not_the_callers_fault(kind: str, status: int) -> None:
    error = backend(kind).error(status, {}, orjson.dumps(ERROR))
    assert (error.status, error.type, error.code) == (502, "upstream_error", "SomeCode")
    assert error.raw is None
    own = backend(kind).error(status, {}, orjson.dumps(ERROR), callers_key=True)
    assert (own.status, own.code) == (status, "SomeCode")


@pytest.mark.parametrize(
    ("kind", "code"), [(kind, code) for kind in KINDS for code in sorted(KINDS[kind].about_request)]
)
def test_a_refusal_of_the_request_itself_is_told_as_it_is(kind: str, code: str) -> None:
    error = backend(kind).error(403, {}, orjson.dumps({"error": ERROR["error"] | {"code": code}}))
    assert (error.status, error.code, error.param) == (403, code, "input")
    assert error.message == "Bad thing. Request id: 0217abc"


@every_kind
@pytest.mark.parametrize("status", [301, 302, 304])
def test_a_redirection_is_the_backends_failure(kind: str, status: int) -> None:
    assert backend(kind).error(status, {}, b"").status == 502


@every_kind
@pytest.mark.parametrize(
    ("status", "type_"), [(400, "invalid_request_error"), (429, "rate_limit_error"), (500, "server_error")]
)
@pytest.mark.parametrize("body", [b"", b"<html>Bad Gateway</html>", b"\xff\x00", b"{}"])
def test_an_error_without_a_readable_body_still_has_a_sentence_and_a_type(
    kind: str, status: int, type_: str, body: bytes
) -> None:
    error = backend(kind).error(status, {"x-request-id": "r"}, body)
    assert error.message == f"{KINDS[kind].title} answered {status} without a reason that can be read."
    assert (error.type, error.request_id) == (type_, "r")


@every_kind
@given(
    st.integers(300, 599),
    st.binary(max_size=40)
    | json_values.map(orjson.dumps)
    | st.builds(lambda v: orjson.dumps({"error": v}), json_values),
)
def test_no_error_body_crashes_the_reading(kind: str, status: int, body: bytes) -> None:
    error = backend(kind).error(status, {}, body)
    assert 400 <= error.status < 600
    assert orjson.dumps(error.envelope())


@every_kind
@pytest.mark.parametrize("api", STREAMS)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_streamed_api_has_a_stream_that_passes_strange_frames_and_ends_with_an_error(
    kind: str, api: Api, dialect: Dialect
) -> None:
    stream = backend(kind).stream(api, dialect, {})
    for frame in (b": ping\n\n", b'event: of.tomorrow\ndata: {"a": 1.0}\n\n', b"data: no json\n\n"):
        assert stream.feed(frame) == frame
    assert not stream.finished()
    assert sse.last_event(stream.error(UpstreamError(502, "m"))) is not None


@every_kind
@every_api
def test_a_whole_answer_in_arks_dialect_is_the_backends_bytes(kind: str, api: Api) -> None:
    raw = b'{"object":"response", "output": []}'
    assert backend(kind).answer(api, "ark", {}, raw) == raw


@every_kind
def test_a_backend_that_takes_file_ids_uploads_and_another_says_that_it_does_not(kind: str) -> None:
    one = backend(kind)
    form = Form({}, "a.png", "image/png", b"x")
    if not any(media.image and media.image.takes_file_ids for media in one.media.values()):
        with pytest.raises(NotImplementedError):
            one.upload(form, 0.0)
        return
    flow = one.upload(form, 1_000_000.0)
    request = next(flow)
    assert (request.method, request.form and request.form.data) == ("POST", b"x")
    with pytest.raises(StopIteration) as ended:
        flow.send(UpstreamReply(200, {}, b'{"id":"file-1","status":"active","expire_at":1600000}'))
    assert ended.value.value == ("file-1", 1_600_000)


RULES = [(api, rule) for kind in KINDS.values() for api, rules in kind.rules.items() for rule in rules]


@pytest.mark.parametrize(("api", "rule"), RULES, ids=[f"{api}-{rule.field}" for api, rule in RULES])
@given(st.data())
@settings(max_examples=20)
def test_a_rule_has_nothing_to_do_without_its_field(api: Api, rule: Rule, data: st.DataObject) -> None:
    """Such rules are not even asked."""
    names = data.draw(st.sets(st.sampled_from(sorted(BODIES[api]))))
    body = {name: copy.deepcopy(BODIES[api][name]) for name in names if name != rule.about}
    before = copy.deepcopy(body)
    assert rule.about.isidentifier()
    assert rule.always or (rule.apply(body, rule), body) == ([], before)
