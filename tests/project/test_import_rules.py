"""The import rules hold on the tree, and each of them bites when somebody breaks it."""

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "shop"
PYPROJECT = ROOT / "pyproject.toml"
CONTRACTS: dict[str, str] = {
    contract["id"]: contract["name"]
    for contract in tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
}


class Plant(NamedTuple):
    """A new module that imports what it must not; `also` names the contracts that this breaks as well."""

    module: str
    imports: str
    also: frozenset[str] = frozenset()


CIRCLE = frozenset({"circles"})
PLANTS = {
    "layers": Plant("domain/planted.py", "shop.adapters.target", CIRCLE),
    "domain": Plant("domain/planted.py", "shop.domain.target"),
    "application": Plant("application/ports/planted.py", "shop.application.commands.target", CIRCLE),
    "use-cases": Plant("application/commands/planted.py", "shop.application.commands.target"),
    "reactions": Plant("application/reactions/planted.py", "shop.application.queries.target"),
    "adapters": Plant("adapters/planted.py", "shop.adapters.target"),
    "transports": Plant("entrypoints/cli/planted.py", "shop.entrypoints.http.target"),
    "front-door": Plant("entrypoints/http/planted.py", "shop.adapters.target"),
    "circles": Plant("domain/kernel/target.py", "shop.domain.kernel.planted"),
}
# What a circle needs besides: the way back.
WAYS_BACK = {
    "layers": Plant("adapters/target.py", "shop.domain.planted"),
    "application": Plant("application/commands/target.py", "shop.application.ports.planted"),
    "circles": Plant("domain/kernel/planted.py", "shop.domain.kernel.target"),
}


def broken_contracts(source: Path) -> set[str]:
    """The ids of the contracts that the package under `source` breaks."""
    shutil.copy(PYPROJECT, source / "pyproject.toml")
    program = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    done = subprocess.run(
        [sys.executable, "-c", program, "--no-cache", "--no-logo"],
        cwd=source,
        env={"PYTHONPATH": str(source), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    verdicts = dict(re.findall(r"^(.+?) (KEPT|BROKEN)\b", done.stdout, re.MULTILINE))
    assert verdicts.keys() == set(CONTRACTS.values()), done.stdout + done.stderr
    broken = {contract for contract, name in CONTRACTS.items() if verdicts[name] == "BROKEN"}
    assert (done.returncode != 0) == bool(broken)
    return broken


def plant(source: Path, what: Plant) -> None:
    """Writes the module, and an empty one where it points at something of ours that is not there."""
    write(source / "shop" / what.module, f"import {what.imports}\n")
    target = source.joinpath(*what.imports.split(".")).with_suffix(".py")
    if what.imports.startswith("shop.") and not target.exists():
        write(target, "")


def write(module: Path, text: str) -> None:
    module.parent.mkdir(parents=True, exist_ok=True)
    for package in (module.parent, *module.parent.parents):
        if package.name == "shop":
            break
        (package / "__init__.py").touch()
    module.write_text(text, encoding="utf-8")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A copy of the package to break."""
    shutil.copytree(PACKAGE, tmp_path / "shop", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_the_tree_keeps_every_contract(source: Path) -> None:
    assert broken_contracts(source) == set()


@pytest.mark.parametrize("contract", CONTRACTS)
def test_a_planted_import_breaks_its_contract(contract: str, source: Path) -> None:
    plant(source, PLANTS[contract])
    if contract in WAYS_BACK:
        plant(source, WAYS_BACK[contract])
    assert broken_contracts(source) == {contract} | PLANTS[contract].also


# The domain is told the time and its ids; it never asks the machine for anything.
IMPURE_MODULES = {
    *(
        "asyncio",
        "concurrent",
        "http",
        "io",
        "logging",
        "multiprocessing",
        "os",
        "pathlib",
        "random",
        "secrets",
    ),
    *("shutil", "socket", "sqlite3", "ssl", "subprocess", "sys", "tempfile", "threading", "time", "urllib"),
}
IMPURE_NAMES = {"now", "utcnow", "today", "uuid1", "uuid4", "uuid7", "open", "print", "input"}


def imported_roots(tree: ast.AST) -> set[str]:
    roots = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            roots |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            roots.add(node.module.split(".")[0])
    return roots


def called_names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name):
                if node.func.value.id in {"datetime", "date", "uuid"}:
                    yield node.func.attr
            elif isinstance(node.func, ast.Name):
                yield node.func.id


def impurities(text: str) -> set[str]:
    """What the domain's source takes from the machine or from packages other than attrs."""
    tree = ast.parse(text)
    roots = imported_roots(tree)
    strangers = {root for root in roots if root not in {"attr", "attrs", "shop"} | sys.stdlib_module_names}
    return strangers | (roots & IMPURE_MODULES) | (set(called_names(tree)) & IMPURE_NAMES)


def test_the_domain_is_pure() -> None:
    found = {str(path.relative_to(PACKAGE)): impurities(path.read_text()) for path in PACKAGE.glob("domain/**/*.py")}
    assert found
    assert {name: what for name, what in found.items() if what} == {}


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("import msgspec", "msgspec"),
        ("from random import choice", "random"),
        ("from datetime import datetime\nat = datetime.now()", "now"),
        ("def f():\n    import uuid\n    return uuid.uuid4()", "uuid4"),
        ("from uuid import uuid4\nx = uuid4()", "uuid4"),
    ],
)
def test_impurity_is_seen(text: str, what: str) -> None:
    assert impurities(text) == {what}


