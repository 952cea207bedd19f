"""The house stays readable: files fit a head, functions a screen, names say what is inside."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "shop"
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60
VAGUE_NAMES = {
    "utils",
    "util",
    "common",
    "helpers",
    "helper",
    "base",
    "manager",
    "service",
    "services",
    "impl",
    "misc",
}
MODULES = sorted(SOURCE.rglob("*.py"))


def long_functions(text: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION_LINES_MAX:
                yield f"{node.name} has {length} lines"


def is_silent(text: str) -> bool:
    """Whether a module that has something in it says nothing of itself."""
    tree = ast.parse(text)
    return bool(tree.body) and not ast.get_docstring(tree)


def test_files_fit_a_head() -> None:
    lengths = {str(path.relative_to(SOURCE)): len(path.read_text().splitlines()) for path in MODULES}
    assert lengths
    assert {name: length for name, length in lengths.items() if length > FILE_LINES_MAX} == {}


def test_functions_fit_a_screen() -> None:
    found = {str(path.relative_to(SOURCE)): list(long_functions(path.read_text())) for path in MODULES}
    assert {name: what for name, what in found.items() if what} == {}


def test_modules_say_what_they_are() -> None:
    assert [str(path.relative_to(SOURCE)) for path in MODULES if is_silent(path.read_text())] == []


def test_no_name_is_vague() -> None:
    parts = {part for path in MODULES for part in path.relative_to(SOURCE).with_suffix("").parts}
    assert parts & VAGUE_NAMES == set()


@pytest.mark.parametrize(("text", "silent"), [("", False), ("x = 1", True), ('"""One."""', False)])
def test_silence_is_noticed(text: str, silent: bool) -> None:
    assert is_silent(text) is silent


def test_length_is_noticed() -> None:
    body = "\n".join("    x = 1" for _ in range(FUNCTION_LINES_MAX))
    assert list(long_functions(f"def endless():\n{body}")) == [f"endless has {FUNCTION_LINES_MAX + 1} lines"]
