"""The page of failure cases says which tests there are, and no case that the shop promises to survive is without."""

from pathlib import Path

import pytest

from tools.list_failure_cases import PAGE, CaseUnknown, carriers, page

_NUMBERS = (
    *range(1, 8),
    *range(17, 22),
    *range(25, 35),
    *range(41, 44),
    48,
    49,
    57,
    58,
    61,
    *range(65, 69),
    79,
    83,
    *range(86, 89),
    90,
)
_DOOR = (10, 12, 16, 29, 33, 42, *range(46, 55), 59, *range(67, 73), 79, 80)
PROMISED = {
    *(f"F-{number:02}" for number in _NUMBERS),
    *(f"S-{number}" for number in _DOOR),
    *("S-63", "S-64", "S-65"),
}


def test_the_committed_page_is_current() -> None:
    now = page(carriers())
    assert PAGE.read_text(encoding="utf-8") == now, "Run `python -m tools.list_failure_cases` and commit the page."


def test_every_promised_case_has_a_test() -> None:
    assert PROMISED - carriers().keys() == set()


def test_a_case_without_a_title_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_new.py").write_text("def test_f17_f98_both_at_once() -> None: ...\n")
    with pytest.raises(CaseUnknown, match="F-98"):
        carriers(tmp_path)
