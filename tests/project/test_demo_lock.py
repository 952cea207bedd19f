"""The demo runs on what its own lock brings: nothing that only the developers' lock has is missed."""

import re
import subprocess
import sys
from pathlib import Path

from tests.demo import free_port

ROOT = Path(__file__).parents[2]
PROGRAM = """
import os, re, signal, sys
from importlib.abc import MetaPathFinder
from importlib.metadata import packages_distributions
from pathlib import Path

BRINGS, LOCKED = packages_distributions(), set(sys.argv[2].split(","))


class OnlyLocked(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        brought_by = {re.sub("[-_.]+", "-", found).lower() for found in BRINGS.get(name.partition(".")[0], ())}
        if brought_by and not brought_by & LOCKED:
            raise ModuleNotFoundError(f"{name} is not in the lock of the demo", name=name)


sys.meta_path.insert(0, OnlyLocked())
from shop.entrypoints import run
from shop.entrypoints.cli import app


def announce(card):
    print(card.products)
    os.kill(os.getpid(), signal.SIGTERM)


run.demo(Path(sys.argv[1]), int(sys.argv[3]), announce)
"""


def locked() -> set[str]:
    """The packages that requirements/demo.txt brings, ours, and what measures this very test."""
    text = (ROOT / "requirements" / "demo.txt").read_text(encoding="utf-8")
    return {"hexshop", "coverage", *re.findall(r"^([a-z0-9][a-z0-9-]*)(?:\[[^\]]*\])?==", text, re.MULTILINE)}


def run_demo_on(packages: set[str], folder: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder), ",".join(sorted(packages)), str(free_port())],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_the_demo_needs_its_own_lock_only(tmp_path: Path) -> None:
    done = run_demo_on(locked(), tmp_path)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 0


def test_a_package_that_the_lock_forgot_is_missed(tmp_path: Path) -> None:
    """Planted: a lock without alembic."""
    done = run_demo_on(locked() - {"alembic"}, tmp_path)
    assert "alembic is not in the lock of the demo" in done.stderr
