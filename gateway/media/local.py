"""Local files: read from the operator's directories and from nowhere else. Blocking.

A hard link is the file itself, whatever else it is called: whoever may write into a root decides what is read from it.
"""

import os
import stat
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote_to_bytes

# One sentence for all of these, so that nobody learns what exists outside the roots.
UNAVAILABLE = "the file does not exist or is not inside a directory that this gateway reads"

_FILE_URL = "file://"
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # non-blocking: opening a FIFO would hang


class LocalRefused(Exception):
    """A file that is not read; `reason` is meant for the caller."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def read_local(url_or_path: str, roots: Sequence[Path], *, max_bytes: int) -> bytes:
    """Read a regular file under one of the roots, wherever symlinks and `..` lead on the way."""
    try:
        descriptor = _open_inside(parse_path(url_or_path), roots)
    except (OSError, ValueError) as error:
        raise LocalRefused(UNAVAILABLE) from error
    try:
        _check_status(os.fstat(descriptor), max_bytes)
        return _read(descriptor, max_bytes)
    finally:
        os.close(descriptor)


def parse_path(url_or_path: str) -> str:
    """Turn a file URL or a plain path into an absolute path; it is decoded once."""
    is_url = url_or_path[: len(_FILE_URL)].lower() == _FILE_URL
    path = _parse_file_url(url_or_path) if is_url else url_or_path
    if "\0" in path:
        raise LocalRefused("the path holds a NUL")
    if not path.startswith("/") or path.startswith("//"):
        raise LocalRefused("only absolute paths on this machine are read")
    return path


def open_beneath(root: str, parts: Sequence[str]) -> int:
    """Open step by step without following links: one swapped in after the path was resolved leads nowhere."""
    *directories, name = (".", *parts)
    parent = os.open(root, _DIRECTORY)
    try:
        for directory in directories:
            parent = _descend(parent, directory)
        return os.open(name, _FILE, dir_fd=parent)
    finally:
        os.close(parent)


def _parse_file_url(url: str) -> str:
    host, slash, path = url[len(_FILE_URL) :].partition("/")
    if host.lower() not in ("", "localhost"):
        raise LocalRefused("only files on this machine are read")
    if "?" in path or "#" in path:
        raise LocalRefused("a file URL has neither query nor fragment; write %3F for ? and %23 for #")
    return os.fsdecode(unquote_to_bytes(slash + path))


def _open_inside(path: str, roots: Sequence[Path]) -> int:
    real = Path(os.path.realpath(path, strict=True))
    for root in map(os.path.realpath, roots):
        if real.is_relative_to(root):
            return open_beneath(root, real.relative_to(root).parts)
    raise PermissionError(f"{real} is outside the roots")


def _descend(parent: int, directory: str) -> int:
    child = os.open(directory, _DIRECTORY, dir_fd=parent)
    os.close(parent)
    return child


def _check_status(status: os.stat_result, max_bytes: int) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise LocalRefused("it is not a regular file")
    if status.st_size > max_bytes:
        raise LocalRefused(f"the file has {status.st_size} bytes, over the limit of {max_bytes}")


def _read(descriptor: int, max_bytes: int) -> bytes:
    try:
        with open(descriptor, "rb", closefd=False) as file:
            data = file.read(max_bytes + 1)
    except OSError as error:
        raise LocalRefused("the file cannot be read") from error
    if len(data) > max_bytes:  # it grew after its size was taken
        raise LocalRefused(f"the file is over the limit of {max_bytes} bytes")
    return data
