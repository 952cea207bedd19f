"""The workflow that checks each change is valid, and runs only what the Makefile has."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOW = ROOT / ".github" / "workflows" / "ci.yml"


@pytest.fixture(scope="module")
def jobs() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))["jobs"]
    return found


def test_the_workflow_is_valid_by_actionlint() -> None:
    beside_python = Path(sys.executable).parent / "actionlint"
    program = str(beside_python) if beside_python.exists() else shutil.which("actionlint")
    if program is None:
        pytest.skip("actionlint is not installed: pip install --require-hashes -r requirements/workflow.txt")
    done = subprocess.run([program, str(WORKFLOW)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_job_runs_only_what_the_makefile_has(jobs: dict[str, Any]) -> None:
    targets = set(re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    scripts = [step.get("run", "") for job in jobs.values() for step in job["steps"]]
    called = set(re.findall(r"^make (\S+)", "\n".join(scripts), re.MULTILINE))
    assert called == {"check", "test", "wheel"}
    assert called <= targets


def test_jobs_wait_for_each_other_and_every_supported_python_is_tested(jobs: dict[str, Any]) -> None:
    assert jobs["test"]["needs"] == "check"
    assert jobs["release"]["needs"] == ["check", "test"]
    assert jobs["test"]["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13"]
    assert all("timeout-minutes" in job for job in jobs.values())


def test_a_release_is_built_from_a_tag_only(jobs: dict[str, Any]) -> None:
    assert jobs["release"]["if"] == "startsWith(github.ref, 'refs/tags/v')"