# Where each library is at home; a library that is not named here has no place in the shop yet.
HOMES = {
    "attrs": ("",),
    "msgspec": ("adapters", "entrypoints"),
    "sqlalchemy": ("adapters/sql",),
    "alembic": ("adapters/sql",),
    "asyncpg": ("adapters/sql",),
    "redis": ("adapters/redis",),
    "limits": ("adapters/redis",),
    "nh3": ("adapters/nh3",),
    "stripe": ("adapters/stripe",),
    "aiosmtplib": ("adapters/mail",),
    "bcrypt": ("adapters/passwords",),
    "argon2": ("adapters/passwords",),
    "jwt": ("adapters/tokens.py",),
    "cryptography": ("adapters/tokens.py",),
    "authlib": ("adapters/sign_in",),
    "httpx2": ("adapters/sign_in",),
    "joserfc": ("adapters/sign_in",),
    "pyotp": ("adapters/second_step",),
    "segno": ("adapters/second_step",),
    "webauthn": ("adapters/second_step",),
    "pytest": ("adapters/contracts",),
    "hypothesis": ("adapters/contracts",),
    "dependency_injector": ("entrypoints/container.py", "entrypoints/embed.py"),
    "litestar": ("entrypoints/http",),
    "jinja2": ("entrypoints/http",),
    "swagger_ui_bundle": ("entrypoints/http",),
    "babel": ("entrypoints",),
    "granian": ("entrypoints",),
    "uvloop": ("entrypoints",),
    "typer": ("entrypoints/cli",),
    "rich": ("entrypoints/cli",),
    "slugify": ("entrypoints",),
}


def strays(module: str, text: str) -> set[str]:
    """The libraries that a module, named by its path in the package, imports outside their homes."""
    libraries = imported_roots(ast.parse(text)) - sys.stdlib_module_names - {"shop"}
    path = Path(module)
    return {library for library in libraries if not any(path.is_relative_to(home) for home in HOMES.get(library, ()))}


def test_libraries_stay_at_home() -> None:
    found = {
        (name := path.relative_to(PACKAGE).as_posix()): strays(name, path.read_text()) for path in PACKAGE.rglob("*.py")
    }
    assert {name: what for name, what in found.items() if what} == {}


@pytest.mark.parametrize(
    ("module", "library"),
    [
        ("domain/orders.py", "msgspec"),
        ("application/shop.py", "sqlalchemy"),
        ("adapters/stripe/payments.py", "redis"),
        ("adapters/sql/orders.py", "stripe"),
        ("entrypoints/worker/main.py", "litestar"),
        ("entrypoints/http/app.py", "dependency_injector"),
        ("entrypoints/http/app.py", "requests"),
    ],
)
def test_a_library_away_from_home_is_noticed(module: str, library: str) -> None:
    assert strays(module, f"import {library}") == {library}
