"""Local files: nothing outside the roots is read, nothing but regular files, and nothing hangs."""

import os
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.media.local import UNAVAILABLE, LocalRefused, open_beneath, read_local

LIMIT = 1000


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "pictures"
    (root / "deep").mkdir(parents=True)
    (root / "deep" / "a.png").write_bytes(b"inside")
    (tmp_path / "secret").write_bytes(b"outside")
    (tmp_path / "pictures-private").mkdir()
    (tmp_path / "pictures-private" / "a.png").write_bytes(b"outside")
    return root


def read(root: Path, path: str) -> bytes:
    return read_local(path.replace("ROOT", str(root)), [root], max_bytes=LIMIT)


@pytest.mark.parametrize(
    "path",
    [
        "ROOT/deep/a.png",
        "file://ROOT/deep/a.png",
        "FILE://ROOT/deep/a.png",
        "file://localhostROOT/deep/a.png",
        "file://ROOT/deep/%61.png",
        "file://ROOT/deep%2Fa.png",
        "ROOT/deep/../deep/./a.png",
        "ROOT/../pictures/deep/a.png",
    ],
)
def test_inside(root: Path, path: str) -> None:
    assert read(root, path) == b"inside"


@pytest.mark.parametrize(
    "path",
    [
        "ROOT/../secret",
        "ROOT/deep/../../secret",
        "file://ROOT/../secret",
        "file://ROOT/%2e%2e/secret",
        "file://ROOT/%2E%2E%2Fsecret",
        "file://ROOT/%252e%252e/secret",
        "ROOT/%2e%2e/secret",
        "ROOT-private/a.png",
        "/etc/passwd",
        "/etc/no-such-file",
        "/proc/self/environ",
        "/proc/self/cwd/pyproject.toml",
        "/dev/zero",
        "/dev/stdin",
        "/",
        "ROOT/no-such-file",
        "ROOT/DEEP/A.PNG",
        "ROOT/" + "a" * 5000,
        "ROOT/\ud800",
        "file://ROOT/\ud800",
    ],
)
def test_what_is_outside_and_what_is_missing_are_told_apart_by_nobody(root: Path, path: str) -> None:
    with pytest.raises(LocalRefused, match=UNAVAILABLE):
        read(root, path)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "deep/a.png",
        "~/a.png",
        "//server/share/a.png",
        "\\\\server\\share\\a.png",
        "file:////server/share/a.png",
        "file://server/share/a.png",
        "file://127.0.0.1/a.png",
        "file://localhost:80/a.png",
        "file:ROOT/deep/a.png",
        "file://",
        "ROOT/deep/a.png\0.txt",
        "file://ROOT/deep/a.png%00.txt",
        "file://ROOT/deep/a.png?x",
        "file://ROOT/deep/a.png#x",
        "http://example.com/a.png",
    ],
)
def test_other_forms(root: Path, path: str) -> None:
    with pytest.raises(LocalRefused) as refused:
        read(root, path)
    assert refused.value.reason != UNAVAILABLE


@pytest.mark.parametrize(
    "target", ["../secret", "../../../../../../../../etc/passwd", "/proc/self/environ", "loop"]
)
def test_a_symlink_does_not_lead_out(root: Path, target: str) -> None:
    (root / "loop").symlink_to(target)
    with pytest.raises(LocalRefused, match=UNAVAILABLE):
        read(root, "ROOT/loop")


def test_a_symlinked_directory_does_not_lead_out(root: Path) -> None:
    (root / "out").symlink_to(root.parent)
    with pytest.raises(LocalRefused, match=UNAVAILABLE):
        read(root, "ROOT/out/secret")


def test_a_symlink_may_lead_inside(root: Path) -> None:
    (root / "link").symlink_to("deep")
    assert read(root, "ROOT/link/a.png") == b"inside"


def test_a_root_may_be_a_symlink(root: Path) -> None:
    alias = root.parent / "alias"
    alias.symlink_to(root)
    assert read(alias, "ROOT/deep/a.png") == b"inside"


