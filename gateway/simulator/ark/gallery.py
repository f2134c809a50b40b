"""Stand-ins for the media that Ark's own documentation points to, so that its examples run without a network."""

import io
import re
from collections.abc import Callable, Mapping

from PIL import Image, ImageDraw, ImageFilter

_URL = re.compile(r"https://ark-project\.tos-cn-beijing\.volces\.com/(?:.*/)?([^/]+)")
_SIZE = (1200, 800)
_BERRIES = ((180, 240), (420, 150), (640, 330), (860, 180), (980, 480), (330, 520), (620, 600))


def stand_in(url: str) -> bytes | None:
    """What stands at a documentation URL; None for any other URL."""
    found = _URL.fullmatch(url)
    if found and found[1] in _CLIPS:
        return _CLIPS[found[1]]()
    draw = _PICTURES.get(found[1]) if found else None
    if draw is None:
        return None
    target = io.BytesIO()
    draw().save(target, "PNG" if url.endswith(".png") else "JPEG")
    return target.getvalue()


def strawberries() -> Image.Image:
    """Seven strawberries on a table, with enough grain that a PNG of it is large."""
    grain = Image.effect_noise(_SIZE, 40).convert("RGB")
    picture = Image.blend(Image.new("RGB", _SIZE, (214, 190, 160)), grain, 0.25)
    pen = ImageDraw.Draw(picture)
    for x, y in _BERRIES:
        pen.polygon([(x - 60, y - 40), (x + 60, y - 40), (x, y + 80)], fill=(200, 20, 40))
        pen.ellipse([x - 62, y - 75, x + 62, y + 15], fill=(200, 20, 40))
        pen.polygon([(x - 45, y - 72), (x, y - 100), (x + 45, y - 72), (x, y - 50)], fill=(40, 140, 50))
    return picture.filter(ImageFilter.SMOOTH)


def _street() -> Image.Image:
    picture = Image.new("RGB", _SIZE, (150, 190, 220))
    pen = ImageDraw.Draw(picture)
    pen.polygon([(0, 800), (520, 400), (680, 400), (1200, 800)], fill=(90, 90, 90))
    pen.rectangle([500, 140, 700, 220], fill=(20, 80, 200))
    pen.text((560, 170), "G6 EXIT 12", fill="white")
    return picture


def _lake() -> Image.Image:
    picture = Image.new("RGB", _SIZE, (120, 180, 230))
    pen = ImageDraw.Draw(picture)
    pen.polygon([(0, 420), (400, 120), (800, 420)], fill=(240, 240, 245))
    pen.rectangle([0, 420, 1200, 800], fill=(60, 120, 180))
    pen.ellipse([500, 560, 760, 620], fill=(240, 150, 40))
    return picture


_PICTURES: Mapping[str, Callable[[], Image.Image]] = {
    "image_process_1.jpg": _street,
    "image_process_2.jpg": strawberries,
    "view.jpeg": _lake,
    "seedream4_imageToimage.png": _lake,
}


def _document() -> bytes:
    target = io.BytesIO()
    _street().save(target, "PDF", save_all=True, append_images=[_lake()])
    return target.getvalue()


# Of a video and of audio the simulator counts the bytes alone.
_CLIPS: Mapping[str, Callable[[], bytes]] = {
    "ark_vlm_video_input.mp4": lambda: b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(5000),
    "ark_demo_audio.mp3": lambda: b"ID3\4\0\0\0\0\0\0" + bytes(3000),
    "demo.pdf": _document,
}
