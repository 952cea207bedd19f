"""`make` alone explains what there is to run."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def make(*arguments: str) -> str:
    return subprocess.run(["make", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True).stdout


def phony_targets() -> list[str]:
    found = re.search(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert found is not None
    return found[1].split()


def test_make_alone_lists_every_target_with_a_sentence() -> None:
    listed = dict(re.findall(r"^  make (\S+) +(\S.*)$", make(), re.MULTILINE))
    assert list(listed) == phony_targets()


def test_the_targets_that_others_script_against_are_there() -> None:
    assert {"help", "demo", "test", "check", "bench", "prove"} <= set(phony_targets())


def test_the_demo_takes_its_port_and_needs_the_small_lock_only() -> None:
    plan = make("--dry-run", "--always-make", "demo", "PORT=8123")
    assert "shop demo --port 8123" in plan
    assert "requirements/demo.txt" in plan
    assert "requirements/dev.txt" not in plan
