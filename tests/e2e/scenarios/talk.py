"""A conversation in no API's words, and how a caller of each API writes it down."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.e2e.pictures import data_url

Json = dict[str, Any]
Finish = Literal["stop", "tool_calls", "length", "content_filter"]


@dataclass(frozen=True)
class Picture:
    """One that is sent as it is; the colour and the shape are what the models tell of it."""

    data: bytes
    colour: str
    shape: str = "PNG 64x48"
    detail: str | None = None

    @property
    def url(self) -> str:
        return data_url(self.data, f"image/{self.shape.split()[0].lower()}")


@dataclass(frozen=True)
class Said:
    """A message; ``whole`` writes its one text as a string, not as a list of parts."""

    role: str
    parts: tuple[str | Picture, ...]
    whole: bool = False


@dataclass(frozen=True)
class Output:
    """What the function gave whose call was the n-th of the answer before."""

    call: int
    parts: tuple[str | Picture, ...]
    whole: bool = True


@dataclass(frozen=True)
class Heard:
    """An answer, as its caller understands it."""

    text: str = ""
    thought: str = ""
    calls: tuple[tuple[str, str], ...] = ()  # names and arguments
    finish: Finish | None = None
    refusal: str = ""

    @property
    def finished(self) -> Finish:
        return self.finish or ("tool_calls" if self.calls else "stop")

    @property
    def script(self) -> Json:
        """What makes a simulated model say it."""
        said: Json = {"thought": self.thought, "text": self.text}
        said["calls"] = [{"name": name, "arguments": arguments} for name, arguments in self.calls]
        if self.refusal:
            said["refusal"] = self.refusal
        return said | ({"finish": self.finish} if self.finish else {})


@dataclass(frozen=True)
class Answer:
    """An answer with what a caller needs to go on: its calls' ids, and itself as a piece of the history."""

    heard: Heard
    call_ids: list[str]
    history: list[Json]
    usage: tuple[int, int, int] | None = None  # input, output, and reasoning among the output


@dataclass
class Conversation:
    """The history of one caller in its API."""

    api: str
    items: list[Json] = field(default_factory=list)
    call_ids: list[str] = field(default_factory=list)

    def say(self, said: Said | Output) -> None:
        content = list(self._content(said))
        told = content[0]["text"] if said.whole and len(content) == 1 else content
        if isinstance(said, Said):
            self.items.append({"role": said.role, "content": told})
        elif self.api == "chat":
            id = self.call_ids[said.call]
            self.items.append({"role": "tool", "tool_call_id": id, "content": told})
        else:
            id = self.call_ids[said.call]
            self.items.append({"type": "function_call_output", "call_id": id, "output": told})

    def hear(self, answer: Answer) -> None:
        self.items += answer.history
        self.call_ids = answer.call_ids

    def body(self, settings: Json) -> Json:
        told = spelled(self.api, settings)
        if self.api == "responses":
            return {"input": list(self.items), **told}
        instructions = told.pop("instructions", None)
        first = [{"role": "system", "content": instructions}] if instructions else []
        return {"messages": [*first, *self.items], **told}

    def _content(self, said: Said | Output) -> Iterator[Json]:
        answer = isinstance(said, Said) and said.role == "assistant"
        kind = "text" if self.api == "chat" else "output_text" if answer else "input_text"
        for part in said.parts:
            yield self._picture(part) if isinstance(part, Picture) else {"type": kind, "text": part}

    def _picture(self, picture: Picture) -> Json:
        detail = {"detail": picture.detail} if picture.detail else {}
        if self.api == "chat":
            return {"type": "image_url", "image_url": {"url": picture.url, **detail}}
        return {"type": "input_image", "image_url": picture.url, **({"detail": "auto"} | detail)}


def spelled(api: str, settings: Json) -> Json:
    """Settings by the names that an API has for them."""
    return dict(_spelled(api, name, value) for name, value in settings.items())


def _spelled(api: str, name: str, value: Any) -> tuple[str, Any]:
    chat = api == "chat"
    match name:
        case "limit":
            return ("max_tokens" if chat else "max_output_tokens"), value
        case "effort":
            return ("reasoning_effort", value) if chat else ("reasoning", {"effort": value})
        case "functions":
            return "tools", [_function(function, nested=chat) for function in value]
        case "choice" if isinstance(value, dict):
            named = {"function": value} if chat else value
            return "tool_choice", {"type": "function", **named}
        case "choice":
            return "tool_choice", value
        case "format" if "schema" in value and chat:
            return "response_format", {"type": "json_schema", "json_schema": value}
        case "format":
            format = {"type": "json_schema", **value} if "schema" in value else value
            return ("response_format", format) if chat else ("text", {"format": format})
        case _:
            return name, value


def _function(function: Json, *, nested: bool) -> Json:
    return {"type": "function", "function": function} if nested else {"type": "function", **function}


def arrived(spoken: str, body: Json) -> tuple[list[tuple[str, str, str]], list[tuple[str, Any]]]:
    """The calls of a body that a backend received, with their ids, and the ids and texts of their outputs."""
    if spoken == "responses":
        calls = [one for one in body["input"] if one.get("type") == "function_call"]
        outputs = [one for one in body["input"] if one.get("type") == "function_call_output"]
        return (
            [(call["call_id"], call["name"], call["arguments"]) for call in calls],
            [(output["call_id"], _text(output["output"])) for output in outputs],
        )
    told = [call for message in body["messages"] for call in message.get("tool_calls") or ()]
    tools = [message for message in body["messages"] if message["role"] == "tool"]
    return (
        [(call["id"], call["function"]["name"], call["function"]["arguments"]) for call in told],
        [(message["tool_call_id"], _text(message["content"])) for message in tools],
    )


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(part["text"] for part in content if "text" in part)
