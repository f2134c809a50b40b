"""The media of a request, resolved side by side."""

from collections.abc import Sequence

from gateway.backends.media import ImageRules
from gateway.concurrency import side_by_side
from gateway.errors import InvalidRequest
from gateway.media.clips import Clips
from gateway.media.pictures import Pictures
from gateway.media.plan import rules_for
from gateway.media.resolved import Place, Resolved
from gateway.media.uploads import Uploads
from gateway.storage.files import is_own_id
from gateway.wire.media import MediaRef


class Intake:
    """Brings what a request points to into the form that its backend takes."""

    def __init__(self, pictures: Pictures, clips: Clips, uploads: Uploads, parallel: int) -> None:
        self._pictures = pictures
        self._clips = clips
        self._uploads = uploads
        self._parallel = parallel

    async def resolve(self, refs: Sequence[MediaRef], place: Place) -> list[Resolved]:
        """Each reference as ``place`` takes it, in order. Raises InvalidRequest with the reference's ``param``."""
        if len(refs) == 1:
            return [await self._resolve(refs[0], place)]
        return await side_by_side((self._resolve(ref, place) for ref in refs), parallel=self._parallel)

    async def forget(self, place: Place, file_ids: Sequence[str]) -> None:
        """The backend does not have these files any more."""
        for file_id in file_ids:
            await self._uploads.forget(place.account, file_id)

    async def _resolve(self, ref: MediaRef, place: Place) -> Resolved:
        await self._check_id(ref)
        rules = rules_for(ref, place.title, place.media)
        if isinstance(rules, ImageRules):
            return await self._pictures.resolve(ref, place, rules)
        return await self._clips.resolve(ref, place, rules)

    async def _check_id(self, ref: MediaRef) -> None:
        """What the gateway uploaded belongs to its callers, and nobody gets at it by the backend's id."""
        kind, value = ref.source
        if kind == "file_id" and not is_own_id(str(value)) and await self._uploads.knows(str(value)):
            raise InvalidRequest(
                f"There is no file {value!r}.", param=ref.param, code="file_not_found", status=404
            )
