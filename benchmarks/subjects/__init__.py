"""Who is measured: how each is called, configured and known to be ready."""

from benchmarks.subjects.arkway import Arkway, ArkwayWorkers
from benchmarks.subjects.litellm import LiteLLM
from benchmarks.subjects.nginx import Nginx, NginxBuffered
from benchmarks.subjects.peer import NotInstalled, Peer
from benchmarks.subjects.portkey import Portkey
from benchmarks.subjects.subject import Direct, Gateway, Site, Subject
from benchmarks.subjects.vllm_router import VllmRouter

SUBJECTS: dict[str, Subject] = {
    subject.name: subject
    for subject in (
        Direct(),
        Nginx(),
        NginxBuffered(),
        VllmRouter(),
        Portkey(),
        LiteLLM(),
        Arkway(),
        ArkwayWorkers(),
    )
}

__all__ = ["SUBJECTS", "Arkway", "Direct", "Gateway", "NotInstalled", "Peer", "Site", "Subject"]
