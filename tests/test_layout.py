"""The architecture, checked: what is pure stays pure, no state in modules, no file too long to read."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import gateway

ROOT = Path(gateway.__file__).parent
SOURCES = sorted(ROOT.rglob("*.py"))
# What a package may import of ours. Of others, the pure ones may import what does no I/O and knows no time.
OURS = {
    "wire": ("gateway.errors", "gateway.wire"),
    "backends": ("gateway.errors", "gateway.wire", "gateway.backends"),
}
HARMLESS = frozenset(
    {
        "base64", "binascii", "collections", "copy", "dataclasses", "enum", "functools", "hashlib", "itertools",
        "json", "math", "orjson", "pybase64", "re", "string", "struct", "types", "typing",
    }
)  # fmt: skip
LONGEST = 400


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def imported(path: Path) -> Iterator[str]:
    """The modules that a file imports; ``from gateway.wire import sse`` names gateway.wire.sse."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name(path)}: imports are absolute"
            ours = (node.module or "").startswith("gateway")
            yield from (f"{node.module}.{alias.name}" if ours else str(node.module) for alias in node.names)


def pure(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


PURE = [(package, path) for package in OURS for path in pure(package)]
each_pure_file = pytest.mark.parametrize(("package", "path"), PURE, ids=[name(path) for _, path in PURE])
each_file = pytest.mark.parametrize("path", SOURCES, ids=name)


@each_pure_file
def test_the_core_awaits_nothing(package: str, path: Path) -> None:
    waiting = (ast.AsyncFunctionDef, ast.AsyncFor, ast.AsyncWith, ast.Await)
    assert [node.lineno for node in ast.walk(tree(path)) if isinstance(node, waiting)] == []


@each_pure_file
def test_the_core_imports_only_what_does_nothing_outside(package: str, path: Path) -> None:
    foreign = {module.partition(".")[0] for module in imported(path)} - {"gateway"}
    assert foreign <= HARMLESS


@each_pure_file
def test_the_core_knows_nothing_of_the_shell(package: str, path: Path) -> None:
    ours = {module for module in imported(path) if module.startswith("gateway")}
    allowed = OURS[package]
    assert {
        module for module in ours if not f"{module}.".startswith(tuple(f"{one}." for one in allowed))
    } == set()


@each_pure_file
def test_the_core_opens_and_prints_nothing(package: str, path: Path) -> None:
    calls = [node.func for node in ast.walk(tree(path)) if isinstance(node, ast.Call)]
    named = {called.id for called in calls if isinstance(called, ast.Name)}
    assert named & {"open", "print", "input", "exec", "eval", "__import__"} == set()


@each_file
def test_no_module_assigns_its_own_state_at_run_time(path: Path) -> None:
    assert [node.lineno for node in ast.walk(tree(path)) if isinstance(node, ast.Global)] == []


@each_file
def test_a_mutable_value_of_a_module_is_a_constant_by_its_name(path: Path) -> None:
    """A list or dict that is filled at run time would be named as a variable is."""
    made = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)
    for node in tree(path).body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, made):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = [target.id for target in targets if isinstance(target, ast.Name)]
            assert all(one.isupper() or one == "__all__" for one in names), f"{name(path)}:{node.lineno}"


@each_file
def test_no_constant_is_changed_from_inside_a_function(path: Path) -> None:
    changing = {
        "append",
        "add",
        "update",
        "extend",
        "insert",
        "pop",
        "clear",
        "remove",
        "discard",
        "setdefault",
    }
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in changing:
            holder = node.func.value
            assert not (isinstance(holder, ast.Name) and holder.id.isupper()), f"{name(path)}:{node.lineno}"
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del):
            holder = node.value
            assert not (isinstance(holder, ast.Name) and holder.id.isupper()), f"{name(path)}:{node.lineno}"


@each_file
def test_a_file_can_be_read_in_one_sitting(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= LONGEST


@each_file
def test_a_file_says_in_its_first_lines_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(tree(path))
