"""What a request refers to of earlier responses, put into it: ``previous_response_id`` and item references."""

from typing import NamedTuple

from gateway.errors import InvalidRequest, json_type
from gateway.storage.claims import Claims
from gateway.storage.responses import RUNNING, ResponseStore, StoredResponse, is_own_response_id
from gateway.wire import items
from gateway.wire.items import Json

_PARAM = "previous_response_id"
_MOST_ITEMS = 1000  # as Ark has it


class Recalled(NamedTuple):
    """A body that stands for itself, and how many items of its input the caller did not send."""

    body: Json
    earlier: int = 0


async def recall(store: ResponseStore, claims: Claims, body: Json, owner: str) -> Recalled:
    """The body with all that was said before in front of its input, and without ``previous_response_id``.

    Instructions hold for their own turn only. What points to a backend's own responses stays as it is.
    Raises InvalidRequest for a response, or an item of ours, that the owner does not have.
    """
    id = body.get(_PARAM)
    if id is not None and not isinstance(id, str):
        raise InvalidRequest(
            f"`{_PARAM}` must be a string, not {json_type(id)}.", param=_PARAM, code="invalid_type"
        )
    if not id or not is_own_response_id(id):
        if id and not await claims.belongs(owner, id):
            raise _not_found(id)
        return Recalled(await _dereferenced(store, body, owner))
    said = _said(await store.chain(owner, id), id)
    return continued(await _dereferenced(store, body, owner), said)


def continued(body: Json, said: list[Json], previous: str | None = None) -> Recalled:
    """The body with all that was said before in front of its input, going on from ``previous`` alone, if anything.

    Raises InvalidRequest for more than can be sent, and for a function's output that answers no call.
    """
    own = items.of_input(body.get("input"))
    if len(said) + len(own) > _MOST_ITEMS:
        text = f"With what was said before the input has {len(said) + len(own)} items; at most {_MOST_ITEMS} can be sent."
        raise InvalidRequest(text, param=_PARAM, code="too_many_items")
    if not previous:
        _refuse_stray_output(said, own)
    rest = {name: value for name, value in body.items() if name != _PARAM}
    kept = {_PARAM: previous} if previous else {}
    return Recalled({**rest, **kept, "input": [*said, *own]}, len(said))


def _refuse_stray_output(said: list[Json], own: list[Json]) -> None:
    """OpenAI refuses it, and to a chat backend it would go as an answer to nothing."""
    if any(map(_reference, own)):  # an item that only its backend knows may be the call
        return
    calls = [item.get("call_id") for item in (*said, *own) if item.get("type") == "function_call"]
    for i, item in enumerate(own):
        if item.get("type") == "function_call_output" and item.get("call_id") not in calls:
            text = f"No function was called before with the call_id {item.get('call_id')!r:.100}; give that of a call, or send the call too."
            raise InvalidRequest(text, param=f"input[{i}].call_id", code="function_call_not_found")


def _said(chain: list[StoredResponse], id: str) -> list[Json]:
    """The items of all turns. Raises InvalidRequest."""
    if not chain:
        raise _not_found(id)
    missing = chain[0].previous_response_id
    if missing is not None and missing != chain[-1].id and is_own_response_id(missing):
        text = f"The response {missing!r}, which {id!r} goes back to, has been deleted or has expired."
        raise InvalidRequest(text, param=_PARAM, code="previous_response_not_found")
    if chain[-1].status in RUNNING:
        text = f"The response {id!r} is still in progress; wait until it is completed."
        raise InvalidRequest(text, param=_PARAM, code="previous_response_in_progress")
    return [item for one in chain for item in one.items]


def _not_found(id: str) -> InvalidRequest:
    text = f"There is no response {id[:140]!r}; send what was said before as `input`."
    return InvalidRequest(text, param=_PARAM, code="previous_response_not_found")


async def _dereferenced(store: ResponseStore, body: Json, owner: str) -> Json:
    """The body with items of ours in the place of references to them."""
    given = body.get("input")
    entries = given if isinstance(given, list) else []
    named = {i: _reference(entry) for i, entry in enumerate(entries)}
    wanted = {i: id for i, id in named.items() if id}
    if not wanted:
        return body
    known = await store.items(owner, list(dict.fromkeys(wanted.values())))
    return {
        **body,
        "input": [known.get(wanted.get(i, ""), entry) for i, entry in enumerate(entries)],
    }


def _reference(entry: object) -> str | None:
    """The id that an item reference names; OpenAI's type may be left out where there is nothing but an id."""
    if not isinstance(entry, dict):
        return None
    is_reference = entry.get("type") == "item_reference" or (
        entry.get("type") is None and set(entry) <= {"id", "type"}
    )
    id = entry.get("id")
    return id if is_reference and isinstance(id, str) else None
