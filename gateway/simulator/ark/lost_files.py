"""The fault that makes uploaded files vanish, once for each upload's content."""

from collections.abc import Sequence

from gateway.simulator.ark.errors import not_found
from gateway.simulator.state import State


def lose_files(ids: Sequence[str], state: State) -> None:
    """A caller that uploads the same bytes again under the same script gets them taken."""
    known = [id for id in ids if id in state.files]
    again = {state.files[id].digest for id in known} & state.lost_files
    if again or not known:
        state.lost_files -= again
        return
    for id in known:
        state.lost_files.add(state.files.pop(id).digest)
    raise not_found("File", known[0])
