"""Portkey's gateway: Node.js; the caller's headers say where a request goes."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from benchmarks.subjects.peer import Peer
from benchmarks.subjects.subject import Site

# Above 1.14.2 its answers fail with "TypeError: immutable": https://github.com/Portkey-AI/gateway/issues/1389
OVERRIDES = {"@hono/node-server": "1.13.8"}
# It has no setting for its address and would listen on every one.
LOOPBACK = """
import net from "node:net";
const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (...given) {
  if (typeof given[0] !== "number") return listen.apply(this, given);
  return listen.call(this, given[0], "127.0.0.1", ...given.filter((one) => typeof one === "function"));
};
"""


class Portkey(Peer):
    name = "portkey"
    package = "@portkey-ai/gateway"
    release = "1.15.2"
    # More streams at once come minutes late from one core.
    takes = frozenset(
        {"ready", "idle", "latency", "json", "streams-8", "streams-50", "streams-200", "picture"}
    )
    ready_path = "/"

    @property
    def program(self) -> Path:
        return self.home / "node_modules" / self.package / "build" / "start-server.js"

    def lacks(self) -> str | None:
        return super().lacks() if shutil.which("node") else "no node on the path (Node.js 20)"

    def put(self) -> None:
        wanted = {"private": True, "dependencies": {self.package: self.release}, "overrides": OVERRIDES}
        (self.home / "package.json").write_text(json.dumps(wanted))
        npm = [
            "npm",
            "install",
            "--omit=dev",
            "--no-audit",
            "--no-fund",
            "--no-update-notifier",
            "--loglevel=error",
        ]
        subprocess.run(npm, check=True, cwd=self.home)

    def command(self, site: Site) -> list[str]:
        loopback = site.write("loopback.mjs", LOOPBACK)
        # Headless: without the web page of logs, which an operator leaves out too.
        return ["node", "--import", loopback, str(self.program), f"--port={site.port}", "--headless"]

    def headers(self, upstream: int) -> Mapping[str, str]:
        return {"x-portkey-provider": "openai", "x-portkey-custom-host": f"http://127.0.0.1:{upstream}/v1"}
