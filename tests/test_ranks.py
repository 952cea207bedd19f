"""The test by ranks tells apart what differs, and nothing else."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ranks import P_MIN, p_of


@given(st.integers(0, 2**32))
def test_it_tells_apart_what_differs_and_nothing_else(seed: int) -> None:
    chance = random.Random(seed)
    one = [chance.gauss(100, 10) for _ in range(300)]
    assert p_of(one, [value + 10 for value in one]) < P_MIN
    assert p_of(one, one) == 1.0
    assert p_of([1.0] * 5, [1.0] * 5) == 1.0
    other = [chance.gauss(100, 10) for _ in range(300)]
    assert p_of(one, other) == pytest.approx(p_of(other, one))
    assert p_of(one, other) > 1e-6
