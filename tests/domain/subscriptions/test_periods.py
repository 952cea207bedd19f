"""Periods: the calendar's rules at the ends of months, and no gap or overlap anywhere."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.domain.kernel.errors import Invalid
from shop.domain.subscriptions import Interval, IntervalUnit

DAY, WEEK, MONTH, YEAR = IntervalUnit
ANCHORS = st.integers(0, 36_525 * 86_400).map(lambda later: datetime(2000, 1, 1, tzinfo=UTC) + timedelta(seconds=later))
INTERVALS = st.builds(Interval, st.sampled_from(IntervalUnit), st.integers(1, 3))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("anchor", "interval", "expected"),
    [
        ("2026-01-31T12:00", Interval(MONTH), ["2026-02-28T12:00", "2026-03-31T12:00", "2026-04-30T12:00"]),
        ("2028-01-30T00:00", Interval(MONTH), ["2028-02-29T00:00", "2028-03-30T00:00"]),
        ("2026-11-30T00:00", Interval(MONTH, 3), ["2027-02-28T00:00", "2027-05-30T00:00"]),
        ("2028-02-29T08:00", Interval(YEAR), ["2029-02-28T08:00"]),
        ("2028-02-29T08:00", Interval(YEAR, 2), ["2030-02-28T08:00", "2032-02-29T08:00"]),
        ("2026-12-31T23:59", Interval(MONTH), ["2027-01-31T23:59", "2027-02-28T23:59"]),
        ("2026-12-25T00:00", Interval(WEEK, 2), ["2027-01-08T00:00"]),
        ("2026-12-31T00:00", Interval(DAY), ["2027-01-01T00:00"]),
    ],
)  # fmt: skip
def test_boundaries(anchor: str, interval: Interval, expected: list[str]) -> None:
    found = [interval.boundary(at(anchor), number) for number in range(1, len(expected) + 1)]
    assert found == [at(text) for text in expected]


@given(ANCHORS, INTERVALS, st.integers(0, 400))
def test_periods_follow_each_other_without_gap(anchor: datetime, interval: Interval, first: int) -> None:
    periods = [interval.period(anchor, first + number) for number in range(5)]
    for earlier, later in pairwise(periods):
        assert earlier.start < earlier.end == later.start
    assert interval.boundary(anchor, 0) == anchor


@given(ANCHORS, st.integers(1, 36), st.integers(0, 60))
def test_a_month_keeps_the_day_wherever_there_is_such_a_day(anchor: datetime, count: int, number: int) -> None:
    boundary = Interval(MONTH, count).boundary(anchor, number)
    months = (boundary.year - anchor.year) * 12 + boundary.month - anchor.month
    assert months == count * number
    next_day = boundary + timedelta(days=1)
    assert boundary.day == anchor.day or (boundary.day < anchor.day and next_day.month != boundary.month)
    assert boundary.time() == anchor.time()


@given(ANCHORS, INTERVALS, st.timedeltas(timedelta(0), timedelta(days=4000)))
def test_every_moment_lies_in_exactly_one_period(anchor: datetime, interval: Interval, later: timedelta) -> None:
    moment = anchor + later
    period = interval.period_at(anchor, moment)
    assert period.start <= moment < period.end
    assert period == interval.period(anchor, period.number)


@given(ANCHORS, INTERVALS)
def test_what_lies_before_all_periods_belongs_to_the_first(anchor: datetime, interval: Interval) -> None:
    assert interval.period_at(anchor, anchor - timedelta(days=99)).number == 0


@pytest.mark.parametrize(("unit", "count"), [(DAY, 0), (DAY, 367), (WEEK, 53), (MONTH, 37), (YEAR, 4), (YEAR, -1)])
def test_intervals_are_of_a_length_that_somebody_could_mean(unit: IntervalUnit, count: int) -> None:
    with pytest.raises(Invalid) as refused:
        Interval(unit, count)
    assert refused.value.flaws[0].pointer == "/interval_count"


def test_an_interval_that_python_does_not_write_is_refused_like_any_other() -> None:
    with pytest.raises(Invalid):
        Interval(MONTH, 10**5000)


def test_an_interval_can_be_read() -> None:
    assert [str(Interval(MONTH)), str(Interval(WEEK, 2))] == ["every month", "every 2 weeks"]
