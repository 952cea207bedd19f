"""Proration: exact to the minor unit, whatever the amounts and the moment."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.domain.kernel.money import Money, total
from shop.domain.subscriptions import Interval, IntervalUnit, Period, left_of, prorate, spread

START = datetime(2026, 3, 1, tzinfo=UTC)
JUNE = Period(0, datetime(2026, 6, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC))
AMOUNTS = st.integers(0, 10**9).map(lambda minor: Money(minor, "EUR"))
MOMENTS = st.timedeltas(timedelta(0), timedelta(days=30)).map(lambda later: JUNE.start + later)


def eur(minor: int) -> Money:
    return Money(minor, "EUR")


def test_half_a_month_of_another_price() -> None:
    proration = prorate(eur(3000), eur(5000), JUNE, datetime(2026, 6, 16, tzinfo=UTC))
    assert (proration.credit, proration.charge, proration.net) == (eur(1500), eur(2500), eur(1000))


@pytest.mark.parametrize(("moment", "left"), [(JUNE.start, 999), (JUNE.end, 0), (START, 999)])
def test_at_the_edges_all_or_nothing_is_left(moment: datetime, left: int) -> None:
    assert left_of(eur(999), JUNE, moment) == eur(left)


def test_a_period_that_has_no_length_leaves_nothing_behind() -> None:
    assert left_of(eur(0), Period(0, START, START), START) == eur(0)


@given(AMOUNTS, MOMENTS)
def test_what_is_left_is_within_one_cent_of_the_exact_share(amount: Money, moment: datetime) -> None:
    left = left_of(amount, JUNE, moment)
    exact = amount.minor * ((JUNE.end - moment) / timedelta(days=30))
    assert 0 <= left.minor <= amount.minor
    assert abs(left.minor - exact) < 1.01


@given(AMOUNTS, AMOUNTS, MOMENTS)
def test_there_and_back_at_one_moment_costs_nothing(old: Money, new: Money, moment: datetime) -> None:
    there, back = prorate(old, new, JUNE, moment), prorate(new, old, JUNE, moment)
    assert there.net + back.net == eur(0)
    assert prorate(old, old, JUNE, moment).net == eur(0)


@given(AMOUNTS, MOMENTS, MOMENTS)
def test_less_is_left_later(amount: Money, one: datetime, other: datetime) -> None:
    earlier, later = sorted((one, other))
    assert left_of(amount, JUNE, earlier) >= left_of(amount, JUNE, later)


@given(AMOUNTS, st.integers(1, 1000))
def test_units_at_a_price_each_add_up(amount: Money, units: int) -> None:
    lines = spread(amount, units)
    assert len(lines) <= 2
    assert sum(count for count, _ in lines) == units
    assert total((price * count for count, price in lines), "EUR") == amount
    assert max(price.minor for _, price in lines) - min(price.minor for _, price in lines) <= 1


def test_the_last_day_of_february_is_as_long_as_any() -> None:
    period = Interval(IntervalUnit.MONTH).period(datetime(2026, 1, 31, tzinfo=UTC), 1)
    assert left_of(eur(3100), period, datetime(2026, 3, 30, tzinfo=UTC)) == eur(100)
