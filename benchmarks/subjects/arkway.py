"""Arkway as a team runs it: keys, both backends, a database, a log line for each request."""

import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar

from benchmarks.bodies import KEY
from benchmarks.subjects.subject import UPSTREAM_KEY, Gateway, Site


class Arkway(Gateway):
    name = "arkway"
    takes = Gateway.takes | {"translated", "upload", "fetch", "workers"}
    workers: ClassVar[int] = 1

    @property
    def program(self) -> Path:
        return Path(sys.executable).with_name("arkway")

    def lacks(self) -> str | None:
        return None if self.program.exists() else f"no {self.program}"

    def command(self, site: Site) -> list[str]:
        path = site.write("arkway.yaml", json.dumps(self.configuration(site)))
        return [str(self.program), "serve", "--config", path, "--workers", str(self.workers)]

    def configuration(self, site: Site) -> dict[str, Any]:
        root = f"http://127.0.0.1:{site.upstream}"
        return {
            "server": {"host": "127.0.0.1", "port": site.port},
            "access": {"mode": "keys", "keys": [{"name": "bench", "key": KEY}]},
            "backends": {
                "maas": {"kind": "modelarts", "base_url": f"{root}/v1", "api_key": UPSTREAM_KEY},
                "ark": {"kind": "ark", "base_url": f"{root}/api/v3", "api_key": UPSTREAM_KEY},
            },
            "models": {"bench-*": {"backend": "maas"}, "ark-*": {"backend": "ark"}},
            "images": {"allow_hosts": ["127.0.0.1"]},
            "storage": {"database": f"sqlite:///{site.home}/arkway.db", "files": f"{site.home}/files"},
        }

    def version(self) -> str:
        return version("arkway")


class ArkwayWorkers(Arkway):
    """Two processes on two cores: on a machine with no third one, the load shares them."""

    name = "arkway-2"
    takes = frozenset({"workers"})
    workers = 2
    cores = 2
