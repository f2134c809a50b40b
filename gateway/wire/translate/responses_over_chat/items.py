"""The input of a Responses request as chat's messages."""

from typing import Any

import orjson

from gateway.errors import InvalidRequest, json_type, not_an_object
from gateway.wire.change import Change
from gateway.wire.translate.responses_over_chat import parts

Json = dict[str, Any]

_ROLES = ("user", "system", "developer", "assistant")
_HEAD = frozenset({"type", "id", "status", "phase", "role", "content"})
# What a tool did that chat has not; the model's answers after it stand in the history for themselves.
_HISTORY = frozenset(
    {
        "apply_patch_call", "apply_patch_call_output", "code_interpreter_call", "computer_call",
        "computer_call_output", "custom_tool_call", "custom_tool_call_output", "doubao_app_call",
        "file_search_call", "image_generation_call", "image_process", "image_process_call",
        "knowledge_search_call", "local_shell_call", "local_shell_call_output", "mcp_approval_request",
        "mcp_approval_response", "mcp_call", "mcp_list_tools", "program", "program_output", "shell_call",
        "shell_call_output", "tool_search_call", "tool_search_output", "transcription", "web_search_call",
    }
)  # fmt: skip
_NO_HISTORY = "Chat has no place for what this tool did."
_LATE_THOUGHT = "Chat tells reasoning only with the assistant's message after it, and there is none."
_ENCRYPTED = "Only the service that encrypted it can read it."
_SAID_NOTHING = "Chat backends refuse an assistant's message without content."
_MOVED = "See the next message."


def messages(value: Any) -> tuple[list[Json], list[Change]]:
    """Chat's messages for an input, and what was left out. Raises InvalidRequest naming what cannot be."""
    if isinstance(value, str):
        return [{"role": "user", "content": value}], []
    if value is None:
        raise InvalidRequest(
            "The parameter `input` is missing.", param="input", code="missing_required_parameter"
        )
    if not isinstance(value, list):
        text = f"`input` must be a string or an array of items, not {json_type(value)}."
        raise InvalidRequest(text, param="input", code="invalid_type")
    conversation = _Conversation()
    for i, item in enumerate(value):
        conversation.add(item, f"input[{i}]")
    conversation.end()
    return conversation.messages, conversation.changes


