"""The child process of one job: it limits itself, reads its order, and answers on stdout.

In: a line ``{"job", "orders", "path", "size", "memory", "seconds"}`` and ``size`` bytes, unless ``path`` names a file.
Out: for each product a line ``{"meta", "size"}`` and its bytes; then ``{"done": true}`` or ``{"error"}``.
"""

import importlib
import io
import json
import math
import os
import sys
import traceback
from typing import Any, BinaryIO

from gateway.media.decoders import Undecodable

MAX_REQUEST_LINE = 1 << 20
OPEN_FILES = 64


def main() -> None:
    answers = _claim_stdout()
    request = json.loads(sys.stdin.buffer.readline(MAX_REQUEST_LINE))
    _limit(request["memory"], request["seconds"])
    _send(answers, _work(request, answers))


def _claim_stdout() -> BinaryIO:
    """Keep stdout for answers: what a library prints goes to stderr."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return answers


def _limit(memory: int, seconds: float) -> None:
    """Processes are not limited: the kernel counts a user's, not a child's, and codecs need their threads."""
    if sys.platform == "win32":
        return
    import resource
    import signal

    cpu = math.ceil(seconds) + 1  # the parent's clock comes first
    limits = {
        resource.RLIMIT_AS: memory,
        resource.RLIMIT_CPU: cpu,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: OPEN_FILES,
    }
    for name, wanted in limits.items():
        hard = resource.getrlimit(name)[1]
        limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(name, (limit, limit))
    signal.alarm(cpu)  # where the parent is no more


def _work(request: dict[str, Any], answers: BinaryIO) -> dict[str, Any]:
    """Do the job and send its products; the last line of the answer."""
    job = request["job"]
    try:
        work = getattr(importlib.import_module(f"gateway.media.decoders.{job}"), job)
        with _source(request) as source:
            for meta, data in work(source, request["orders"]):
                _send(answers, {"meta": meta, "size": len(data)}, data)
    except Undecodable as error:
        _note(error)
        return _error(error.code, error.text)
    except MemoryError as error:
        _note(error)
        return _error("too_large_to_decode", "Decoding it takes more memory than is allowed here.")
    except Exception as error:  # noqa: BLE001 - whatever a decoder raises; its text stays here
        _note(error)
        return _error("undecodable", "It cannot be decoded.")
    return {"done": True}


def _source(request: dict[str, Any]) -> BinaryIO:
    if request["path"] is not None:
        return open(request["path"], "rb")
    return io.BytesIO(sys.stdin.buffer.read(request["size"]))


def _send(answers: BinaryIO, line: dict[str, Any], data: bytes = b"") -> None:
    answers.write(json.dumps(line).encode() + b"\n")
    answers.write(data)
    answers.flush()


def _error(code: str, text: str) -> dict[str, Any]:
    return {"error": {"code": code, "text": text}}


def _note(error: BaseException) -> None:
    """For the parent's log: which errors where, without their texts, which may hold anything."""
    cause: BaseException | None = error
    while cause is not None:
        places = traceback.extract_tb(cause.__traceback__)[-2:]
        where = ", ".join(f"{os.path.basename(place.filename)}:{place.lineno}" for place in places)
        print(f"{type(cause).__name__} at {where}", file=sys.stderr)
        cause = cause.__cause__


if __name__ == "__main__":
    main()
