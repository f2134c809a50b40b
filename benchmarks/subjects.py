"""Who is measured: how each is called, configured and known to be ready."""

import getpass
import json
import platform
import shutil
import subprocess
import sys
from abc import ABC, abstractmethod
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import ClassVar

from benchmarks.bodies import KEY
from benchmarks.process import free_port

CACHE = Path.home() / ".cache" / "arkway-bench"
UPSTREAM_KEY = "sk-upstream"


@dataclass(frozen=True)
class Site:
    """What one start is given: an empty directory, its port and the upstream's."""

    home: Path
    port: int
    upstream: int

    def write(self, name: str, text: str) -> str:
        path = self.home / name
        path.write_text(text)
        return str(path)


class Subject(ABC):
    name: ClassVar[str]
    axes: ClassVar[frozenset[str] | None] = None
    """Those it is measured on, if not on all."""
    streams: ClassVar[int] = 200

    def takes(self, axis: str) -> bool:
        return self.axes is None or axis in self.axes

    @abstractmethod
    def lacks(self) -> str | None:
        """Why it cannot be measured here, if so."""

    @abstractmethod
    def version(self) -> str: ...


class Direct(Subject):
    """The upstream alone: what load and upstream reach together on their core."""

    name = "direct"
    axes = frozenset({"json", "streams", "picture"})

    def lacks(self) -> None:
        return None

    def version(self) -> str:
        return f"Python {platform.python_version()}, uvloop {version('uvloop')}"


class Gateway(Subject):
    """A program that stands between the load and the upstream."""

    ready_path: ClassVar[str] = "/health/ready"
    ready_limit: ClassVar[float] = 20.0
    env: ClassVar[dict[str, str]] = {}

    @abstractmethod
    def command(self, site: Site) -> list[str]:
        """The command line, once its configuration is written."""


class Nginx(Gateway):
    name = "nginx"
    body_buffer: ClassVar[str] = ""

    def lacks(self) -> str | None:
        return None if shutil.which("nginx") else "no nginx on the path (Debian: apt install nginx-light)"

    def command(self, site: Site) -> list[str]:
        text = NGINX.format(user=getpass.getuser(), body_buffer=self.body_buffer, **vars(site))
        return ["nginx", "-p", str(site.home), "-e", "error.log", "-c", site.write("nginx.conf", text)]

    def version(self) -> str:
        done = subprocess.run(["nginx", "-v"], capture_output=True, text=True)
        return done.stderr.strip().rpartition("/")[2]


class NginxBuffered(Nginx):
    """nginx as its operators set it for large bodies: they stay in memory instead of a temporary file."""

    name = "nginx-16m"
    axes = frozenset({"picture"})
    body_buffer = "client_body_buffer_size 16m;"


# Answers are not buffered, as anyone sets it who relays streams; request bodies are, as by default.
NGINX = """
user {user};
worker_processes 1;
daemon off;
pid nginx.pid;
error_log error.log;
events {{ worker_connections 8192; }}
http {{
  access_log access.log;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  client_max_body_size 64m;
  {body_buffer}
  upstream backend {{ server 127.0.0.1:{upstream}; keepalive 512; }}
  server {{
    listen 127.0.0.1:{port};
    location = /health/ready {{ return 200; }}
    location / {{
      proxy_pass http://backend;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
    }}
  }}
}}
"""


class Peer(Gateway):
    """A gateway from PyPI, in an environment of its own."""

    requirement: ClassVar[str]
    program: ClassVar[str]

    @property
    def home(self) -> Path:
        return CACHE / self.requirement.replace("[proxy]", "").replace("==", "-")

    @property
    def executable(self) -> Path:
        return self.home / "bin" / self.program

    def lacks(self) -> str | None:
        return None if self.executable.exists() else f"{self.requirement} is not installed (--install-peers)"

    def install(self) -> None:
        """Raises CalledProcessError, and leaves nothing half made."""
        try:
            subprocess.run([sys.executable, "-m", "venv", "--clear", self.home], check=True)
            subprocess.run([self.home / "bin" / "pip", "install", "--quiet", self.requirement], check=True)
        except BaseException:
            shutil.rmtree(self.home, ignore_errors=True)
            raise

    def version(self) -> str:
        return self.requirement.rpartition("==")[2]


class VllmRouter(Peer):
    name = "vllm-router"
    requirement = "vllm-router==0.1.17"
    program = "vllm-router"
    ready_path = "/readiness"

    def command(self, site: Site) -> list[str]:
        metrics = str(free_port())
        address = ["--host", "127.0.0.1", "--port", str(site.port), "--prometheus-port", metrics]
        workers = ["--worker-urls", f"http://127.0.0.1:{site.upstream}", "--policy", "round_robin"]
        return [str(self.executable), *address, *workers]


class LiteLLM(Peer):
    name = "litellm"
    # The newest whose own requirements can be met everywhere: later ones pin a certifi that not every index has.
    requirement = "litellm[proxy]==1.100.5"
    program = "litellm"
    ready_path = "/health/readiness"
    ready_limit = 60.0
    # 200 streams at this pace are some ten times what it relays on one core; held-back tokens would look cheap.
    streams = 8
    # Its price list would otherwise be fetched from the internet at the start.
    env: ClassVar[dict[str, str]] = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}

    def command(self, site: Site) -> list[str]:
        target = {"api_base": f"http://127.0.0.1:{site.upstream}/v1", "api_key": UPSTREAM_KEY}
        models = [
            {"model_name": "bench-vision", "litellm_params": {"model": "openai/bench-vision", **target}}
        ]
        config = {"model_list": models, "general_settings": {"master_key": KEY}}
        path = site.write("litellm.yaml", json.dumps(config))
        where = [
            "--host",
            "127.0.0.1",
            "--port",
            str(site.port),
            "--num_workers",
            "1",
            "--telemetry",
            "False",
        ]
        return [str(self.executable), "--config", path, *where]


class Arkway(Gateway):
    """Arkway as a team runs it: keys, both backends, a database, a log line for each request."""

    name = "arkway"

    @property
    def executable(self) -> Path:
        return Path(sys.executable).with_name("arkway")

    def lacks(self) -> str | None:
        return None if self.executable.exists() else f"no {self.executable}"

    def command(self, site: Site) -> list[str]:
        root = f"http://127.0.0.1:{site.upstream}"
        config = {
            "server": {"host": "127.0.0.1", "port": site.port},
            "access": {"mode": "keys", "keys": [{"name": "bench", "key": KEY}]},
            "backends": {
                "maas": {"kind": "modelarts", "base_url": f"{root}/v1", "api_key": UPSTREAM_KEY},
                "ark": {"kind": "ark", "base_url": f"{root}/api/v3", "api_key": UPSTREAM_KEY},
            },
            "models": {"bench-*": {"backend": "maas"}, "ark-*": {"backend": "ark"}},
            "storage": {"database": f"sqlite:///{site.home}/arkway.db", "files": f"{site.home}/files"},
        }
        return [str(self.executable), "serve", "--config", site.write("arkway.yaml", json.dumps(config))]

    def version(self) -> str:
        return version("arkway")


SUBJECTS: dict[str, Subject] = {
    subject.name: subject
    for subject in (Direct(), Nginx(), NginxBuffered(), VllmRouter(), LiteLLM(), Arkway())
}
