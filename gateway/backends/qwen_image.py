"""ModelArts' qwen-image and qwen_image_edit: what they take of OpenAI's image generation, and their answers in its form."""

from gateway.backends import picture_size
from gateway.backends.base import Change, Json, Rule, refuse
from gateway.backends.generation import HINTS, failed, only, several, shown, unsupported
from gateway.backends.picture_size import Sides
from gateway.errors import InvalidRequest
from gateway.wire import body as wire_body
from gateway.wire import fault, sse

_SIZES = Sides(512, 3072, 16)
_DEFAULT_SIZE = "1024x1024"
_FORMS = (None, "b64_json", "url")
_MILLISECONDS = 100_000_000_000  # as seconds this is the year 5138
SENSITIVE = "ModelArts.81011"


def _model(body: Json) -> str:
    return str(body.get("model", ""))


def _edits(body: Json) -> bool:
    return "edit" in _model(body).lower()


def _size(body: Json, rule: Rule) -> list[Change]:
    asked = body.get("size")
    if _edits(body):
        return [] if body.pop("size", None) is None else [Change("drop:size", rule.why)]
    if asked is None:
        body["size"] = _DEFAULT_SIZE
        return [Change("add-field:size", rule.why)]
    size = picture_size.parse(_DEFAULT_SIZE if asked == "auto" else asked) if isinstance(asked, str) else None
    if size is None:
        text = f"`size` must be WIDTHxHEIGHT in pixels (1024x1024) or auto, not {shown(asked)}."
        raise picture_size.refused(text)
    fitting = str(_SIZES.fit(size, _model(body)))
    body["size"] = fitting
    return [] if fitting == asked else [Change(f"size:{asked}={fitting}", rule.why)]


def _response_format(body: Json, rule: Rule) -> list[Change]:
    asked = body.get("response_format")
    if asked not in _FORMS:
        text = f"`response_format` must be url or b64_json, not {shown(asked)}."
        raise unsupported("response_format", text)
    return [Change("response_format:url=data-url", rule.why)] if asked == "url" else []


def _image(body: Json, rule: Rule) -> list[Change]:
    image = body.get("image")
    if isinstance(image, list) and len(image) > 1:
        text = f"`image` holds {len(image)} pictures; {_model(body)} takes 1: {rule.why}"
        raise InvalidRequest(text, param="image", code="too_many_images")
    return []


RULES = (
    Rule(
        "size",
        "ModelArts wants sides of 512 to 3072 pixels in steps of 16, and has no default; an edited picture keeps its own.",
        _size,
        always=True,
    ),
    several(lambda body: None),
    Rule(
        "response_format",
        "ModelArts has no URLs to give: the `url` of the answer holds the picture itself, as a data URL.",
        _response_format,
    ),
    Rule("image", "ModelArts edits one picture at a time.", _image),
    refuse("stream", "ModelArts sends pictures whole; leave `stream` out.", unless=(False,)),
    only("background", "ModelArts makes opaque pictures only.", "auto", "opaque"),
    only("output_format", "ModelArts gives JPEG only.", "jpeg", "jpg"),
    *HINTS,
)


def sent(body: Json) -> Json:
    """The body in ModelArts' own form: it knows one response format, and one picture that stands in no list."""
    image = body.get("image")
    alone = {"image": image[0]} if isinstance(image, list) and len(image) == 1 else {}
    return body | alone | {"response_format": "b64_json"}


def answer(raw: bytes, request: Json) -> bytes:
    """A whole answer in OpenAI's form; one without pictures stays as it is."""
    value = sse.Event("", raw).json()
    if value is None or not isinstance(value.get("data"), list):
        return raw
    created = value.get("created")
    if isinstance(created, int) and created >= _MILLISECONDS:
        value["created"] = created // 1000
    if not value.get("error"):
        value.pop("error", None)
    as_url = request.get("response_format") == "url"
    value["data"] = [_picture(one, as_url) if isinstance(one, dict) else one for one in value["data"]]
    return wire_body.dump(value)


def _picture(one: Json, as_url: bool) -> Json:
    told = {name: value for name, value in one.items() if name != "b64_json" and value is not None}
    encoded = one.get("b64_json")
    if not isinstance(encoded, str):
        return told
    if as_url:
        return told | {"url": encoded if encoded.startswith("data:") else f"data:image/jpeg;base64,{encoded}"}
    return told | {"b64_json": encoded.partition(",")[2] if encoded.startswith("data:") else encoded}


def status(answer: Json) -> int | None:
    """The status that an answer under 200 deserves where no picture came of it; None for a real answer."""
    if not failed(answer):
        return None
    told = fault.of(answer)
    return 400 if told and told.code == SENSITIVE else 502
