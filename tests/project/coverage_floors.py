"""Holds coverage to its floors: `python -m tests.project.coverage_floors REPORT.json` fails below them."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple


class Floor(NamedTuple):
    name: str
    folders: tuple[str, ...]
    percent: float


FLOORS = (
    Floor("domain and application", ("src/shop/domain/", "src/shop/application/"), 95.0),
    Floor("everything", ("src/shop/",), 88.0),
)
# What coverage.py counts: how many there are, and how many of them ran.
KINDS = {"lines": ("num_statements", "covered_lines"), "branches": ("num_branches", "covered_branches")}


def covered(files: Mapping[str, Any], folders: tuple[str, ...], kind: str) -> float:
    """The percentage of a kind that ran under the folders. Raises ValueError where there is none."""
    there, ran = KINDS[kind]
    summaries = [each["summary"] for path, each in files.items() if path.replace("\\", "/").startswith(folders)]
    total = int(sum(summary[there] for summary in summaries))
    if not total:
        raise ValueError(f"No {kind} were measured under {', '.join(folders)}.")
    return 100.0 * int(sum(summary[ran] for summary in summaries)) / total


def judge(report: Mapping[str, Any]) -> tuple[list[str], bool]:
    """One line per floor and kind, and whether all of them hold."""
    lines, all_hold = [], True
    for floor in FLOORS:
        for kind in KINDS:
            percent = covered(report["files"], floor.folders, kind)
            holds = percent >= floor.percent
            all_hold = all_hold and holds
            verdict = "holds" if holds else "TOO LOW"
            lines.append(f"coverage of {floor.name}: {percent:.2f} % of {kind}, floor {floor.percent:g} %: {verdict}")
    return lines, all_hold


def main(report_path: str) -> int:
    lines, all_hold = judge(json.loads(Path(report_path).read_text(encoding="utf-8")))
    print("\n".join(lines))
    return 0 if all_hold else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