def test_a_symlink_swapped_in_after_the_path_was_resolved_is_not_followed(root: Path) -> None:
    (root / "swapped").symlink_to(root.parent / "pictures-private")
    (root / "file.png").symlink_to(root.parent / "secret")
    for parts in (["swapped", "a.png"], ["file.png"]):
        with pytest.raises(OSError, match=r"symbolic links|Not a directory"):
            open_beneath(str(root), parts)


def attempt(root: Path, path: str) -> bytes | None:
    try:
        return read(root, path)
    except LocalRefused:
        return None


def test_a_hard_link_is_the_file(root: Path) -> None:
    os.link(root / "deep" / "a.png", root / "hard.png")
    assert read(root, "ROOT/hard.png") == b"inside"


def test_names_are_taken_as_they_are(root: Path) -> None:
    (root / "100%41 图?#.png").write_bytes(b"odd")
    assert read(root, "ROOT/100%41 图?#.png") == b"odd"
    assert read(root, "file://ROOT/100%2541%20%E5%9B%BE%3F%23.png") == b"odd"


@pytest.mark.parametrize("path", ["ROOT", "ROOT/deep", "ROOT/deep/", "ROOT/pipe"])
def test_only_regular_files(root: Path, path: str) -> None:
    os.mkfifo(root / "pipe")
    with pytest.raises(LocalRefused, match="not a regular file"):
        read(root, path)


def test_a_socket_is_refused(root: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(root / "s"))
        with pytest.raises(LocalRefused):
            read(root, "ROOT/s")


def test_devices_are_refused_under_a_root_that_holds_them() -> None:
    with pytest.raises(LocalRefused, match="not a regular file"):
        read_local("/dev/zero", [Path("/dev")], max_bytes=LIMIT)


def test_size_limit_by_status(root: Path) -> None:
    with (root / "sparse").open("wb") as file:
        file.truncate(5 << 30)
    with pytest.raises(LocalRefused, match=f"{5 << 30} bytes, over the limit of {LIMIT}"):
        read(root, "ROOT/sparse")


def test_size_limit_while_reading() -> None:
    """A file of /proc says that it is empty and is not."""
    with pytest.raises(LocalRefused, match="over the limit of 10 bytes"):
        read_local("/proc/self/status", [Path("/proc")], max_bytes=10)


def test_a_file_that_fails_while_it_is_read() -> None:
    """The memory of a process opens as a regular file, and its beginning is no memory."""
    with pytest.raises(LocalRefused, match="the file cannot be read"):
        read_local("/proc/self/mem", [Path("/proc")], max_bytes=LIMIT)


def test_exactly_the_limit_is_read(root: Path) -> None:
    (root / "full").write_bytes(b"x" * LIMIT)
    assert len(read(root, "ROOT/full")) == LIMIT


def test_no_roots_no_files(root: Path) -> None:
    with pytest.raises(LocalRefused, match=UNAVAILABLE):
        read_local(str(root / "deep" / "a.png"), [], max_bytes=LIMIT)


def test_a_missing_root_hides_no_other(root: Path) -> None:
    path = str(root / "deep" / "a.png")
    assert read_local(path, [root / "missing", root], max_bytes=LIMIT) == b"inside"


def test_no_descriptor_is_left_open(root: Path) -> None:
    (root / "out").symlink_to(root.parent)
    before = os.listdir("/proc/self/fd")
    for path in ("ROOT/deep/a.png", "ROOT/deep", "ROOT/out/secret", "ROOT/deep/missing"):
        attempt(root, path)
    assert len(os.listdir("/proc/self/fd")) == len(before)


@given(st.text(), st.sampled_from(["", "/", "file://", "file:///", "/proc/self/"]))
def test_random_text_is_refused(text: str, prefix: str) -> None:
    with pytest.raises(LocalRefused):
        read_local(prefix + text, [Path("/nowhere")], max_bytes=LIMIT)
