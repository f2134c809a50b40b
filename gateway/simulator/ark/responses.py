"""Ark's Responses API: create, whole or streamed, and what is kept of it."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from gateway.simulator.answer import Ask, Draft, draft, tokens
from gateway.simulator.ark.errors import invalid, not_found
from gateway.simulator.ark.image_process import Round, enabled_actions, planned_actions, run_rounds
from gateway.simulator.ark.input_items import dereferenced, input_items, shown, with_ids
from gateway.simulator.ark.listing import page
from gateway.simulator.ark.lost_files import lose_files
from gateway.simulator.ark.media import see
from gateway.simulator.ark.output_items import output_items
from gateway.simulator.ark.response_body import final_body, opening_body
from gateway.simulator.ark.response_events import Split, response_stream
from gateway.simulator.ark.responses_rules import check_request
from gateway.simulator.ark.stored import StoredResponse
from gateway.simulator.call import Call
from gateway.simulator.chat_ask import forced_function
from gateway.simulator.conversation import BUILT_IN, Conversation, Message, last_user_text, pictures
from gateway.simulator.faults import without_script
from gateway.simulator.prompts import responses_turns, sources
from gateway.simulator.reply import Reply, Whole, answer

Json = dict[str, Any]


async def create(call: Call) -> Reply:
    check_request(call)
    items = input_items(call.body.get("input"), call.raw)
    conversation = await _conversation(call, items)
    rounds = await _process_pictures(call, conversation)
    conversation += _processed(rounds)
    drafted = draft(_ask(call.body, _instructions(call.body) + conversation), call.fault)
    urls = [_exhibited(round, call) for round in rounds]
    opening = opening_body(call, call.state.ids.response())
    final = final_body(opening, drafted, output_items(drafted, rounds, urls, call.state.ids))
    _keep(call, final, items, conversation)
    if not call.streamed:
        return answer(final)
    return response_stream(
        opening,
        final,
        _splitter(drafted),
        call.request_id,
        tool_errors_on_top=call.fault.tool_error is not None,
    )


async def retrieve(call: Call) -> Reply:
    return Whole(_kept(call).body)


async def delete(call: Call) -> Reply:
    _kept(call)
    del call.state.responses[call.parameters["id"]]
    return answer({"id": call.parameters["id"], "object": "response", "deleted": True})


async def list_input_items(call: Call) -> Reply:
    include = [value for name, value in call.query.multi_items() if name in ("include", "include[]")]
    wanted = [name for value in include for name in value.split(",")]
    items = [shown(item, wanted) for item in _kept(call).items]
    return answer(page(items, call.query, largest=100, default=20))


async def _conversation(call: Call, items: Sequence[Mapping[str, Any]]) -> Conversation:
    turns = responses_turns(dereferenced(items, list(call.state.responses.values())))
    if call.fault.file_gone:
        lose_files([source.file_id for source in sources(turns) if source.file_id], call.state)
    return _earlier(call) + await see(turns, call)


def _instructions(body: Mapping[str, Any]) -> Conversation:
    """They hold for one round and are not kept."""
    text = body.get("instructions")
    return (Message("system", (without_script(text),)),) if text else ()


def _earlier(call: Call) -> Conversation:
    id = call.body.get("previous_response_id")
    if not id:
        return ()
    stored = call.state.responses.get(id)
    if stored is None or call.now >= stored.expire_at:
        raise invalid(
            f"Previous response with id {id} not found.",
            code="InvalidParameter.PreviousResponseNotFound",
            param="previous_response_id",
        )
    return stored.conversation


async def _process_pictures(call: Call, conversation: Conversation) -> list[Round]:
    tool = next((tool for tool in call.body.get("tools") or () if tool["type"] == "image_process"), None)
    seen = pictures(conversation)
    if tool is None or not seen or call.body.get("tool_choice") == "none":
        return []
    prompt = last_user_text(conversation)
    actions = planned_actions(prompt, enabled_actions(tool))
    return await asyncio.to_thread(run_rounds, seen, prompt, actions, call.fault.tool_error)


def _processed(rounds: Sequence[Round]) -> Conversation:
    return tuple(Message(BUILT_IN, (round.result,)) for round in rounds if round.result)


def _ask(body: Mapping[str, Any], conversation: Conversation) -> Ask:
    functions = [tool for tool in body.get("tools") or () if tool["type"] == "function"]
    return Ask(
        conversation,
        functions={tool["name"]: tool.get("parameters") or {} for tool in functions},
        forced=forced_function(body.get("tool_choice")),
        parallel=body.get("parallel_tool_calls") is not False,
        schema=_schema((body.get("text") or {}).get("format") or {}),
        thinking=_thinks(body),
        limit=body.get("max_output_tokens"),
    )


def _thinks(body: Mapping[str, Any]) -> bool:
    disabled = (body.get("thinking") or {}).get("type") == "disabled"
    return not disabled and (body.get("reasoning") or {}).get("effort") not in ("none", "minimal")


def _schema(format: Mapping[str, Any]) -> Mapping[str, Any] | None:
    if format.get("type") == "json_schema":
        return format.get("schema") or {}
    return {} if format.get("type") == "json_object" else None


def _splitter(drafted: Draft) -> Split:
    """The answer streams in its drafted chunks, other texts token by token."""
    said = "".join(drafted.text)
    return lambda text: drafted.text if text == said else tokens(text)


def _exhibited(round: Round, call: Call) -> str | None:
    return call.base_url + call.state.exhibit(round.result.data, "png") if round.result else None


def _keep(call: Call, final: Json, items: Sequence[Mapping[str, Any]], conversation: Conversation) -> None:
    if call.body.get("store") is False:
        return
    messages = [item for item in final["output"] if item["type"] == "message"]
    texts = [part["text"] for item in messages for part in item["content"] if "text" in part]
    said = (Message("assistant", tuple(texts)),) if texts else ()
    call.state.responses[final["id"]] = StoredResponse(
        body=orjson.dumps(final),
        items=with_ids(items, call.state.ids),
        conversation=conversation + said,
        expire_at=final["expire_at"],
    )


def _kept(call: Call) -> StoredResponse:
    id = call.parameters["id"]
    stored = call.state.responses.get(id)
    if stored is None or call.now >= stored.expire_at:
        raise not_found("Response", id)
    return stored
