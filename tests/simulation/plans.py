"""What comes by a plan in the cart: the plans that there are, and what must come of each line."""

from shop.adapters.memory.tables import Tables
from shop.application.commands.plans import CreatePlan
from shop.application.shop import Shop
from shop.domain.kernel.identifiers import OrderId, PlanId, VariantId
from shop.domain.orders import Order, OrderStatus, PaymentStatus
from shop.domain.subscriptions import Interval, IntervalUnit, Subscription, SubscriptionStatus
from tests.invariants import PAID_FOR, broken
from tests.shops import eur


async def offer_plans(variant_id: VariantId, shop: Shop) -> list[PlanId]:
    """What comes daily: at once, and after a day of trial."""
    return [
        await shop.execute(
            CreatePlan(
                code=f"cart-{trial_days}",
                name="Something every day",
                variant_id=variant_id,
                interval=Interval(IntervalUnit.DAY),
                prices=(eur(650),),
                trial_days=trial_days,
            )
        )
        for trial_days in (0, 1)
    ]


def begun_with(tables: Tables, order_id: OrderId) -> list[Subscription]:
    return [tables.subscriptions[one] for one in tables.subscriptions_by_order.get(order_id, ())]


def check_lines(tables: Tables) -> None:
    """I4, F-23: whatever went wrong, a line with a plan is one subscription, from the write that placed its order."""
    for order in tables.orders.values():
        if not order.subscribes:
            continue
        lines = sorted(line.id for line in order.lines if line.plan_id is not None)
        begun = sorted(one.order_line_id for one in begun_with(tables, order.id) if one.order_line_id is not None)
        if begun != lines:
            broken("I4", f"the lines {lines} of {order.id} became the subscriptions of {begun}")
        for subscription in begun_with(tables, order.id):
            _check_first_period(tables, order, subscription)


def _check_first_period(tables: Tables, order: Order, subscription: Subscription) -> None:
    """I7: only without a trial is the order a period, and only what was paid begins."""
    periods = [renewal for renewal in tables.renewals.get(subscription.id, ()) if renewal.order_id == order.id]
    if len(periods) != (subscription.trial_ends_at is None):
        broken("I7", f"{order.id} is {len(periods)} periods of {subscription.id}")
    captured = any(tables.payments[one].captured for one in tables.payments_by_order.get(order.id, ()))
    if subscription.provider_ref and order.total and not captured:
        broken("I7", f"{subscription.id} has begun, and nothing was taken for {order.id}")


def waiting(tables: Tables) -> list[tuple[Subscription, Order]]:
    """What was subscribed at a checkout and has neither begun nor ended, but for orders that people look at."""
    return [
        (subscription, order)
        for order in tables.orders.values()
        if order.status is not OrderStatus.ON_HOLD
        for subscription in begun_with(tables, order.id)
        if subscription.status is SubscriptionStatus.INCOMPLETE
    ]


def check_begun(tables: Tables) -> None:
    """I9, I13: at rest what was paid has begun, and what was called off never will."""
    for subscription, order in waiting(tables):
        broken("I9", f"{subscription.id} still waits for {order.id}, which is {order.payment_status}")
    for order in tables.orders.values():
        kept = PAID_FOR - {PaymentStatus.REFUNDED}  # what was all given back before it began never does
        paid = order.status is OrderStatus.CONFIRMED and order.payment_status in kept
        for subscription in begun_with(tables, order.id):
            if paid and subscription.status is SubscriptionStatus.INCOMPLETE_EXPIRED:
                broken("I13", f"{order.id} is paid, and {subscription.id} never began")
