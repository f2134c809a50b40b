"""POST /responses/compact: an ordinary whole call for a summary, by the caller's own model."""

from gateway.errors import GatewayError
from gateway.exchange import Call, mark
from gateway.relay import Relay
from gateway.reply import Reply, Whole
from gateway.responses import compaction
from gateway.wire import body as wire_body
from gateway.wire import items


class Compact:
    """Stands where the relay stands for other calls."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay

    async def __call__(self, call: Call) -> Reply:
        """Serves a call. Raises GatewayError."""
        call.record.model = wire_body.string(call.body, "model")
        asked = compaction.request(call.body)
        said = await self._relay.lifecycle.recall(asked.body, call.principal.owner)
        try:
            body = compaction.instructed(said.body)
            # Ark's dialect has no compactions, so there is one form of them.
            reply = await self._relay(call._replace(body=body, dialect="openai"))
        except GatewayError as error:
            error.param = items.callers_place(error.param, said.earlier)
            raise
        if not isinstance(reply, Whole):
            raise RuntimeError("a call that is not streamed has a whole answer")
        call.record.changes = (*asked.changes, *call.record.changes)
        made = compaction.resource(wire_body.parse(reply.body), said.body["input"], mark())
        return reply._replace(body=wire_body.dump(made))
