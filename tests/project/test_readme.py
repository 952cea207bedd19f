"""What the README shows is run here, so that it stays true."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from shop.entrypoints.cli.app import app
from tests.demo import running_demo

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("code", blocks("python"))
def test_python_blocks_run_as_they_stand(code: str) -> None:
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "Classic Tee" in done.stdout


@pytest.mark.journey
def test_the_nine_calls_end_in_a_paid_order(tmp_path: Path) -> None:
    [script] = blocks("bash")
    with running_demo(tmp_path) as card:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            env={"B": card["api_url"], "PATH": "/usr/bin:/bin:/usr/local/bin"},
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.returncode == 0, done.stderr
    order = json.loads(done.stdout)
    assert (order["status"], order["payment_status"]) == ("confirmed", "paid")


def test_the_example_ends_in_a_paid_order() -> None:
    done = subprocess.run(
        [sys.executable, "examples/embed.py"], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "1001 confirmed paid 64.88 EUR\n"


def test_console_blocks_name_commands_that_exist() -> None:
    known = set(getattr(get_command(app), "commands", {}))
    named = {
        match.group(1)
        for block in blocks("console")
        for match in re.finditer(r"\bshop (\w+)", "\n".join(line[2:] for line in block.splitlines() if line[:2] == "$ "))
    }
    assert named - {"serve", "worker", "db"} <= known
    assert {"serve", "worker", "db"} <= known


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        if not target.startswith("http"):
            assert (ROOT / target).exists(), f"README links to {target}, which is not there"

