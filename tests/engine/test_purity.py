"""The engine is pure: the standard library alone, and nothing to wait for."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import engine

MODULES = sorted(Path(engine.__file__).parent.glob("*.py"))
OUTSIDE = {
    "asyncio",
    "http",
    "os",
    "pathlib",
    "random",
    "socket",
    "sqlite3",
    "subprocess",
    "threading",
    "urllib.request",
}


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            yield node.module or ""


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.stem)
def test_a_module_imports_the_standard_library_alone_and_nothing_that_does_io(module: Path):
    names = set(imported(ast.parse(module.read_text())))

    assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names | {"engine"}
    assert not names & OUTSIDE


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.stem)
def test_a_module_never_awaits(module: Path):
    assert not [node for node in ast.walk(ast.parse(module.read_text())) if isinstance(node, ast.Await)]
