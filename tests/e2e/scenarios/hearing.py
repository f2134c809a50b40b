"""Answers of either API, whole and streamed, read as a careful caller reads them: each rule of the form is checked."""

from typing import Any

from tests.open_responses import wrong_with_event, wrong_with_response

from .talk import Answer, Finish, Heard, Json

_REASONS: dict[str, Finish] = {"max_output_tokens": "length", "content_filter": "content_filter"}


def of_completion(value: Json) -> Answer:
    assert value["object"] == "chat.completion"
    [choice] = value["choices"]
    message = choice["message"]
    assert message["role"] == "assistant"
    return _chat(message, choice["finish_reason"], value["usage"])


def of_chunks(chunks: list[Json]) -> Answer:
    """One id throughout; the role once; each call named once; one finish, and after it the usage alone."""
    assert len({(chunk["id"], chunk["created"], chunk["model"]) for chunk in chunks}) == 1
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    choices = [chunk["choices"][0] for chunk in chunks if chunk["choices"]]
    assert {choice["index"] for choice in choices} == {0}
    roles = [choice["delta"]["role"] for choice in choices if choice["delta"].get("role")]
    assert roles == ["assistant"]
    assert choices[0]["delta"]["role"] == "assistant"
    reasons = [choice["finish_reason"] for choice in choices if choice.get("finish_reason")]
    assert len(reasons) == 1
    assert choices[-1]["finish_reason"]
    assert [bool(chunk["choices"]) for chunk in chunks[: len(choices)]] == [True] * len(choices)
    usages = [chunk["usage"] for chunk in chunks if chunk.get("usage")]
    return _chat(_joined(choices), reasons[0], usages[-1] if usages else None)


def _joined(choices: list[Json]) -> Json:
    message: Json = {"tool_calls": []}
    for delta in (choice["delta"] for choice in choices):
        for name in ("content", "reasoning_content", "refusal"):
            if delta.get(name):
                message[name] = (message.get(name) or "") + delta[name]
        for call in delta.get("tool_calls") or ():
            _grow(message["tool_calls"], call)
    return message


def _grow(calls: list[Json], delta: Json) -> None:
    if delta["index"] == len(calls):
        assert delta["id"]
        assert delta["type"] == "function"
        calls.append({"id": delta["id"], "type": "function", "function": dict(delta["function"])})
        return
    assert delta["index"] == len(calls) - 1, "calls come one after the other"
    assert delta.get("id") in (None, calls[-1]["id"])
    calls[-1]["function"]["arguments"] += delta["function"]["arguments"]


def _chat(message: Json, finish: Finish, usage: Json | None) -> Answer:
    calls = message.get("tool_calls") or []
    heard = Heard(
        text=message.get("content") or "",
        thought=message.get("reasoning_content") or "",
        calls=tuple((call["function"]["name"], call["function"]["arguments"]) for call in calls),
        finish=finish,
        refusal=message.get("refusal") or "",
    )
    said: Json = {"role": "assistant", "content": heard.text or None}
    if heard.thought:
        said["reasoning_content"] = heard.thought
    if calls:
        said["tool_calls"] = calls
    return Answer(heard, [call["id"] for call in calls], [said], _counts(usage, "prompt", "completion"))


def _counts(usage: Json | None, given: str, made: str) -> tuple[int, int, int] | None:
    if usage is None:
        return None
    taken, told = usage[f"{given}_tokens"], usage[f"{made}_tokens"]
    assert usage["total_tokens"] == taken + told
    details = usage.get(f"{made}_tokens_details") or {}
    return taken, told, details.get("reasoning_tokens") or 0


