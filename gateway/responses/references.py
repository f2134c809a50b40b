"""Media of stored input items, kept as files: base64 text in the database would be read with every list."""

import asyncio

from gateway.media.blob import OFF_LOOP, Blob
from gateway.storage.files import RESPONSE_INPUT, FileStore
from gateway.wire import data_url, media
from gateway.wire.items import Json
from gateway.wire.media import MediaRef

_INLINE = 1024  # characters up to which data stay where they are
_UNKNOWN = "application/octet-stream"


class References:
    """Puts files of the owner in the place of data, one for each content."""

    def __init__(self, files: FileStore) -> None:
        self._files = files

    async def made(self, items: list[Json], owner: str, expires_at: int) -> tuple[list[Json], list[str]]:
        """The items with file ids for their larger data, and the files that they need. Raises GatewayError."""
        body: Json = {"input": items}
        new: dict[media.Path, media.New] = {}
        ids = []
        for ref in media.find("responses", body):
            if ref.source.kind in ("data", "base64") and len(ref.source.value) > _INLINE:
                file_id = await self._file(ref, owner, expires_at)
                new[ref.path] = media.as_file_id(ref, file_id)
                ids.append(file_id)
        kept: list[Json] = media.replace(body, new)["input"]
        return kept, ids

    async def _file(self, ref: MediaRef, owner: str, expires_at: int) -> str:
        kind, value = ref.source
        url = data_url.parse(value, ref.param) if kind == "data" else data_url.DataUrl("", value, 0)
        if url.size > OFF_LOOP:
            data = await asyncio.to_thread(url.decode, ref.param)
        else:
            data = url.decode(ref.param)
        known = await self._files.same(owner, await Blob.of(data).digest(), RESPONSE_INPUT)
        if known:
            return known.id
        name = ref.fields.get("filename")
        with self._files.incoming() as incoming:
            await incoming.write(data)
            stored = await self._files.keep(
                incoming,
                owner,
                filename=name if isinstance(name, str) and name else ref.kind,
                purpose=RESPONSE_INPUT,
                mime_type=url.mime or _UNKNOWN,
                expires_at=expires_at,
            )
        return stored.id
