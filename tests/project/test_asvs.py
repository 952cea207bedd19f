"""The table of OWASP ASVS 5 leaves no row out, and names tests that there are."""

import re
from itertools import starmap
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "asvs.md"
# How many rows of levels 1 and 2 each section of ASVS 5.0.0 has. They are numbered by level, so these come first.
SECTIONS = {
    "6.1": 3, "6.2": 11, "6.3": 4, "6.4": 4, "6.5": 5, "6.6": 3, "6.8": 4,
    "7.1": 3, "7.2": 4, "7.3": 2, "7.4": 5, "7.5": 2, "7.6": 2,
    "8.1": 2, "8.2": 3, "8.3": 1, "8.4": 1,
    "9.1": 3, "9.2": 4,
    "10.1": 2, "10.2": 2, "10.3": 4, "10.4": 11, "10.5": 5, "10.6": 2, "10.7": 3,
}  # fmt: skip
_ROW = re.compile(r"^\| (\d+\.\d+\.\d+) \|(.*)\|(.*)\|(.*)\|$", re.MULTILINE)
_TEST = re.compile(r"`(test_\w+)`")


def _rows() -> list[tuple[str, str]]:
    return [(found[1], found[4].strip()) for found in _ROW.finditer(PAGE.read_text(encoding="utf-8"))]


def _rows_of(section: str, count: int) -> list[str]:
    return [f"{section}.{number}" for number in range(1, count + 1)]


def test_every_row_of_levels_one_and_two_is_there() -> None:
    expected = [row for rows in starmap(_rows_of, SECTIONS.items()) for row in rows]
    assert [number for number, _ in _rows()] == expected


def test_every_row_has_a_test_that_there_is_or_a_reason() -> None:
    places = [*(ROOT / "tests").rglob("*.py"), *(ROOT / "src/shop/adapters/contracts").rglob("*.py")]
    known = {name for place in places for name in re.findall(r"def (test_\w+)", place.read_text(encoding="utf-8"))}
    for number, proof in _rows():
        tests = _TEST.findall(proof)
        assert tests or proof.startswith(("reason: ", "documentation")), f"{number} has neither test nor reason."
        assert set(tests) <= known, f"{number} names a test that is not there: {sorted(set(tests) - known)}"
