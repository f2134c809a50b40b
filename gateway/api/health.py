"""Is the process alive; can it serve. Plain ASGI, and open to everyone."""

import orjson
from starlette.types import Receive, Scope, Send

from gateway.errors import StorageUnavailable
from gateway.reply import send_whole
from gateway.storage.files import FileStore


class Live:
    """GET /health/live: the process runs."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send_whole(send, scope["state"]["record"], 200, {}, b'{"status":"live"}')


class Ready:
    """GET /health/ready: requests can be served."""

    def __init__(self, files: FileStore) -> None:
        self._files = files

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        status, told = 200, {"status": "ready"}
        try:
            await self._files.check()
        except StorageUnavailable as error:
            status, told = error.status, {"status": "unready", "reason": error.message}
        await send_whole(send, scope["state"]["record"], status, {}, orjson.dumps(told))
