"""Ark: uploads as a flow, files that are gone, and the rules that one look at a body does not show."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.backends.ark import Ark
from gateway.backends.base import Flow, Form, Uploaded, UpstreamReply, UpstreamRequest
from gateway.errors import InvalidRequest, UpstreamError
from tests.strategies import json_values

BACKEND = Ark("ark", "https://ark.example.com/api/v3", "k")
FORM = Form({"a": "b"}, "a.png", "image/png", b"\x89PNG")
NOW = 1_760_759_307.9


def reply(**body: Any) -> UpstreamReply:
    return UpstreamReply(200, {}, orjson.dumps({"id": "file-1", **body}))


def driven(flow: Flow[Uploaded], *replies: UpstreamReply) -> tuple[list[UpstreamRequest], Uploaded]:
    """The flow's requests and its result; the last reply is given again and again."""
    requests = [next(flow)]
    waiting = list(replies)
    while True:
        try:
            requests.append(flow.send(waiting.pop(0) if len(waiting) > 1 else waiting[0]))
        except StopIteration as ended:
            return requests, ended.value


def test_an_upload_names_its_purpose_and_expiry_and_looks_until_the_file_is_active() -> None:
    processing = reply(status="processing")
    requests, uploaded = driven(
        BACKEND.upload(FORM, NOW), processing, processing, reply(status="active", expire_at=1761364107)
    )
    assert uploaded == Uploaded("file-1", 1761364107)
    first, *looks = requests
    assert first.form is not None
    assert first.form == FORM._replace(
        fields={"a": "b", "purpose": "user_data", "expire_at": str(1760759307 + 7 * 86400)}
    )
    assert list(first.form.fields)[-2:] == ["purpose", "expire_at"]
    assert [(look.method, look.path) for look in looks] == [("GET", "/files/file-1")] * 2
    assert all(look.delay > 0 for look in looks)


@pytest.mark.parametrize("told", [None, "later", [], 0.5])
def test_a_file_without_a_readable_expiry_has_the_one_that_was_asked_for(told: object) -> None:
    _, uploaded = driven(BACKEND.upload(FORM, NOW), reply(status="active", expire_at=told))
    assert uploaded.expires_at == 1760759307 + 7 * 86400


def test_a_file_that_fails_is_the_callers_picture_and_says_why() -> None:
    failed = reply(status="failed", error={"code": "InvalidImage", "message": "broken header"})
    with pytest.raises(UpstreamError, match="broken header") as caught:
        driven(BACKEND.upload(FORM, NOW), failed)
    assert (caught.value.status, caught.value.code) == (400, "InvalidImage")


def test_a_file_that_never_becomes_active_is_given_up() -> None:
    with pytest.raises(UpstreamError) as caught:
        driven(BACKEND.upload(FORM, NOW), reply(status="processing"))
    assert (caught.value.status, caught.value.code) == (504, "upload_timeout")


def test_a_refused_upload_is_arks_error() -> None:
    refused = UpstreamReply(
        403, {}, b'{"error":{"code":"OperationDenied.FileQuotaExceeded","message":"full"}}'
    )
    with pytest.raises(UpstreamError) as caught:
        driven(BACKEND.upload(FORM, NOW), refused)
    assert (caught.value.status, caught.value.code) == (502, "OperationDenied.FileQuotaExceeded")


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"id":5}', b'{"id":null}'])
def test_an_upload_answered_with_garbage_is_arks_failure_and_not_the_callers(body: bytes) -> None:
    with pytest.raises(UpstreamError) as caught:
        driven(BACKEND.upload(FORM, NOW), UpstreamReply(200, {}, body))
    assert (caught.value.status, caught.value.code) == (502, "upload_failed")


@given(
    json_values | st.just("failed"),
    json_values | st.fixed_dictionaries({"code": json_values, "message": json_values}),
)
def test_no_strange_state_of_a_file_crashes_the_upload(status: object, error: object) -> None:
    answer = reply(status=status, error=error)
    with pytest.raises(UpstreamError) as caught:
        driven(BACKEND.upload(FORM, NOW), answer)
    assert orjson.dumps(caught.value.envelope())


