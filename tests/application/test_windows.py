"""Windows of time: what is left out, and what is refused."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.application.windows import EARLIEST, LATEST, WINDOW, WINDOW_MAX, Window, window_of
from shop.domain.kernel.errors import Invalid
from tests.shops import START

MOMENTS = st.datetimes(timezones=st.just(UTC))


def test_what_is_left_out_is_up_to_now_and_as_long_as_usual() -> None:
    assert window_of(None, None, START) == Window(START - WINDOW, START)
    assert window_of(None, None, START, timedelta(hours=2)) == Window(START - timedelta(hours=2), START)
    since = START - timedelta(days=3)
    assert window_of(since, None, START) == Window(since, START)
    assert window_of(None, since, START) == Window(since - WINDOW, since)


@pytest.mark.parametrize(
    ("since", "until"),
    [
        (START, START),
        (START, START - timedelta(seconds=1)),
        (START - WINDOW_MAX - timedelta(seconds=1), START),
        (None, datetime(1, 1, 1, tzinfo=UTC)),
        (datetime(1, 1, 1, tzinfo=UTC), datetime(1, 6, 1, tzinfo=UTC)),
        (datetime(9999, 12, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)),
    ],
)
def test_what_makes_no_sense_is_refused(since: datetime | None, until: datetime) -> None:
    with pytest.raises(Invalid):
        window_of(since, until, START)


@given(since=st.none() | MOMENTS, until=st.none() | MOMENTS)
def test_whatever_is_asked_comes_to_a_window_that_can_be_cut_and_widened(
    since: datetime | None, until: datetime | None
) -> None:
    try:
        window = window_of(since, until, START)
    except Invalid:
        return
    assert EARLIEST - WINDOW <= window.since < window.until <= LATEST
    slices = window.slices()
    assert (slices[0].since, slices[-1].until) == (window.since, window.until)
    assert all(one.until == other.since for one, other in pairwise(slices))
    assert all(part.wider().since < part.since < part.until < part.wider().until for part in slices)
