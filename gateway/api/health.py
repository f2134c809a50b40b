"""Is the process alive; can it serve. Open to everyone."""

import orjson

from gateway.api.edge import Visit
from gateway.errors import StorageUnavailable
from gateway.reply import send_whole
from gateway.storage.files import FileStore


class Live:
    """GET /health/live: the process runs."""

    async def __call__(self, visit: Visit) -> None:
        await send_whole(visit.request, visit.record, 200, {}, b'{"status":"live"}')


class Ready:
    """GET /health/ready: requests can be served."""

    def __init__(self, files: FileStore) -> None:
        self._files = files

    async def __call__(self, visit: Visit) -> None:
        status, told = 200, {"status": "ready"}
        try:
            await self._files.check()
        except StorageUnavailable as error:
            status, told = error.status, {"status": "unready", "reason": error.message}
        await send_whole(visit.request, visit.record, status, {}, orjson.dumps(told))
