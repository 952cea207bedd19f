"""What the tests of money are worth: each planted bug is found by the test that is named for it."""

import asyncio
from collections.abc import Coroutine
from pathlib import Path

import pytest

from tests import storages
from tests.application.planted import PLANTED, Finder, Planted
from tests.simulation.bugs import BUGS

pytestmark = pytest.mark.skipif(storages.KIND != "memory", reason="some of the bugs are planted into the memory")

RELIABILITY = Path(__file__).parents[2] / "docs" / "reliability.md"


def look(find: Finder) -> None:
    story = find()
    if story is not None:
        assert isinstance(story, Coroutine)
        asyncio.run(story)


@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted.plant.__name__)
def test_a_planted_bug_is_found(planted: Planted, monkeypatch: pytest.MonkeyPatch) -> None:
    look(planted.find)
    planted.plant(monkeypatch)
    with pytest.raises((Exception, pytest.fail.Exception)):
        look(planted.find)


def test_forty_are_planted_and_each_is_told_of() -> None:
    told = RELIABILITY.read_text(encoding="utf-8")
    for planted in PLANTED:
        about = " ".join((planted.plant.__doc__ or "").split())
        assert f"| `{planted.plant.__name__}` | {about} | `{planted.found_by.removeprefix('contract: ')}`" in told
    for plant in BUGS:
        assert f"| `{plant.__name__}` |" in told
    names = [planted.plant.__name__ for planted in PLANTED] + [plant.__name__ for plant in BUGS]
    assert len(set(names)) == len(names) >= 40
