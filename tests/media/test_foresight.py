"""What is foreseen for a part, without sending or fetching anything; refused as the gateway would refuse it."""

import base64
import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from gateway.backends.ark_media import MEDIA
from gateway.backends.media import MediaRules
from gateway.backends.modelarts import ModelArts
from gateway.errors import InvalidRequest
from gateway.media.foresight import foresee
from gateway.settings import Images
from gateway.wire import media

WHERE = "messages[0].content[0].image_url"


def picture(format: str = "PNG", size: tuple[int, int] = (64, 48), **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, "red").save(buffer, format, **options)
    return buffer.getvalue()


def data_url(data: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"


def foreseen(url: str, rules: MediaRules = MEDIA["chat"], part: str = "image_url", **images: Any) -> str:
    body = {"messages": [{"role": "user", "content": [{"type": part, part: {"url": url}}]}]}
    (ref,) = media.find("chat", body)
    return foresee(ref, "The backend", rules, Images.model_validate(images))


def refused(url: str, rules: MediaRules = MEDIA["chat"], **images: Any) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        foreseen(url, rules, **images)
    assert caught.value.param == WHERE
    return caught.value


def test_a_picture_that_can_stay() -> None:
    data = picture()
    told = foreseen(data_url(data))
    assert told.startswith(f"{WHERE}: image/png 64x48, {len(data)} bytes; a data URL")


def test_bare_base64_is_read_too() -> None:
    data = picture()
    assert f"image/png 64x48, {len(data)} bytes" in foreseen(base64.b64encode(data).decode())


def test_what_will_be_mended_is_told_with_its_reason() -> None:
    told = foreseen(data_url(picture("AVIF")))
    assert "image/avif is converted" in told
    frames = [Image.new("RGB", (64, 48), colour) for colour in ("red", "blue")]
    moving = picture("GIF", save_all=True, append_images=frames[1:])
    assert "2 frames" in foreseen(data_url(moving))
    assert "the first frame is taken" in foreseen(data_url(moving), MEDIA["images"])


def test_what_is_uploaded_has_the_limits_of_uploads() -> None:
    large = picture("BMP", (2000, 2000))  # 12 MB
    assert "are brought under" in foreseen(data_url(large), MEDIA["chat"])
    assert "are brought under" not in foreseen(data_url(large), MEDIA["responses"])
    assert "are brought under" not in foreseen(data_url(large), MEDIA["responses"], upload_over=1 << 30)


def test_a_url_is_not_asked() -> None:
    told = foreseen("https://127.0.0.1:1/a.png?token=secret")
    assert told.startswith(f"{WHERE}: fetched, then")
    assert "secret" not in told


def test_a_local_picture_is_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(picture())
    assert "image/png 64x48" in foreseen(str(path), local_roots=[str(tmp_path)])
    assert "local file" in refused(f"{path}x", local_roots=[str(tmp_path)]).message
    assert "images.local_roots" in refused(str(path)).message


def test_a_video_is_not_looked_into() -> None:
    url = "data:video/mp4;base64,AAAA"
    assert foreseen(url, ModelArts.media["chat"], "video_url").endswith("pictures of its frames")


@pytest.mark.parametrize(
    ("data", "images", "words"),
    [
        (b"no picture at all", {}, "not a picture"),
        (picture()[:20], {}, "broken"),
        (picture(size=(10, 10)), {}, "sides of at least 15"),
        (picture("AVIF"), {"on_violation": "reject"}, "image/avif"),
        (picture(), {"max_pixels": 3000}, "images.max_pixels"),
    ],
)
def test_what_the_gateway_would_refuse(data: bytes, images: dict[str, Any], words: str) -> None:
    assert words in refused(data_url(data), **images).message


def test_what_the_backend_does_not_take_at_all() -> None:
    assert refused(data_url(picture()), MediaRules()).code == "unsupported_image"
