"""`make clients`: other people's clients against the gateway, in front of the simulated vendors."""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.e2e.conftest import sections
from tests.e2e.pictures import data_url, small
from tests.e2e.process import Process, environment
from tests.e2e.servers import unused_port

from .outcomes import Outcomes

HERE = Path(__file__).parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "arkway-clients"
_PATIENCE = 20.0


def main(wanted: list[str]) -> None:
    scripts = {path.stem: path for path in sorted((*HERE.glob("python_*.py"), *HERE.glob("node_*.mjs")))}
    unknown = [name for name in wanted if name not in scripts]
    if unknown:
        sys.exit(f"There is no client {unknown[0]}; known are {', '.join(scripts)}.")
    outcomes = Outcomes()
    with tempfile.TemporaryDirectory() as folder, _gateway(Path(folder)) as gateway:
        failed = [name for name in wanted or scripts if _play(scripts[name], gateway.url, outcomes) != 0]
        for line in gateway.text.splitlines():
            if '"level":"error"' in line:
                print(line, file=sys.stderr)
    print(outcomes.table())
    if failed:
        sys.exit(f"Failed: {', '.join(failed)}.")


def _play(script: Path, url: str, outcomes: Outcomes) -> int:
    """The script's exit status. What it has to say of its failures goes to our own stderr."""
    pictures = {f"ARKWAY_{name.upper()}": data_url(small(name)) for name in ("red", "blue")}
    env = environment(ARKWAY_URL=f"{url}/v1", **pictures)
    with subprocess.Popen(_command(script), env=env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        for line in process.stdout:
            print(line, end="", flush=True)
            outcomes.read(line)
    return process.returncode


def _command(script: Path) -> list[str]:
    if script.suffix == ".py":
        return [str(_python(script.with_suffix(".txt"))), str(script)]
    folder = _node()
    for path in HERE.glob("*.mjs"):  # Node looks for packages beside the script
        shutil.copy(path, folder)
    return ["node", str(folder / script.name)]


def _python(pins: Path) -> Path:
    """The interpreter of an environment that has just these packages."""
    folder = CACHE / pins.stem
    if not _is_current(folder, pins):
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        pip = [str(folder / "bin/python"), "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
        subprocess.run([*pip, "-r", str(pins)], check=True)
        shutil.copy(pins, folder)
    return folder / "bin/python"


def _node() -> Path:
    folder, lock = CACHE / "node", HERE / "package-lock.json"
    if not _is_current(folder / "node_modules", lock):
        if not shutil.which("npm"):
            sys.exit("`make clients` needs Node.js 20 or newer with npm.")
        folder.mkdir(parents=True, exist_ok=True)
        for path in (HERE / "package.json", lock):
            shutil.copy(path, folder)
        install = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        subprocess.run(install, cwd=folder, check=True)
        shutil.copy(lock, folder / "node_modules")
    return folder


def _is_current(folder: Path, pins: Path) -> bool:
    """Whether what is installed is what the file says: a copy of it is the last thing to be put there."""
    copy = folder / pins.name
    return copy.exists() and copy.read_bytes() == pins.read_bytes()


@contextlib.contextmanager
def _gateway(folder: Path) -> Iterator[Process]:
    port = unused_port()
    with contextlib.ExitStack() as stack:
        ready = re.compile("ModelArts")
        vendors = Process.start("simulate", "--port", str(port), cwd=folder, ready=ready)
        stack.callback(vendors.end)
        _await_port(port)
        settings = sections(f"http://127.0.0.1:{port}", folder)
        gateway = Process.serve(folder, settings)
        stack.callback(gateway.end)
        yield gateway


def _await_port(port: int) -> None:
    deadline = time.monotonic() + _PATIENCE
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        if time.monotonic() > deadline:
            raise TimeoutError("the simulator does not listen")
        time.sleep(0.02)


main(sys.argv[1:])
