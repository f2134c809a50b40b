"""``make compliance``: the compliance tests of Open Responses against the gateway, on both simulated backends.

They are a checkout of github.com/openresponses/openresponses with its packages installed (``bun install``), run by
``bun``; nothing of them is kept here.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from gateway.simulator import create_simulator
from tests.e2e.conftest import sections
from tests.e2e.process import Process
from tests.e2e.servers import Host, plain

_TESTS = Path("bin/compliance-test.ts")
_MODELS = {"Ark": "doubao-vision", "ModelArts": "qwen-vl"}


def main(checkout: str, *options: str) -> str | None:
    """Runs them for each backend; what went wrong, or None."""
    bun = shutil.which(os.environ.get("BUN", "bun"))
    if not (Path(checkout) / _TESTS).exists():
        return (
            f"`{checkout}` has no {_TESTS}; set OPENRESPONSES to a checkout of openresponses/openresponses."
        )
    if bun is None:
        return "`bun` is not installed; it runs the tests (https://bun.sh, or `npm install -g bun`)."
    with tempfile.TemporaryDirectory() as folder:
        failed = _run([bun, "run", str(_TESTS), *options], Path(checkout), Path(folder))
    return f"Tests fail on {' and '.join(failed)}." if failed else None


def _run(command: list[str], checkout: Path, folder: Path) -> list[str]:
    """The backends on which a test failed."""
    host = Host()
    vendors = host.serve(plain(create_simulator()))
    gateway = Process.serve(folder, sections(vendors.url, folder))
    target = ["--base-url", f"{gateway.url}/v1", "--api-key", "any"]
    try:
        return [
            title
            for title, model in _MODELS.items()
            if subprocess.run([*command, *target, "--model", model], cwd=checkout).returncode
        ]
    finally:
        gateway.end()
        host.stop(vendors)
        host.close()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
