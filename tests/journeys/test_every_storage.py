"""Tests of the application and of HTTP, with databases in place of memory: the rules hold whoever keeps the rows."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.scale import rounds

ROOT = Path(__file__).parents[2]
SECONDS_MAX = 3_600
FOLDERS = ("tests/application", "tests/entrypoints/http")
SLICE = ("tests/application/test_orders.py",)


@pytest.mark.prove
@pytest.mark.integration
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_all_is_the_same_on_a_database(kind: str, tmp_path: Path) -> None:
    """`make prove` has them all, each with as many examples as `make test`, which has a slice of them here."""
    full = rounds(0, in_full=1)
    chosen, processes = (FOLDERS, "2") if full else (SLICE, "0")
    environment = {name: value for name, value in os.environ.items() if name != "SHOP_PROVE"}
    # What a test leaves connected is cut off with its database: that is no leak of the shop's. And the plugin imports
    # much as it ends, which Python 3.11 does not bear while such leftovers are collected.
    quiet = ("-W", "ignore", "-p", "no:cacheprovider", "-p", "no:schemathesis")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-n", processes, *quiet),
            *(f"--basetemp={tmp_path}/tests", *chosen),
        ],
        cwd=ROOT,
        env={**environment, "SHOP_TEST_STORAGE": kind},
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
    assert " passed" in done.stdout
