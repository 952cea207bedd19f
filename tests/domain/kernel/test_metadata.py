"""Metadata has bounds, so that nobody keeps a film in it."""

import pytest

from shop.domain.kernel.errors import Invalid
from shop.domain.kernel.metadata import checked_metadata


def test_the_limits_are_inclusive() -> None:
    full = {f"{number:040}": "x" * 500 for number in range(50)}
    assert checked_metadata(full) == full
    assert checked_metadata({}) == {}


@pytest.mark.parametrize(
    "metadata",
    [
        {str(number): "" for number in range(51)},
        {"": "x"},
        {"k" * 41: "x"},
        {"k": "x" * 501},
        {"k\x00": "x"},
        {"k": "\x00"},
    ],
    ids=["too many", "no key", "long key", "long value", "null in a key", "null in a value"],
)
def test_beyond_them_it_is_refused(metadata: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        checked_metadata(metadata)
