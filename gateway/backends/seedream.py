"""Ark's Seedream: what each generation takes of OpenAI's image generation, and how its answers are told."""

from dataclasses import dataclass

from gateway.backends import picture_size
from gateway.backends.base import Change, Json, Rule
from gateway.backends.generation import HINTS, failed, several, shown, unsupported
from gateway.backends.picture_size import Pixels, Sides, Size
from gateway.wire import fault

_TIERS = {"1K": 1024, "1.5K": 1536, "2K": 2048, "3K": 3072, "4K": 4096}
_FORMATS = {"jpeg": "jpeg", "jpg": "jpeg", "png": "png"}
# Parts of the codes with which Ark refuses a prompt or a picture for its content.
_CONTENT = ("Sensitive", "RiskDetection")


@dataclass(frozen=True)
class Generation:
    """One generation of models. ``sizes``: None where its limits are not known."""

    sizes: Pixels | Sides | None = None
    formats: tuple[str, ...] = ("jpeg",)
    transparent: bool = False


# The first name found in the model's decides. An endpoint's id (ep-…) tells no generation: what it takes is for Ark to say.
_GENERATIONS = {
    "seedream-5-0-pro": Generation(Pixels(921_600, 4_624_220), ("jpeg", "png"), transparent=True),
    "seedream-5-0": Generation(Pixels(3_686_400, 16_777_216), ("jpeg", "png")),
    "seedream-4-5": Generation(Pixels(3_686_400, 16_777_216)),
    "seedream-4-0": Generation(Pixels(921_600, 16_777_216)),
    "seedream-3-0": Generation(Sides(512, 2048)),
}
_UNKNOWN = Generation(formats=("jpeg", "png"), transparent=True)


def _model(body: Json) -> str:
    return str(body.get("model", ""))


def _generation(body: Json) -> Generation:
    name = _model(body).lower().replace(".", "-").replace("_", "-")
    return next((made for part, made in _GENERATIONS.items() if part in name), _UNKNOWN)


def _size(body: Json, rule: Rule) -> list[Change]:
    asked = body.get("size")
    if asked is None or asked == "auto":
        return [] if body.pop("size", None) is None else [Change("drop:size", rule.why)]
    if not isinstance(asked, str):
        raise _malformed(asked)
    fitting = _fitting(asked, _generation(body), _model(body))
    if fitting == asked:
        return []
    body["size"] = fitting
    return [Change(f"size:{asked}={fitting}", rule.why)]


def _fitting(asked: str, made: Generation, model: str) -> str:
    if made.sizes is None:
        return asked
    side = _TIERS.get(asked.upper())
    if side and isinstance(made.sizes, Pixels):
        return _tier(asked, side, made.sizes, model)
    if side:
        return asked
    size = picture_size.parse(asked)
    if size is None:
        raise _malformed(asked)
    return str(made.sizes.fit(size, model))


def _tier(asked: str, side: int, sizes: Pixels, model: str) -> str:
    """A tier leaves the ratio to the model: one that is too small becomes the next that will do, not a square."""
    if sizes.fit(Size(side, side), model) == (side, side):
        return asked
    return next(name for name, other in _TIERS.items() if other * other >= sizes.least)


def _malformed(asked: object) -> Exception:
    text = "`size` must be WIDTHxHEIGHT in pixels (2048x2048), a tier (2K) or auto"
    return picture_size.refused(f"{text}, not {shown(asked)}.")


def _background(body: Json, rule: Rule) -> list[Change]:
    asked = body.get("background")
    if asked in (None, "auto", "opaque"):
        return [] if body.pop("background", None) is None else [Change("drop:background", rule.why)]
    if not _generation(body).transparent:
        raise unsupported(
            "background", f"`background` cannot be {shown(asked)} on {_model(body)}: {rule.why}"
        )
    return []


def _output_format(body: Json, rule: Rule) -> list[Change]:
    asked = body.pop("output_format", None)
    if asked is None:
        return []
    formats = _generation(body).formats
    wanted = _FORMATS.get(asked) if isinstance(asked, str) else None
    if wanted not in formats:
        gives = " or ".join(formats)
        text = f"`output_format` cannot be {shown(asked)}: {_model(body)} gives {gives}."
        raise unsupported("output_format", text)
    if len(formats) == 1:
        return [Change("drop:output_format", rule.why)]
    body["output_format"] = wanted
    return [] if wanted == asked else [Change(f"output_format:{asked}={wanted}", rule.why)]


def _alone(body: Json) -> str | None:
    if body.get("stream"):
        return "one stream tells one call of Ark; leave out `stream`, or ask for a series with `sequential_image_generation`."
    if body.get("sequential_image_generation") not in (None, "disabled"):
        return "`sequential_image_generation` makes several already; leave out one of the two."
    return None


RULES = (
    Rule(
        "size",
        "each model has limits of its own: what is smaller is scaled up in its ratio, and auto is the model's default.",
        _size,
    ),
    several(_alone),
    Rule("background", "only Seedream 5.0 pro makes transparent pictures.", _background),
    Rule("output_format", "JPEG is what Seedream gives; from 5.0 on PNG too.", _output_format),
    *HINTS,
)


def status(answer: Json) -> int | None:
    """The status that an answer under 200 deserves where no picture came of it; None for a real answer."""
    if not failed(answer):
        return None
    told = fault.of(answer)
    return 400 if told and any(part in (told.code or "") for part in _CONTENT) else 502
