"""Subscribing at checkout: a line of an order becomes a subscription, whose first money is that order's."""

from datetime import datetime, timedelta
from typing import Any

from shop.domain.kernel.errors import Conflict
from shop.domain.kernel.identifiers import OrderId, OrderLineId
from shop.domain.subscriptions.periods import Renewal
from shop.domain.subscriptions.plans import Plan
from shop.domain.subscriptions.subscription import Subscription

FIRST_LOOK = timedelta(minutes=1)
"""When the schedule looks at a checkout first; before that the request that placed the order is at it."""


class PlanNeedsCustomer(Conflict):
    """A guest cannot be asked again for another way to pay, nor see or end what comes again and again."""

    code = "plan_needs_customer"
    title = "Only a customer can subscribe"
    default_hint = "Sign in, and take the cart along with POST /api/carts/{id}/claim."


def subscribe_at_checkout(
    *,
    at: datetime,
    plan: Plan,
    currency: str,
    email: str,
    order_id: OrderId,
    order_line_id: OrderLineId,
    **attributes: Any,
) -> tuple[Subscription, Renewal | None]:
    """The subscription of one line of an order. It begins once the order is paid.

    Without a trial the order is its first period, and the renewal says so; with one it is only where the trial began.
    Raises PlanNotOffered, Invalid.
    """
    subscription = Subscription.open(
        at=at, plan=plan, currency=currency, email=email, order_id=order_id, order_line_id=order_line_id, **attributes
    )
    renewal = None
    if subscription.trial_ends_at is None:
        renewal = subscription.begin_period(subscription.next_period, order_id, at)
    subscription.open_order, subscription.due_at = order_id, at + FIRST_LOOK
    return subscription, renewal
