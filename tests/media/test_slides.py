"""What a child says of the frames and pages that it made is not taken on trust."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from gateway.backends.modelarts import ModelArts
from gateway.errors import InvalidRequest
from gateway.media.blob import Blob
from gateway.media.resolved import Place, Resolved
from gateway.media.slides import Slides, wishes
from gateway.media.sources import Loaded
from gateway.media.workshop import Product, Workshop
from gateway.settings import Images
from gateway.wire import media
from gateway.wire.media import MediaRef
from tests.media.formats.samples import encode, picture

JPEG = encode(picture(), "JPEG")
FRAME = {"at": 0.5, "fps": 1.0}
PAGE = {"page": 1, "pages": 1}
WRONG: tuple[Any, ...] = (None, "1", [1], float("nan"), float("inf"))


class Answered(Workshop):
    """A workshop whose child has given this answer."""

    def __init__(self, *products: Product) -> None:
        super().__init__(parallel=1, seconds=1)
        self._products = list(products)

    async def run(self, job: str, orders: Mapping[str, Any], source: bytes | Path) -> list[Product]:
        return self._products


def ref_of(kind: str, **fields: Any) -> MediaRef:
    held = {"url": "https://a/b"} if kind == "video_url" else {"file_url": "https://a/b"}
    part = {"type": kind, kind: {**held, **fields}}
    [ref] = media.find("chat", {"messages": [{"role": "user", "content": [part]}]})
    return ref


async def shown(kind: str, *products: Product) -> Resolved:
    backend = ModelArts("maas", "https://maas.example/v1", "k")
    place = Place(backend, "chat", ModelArts.media["chat"], "k", "owner")
    return await Slides(Images(), Answered(*products)).show(
        ref_of(kind), Loaded(Blob.of(b"clip"), name="b"), place
    )


async def test_what_is_true_is_shown() -> None:
    for kind, meta, label in (("video_url", FRAME, "[0.5 s]"), ("file", PAGE, "[b, page 1 of 1]")):
        resolved = await shown(kind, Product(meta, JPEG))
        assert isinstance(resolved.new, list)
        assert resolved.new[0] == {"type": "text", "text": label}
        assert str(resolved.new[1]["image_url"]["url"]).startswith("data:image/jpeg;base64,/9j/")
        assert resolved.notes == ()


@pytest.mark.parametrize(
    ("kind", "meta", "data"),
    [
        *(("video_url", {**FRAME, name: value}, JPEG) for name in FRAME for value in WRONG),
        *(("file", {**PAGE, name: value}, JPEG) for name in PAGE for value in WRONG),
        ("video_url", {}, JPEG),
        ("file", PAGE, encode(picture(), "PNG")),
        ("file", {**PAGE, "mime": "image/jpeg"}, b"no picture"),
        ("video_url", {**FRAME, "mime": "image/jpeg"}, b""),
    ],
)
async def test_what_is_not_is_a_refusal(kind: str, meta: dict[str, Any], data: bytes) -> None:
    with pytest.raises(InvalidRequest) as refused:
        await shown(kind, Product(meta, data))
    assert refused.value.code == "undecodable"
    assert refused.value.param == f"messages[0].content[0].{kind if kind == 'video_url' else 'file.file_url'}"


@pytest.mark.parametrize("kind", ["video_url", "file"])
async def test_nothing_at_all_is_a_refusal(kind: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        await shown(kind)
    assert refused.value.code == "nothing_to_see"


def test_wishes() -> None:
    stored = Loaded(Blob.of(b""), preprocess={"video": {"fps": 0.3, "min_frames": 5}})
    plain = Loaded(Blob.of(b""))
    assert wishes(ref_of("video_url"), plain) == {}
    assert wishes(ref_of("video_url", fps=None), stored) == {"fps": 0.3, "min_frames": 5}
    assert wishes(ref_of("video_url", fps=5), stored) == {"fps": 5, "min_frames": 5}
    assert wishes(ref_of("video_url", fps=0.2), plain) == {"fps": 0.2}
    assert wishes(ref_of("file", fps="any"), stored) == {}


@pytest.mark.parametrize("fps", [0, 0.19, 5.01, -1, True, "1", [1], {"a": "b" * 500}])
def test_wishes_that_no_backend_takes(fps: Any) -> None:
    with pytest.raises(InvalidRequest) as refused:
        wishes(ref_of("video_url", fps=fps), Loaded(Blob.of(b"")))
    assert refused.value.param == "messages[0].content[0].video_url.fps"
    assert "0.2 to 5" in refused.value.message
    assert len(refused.value.message) <= 200
