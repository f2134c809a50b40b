"""What is planned for a reference: kept, checked or loaded, by what it points to and what the backend takes."""

from typing import Any

import pytest

from gateway.backends.ark_media import MEDIA
from gateway.backends.media import MB, ClipRules, ImageRules, MediaRules, pictures
from gateway.backends.modelarts import ModelArts
from gateway.errors import InvalidRequest
from gateway.media.fetch.guard import AllowList
from gateway.media.plan import Plan, plan, rules_for, upload_over
from gateway.settings import Images
from gateway.wire import media
from gateway.wire.media import MediaRef

OWN, FOREIGN = "file-" + "0" * 32, "file-20251121-abcde"
SOURCES = {
    "remote": "https://example.com/a.png?secret=1",
    "intranet": "https://store.intra/a.png",
    "data": "data:image/png;base64,iVBORw0KGgo=",
    "base64": "iVBORw0KGgo" * 8,
    "local": "file:///pictures/a.png",
}
LOCAL = {"local_roots": ["/pictures"]}


def ref(value: str, part: str = "image_url") -> MediaRef:
    where = {"file_id": value} if value.startswith("file-") else {"url": value}
    field = {"input_audio": "input_audio", "file": "file"}.get(part, part)
    if part == "file" and "url" in where:
        where = {"file_url": value}
    body = {"messages": [{"role": "user", "content": [{"type": part, field: where}]}]}
    return media.find("chat", body)[0]


def planned(value: str, rules: Any, part: str = "image_url", **settings: Any) -> Plan:
    images = Images.model_validate({"allow_hosts": ["store.intra", "10.0.0.0/8"], **settings})
    return plan(ref(value, part), "The backend", rules, images, AllowList.parse(images.allow_hosts))


def refused(value: str, rules: Any, part: str = "image_url", **settings: Any) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        planned(value, rules, part, **settings)
    assert caught.value.param == f"messages[0].content[0].{part}"
    return caught.value


URLS_ONLY = ImageRules(pictures("png"), takes_urls=True)
DATA_ONLY = ImageRules(pictures("png"))
WITH_IDS = ImageRules(pictures("png"), takes_urls=True, takes_file_ids=True)
CLIP = ClipRules(frozenset({"video/mp4"}), takes_urls=True, takes_file_ids=True, max_bytes=50 * MB)
SHOWN = ClipRules(frozenset(), as_pictures=True)


@pytest.mark.parametrize(
    ("source", "rules", "remote", "step"),
    [
        ("remote", URLS_ONLY, "normalise", "load"),
        ("remote", URLS_ONLY, "forward", "keep"),
        ("remote", DATA_ONLY, "forward", "load"),
        ("intranet", URLS_ONLY, "forward", "load"),  # the backend could not reach it
        ("data", URLS_ONLY, "normalise", "check"),
        ("data", DATA_ONLY, "forward", "check"),
        ("data", WITH_IDS, "normalise", "load"),  # the backend may have it already
        ("base64", DATA_ONLY, "forward", "load"),
        ("local", WITH_IDS, "forward", "load"),
        ("remote", CLIP, "forward", "keep"),
        ("remote", SHOWN, "forward", "load"),
        ("data", CLIP, "normalise", "load"),
    ],
)
def test_the_step(source: str, rules: Any, remote: str, step: str) -> None:
    part = "video_url" if isinstance(rules, ClipRules) else "image_url"
    told = planned(SOURCES[source], rules, part, remote=remote, **LOCAL)
    assert told.step == step
    assert told.why
    assert "secret" not in told.why


def test_an_address_in_an_allowed_network_is_not_left_to_the_backend() -> None:
    assert planned("http://10.1.2.3:8080/a.png", URLS_ONLY, remote="forward").step == "load"


def test_a_url_that_no_backend_should_see_is_refused_instead_of_forwarded() -> None:
    error = refused("https://169.254.169.254/latest?token=secret", URLS_ONLY, remote="forward")
    assert "cannot be forwarded" in error.message
    assert "secret" not in error.message


@pytest.mark.parametrize("rules", [WITH_IDS, DATA_ONLY, CLIP, SHOWN])
def test_the_gateways_own_files_are_loaded_everywhere(rules: Any) -> None:
    part = "video_url" if isinstance(rules, ClipRules) else "image_url"
    told = planned(OWN, rules, part)
    assert told.step == "load"
    assert told.why.startswith("read from the gateway's files")


def test_a_backends_own_file_id_is_kept_where_it_takes_them_and_refused_elsewhere() -> None:
    assert planned(FOREIGN, WITH_IDS).step == "keep"
    error = refused(FOREIGN, DATA_ONLY)
    assert error.code == "unsupported_file_id"
    assert FOREIGN in error.message


@pytest.mark.parametrize("rules", [DATA_ONLY, WITH_IDS])
def test_local_files_are_refused_where_no_folder_is_open(rules: Any) -> None:
    error = refused(SOURCES["local"], rules)
    assert "images.local_roots" in error.message
    assert "/pictures" not in error.message


@pytest.mark.parametrize(
    ("rules", "configured", "over"),
    [
        (DATA_ONLY, 5, None),
        (WITH_IDS, 5, 5),
        (MEDIA["responses"].image, 5, 5),
        (MEDIA["responses"].image, 20 * MB, 10 * MB),  # what cannot be sent along is uploaded in any case
        (MEDIA["responses"].video, 5, 5),
        (MEDIA["responses"].video, 60 * MB, 50 * MB),
        (MEDIA["chat"].video, 5, 40 * MB),
        (MEDIA["chat"].audio, 5, 25 * MB),
        (MEDIA["multimodal"].video, 5, None),
        (ModelArts.media["chat"].video, 5, None),
    ],
)
def test_the_size_over_which_it_goes_by_file_id(rules: Any, configured: int, over: int | None) -> None:
    assert upload_over(rules, Images(upload_over=configured)) == over


def test_the_reason_names_the_size_that_decides() -> None:
    assert f"over {5 << 10} bytes" in planned(SOURCES["data"], WITH_IDS, upload_over=5 << 10).why
    why = planned(SOURCES["remote"], SHOWN, "video_url").why
    assert why == "fetched, then shown as pictures of its frames"
    pdf = planned("https://example.com/a.pdf", SHOWN, "file").why
    assert pdf == "fetched, then shown as pictures of its pages"


@pytest.mark.parametrize(
    ("part", "noun"),
    [("image_url", "pictures"), ("video_url", "video"), ("input_audio", "audio"), ("file", "PDF files")],
)
def test_what_the_backend_does_not_take_in_any_form_is_refused_by_name(part: str, noun: str) -> None:
    one = ref(FOREIGN, part)
    with pytest.raises(InvalidRequest) as caught:
        rules_for(one, "The backend", MediaRules())
    assert caught.value.message == f"The backend takes no {noun} here."
    assert (caught.value.code, caught.value.param) == (f"unsupported_{one.kind}", one.param)
    everything = MediaRules(image=WITH_IDS, video=CLIP, audio=CLIP, file=SHOWN)
    assert rules_for(one, "The backend", everything) is everything.of(one.kind)
