"""What became of a request's media, as the caller is told it."""

from typing import Any

from gateway.backends.base import Change
from gateway.media.resolved import Resolved, changes, parts
from gateway.wire import media
from gateway.wire.media import MediaRef

BODY: dict[str, Any] = {
    "input": [
        {
            "role": "user",
            "content": [
                {"type": "input_image", "image_url": "https://example.com/a.png"},
                {"type": "input_image", "image_url": "https://example.com/b.png"},
                {"type": "input_video", "video_url": "https://example.com/c.mp4"},
                {"type": "input_file", "file_url": "https://example.com/d.pdf"},
            ],
        }
    ]
}


def refs() -> list[MediaRef]:
    return media.find("responses", BODY)


def told(*resolved: Resolved) -> list[str]:
    made = changes(resolved)
    assert all(change.why.endswith(".") for change in made)
    return [change.what for change in made]


def test_what_stayed_is_no_change() -> None:
    resolved = [Resolved(ref) for ref in refs()]
    assert told(*resolved) == []
    assert parts(resolved) == {}


def test_deeds_are_counted_by_kind() -> None:
    one, two, video, pdf = refs()
    resolved = (
        Resolved(one, {}, (("converted", 1), ("inlined", 1))),
        Resolved(two, {}, (("inlined", 1),)),
        Resolved(video, [], (("frames", 12),)),
        Resolved(pdf, {}, (("uploaded", 1),), "file-1"),
    )
    assert told(*resolved) == [
        "image:converted=1",
        "image:inlined=2",
        "video:frames=12",
        "file:uploaded=1",
    ]


def test_what_else_is_told_comes_last_and_for_each() -> None:
    *_, pdf = refs()
    cut = Change("file:cut=20/25", "There are more pages than are shown.")
    shown = Resolved(pdf, [], (("pages", 20),), notes=(cut,))
    assert told(shown, shown) == ["file:pages=40", "file:cut=20/25", "file:cut=20/25"]


def test_what_comes_in_their_place_stands_at_their_paths() -> None:
    one, two, video, pdf = refs()
    new = {"type": "input_image", "file_id": "file-1"}
    resolved = [Resolved(one), Resolved(two, new), Resolved(video, []), Resolved(pdf)]
    assert parts(resolved) == {two.path: new, video.path: []}
    body = media.replace(BODY, parts(resolved))
    assert body["input"][0]["content"] == [one.part, new, pdf.part]
