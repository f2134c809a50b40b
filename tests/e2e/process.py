"""``arkway`` as people run it: a process of its own, its log in a file."""

import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import yaml

_PATIENCE = 20.0
_READY = re.compile(r"Uvicorn running on (http://[\d.]+:\d+)")
_COVERED = ("ARK", "MODELARTS", "ARKWAY")


def environment(**more: str) -> dict[str, str]:
    """This process's environment without anything that would configure the gateway."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_COVERED)}
    return {**kept, "NO_COLOR": "1", **more}


def arkway(*arguments: str, cwd: Path, stdin: bytes = b"", **env: str) -> subprocess.CompletedProcess[bytes]:
    """Runs a command to its end."""
    command = [sys.executable, "-m", "gateway", *arguments]
    return subprocess.run(
        command, cwd=cwd, input=stdin, env=environment(**env), capture_output=True, timeout=60
    )


def written(folder: Path, settings: dict[str, Any]) -> Path:
    path = folder / "gateway.yaml"
    path.write_text(yaml.safe_dump(settings), "utf-8")
    return path


@dataclass
class Process:
    """A running ``arkway`` command."""

    process: subprocess.Popen[bytes]
    log: Path
    url: str = ""

    @classmethod
    def start(cls, *arguments: str, cwd: Path, ready: re.Pattern[str] = _READY, **env: str) -> "Process":
        """Starts the command and waits until it says that it listens."""
        log = cwd / f"stderr-{len(list(cwd.iterdir()))}.log"
        with log.open("wb") as target:
            process = subprocess.Popen(
                [sys.executable, "-m", "gateway", *arguments],
                cwd=cwd,
                env=environment(**env),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=target,
            )
        started = cls(process, log)
        found = started.await_log(ready)
        started.url = found[1] if found.re.groups else ""
        return started

    @classmethod
    def serve(cls, folder: Path, settings: dict[str, Any], *arguments: str, **env: str) -> "Process":
        config = written(folder, settings)
        return cls.start("serve", "--config", str(config), "--port", "0", *arguments, cwd=folder, **env)

    def await_log(self, pattern: re.Pattern[str]) -> re.Match[str]:
        deadline = time.monotonic() + _PATIENCE
        while True:
            found = pattern.search(self.text)
            if found:
                return found
            assert self.process.poll() is None, f"it ended: {self.text}"
            assert time.monotonic() < deadline, f"never logged {pattern.pattern}: {self.text}"
            time.sleep(0.01)

    @property
    def text(self) -> str:
        return self.log.read_text("utf-8", "replace")

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [orjson.loads(line) for line in self.text.splitlines() if line.startswith("{")]

    def requests(self) -> list[dict[str, Any]]:
        return [line for line in self.lines if line.get("event") == "request"]

    def signal(self, number: int = signal.SIGTERM) -> None:
        self.process.send_signal(number)

    def wait(self) -> int:
        return self.process.wait(_PATIENCE)

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
