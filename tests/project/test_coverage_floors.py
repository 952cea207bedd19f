"""The floors of coverage bite: on lines and on branches, on the inside and on the whole."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.project.coverage_floors import judge, main


def summary(lines_ran: int, branches_ran: int) -> dict[str, Any]:
    counts = {
        "num_statements": 100,
        "covered_lines": lines_ran,
        "num_branches": 100,
        "covered_branches": branches_ran,
    }
    return {"summary": counts}


def report(inside: tuple[int, int], outside: tuple[int, int]) -> dict[str, Any]:
    return {
        "files": {
            "src/shop/domain/orders.py": summary(*inside),
            "src/shop/application/commands/orders.py": summary(*inside),
            "src/shop/adapters/sql/orders.py": summary(*outside),
        }
    }


def test_floors_hold_at_their_own_height() -> None:
    lines, all_hold = judge(report(inside=(95, 95), outside=(80, 80)))
    assert all_hold
    assert len(lines) == 4


@pytest.mark.parametrize(
    ("inside", "outside"),
    [((94, 100), (100, 100)), ((100, 94), (100, 100)), ((95, 100), (70, 100)), ((100, 95), (100, 70))],
    ids=["inner lines", "inner branches", "all lines", "all branches"],
)
def test_one_low_figure_is_enough_to_fail(inside: tuple[int, int], outside: tuple[int, int]) -> None:
    lines, all_hold = judge(report(inside, outside))
    assert not all_hold
    assert sum("TOO LOW" in line for line in lines) == 1


def test_a_report_that_measured_nothing_does_not_pass() -> None:
    with pytest.raises(ValueError, match="measured"):
        judge({"files": {}})


def test_the_command_fails_below_a_floor(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "coverage.json"
    path.write_text(json.dumps(report(inside=(10, 10), outside=(100, 100))))
    assert main(str(path)) == 1
    assert "TOO LOW" in capsys.readouterr().out
