"""Chat chunks as the events of a response: each item opened before its deltas, and closed before the end."""

from typing import Any, TypeVar

import orjson

from gateway.errors import GatewayError, UpstreamError
from gateway.wire import fault, sse
from gateway.wire import usage as wire_usage
from gateway.wire.stream import ResponsesStream, Stream
from gateway.wire.translate.responses_over_chat import output
from gateway.wire.translate.responses_over_chat.numbered import Numbered
from gateway.wire.translate.responses_over_chat.opened import Call, Item, Message, Reasoning
from gateway.wire.translate.responses_over_chat.shape import Ending, Shape

Json = dict[str, Any]
Spoken = TypeVar("Spoken", Message, Reasoning)

_RUNNING = Ending("in_progress", {})
_GARBAGE = Ending.failed("upstream_garbage", "The backend sent an event that is not a JSON object.")


class ResponsesFromChat(Stream):
    """One streamed answer. It is complete only with a finish reason, whatever else the backend says at its end."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self._shape = shape
        self._events = Numbered()
        self._head: Json | None = None  # of the first chunk
        self._finish: str | None = None
        self._counted: Json | None = None
        self._ended = False
        self._items: list[Item] = []
        self._open: list[Item] = []
        self._speaking: Message | Reasoning | None = None
        self._calls: dict[int | None, Call] = {}
        self._held: Call | None = None  # a call whose name may still grow

    def edit(self, block: bytes) -> bytes:
        # Most blocks are one frame of one line.
        single = block.count(b"\n") == 2 and b"\r" not in block
        for frame in (block,) if single else sse.frames(block):
            self._frame(frame)
        return self._events.taken()

    def finished(self) -> bool:
        return self._ended or self._finish is not None

    def usage(self) -> wire_usage.Usage | None:
        return wire_usage.of({"usage": output.usage(self._counted)})

    def error(self, error: GatewayError) -> bytes:
        if self._head is None and not self._ended:
            self._ended = True
            return ResponsesStream().error(error)
        self._fail(Ending.failed(error.code, error.message))
        return self._events.taken()

    def end(self) -> bytes:
        if self._finish is not None and not self._ended:
            self._complete(Ending.after(self._finish))
        return self._events.taken()

    def _complete(self, ending: Ending) -> None:
        self._open_held()
        if not self._calls and not any(isinstance(item, Message) for item in self._items):
            self._spoken(Message)
        statuses = ["completed"] * (len(self._items) - 1) + [ending.of_last]
        for item, status in zip(self._items, statuses, strict=True):
            if item in self._open:
                item.close(status)
        self._terminate(ending, statuses)

    def _fail(self, ending: Ending) -> None:
        if self._ended:
            return
        self._begin({})
        self._terminate(ending, ["incomplete" if item in self._open else "completed" for item in self._items])

    def _terminate(self, ending: Ending, statuses: list[str]) -> None:
        self._ended = True
        items = [item.item(status) for item, status in zip(self._items, statuses, strict=True)]
        told = self._shape.response(self._head or {}, ending, items, self._counted)
        self._events.event(f"response.{ending.status}", response=told)

    def _frame(self, frame: bytes) -> None:
        if self._ended:
            return
        if frame.startswith(b"data:") and frame.count(b"\n") == 2 and b"\r" not in frame:
            data = frame[5:].strip()
        elif event := sse.read(frame):
            data = event.data
        else:
            if frame.startswith(b":"):
                self._events.comment(frame)
            return
        if data.startswith(sse.DONE):
            return
        try:
            self._chunk(orjson.loads(data))
        except orjson.JSONDecodeError:
            self._fail(_GARBAGE)
        except UpstreamError as error:
            self._fail(Ending.failed(error.code, error.message))

    def _chunk(self, chunk: Any) -> None:
        if not isinstance(chunk, dict):
            self._fail(_GARBAGE)
            return
        self._begin(chunk)
        failed = fault.of(chunk) if "choices" not in chunk or chunk.get("error") else None
        if failed:
            self._fail(Ending.failed(failed.code, failed.message))
            return
        counted = chunk.get("usage")
        if isinstance(counted, dict):
            self._counted = counted
        for choice in output.objects(chunk.get("choices")):
            if not choice.get("index"):
                self._choice(choice)

    def _begin(self, chunk: Json) -> None:
        if self._head is not None:
            return
        self._head = {name: chunk[name] for name in ("created", "model", "service_tier") if name in chunk}
        told = self._shape.response(self._head, _RUNNING, [])
        self._events.event("response.created", response=told)
        self._events.event("response.in_progress", response=told)

    def _choice(self, choice: Json) -> None:
        finish, delta = choice.get("finish_reason"), choice.get("delta")
        if isinstance(finish, str) and finish:
            self._finish = finish
        if not isinstance(delta, dict):
            return
        if thought := output.thought(delta):
            self._spoken(Reasoning).add(thought)
        if text := output.plain(delta.get("content")):
            self._spoken(Message).text(text, output.logprobs(choice))
        if refusal := output.plain(delta.get("refusal")):
            self._spoken(Message).refusal(refusal)
        for call in output.objects(delta.get("tool_calls")):
            self._call(call)

    def _spoken(self, kind: type[Spoken]) -> Spoken:
        """The open item that takes the model's words."""
        if isinstance(self._speaking, kind):
            return self._speaking
        self._settle()
        index = len(self._items)
        item = kind(self._events, self._shape.id("msg" if kind is Message else "rs", index), index)
        self._speaking = item
        self._items.append(item)
        self._open.append(item)
        item.open()
        return item

    def _settle(self) -> None:
        """Ends what the model was saying and opens the call that waits, as something else follows."""
        if self._speaking is not None:
            self._speaking.close("completed")
            self._open.remove(self._speaking)
            self._speaking = None
        self._open_held()

    def _open_held(self) -> None:
        call, self._held = self._held, None
        if call is None:
            return
        index = len(self._items)
        self._items.append(call)
        self._open.append(call)
        call.open(self._shape.id("fc", index), self._shape.id("call", index), index)

    def _call(self, delta: Json) -> None:
        held = delta.get("function")
        function = held if isinstance(held, dict) else {}
        place = delta.get("index")
        key = place if isinstance(place, int) else None
        told = delta.get("id"), function.get("name"), output.arguments(function.get("arguments"))
        call = self._calls.get(key)
        if call is None or call.is_another(*told):
            self._settle()
            self._held = self._calls[key] = call = Call(self._events)
        call.take(*told)
        if call.ready:
            self._open_held()
