"""The life of a subscription: trial, periods, failed payments, pauses, changes and its end."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.domain.kernel.errors import Invalid, ShopError
from shop.domain.kernel.identifiers import OrderId, PlanId, SubscriptionId, UserId, VariantId
from shop.domain.kernel.money import Money
from shop.domain.subscriptions import (
    DUNNING,
    HOLD,
    INCOMPLETE_FOR,
    AfterDunning,
    Interval,
    IntervalUnit,
    Plan,
    PlanNotOffered,
    Subscription,
    SubscriptionCannotMove,
    SubscriptionNotPausable,
    SubscriptionStatus,
)
from shop.domain.subscriptions.states import SUBSCRIPTION_ARROWS

NOW = datetime(2026, 1, 31, 9, tzinfo=UTC)
DAY = timedelta(days=1)
MONTHLY, YEARLY = Interval(IntervalUnit.MONTH), Interval(IntervalUnit.YEAR)
S = SubscriptionStatus


def eur(minor: int) -> Money:
    return Money(minor, "EUR")


def order(number: int) -> OrderId:
    return OrderId(UUID(int=number))


def plan(price: int = 1500, interval: Interval = MONTHLY, **changes: Any) -> Plan:
    attributes = {
        "id": PlanId(UUID(int=price)),
        "code": "coffee",
        "name": "Coffee",
        "variant_id": VariantId(UUID(int=1)),
        "interval": interval,
        "prices": (eur(price),),
    }
    return Plan.offer(at=NOW, **{**attributes, **changes})


def opened(of: Plan | None = None, quantity: int = 2) -> Subscription:
    return Subscription.open(
        at=NOW,
        plan=of or plan(),
        currency="EUR",
        id=SubscriptionId(UUID(int=1)),
        owner_id=UserId(UUID(int=1)),
        quantity=quantity,
        email="ada@example.com",
        provider="fake",
        method="fake_card",
    )


def running(of: Plan | None = None) -> Subscription:
    """With its first period paid."""
    subscription = opened(of)
    subscription.begin("sub_1", NOW)
    subscription.begin_period(subscription.next_period, order(1), NOW)
    subscription.pay(order(1), NOW)
    subscription.take_events()
    return subscription


def events(subscription: Subscription) -> list[str]:
    return [event.type.removeprefix("subscription.") for event in subscription.take_events()]


def test_the_first_period_is_billed_once_the_provider_knows_of_it() -> None:
    subscription = opened()
    assert not subscription.owes_period(NOW)
    subscription.begin("sub_1", NOW)
    assert subscription.owes_period(NOW)
    renewal = subscription.begin_period(subscription.next_period, order(1), NOW)
    assert (renewal.period_start, renewal.period_end) == (NOW, datetime(2026, 2, 28, 9, tzinfo=UTC))
    assert not subscription.owes_period(NOW + 99 * DAY)
    subscription.pay(order(1), NOW)
    assert (subscription.status, events(subscription)) == (S.ACTIVE, ["started"])
    assert not subscription.owes_period(NOW + 27 * DAY)
    assert subscription.owes_period(renewal.period_end)


def test_renewals_keep_to_the_day_of_the_month() -> None:
    subscription = running()
    starts = []
    for number in range(2, 5):
        subscription.begin_period(subscription.next_period, order(number), subscription.period_end)
        subscription.pay(order(number), subscription.period_start)
        starts.append(subscription.period_start.day)
    assert starts == [28, 31, 30]
    assert events(subscription) == ["renewed"] * 3


def test_a_trial_costs_nothing_until_it_ends() -> None:
    subscription = opened(plan(trial_days=14))
    subscription.begin("sub_1", NOW)
    assert (subscription.status, events(subscription)) == (S.TRIALING, ["started"])
    assert not subscription.owes_period(NOW + 13 * DAY)
    assert subscription.notice_trial_end(NOW + 11 * DAY)
    assert not subscription.notice_trial_end(NOW + 12 * DAY)
    end = NOW + 14 * DAY
    assert subscription.owes_period(end)
    assert subscription.begin_period(subscription.next_period, order(1), end).period_start == end
    subscription.pay(order(1), end)
    assert (subscription.status, events(subscription)) == (S.ACTIVE, ["trial_ending", "renewed"])


@pytest.mark.parametrize(("after", "ends"), [(AfterDunning.CANCEL, S.CANCELLED), (AfterDunning.UNPAID, S.UNPAID)])
def test_f23_a_failed_payment_is_tried_after_1_3_5_and_7_days_and_then_no_more(
    after: AfterDunning, ends: SubscriptionStatus
) -> None:
    subscription = running(plan(after_dunning=after))
    at = subscription.period_end
    subscription.begin_period(subscription.next_period, order(2), at)
    tried = []
    subscription.fail(order(2), at)
    while not subscription.exhausted:
        assert subscription.status is S.PAST_DUE
        assert subscription.due_at is not None
        tried.append((subscription.due_at - at).days)
        at = subscription.due_at
        subscription.fail(order(2), at)
    assert tried == [1, 3, 5, 7]
    assert at - subscription.period_start + DAY < HOLD + DAY
    subscription.give_up(at)
    assert subscription.status is ends
    subscription.let_go(at)
    assert subscription.due_at is None
    assert events(subscription) == ["payment_failed"] * 5 + ["cancelled"] * (ends is S.CANCELLED)


def test_a_payment_that_comes_late_makes_it_active_again() -> None:
    subscription = running()
    subscription.begin_period(subscription.next_period, order(2), subscription.period_end)
    subscription.fail(order(2), subscription.period_start)
    subscription.pay(order(2), subscription.period_start + DAY)
    assert (subscription.status, subscription.tries) == (S.ACTIVE, 0)
    assert subscription.due_at == subscription.period_end
    subscription.fail(order(2), subscription.period_start + 2 * DAY)
    subscription.pay(order(1), subscription.period_start + 2 * DAY)
    assert events(subscription) == ["payment_failed", "renewed"]


def test_a_first_payment_that_never_comes_is_waited_for_23_hours() -> None:
    subscription = opened()
    subscription.begin("sub_1", NOW)
    subscription.begin_period(subscription.next_period, order(1), NOW)
    subscription.fail(order(1), NOW)
    assert subscription.due_at == NOW + INCOMPLETE_FOR
    subscription.expire(NOW + INCOMPLETE_FOR)
    assert subscription.ended
    subscription.pay(order(1), NOW + DAY)
    assert subscription.status is S.INCOMPLETE_EXPIRED


def test_the_same_period_is_never_begun_twice() -> None:
    """F-23 in the domain: the second scheduler finds it begun."""
    subscription = running()
    period = subscription.next_period
    subscription.begin_period(period, order(2), period.start)
    with pytest.raises(SubscriptionCannotMove):
        subscription.begin_period(period, order(3), period.start)
    subscription.pay(order(2), period.start)
    with pytest.raises(SubscriptionCannotMove):
        subscription.begin_period(period, order(3), period.start)


def test_a_pause_leaves_out_what_came_due_in_it() -> None:
    subscription = running()
    subscription.pause(NOW + DAY)
    subscription.pause(NOW + DAY)
    assert not subscription.owes_period(NOW + 400 * DAY)
    back = datetime(2026, 5, 10, tzinfo=UTC)
    subscription.resume(back)
    assert subscription.due_at == datetime(2026, 5, 31, 9, tzinfo=UTC)
    assert subscription.next_period.start == subscription.due_at
    assert events(subscription) == ["paused", "resumed"]


def test_a_pause_within_a_period_changes_nothing_of_the_calendar() -> None:
    subscription = running()
    due = subscription.due_at
    subscription.pause(NOW + DAY)
    subscription.resume(NOW + 2 * DAY)
    assert (subscription.status, subscription.due_at) == (S.ACTIVE, due)


@pytest.mark.parametrize(("days", "due"), [(5, 14), (20, 20)])
def test_a_paused_trial_goes_on_or_is_paid_for_from_now_on(days: int, due: int) -> None:
    subscription = opened(plan(trial_days=14))
    subscription.begin("sub_1", NOW)
    subscription.pause(NOW + DAY)
    subscription.resume(NOW + days * DAY)
    assert (subscription.status, subscription.due_at) == (S.TRIALING, NOW + due * DAY)
    assert subscription.next_period.start == NOW + due * DAY


def test_it_cannot_be_paused_or_changed_while_a_payment_is_open() -> None:
    subscription = running()
    end = subscription.period_end
    for act in (lambda: subscription.pause(end), lambda: subscription.change(end, quantity=3)):
        with pytest.raises((SubscriptionNotPausable, SubscriptionCannotMove)):
            act()
    subscription.begin_period(subscription.next_period, order(2), end)
    with pytest.raises(SubscriptionNotPausable):
        subscription.pause(end + DAY)
    with pytest.raises(SubscriptionCannotMove):
        subscription.change(end + DAY, quantity=3)
    with pytest.raises(SubscriptionCannotMove):
        subscription.resume(end + DAY)


def test_it_ends_now_or_with_its_period_and_the_end_can_be_taken_back() -> None:
    subscription = running()
    subscription.cancel("enough", NOW + DAY, at_period_end=True)
    assert not subscription.owes_period(subscription.period_end)
    assert not subscription.is_over(subscription.period_end - DAY)
    assert subscription.is_over(subscription.period_end)
    subscription.resume(NOW + 2 * DAY)
    assert (subscription.owes_period(subscription.period_end), subscription.cancel_reason) == (True, "")
    subscription.cancel("enough", NOW + 3 * DAY)
    subscription.cancel("again", NOW + 4 * DAY)
    assert (subscription.status, subscription.cancel_reason) == (S.CANCELLED, "enough")
    assert events(subscription) == ["resumed", "cancelled"]


def test_another_quantity_is_prorated_on_the_next_bill() -> None:
    subscription = running(plan(3000))
    middle = NOW + (subscription.period_end - NOW) / 2
    proration = subscription.change(middle, quantity=3)
    assert (proration.credit, proration.charge) == (eur(3000), eur(4500))
    assert subscription.next_bill == eur(9000 + 1500)
    subscription.begin_period(subscription.next_period, order(2), subscription.period_end)
    assert subscription.balance == eur(0)
    assert subscription.next_bill == eur(9000)


def test_a_credit_beyond_the_next_bill_is_kept_for_the_one_after() -> None:
    subscription = running(plan(10_000))
    subscription.change(NOW, plan=plan(100))
    assert subscription.balance == eur(-19_800)
    assert subscription.next_bill == eur(0)
    subscription.begin_period(subscription.next_period, order(2), subscription.period_end)
    assert subscription.balance == eur(-19_600)


def test_another_interval_begins_a_new_period_at_once() -> None:
    subscription = running(plan(3000))
    middle = NOW + (subscription.period_end - NOW) / 2
    proration = subscription.change(middle, plan=plan(30_000, YEARLY))
    assert (proration.credit, proration.charge, proration.net) == (eur(3000), eur(60_000), eur(57_000))
    assert subscription.owes_period(middle)
    assert subscription.next_bill == eur(57_000)
    renewal = subscription.begin_period(subscription.next_period, order(2), middle)
    assert (renewal.period_start, renewal.period_end) == (middle, middle.replace(year=2027))


def test_a_change_during_the_trial_costs_nothing() -> None:
    subscription = opened(plan(trial_days=14))
    subscription.begin("sub_1", NOW)
    assert subscription.change(NOW + DAY, plan=plan(9900), quantity=1).net == eur(0)
    assert (subscription.next_bill, subscription.due_at) == (eur(9900), NOW + 14 * DAY)


def test_what_is_not_offered_cannot_be_chosen() -> None:
    archived = plan()
    archived.archive(NOW)
    archived.archive(NOW + DAY)
    assert archived.archived_at == NOW
    with pytest.raises(PlanNotOffered):
        opened(archived)
    with pytest.raises(PlanNotOffered, match="USD"):
        plan().price_in("USD")
    with pytest.raises(Invalid):
        opened(quantity=0)
    with pytest.raises(Invalid):
        running().change(NOW, quantity=1001)


@pytest.mark.parametrize(
    "changes", [{"name": ""}, {"prices": ()}, {"prices": (eur(0),)}, {"prices": (eur(1), eur(2))}, {"trial_days": -1}]
)
def test_a_plan_says_something_sensible(changes: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        plan(**changes)
    with pytest.raises(Invalid):
        plan().change(NOW, **changes)


def test_goods_that_are_missing_are_looked_for_daily_and_a_period_that_passes_is_left_out() -> None:
    subscription = running()
    end, next_end = subscription.period_end, subscription.next_period.end
    subscription.wait_for_goods(end)
    assert subscription.due_at == end + DAY
    assert subscription.begun == 1
    assert not subscription.leave_out_missed(next_end - DAY)
    assert subscription.leave_out_missed(next_end)
    assert (subscription.begun, subscription.owes_period(next_end)) == (2, True)
    assert not subscription.leave_out_missed(next_end)


def test_periods_that_nobody_looked_at_while_goods_were_missing_are_left_out_together() -> None:
    subscription = running()
    subscription.wait_for_goods(subscription.period_end)
    much_later = subscription.period_end + 100 * DAY
    assert subscription.leave_out_missed(much_later)
    assert subscription.next_period.start <= much_later < subscription.next_period.end


def test_what_was_looked_at_too_late_for_other_reasons_is_billed() -> None:
    subscription = running()
    assert not subscription.leave_out_missed(subscription.next_period.end + 100 * DAY)


def test_an_order_that_was_called_off_leaves_its_period_out() -> None:
    subscription = running()
    subscription.begin_period(subscription.next_period, order(2), subscription.period_end)
    subscription.fail(order(2), subscription.period_start)
    subscription.drop_order(order(2), subscription.period_start)
    assert (subscription.status, subscription.due_at) == (S.ACTIVE, subscription.period_end)


def unpaid() -> Subscription:
    """One whose second period was tried often enough."""
    subscription = running(plan(after_dunning=AfterDunning.UNPAID))
    at = subscription.period_end
    subscription.begin_period(subscription.next_period, order(2), at)
    subscription.fail(order(2), at)
    while not subscription.exhausted:
        assert subscription.due_at is not None
        subscription.fail(order(2), subscription.due_at)
    subscription.give_up(at + 16 * DAY)
    return subscription


def test_one_that_is_unpaid_stays_so_when_its_order_is_called_off() -> None:
    subscription = unpaid()
    subscription.drop_order(order(2), subscription.period_start + 18 * DAY)
    assert (subscription.status, subscription.open_order, subscription.due_at) == (S.UNPAID, None, None)
    assert not subscription.owes_period(subscription.period_end + 100 * DAY)


@pytest.mark.parametrize("days", [20, 100])
def test_one_that_was_unpaid_goes_on_with_the_period_of_the_moment(days: int) -> None:
    subscription = unpaid()
    with pytest.raises(SubscriptionCannotMove, match="open"):
        running().take_up(NOW)
    with pytest.raises(SubscriptionCannotMove):
        subscription.take_up(NOW)  # there is an order to be paid
    now = subscription.period_start + days * DAY
    subscription.drop_order(order(2), now)
    events(subscription)
    missed = subscription.next_period
    subscription.use_method("fake_card", now)
    assert (subscription.status, subscription.tries) == (S.ACTIVE, 0)
    assert events(subscription) == ["resumed"]
    assert subscription.due_at == max(missed.start, now)
    assert subscription.leave_out_missed(now) is (missed.end <= now)
    assert subscription.next_period == subscription.interval.period_at(subscription.anchor, max(missed.start, now))


def test_another_card_is_tried_at_once() -> None:
    subscription = running()
    subscription.use_method("fake_card", NOW)
    assert subscription.due_at == subscription.period_end
    subscription.begin_period(subscription.next_period, order(2), subscription.period_end)
    subscription.fail(order(2), subscription.period_start)
    subscription.use_method("fake_card", subscription.period_start + DAY / 2)
    assert subscription.is_due(subscription.period_start + DAY / 2)


ACTS = st.sampled_from(
    [
        "begin",
        "let_go",
        "period",
        "pay",
        "fail",
        "drop",
        "give_up",
        "expire",
        "pause",
        "resume",
        "cancel",
        "end",
        "change",
        "wait",
        "method",
        "take_up",
    ]
)


@given(st.lists(st.tuples(ACTS, st.integers(0, 20)), max_size=40), st.booleans(), st.sampled_from(AfterDunning))
def test_whatever_happens_it_moves_along_the_arrows_and_no_period_comes_twice(  # noqa: C901 - a list of acts
    acts: list[tuple[str, int]], trial: bool, after: AfterDunning
) -> None:
    subscription = opened(plan(trial_days=10 if trial else 0, after_dunning=after))
    now, orders, starts = NOW, 0, []
    for act, days in acts:
        now += days * DAY
        before = subscription.status
        current = subscription.open_order or order(0)
        try:
            match act:
                case "let_go":
                    subscription.let_go(now)
                case "begin":
                    subscription.begin("sub_1", now)
                case "period" if subscription.owes_period(now):
                    orders += 1
                    renewal = subscription.begin_period(subscription.next_period, order(orders), now)
                    starts.append(renewal.period_start)
                    assert renewal.period_start < renewal.period_end
                case "pay":
                    subscription.pay(current, now)
                case "fail" if not subscription.exhausted:
                    subscription.fail(current, now)
                case "drop":
                    subscription.drop_order(current, now)
                case "give_up" if subscription.exhausted:
                    subscription.give_up(now)
                case "expire":
                    subscription.expire(now)
                case "pause":
                    subscription.pause(now)
                case "resume":
                    subscription.resume(now)
                case "cancel":
                    subscription.cancel("x", now)
                case "end":
                    subscription.cancel("x", now, at_period_end=True)
                case "change":
                    subscription.change(now, quantity=days or 1)
                case "method":
                    subscription.use_method("fake_card", now)
                case "take_up":
                    subscription.take_up(now)
                case "wait" if subscription.owes_period(now):
                    subscription.wait_for_goods(now)
        except ShopError:
            assert subscription.status is before
        assert subscription.status is before or subscription.status in SUBSCRIPTION_ARROWS[before]
        assert subscription.ended is (subscription.ended or not SUBSCRIPTION_ARROWS[subscription.status])
        if subscription.ended:
            assert subscription.provider_ref or subscription.due_at is None
            assert not subscription.owes_period(now)
    assert len(set(starts)) == len(starts)
    assert starts == sorted(starts)
    assert len(DUNNING) + 1 >= subscription.tries