def of_response(value: Json) -> Answer:
    assert list(wrong_with_response(value)) == []
    assert value["error"] is None
    output = value["output"]
    assert len({item["id"] for item in output}) == len(output)
    if value["status"] == "completed":
        assert value["incomplete_details"] is None
        assert {item["status"] for item in output} <= {"completed"}
    else:
        assert value["status"] == "incomplete"
        assert {item["status"] for item in output[:-1]} <= {"completed"}
        assert {item["status"] for item in output[-1:]} <= {"incomplete"}
    kinds = [item["type"] for item in output]
    order = ("reasoning", "message", "function_call")
    assert kinds == sorted(kinds, key=order.index)
    parts = [part for item in output if item["type"] == "message" for part in item["content"]]
    calls = [item for item in output if item["type"] == "function_call"]
    heard = Heard(
        text="".join(part["text"] for part in parts if part["type"] == "output_text"),
        thought="".join(item["summary"][0]["text"] for item in output if item["type"] == "reasoning"),
        calls=tuple((call["name"], call["arguments"]) for call in calls),
        finish=_finish(value, called=bool(calls)),
        refusal="".join(part["refusal"] for part in parts if part["type"] == "refusal"),
    )
    usage = _counts(value["usage"], "input", "output")
    return Answer(heard, [call["call_id"] for call in calls], output, usage)


def _finish(value: Json, *, called: bool) -> Finish:
    if value["status"] == "incomplete":
        return _REASONS[value["incomplete_details"]["reason"]]
    return "tool_calls" if called else "stop"


def of_events(events: list[Json]) -> Answer:
    """Numbered without gaps; each item and part opened, grown and closed in turn; the deltas make the whole."""
    assert [wrong for event in events for wrong in wrong_with_event(event)] == []
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    created, running, *middle, last = events
    assert (created["type"], running["type"]) == ("response.created", "response.in_progress")
    assert last["type"] == f"response.{last['response']['status']}"
    for event in (created, running):
        assert event["response"]["status"] == "in_progress"
        assert event["response"]["output"] == []
        assert event["response"]["usage"] is None
    told = [event["response"] for event in (created, running, last)]
    assert len({(one["id"], one["created_at"], one["model"]) for one in told}) == 1
    items: list[Growing] = []
    for event in middle:
        _take(items, event)
    assert all(item.done for item in items)
    assert [item.value for item in items] == last["response"]["output"]
    return of_response(last["response"])


def _take(items: "list[Growing]", event: Json) -> None:
    if event["type"] == "response.output_item.added":
        assert event["output_index"] == len(items)
        items.append(Growing(event["item"]))
        return
    items[event["output_index"]].take(event)


class Growing:
    """An item of the output while its events come."""

    def __init__(self, item: Json) -> None:
        assert item["status"] == "in_progress"
        self.value: Any = item
        self.done = False
        self._opened = item
        self._parts: list[Json] = []
        self._text: str | None = None
        self._arguments = ""

    def take(self, event: Json) -> None:
        assert not self.done
        kind = event["type"].removeprefix("response.")
        if kind == "output_item.done":
            self._close(event["item"])
            return
        assert event["item_id"] == self._opened["id"]
        if kind.startswith("function_call_arguments"):
            self._argued(event)
        elif kind.endswith("_part.added"):
            assert self._text is None, "one part after the other"
            assert event.get("content_index", event.get("summary_index")) == len(self._parts)
            self._text = ""
        else:
            self._grow(kind, event)

    def _argued(self, event: Json) -> None:
        if event["type"].endswith(".delta"):
            self._arguments += event["delta"]
        else:
            assert event["arguments"] == self._arguments

    def _grow(self, kind: str, event: Json) -> None:
        assert self._text is not None
        assert event.get("content_index", event.get("summary_index")) == len(self._parts)
        if kind.endswith(".delta"):
            self._text += event["delta"]
        elif kind.endswith("_part.done"):
            part = event["part"]
            assert part["refusal" if part["type"] == "refusal" else "text"] == self._text
            self._parts.append(part)
            self._text = None
        else:
            assert event["refusal" if kind.startswith("refusal") else "text"] == self._text

    def _close(self, item: Json) -> None:
        assert self._text is None
        assert (item["id"], item["type"]) == (self._opened["id"], self._opened["type"])
        assert item.get("arguments", "") == self._arguments
        assert item.get("content", item.get("summary", [])) == self._parts
        if item["type"] == "function_call":
            assert (self._opened["call_id"], self._opened["name"]) == (item["call_id"], item["name"])
            assert self._opened["arguments"] == ""
        else:
            assert self._opened.get("content", self._opened.get("summary")) == []
        self.value, self.done = item, True
