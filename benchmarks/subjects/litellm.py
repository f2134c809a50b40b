"""LiteLLM's proxy: Python, translates between many vendors."""

import json
from collections.abc import Mapping
from typing import ClassVar

from benchmarks.bodies import KEY
from benchmarks.subjects.peer import PythonPeer
from benchmarks.subjects.subject import UPSTREAM_KEY, Site


class LiteLLM(PythonPeer):
    name = "litellm"
    package = "litellm[proxy]"
    # The newest whose own requirements can be met everywhere: later ones pin a certifi that not every index has.
    release = "1.100.5"
    command_name = "litellm"
    # 50 streams at this pace are more than it relays on one core; held-back tokens would look cheap.
    takes = frozenset({"ready", "idle", "latency", "json", "streams-8"})
    ready_path = "/health/readiness"
    ready_limit = 60.0
    # Its price list would otherwise be fetched from the internet at the start.
    env: ClassVar[Mapping[str, str]] = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}

    def command(self, site: Site) -> list[str]:
        target = {"api_base": f"http://127.0.0.1:{site.upstream}/v1", "api_key": UPSTREAM_KEY}
        models = [
            {"model_name": "bench-vision", "litellm_params": {"model": "openai/bench-vision", **target}}
        ]
        config = {"model_list": models, "general_settings": {"master_key": KEY}}
        path = site.write("litellm.yaml", json.dumps(config))
        where = ["--host", "127.0.0.1", "--port", str(site.port)]
        return [str(self.program), "--config", path, *where, "--num_workers", "1", "--telemetry", "False"]
