"""Plans and subscriptions as callers see them."""

from datetime import datetime
from typing import ClassVar

from attrs import frozen

from shop.domain.kernel.identifiers import OrderId, PlanId, SubscriptionId, UserId, VariantId
from shop.domain.kernel.money import Money
from shop.domain.subscriptions import AfterDunning, IntervalUnit, Plan, Subscription, SubscriptionStatus


@frozen(kw_only=True, slots=False)
class PlanView:
    """What can be subscribed to."""

    object: ClassVar[str] = "plan"
    id: PlanId
    code: str
    name: str
    variant_id: VariantId
    interval: IntervalUnit
    interval_count: int
    prices: list[Money]
    trial_days: int
    after_dunning: AfterDunning
    active: bool
    created_at: datetime
    updated_at: datetime
    version: int

    @classmethod
    def of(cls, plan: Plan) -> "PlanView":
        return cls(
            id=plan.id,
            code=plan.code,
            name=plan.name,
            variant_id=plan.variant_id,
            interval=plan.interval.unit,
            interval_count=plan.interval.count,
            prices=list(plan.prices),
            trial_days=plan.trial_days,
            after_dunning=plan.after_dunning,
            active=plan.active,
            created_at=plan.created_at,
            updated_at=plan.updated_at,
            version=plan.version,
        )


@frozen(kw_only=True, slots=False)
class UpcomingBillView:
    """What comes next: when, and what the goods will cost, before delivery and tax on top of prices."""

    at: datetime
    amount: Money


@frozen(kw_only=True, slots=False)
class SubscriptionView:
    """A subscription. `open_order_id` is the order of its current period while that is not paid; `order_id` that of the
    checkout where it was subscribed, if it was in a cart."""

    object: ClassVar[str] = "subscription"
    id: SubscriptionId
    customer_id: UserId
    plan_id: PlanId
    variant_id: VariantId
    title: str
    status: SubscriptionStatus
    quantity: int
    unit_price: Money
    interval: IntervalUnit
    interval_count: int
    email: str
    method: str
    current_period_start: datetime
    current_period_end: datetime
    trial_ends_at: datetime | None
    cancel_at_period_end: bool
    cancel_reason: str
    cancelled_at: datetime | None
    balance: Money
    order_id: OrderId | None
    open_order_id: OrderId | None
    failed_tries: int
    next_try_at: datetime | None
    upcoming: UpcomingBillView | None
    created_at: datetime
    updated_at: datetime
    version: int

    @classmethod
    def of(cls, subscription: Subscription) -> "SubscriptionView":
        waits = subscription.tries > 0
        upcoming = None
        goes_on = subscription.open_order is None and not subscription.cancel_at_period_end
        if subscription.due_at is not None and goes_on:
            upcoming = UpcomingBillView(at=subscription.due_at, amount=subscription.next_bill)
        return cls(
            id=subscription.id,
            customer_id=subscription.owner_id,
            plan_id=subscription.plan_id,
            variant_id=subscription.variant_id,
            title=subscription.title,
            status=subscription.status,
            quantity=subscription.quantity,
            unit_price=subscription.unit_price,
            interval=subscription.interval.unit,
            interval_count=subscription.interval.count,
            email=subscription.email,
            method=subscription.method,
            current_period_start=subscription.period_start,
            current_period_end=subscription.period_end,
            trial_ends_at=subscription.trial_ends_at,
            cancel_at_period_end=subscription.cancel_at_period_end,
            cancel_reason=subscription.cancel_reason,
            cancelled_at=subscription.cancelled_at,
            balance=subscription.balance,
            order_id=subscription.order_id,
            open_order_id=subscription.open_order,
            failed_tries=subscription.tries,
            next_try_at=subscription.due_at if waits else None,
            upcoming=upcoming,
            created_at=subscription.created_at,
            updated_at=subscription.updated_at,
            version=subscription.version,
        )


@frozen(kw_only=True, slots=False)
class ProrationView:
    """What a change comes to: given back for the old, taken for the new, and what the next bill will then be."""

    object: ClassVar[str] = "proration"
    subscription_id: SubscriptionId
    credit: Money
    charge: Money
    net: Money
    next_bill: Money
    next_bill_at: datetime | None
