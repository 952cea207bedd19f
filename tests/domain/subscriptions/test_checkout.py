"""Subscribing at checkout: the order is the first period, and only its money begins anything."""

from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.domain.kernel.identifiers import OrderLineId, SubscriptionId, UserId
from shop.domain.subscriptions import (
    FIRST_LOOK,
    Interval,
    IntervalUnit,
    PlanNotOffered,
    Renewal,
    Subscription,
    SubscriptionStarted,
    subscribe_at_checkout,
)
from shop.domain.subscriptions import SubscriptionStatus as S
from tests.domain.subscriptions.test_subscriptions import DAY, NOW, eur, order, plan

ORDER, LINE = order(7), OrderLineId(UUID(int=8))
intervals = st.builds(Interval, st.sampled_from(IntervalUnit), st.integers(1, 3))


def checked_out(
    interval: Interval | None = None, *, trial_days: int = 0, currency: str = "EUR"
) -> tuple[Subscription, Renewal | None]:
    return subscribe_at_checkout(
        at=NOW,
        plan=plan(interval=interval or Interval(IntervalUnit.MONTH), trial_days=trial_days),
        currency=currency,
        email="ada@example.com",
        order_id=ORDER,
        order_line_id=LINE,
        id=SubscriptionId(UUID(int=9)),
        owner_id=UserId(UUID(int=1)),
        quantity=2,
        provider="fake",
        method="fake_card",
    )


@given(intervals, st.timedeltas(timedelta(0), timedelta(days=20)))
def test_the_order_is_the_first_period_however_late_it_is_paid(interval: Interval, late: timedelta) -> None:
    subscription, renewal = checked_out(interval)
    first = interval.period(NOW, 0)
    assert renewal == Renewal(
        subscription_id=subscription.id, period_start=first.start, period_end=first.end, order_id=ORDER
    )
    assert (subscription.status, subscription.open_order, subscription.due_at) == (
        S.INCOMPLETE,
        ORDER,
        NOW + FIRST_LOOK,
    )
    assert not subscription.owes_period(NOW + late)
    subscription.begin("sub_1", NOW + late)
    assert (subscription.status, subscription.open_order) == (S.ACTIVE, None)
    assert subscription.due_at == first.end
    assert subscription.next_period == interval.period(NOW, 1)
    assert subscription.next_bill == eur(3000)
    assert [type(event) for event in subscription.take_events()] == [SubscriptionStarted]


@given(intervals, st.integers(1, 730), st.timedeltas(timedelta(0), timedelta(days=800)))
def test_with_a_trial_the_order_is_no_period(interval: Interval, trial_days: int, late: timedelta) -> None:
    subscription, renewal = checked_out(interval, trial_days=trial_days)
    ends = NOW + trial_days * DAY
    assert renewal is None
    assert (subscription.status, subscription.open_order, subscription.begun) == (S.INCOMPLETE, ORDER, 0)
    subscription.begin("sub_1", NOW + late)
    assert (subscription.status, subscription.open_order, subscription.due_at) == (S.TRIALING, None, ends)
    assert subscription.next_period == interval.period(ends, 0)
    subscription.begin("sub_2", NOW + late)
    assert subscription.provider_ref == "sub_1"


def test_beginning_after_its_end_is_nothing() -> None:
    for trial_days in (0, 3):
        expired, _ = checked_out(trial_days=trial_days)
        expired.expire(NOW + DAY)
        cancelled, _ = checked_out(trial_days=trial_days)
        cancelled.cancel("customer", NOW + DAY)
        for subscription, status in ((expired, S.INCOMPLETE_EXPIRED), (cancelled, S.CANCELLED)):
            subscription.begin("sub_1", NOW + 2 * DAY)
            assert (subscription.status, subscription.provider_ref) == (status, "")
            assert (subscription.open_order, subscription.due_at) == (None, None)


def test_a_plan_without_a_price_is_not_offered_at_the_checkout_either() -> None:
    with pytest.raises(PlanNotOffered):
        checked_out(currency="USD")