class _Conversation:
    """The messages so far. What the Responses API tells as a row of items is one message of chat's assistant."""

    def __init__(self) -> None:
        self.messages: list[Json] = []
        self.changes: list[Change] = []
        self._thoughts: dict[str, str] = {}  # by the place of their items: they wait for the assistant
        self._shown: list[Json] = []  # media of tools' outputs: they wait for the last tool message in a row

    def add(self, item: Any, param: str) -> None:
        if not isinstance(item, dict):
            raise not_an_object("An input item", item, param=param)
        kind = item.get("type") or ("message" if "role" in item else "item_reference")
        _refuse_stray_media(item, kind, param)
        if kind == "message":
            self._message(item, param)
        elif kind == "reasoning":
            self._reasoning(item, param)
        elif kind == "function_call":
            self._call(item, param)
        elif kind == "function_call_output":
            self._output(item, param)
        elif isinstance(kind, str) and kind in _HISTORY:
            self._drop(param, _NO_HISTORY)
        else:
            raise _unsupported(kind, param)

    def end(self) -> None:
        self._turn()

    def _drop(self, param: str, why: str) -> None:
        self.changes.append(Change(f"drop:{param}", why))

    def _message(self, item: Json, param: str) -> None:
        role = item.get("role")
        if role not in _ROLES:
            text = f"`role` must be one of {', '.join(_ROLES)}."
            raise InvalidRequest(text, param=f"{param}.role", code="invalid_value")
        kept = {name: value for name, value in item.items() if name not in _HEAD and value is not None}
        if role == "assistant":
            found = parts.parts(item.get("content") or "", f"{param}.content")
            self._say(parts.spoken(found), kept, param)
            return
        found = parts.parts(item.get("content"), f"{param}.content")
        self._turn()
        self.messages.append({"role": role, "content": parts.content(found), **kept})

    def _say(self, content: str | list[Json], kept: Json, param: str) -> None:
        if not content:
            self._drop(param, _SAID_NOTHING)
            return
        last = self._speaking()
        # The outputs must follow their calls at once, so that a text between them joins the calls.
        if last is not None and "tool_calls" in last:
            before = last["content"]
            last["content"] = _joined(before, content) if before else content
            last.update(kept)
            return
        self._assistant({"content": content, **kept})

    def _call(self, item: Json, param: str) -> None:
        arguments = item.get("arguments")
        called = {
            "id": _string(item, "call_id", param),
            "type": "function",
            "function": {
                "name": _string(item, "name", param),
                "arguments": "{}" if arguments is None else _text(arguments),
            },
        }
        last = self._speaking()
        if last is None:
            self._assistant({"content": None, "tool_calls": [called]})
            return
        last.setdefault("tool_calls", []).append(called)

    def _output(self, item: Json, param: str) -> None:
        call_id, output = _string(item, "call_id", param), item.get("output")
        found = parts.parts(output, f"{param}.output") if isinstance(output, list) else []
        texts = [part["text"] for part in found if part["type"] == "text"]
        media = [part for part in found if part["type"] != "text"]
        told = "\n".join(texts) if isinstance(output, list) else _text(output)
        self.messages.append(
            {"role": "tool", "tool_call_id": call_id, "content": told or (_MOVED if media else "")}
        )
        if media:
            self._shown += [{"type": "text", "text": f"Output of the tool call {call_id}:"}, *media]

    def _reasoning(self, item: Json, param: str) -> None:
        thought = _thought(item.get("content")) or _thought(item.get("summary"))
        encrypted = item.get("encrypted_content") is not None
        if thought:
            self._thoughts[param] = thought
        if encrypted or not thought:
            self._drop(f"{param}.encrypted_content" if thought else param, _ENCRYPTED)

    def _speaking(self) -> Json | None:
        """The assistant's message at the end, with the reasoning that came after it."""
        if not self.messages or self.messages[-1]["role"] != "assistant":
            return None
        last: Json = self.messages[-1]
        if "tool_calls" in last:  # with another message between, the outputs would not follow their calls
            self._think(last)
        return last if not self._thoughts else None

    def _assistant(self, said: Json) -> None:
        self._show()
        message = {"role": "assistant", **said}
        self._think(message)
        self.messages.append(message)

    def _think(self, message: Json) -> None:
        if self._thoughts:
            before = [message["reasoning_content"]] if "reasoning_content" in message else []
            message["reasoning_content"] = "\n\n".join([*before, *self._thoughts.values()])
            self._thoughts = {}

    def _show(self) -> None:
        if self._shown:
            self.messages.append({"role": "user", "content": self._shown})
            self._shown = []

    def _turn(self) -> None:
        """Someone else's turn."""
        self._show()
        for param in self._thoughts:
            self._drop(param, _LATE_THOUGHT)
        self._thoughts = {}


def _refuse_stray_media(item: Json, kind: Any, param: str) -> None:
    """Media at a place that is left out would be lost, and those after them miscounted."""
    places = {"message": ("output",), "function_call_output": ("content",)}
    for place in places.get(kind, ("content", "output")) if isinstance(kind, str) else ():
        found = item.get(place)
        for j, part in enumerate(found if isinstance(found, list) else []):
            if parts.is_medium(part):
                text = f"The `{part['type']}` of a `{kind}` item has no counterpart in chat; send it in a message."
                raise InvalidRequest(text, param=f"{param}.{place}[{j}]", code="unsupported_content")


def _unsupported(kind: Any, param: str) -> InvalidRequest:
    if kind == "item_reference":
        text = "An item can only be referred to where the backend keeps items; send the item itself."
    else:
        text = f"An input item of type `{kind}` has no counterpart in chat, which this backend speaks; leave it out."
    return InvalidRequest(text, param=param, code="unsupported_item")


def _string(item: Json, name: str, param: str) -> str:
    value = item.get(name)
    if isinstance(value, str) and value:
        return value
    text = f"`{name}` of a `{item['type']}` item must be a non-empty string."
    raise InvalidRequest(text, param=f"{param}.{name}", code="invalid_type")


def _text(value: Any) -> str:
    """A string as it is, and JSON that stands where a string should as its text."""
    if isinstance(value, str):
        return value
    return "" if value is None else orjson.dumps(value).decode()


def _thought(found: Any) -> str:
    if isinstance(found, str):
        return found
    entries = found if isinstance(found, list) else []
    texts = [entry.get("text") if isinstance(entry, dict) else None for entry in entries]
    return "\n\n".join(text for text in texts if isinstance(text, str) and text)


def _joined(before: str | list[Json], after: str | list[Json]) -> str | list[Json]:
    if isinstance(before, str) and isinstance(after, str):
        return before + after
    return [*_as_parts(before), *_as_parts(after)]


def _as_parts(content: str | list[Json]) -> list[Json]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content
