"""The life of a response, as the relay sees it: what came before it, its turn, and where it is kept."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gateway.responses import recall
from gateway.responses.background import Background, Serve
from gateway.responses.keeping import Following, Keeper, Turn
from gateway.responses.recall import Recalled
from gateway.responses.references import References
from gateway.running import Running
from gateway.storage.claims import Claims, NoClaims
from gateway.storage.files import FileStore
from gateway.storage.responses import ResponseStore
from gateway.wire.items import Json
from gateway.wire.translate.translation import Mark


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """The parts that responses need beyond the request that makes them."""

    store: ResponseStore
    running: Running
    keeper: Keeper
    background: Background
    claims: Claims

    @classmethod
    def of(cls, store: ResponseStore, files: FileStore, claims: Claims | None = None) -> "Lifecycle":
        running, keeper = Running(), Keeper(store, References(files))
        return cls(store, running, keeper, Background(store, running, keeper), claims or NoClaims())

    async def recall(self, body: Json, owner: str) -> Recalled:
        """The body with what it goes back to. Raises InvalidRequest before any backend is asked."""
        return await recall.recall(self.store, self.claims, body, owner)

    def turn(self, owner: str, body: Json, backend: str) -> Turn | None:
        """What is to be kept of a request that the gateway translates. Raises InvalidRequest."""
        return self.keeper.turn(owner, body, backend)

    async def keep(self, turn: Turn, response: Json) -> None:
        """A whole answer, before its caller gets it."""
        await self.keeper.keep(turn, response)

    def follow(
        self,
        owner: str,
        turn: Turn | None,
        stop: Callable[[], Any],
        *,
        claimed: bool = False,
        done: Callable[[Json], None] | None = None,
    ) -> Following:
        """A streamed answer of any backend; ``turn`` is None where the gateway keeps nothing of it, ``claimed``
        says that the backend keeps it, ``done`` hears of its end."""
        claims = self.claims if claimed else NoClaims()
        return Following(self.running, self.keeper, claims, owner, turn, stop, done)

    async def start(self, turn: Turn, mark: Mark, serve: Serve) -> Json:
        """A response in the background: its object now."""
        return await self.background.start(turn, mark, serve)
