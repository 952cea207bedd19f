"""What the simulation is worth: each planted bug breaks a rule in one of the first worlds."""

from collections.abc import Callable

import pytest

from tests.simulation.__main__ import seeds_until_found
from tests.simulation.bugs import BUGS, Plant

SEEDS_MAX = 1500
"""The rarest bug is in one seed of several hundred: most are found within ten."""


@pytest.mark.parametrize("plant", BUGS, ids=lambda plant: plant.__name__)
def test_a_planted_bug_is_found(plant: Plant, record_property: Callable[[str, object], None]) -> None:
    found = seeds_until_found(plant, SEEDS_MAX)
    assert found is not None, f"{plant.__name__} was not found within {SEEDS_MAX} seeds"
    record_property("seeds", found.seeds)
    record_property("rule", found.rule)