@pytest.mark.parametrize(
    ("status", "code", "message", "gone"),
    [
        (404, "NotFound.File", "The file was not found", True),
        (400, "InvalidParameter", "file file-1 is not available", True),
        (400, "InvalidParameter", "The specified file can not be found", True),
        (400, "InvalidParameter", "Image 0 failed: too many pixels", False),
        (404, "ModelNotOpen", "The model is not open", False),
        (429, "RateLimitExceeded", "file-1", False),
        (500, "InternalServiceError", "file-1 not found", False),
    ],
)
def test_a_lost_file_is_told_from_other_refusals(status: int, code: str, message: str, gone: bool) -> None:
    assert BACKEND.file_is_gone(UpstreamError(status, message, code=code), ["file-1"]) is gone


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("OperationDenied.InvalidState", 403),
        ("OperationDenied.UnsupportedPhase", 403),
        ("OperationDenied.PermissionDenied", 502),
        ("OperationDenied.ServiceNotOpen", 502),
        ("OperationDenied.ServiceOverdue", 502),
        ("OperationDenied.FileQuotaExceeded", 502),
        ("OperationDenied.OfTomorrow", 502),
        ("AccountOverdueError", 502),
        ("AccessDenied", 502),
        (None, 502),
    ],
)
def test_what_is_forbidden_by_the_request_is_told_from_what_the_account_forbids(
    code: str | None, status: int
) -> None:
    raw = orjson.dumps({"error": {"code": code, "message": "m", "param": "", "type": "Forbidden"}})
    error = BACKEND.error(403, {}, raw)
    assert (error.status, error.code) == (status, code)
    assert error.raw == (raw if status == 403 else None)


def test_the_raw_error_is_kept_for_arks_dialect() -> None:
    raw = b'{"error":{"code":"InvalidParameter","message":"m","param":"","type":"BadRequest"}}'
    assert BACKEND.error(400, {}, raw).raw == raw
    assert BACKEND.error(404, {}, b"").raw is None


def test_an_unknown_previous_response_has_openais_code_and_arks_own_body() -> None:
    message = "Previous response with id resp_1 not found. Request id: 0217"
    fault = {"message": message, "param": "previous_response_id", "type": "BadRequest"}
    for code, told in (
        ("InvalidParameter.PreviousResponseNotFound", "previous_response_not_found"),
        ("InvalidParameter", "InvalidParameter"),
    ):
        raw = orjson.dumps({"error": {**fault, "code": code}})
        error = BACKEND.error(400, {}, raw)
        assert (error.status, error.code, error.param) == (400, told, "previous_response_id")
        assert (error.message, error.raw) == (message, raw)


@pytest.mark.parametrize("api", ["chat", "responses"])
def test_pictures_are_taken_as_urls_and_file_ids_on_responses_only(api: str) -> None:
    rules = BACKEND.media[api].image
    assert rules
    assert rules.takes_urls
    assert rules.takes_file_ids is (api == "responses")
    assert rules.max_bytes == 10 * 1024 * 1024


def test_image_process_takes_less_than_the_model_itself() -> None:
    tool = {"tools": [{"type": "image_process"}]}
    with_tool = BACKEND.media_for("responses", tool).image
    without = BACKEND.media_for("responses", {"tools": [{"type": "function", "name": "f"}]}).image
    assert with_tool
    assert without
    gone = without.formats - with_tool.formats
    assert gone == {"image/dib", "image/sgi", "image/heic", "image/heif"}
    assert BACKEND.media_for("embeddings", tool).image is None


def test_a_body_that_grew_over_the_limit_is_refused_with_both_figures() -> None:
    body = {"model": "m", "input": "x" * (64 << 20)}
    with pytest.raises(InvalidRequest) as caught:
        BACKEND.request("responses", body, {})
    assert caught.value.status == 413
    assert str(64 << 20) in caught.value.message


@given(st.lists(st.sampled_from(["reasoning.encrypted_content", "file_search_call.results"]) | json_values))
def test_only_the_includes_that_ark_knows_go_up_and_each_other_is_named(include: list[object]) -> None:
    body, _, changes = BACKEND.prepare("responses", {"include": include})
    kept = [i for i, value in enumerate(include) if value == "reasoning.encrypted_content"]
    assert body["include"] == [include[i] for i in kept]
    assert [change.what for change in changes] == [
        f"drop:include[{i}]" for i in range(len(include)) if i not in kept
    ]


@pytest.mark.parametrize(
    "caching", [{"type": "enabled"}, {"type": "enabled", "prefix": True}, {}, True, "on"]
)
@pytest.mark.parametrize(
    "why", [{"instructions": "x"}, {"tools": [{"type": "image_process"}]}, {"tools": [{}]}, {"tools": ["x"]}]
)
def test_caching_goes_where_ark_refuses_it(caching: object, why: dict[str, object]) -> None:
    body, _, changes = BACKEND.prepare("responses", {"caching": caching, **why})
    assert "caching" not in body
    assert [change.what for change in changes] == ["drop:caching"]


@pytest.mark.parametrize(
    "harmless", [{}, {"instructions": None}, {"tools": []}, {"tools": [{"type": "function", "name": "f"}]}]
)
def test_caching_stays_where_ark_takes_it(harmless: dict[str, object]) -> None:
    asked = {"caching": {"type": "enabled"}, **harmless}
    assert BACKEND.prepare("responses", asked) == (asked, {}, [])


def test_the_refusal_of_rivals_names_the_rivals_place() -> None:
    tools = [{"type": "image_process"}, {"type": "function"}, {"type": "doubao_app"}]
    with pytest.raises(InvalidRequest) as caught:
        BACKEND.prepare("responses", {"tools": tools})
    assert (caught.value.status, caught.value.param) == (400, "tools[2]")
