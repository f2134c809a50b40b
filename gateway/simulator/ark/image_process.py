"""The image_process tool: rounds of zoom, point, grounding and rotate, each on the result of the one before."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from PIL import Image, ImageDraw

from gateway.simulator.ark.picture_rules import IMAGE_PROCESS_FORMATS
from gateway.simulator.pictures import Picture, Unreadable, decode, encode, inspect, measure

Arguments = dict[str, Any]
Box = tuple[float, float, float, float]

# What a prompt calls each sub-tool; the order is that of preference when it names none.
_NAMES = {
    "zoom": ("zoom", "放大"),
    "point": ("point", "画点", "数"),
    "grounding": ("grounding", "框"),
    "rotate": ("rotate", "旋转"),
}
_LINE_WORDS = ("line", "连线", "画线")
_CROP_WORDS = ("crop", "裁剪")
_MOST_ROUNDS = 10
_GRID = 1000  # coordinates run from 0 to 999 on either axis
_MIDDLE = "<bbox>250 250 749 749</bbox>"
_ENDS = "<point>250 500</point><point>750 500</point>"
_CENTRE = "<point>500 500</point>"
_MARK = (255, 0, 0)
_ANGLE = re.compile(r"(\d{1,3})\s*(?:°|度|degrees?)")


@dataclass(frozen=True)
class Round:
    action: str
    arguments: Arguments
    result: Picture | None = None
    error: str | None = None


def enabled_actions(tool: Mapping[str, Any]) -> list[str]:
    return [name for name in _NAMES if (tool.get(name) or {}).get("type", "enabled") == "enabled"]


def planned_actions(prompt: str, enabled: Sequence[str]) -> list[str]:
    """The sub-tools that the prompt names, in its order, or the first enabled one."""
    places = {name: _first_mention(prompt.lower(), name) for name in enabled}
    named = sorted((name for name in enabled if places[name] >= 0), key=lambda name: places[name])
    return (named or list(enabled[:1]))[:_MOST_ROUNDS]


def run_rounds(
    seen: Sequence[Picture], prompt: str, actions: Sequence[str], failure: str | None = None
) -> list[Round]:
    """Works on the newest picture of the conversation; ends at the first failure."""
    rounds: list[Round] = []
    picture, index = seen[-1], len(seen) - 1
    for action in actions:
        done = _run(picture, action, _ARGUMENTS[action](prompt, index), failure)
        rounds.append(done)
        if done.result is None:
            break
        picture, index = done.result, index + 1
    return rounds


def _run(picture: Picture, action: str, arguments: Arguments, failure: str | None) -> Round:
    if failure is not None:
        return Round(action, arguments, error=failure)
    if picture.format not in IMAGE_PROCESS_FORMATS:
        return Round(action, arguments, error=f"image format {picture.format.lower()} is not supported")
    try:
        image = _ACTIONS[action](decode(picture), arguments)
    except Unreadable as error:
        return Round(action, arguments, error=str(error))
    origin = f"{action} of image {arguments['image_index']}"
    return Round(action, arguments, replace(inspect(measure(encode(image))), origin=origin))


def _zoom(image: Image.Image, arguments: Arguments) -> Image.Image:
    cut = _cropped(image, arguments["bbox_str"])
    scale = arguments["scale"]
    return cut.resize((max(1, int(cut.width * scale)), max(1, int(cut.height * scale))))


def _point(image: Image.Image, arguments: Arguments) -> Image.Image:
    centres = [_pixels(image, numbers) for numbers in _tagged("point", arguments["points"])]
    radius = max(2, min(image.size) // 20)
    pen = ImageDraw.Draw(image)
    if arguments["draw_line"]:
        pen.line([(x, y) for x, y in centres], fill=_MARK, width=max(1, radius // 2))
    for x, y in centres:
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=_MARK)
    return image


def _ground(image: Image.Image, arguments: Arguments) -> Image.Image:
    if arguments["crop"]:
        return _cropped(image, arguments["bbox_str"])
    width = max(1, min(image.size) // 50)
    ImageDraw.Draw(image).rectangle(_box(image, arguments["bbox_str"]), outline=_MARK, width=width)
    return image


def _rotate(image: Image.Image, arguments: Arguments) -> Image.Image:
    return image.rotate(-arguments["degree"], expand=True)  # clockwise, where Pillow counts the other way


_ACTIONS: Mapping[str, Callable[[Image.Image, Arguments], Image.Image]] = {
    "zoom": _zoom,
    "point": _point,
    "grounding": _ground,
    "rotate": _rotate,
}


def _zoom_arguments(prompt: str, index: int) -> Arguments:
    return {"image_index": index, "bbox_str": _given("bbox", prompt, _MIDDLE), "scale": 2}


def _point_arguments(prompt: str, index: int) -> Arguments:
    line = any(word in prompt.lower() for word in _LINE_WORDS)
    points = _given("point", prompt, _ENDS if line else _CENTRE)
    return {"image_index": index, "points": points, "draw_line": line}


def _ground_arguments(prompt: str, index: int) -> Arguments:
    crop = any(word in prompt.lower() for word in _CROP_WORDS)
    return {"image_index": index, "bbox_str": _given("bbox", prompt, _MIDDLE), "crop": crop}


def _rotate_arguments(prompt: str, index: int) -> Arguments:
    angle = _ANGLE.search(prompt)
    return {"image_index": index, "degree": int(angle[1]) % 360 if angle else 90}


_ARGUMENTS: Mapping[str, Callable[[str, int], Arguments]] = {
    "zoom": _zoom_arguments,
    "point": _point_arguments,
    "grounding": _ground_arguments,
    "rotate": _rotate_arguments,
}


def _first_mention(prompt: str, action: str) -> int:
    places = [place for word in _NAMES[action] if (place := prompt.find(word)) >= 0]
    return min(places, default=-1)


def _given(tag: str, prompt: str, default: str) -> str:
    marks = [f"<{tag}>{' '.join(map(str, numbers))}</{tag}>" for numbers in _tagged(tag, prompt)]
    return "".join(marks if tag == "point" else marks[:1]) or default


def _tagged(tag: str, text: str) -> list[list[int]]:
    count = 4 if tag == "bbox" else 2
    numbers = [[int(n) for n in inner.split()] for inner in re.findall(rf"<{tag}>([\d\s]+)</{tag}>", text)]
    return [found for found in numbers if len(found) == count and max(found) < _GRID]


def _pixels(image: Image.Image, numbers: Sequence[int]) -> tuple[float, float]:
    return numbers[0] * image.width / _GRID, numbers[1] * image.height / _GRID


def _box(image: Image.Image, text: str) -> Box:
    x1, y1, x2, y2 = _tagged("bbox", text)[0]
    left, right = sorted((x1, x2))
    top, bottom = sorted((y1, y2))
    # The last grid line is the picture's far edge.
    return (*_pixels(image, (left, top)), *_pixels(image, (right + 1, bottom + 1)))


def _cropped(image: Image.Image, text: str) -> Image.Image:
    left, top, right, bottom = (round(edge) for edge in _box(image, text))
    return image.crop((left, top, max(right, left + 1), max(bottom, top + 1)))
