"""Plans and subscriptions in tables."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, null, select

from shop.adapters.sql.database import Row, Write
from shop.adapters.sql.documents import from_address, to_address
from shop.adapters.sql.gathering import Gathered, Rank, Root
from shop.adapters.sql.offers import offer_of, offers_where
from shop.adapters.sql.schema import plans, renewals, subscriptions, variants
from shop.adapters.sql.statements import Statement, any_of, insert_into
from shop.application.ports.repositories import Offer
from shop.domain.kernel.identifiers import OrderId, OrderLineId, PlanId, SubscriptionId, UserId, VariantId
from shop.domain.kernel.money import Money
from shop.domain.subscriptions import (
    AfterDunning,
    Interval,
    IntervalUnit,
    Plan,
    PlanNotFound,
    Renewal,
    Subscription,
    SubscriptionNotFound,
    SubscriptionStatus,
)

RENEWALS_MAX = 100
_PLAN = Root.of(plans, fixed=["created_at"])
_GET_PLAN = Statement(select(plans).where(plans.c.id == bindparam("plan_id")))
_SUBSCRIPTION = Root.of(subscriptions, fixed=["owner_id", "provider", "order_id", "order_line_id", "created_at"])
_GET = Statement(select(subscriptions).where(subscriptions.c.id == bindparam("subscription_id")))
_BY_REF = Statement(
    select(subscriptions).where(
        subscriptions.c.provider == bindparam("of_provider"),
        subscriptions.c.provider_ref == bindparam("ref"),
        subscriptions.c.provider_ref != "",
    )
)
_OF_ORDER = Statement(
    select(subscriptions.c.id).where(subscriptions.c.order_id == bindparam("of_order")).order_by(subscriptions.c.id)
)
_DUE = Statement(
    select(subscriptions.c.id)
    .where(subscriptions.c.due_at <= bindparam("now"), subscriptions.c.due_at.is_not(null()))
    .order_by(subscriptions.c.due_at, subscriptions.c.id)
    .limit(bindparam("most"))
)
_RENEW = insert_into(renewals)
_RENEWALS = Statement(
    select(renewals)
    .where(renewals.c.subscription_id == bindparam("of_subscription"))
    .order_by(renewals.c.period_start.desc())
    .limit(RENEWALS_MAX)
)
_OFFERS = Statement(offers_where(any_of(variants.c.id, "ids")))


def plan_of(row: Row) -> Plan:
    """The plan in a row of its table."""
    return Plan(
        id=PlanId(row["id"]),
        code=row["code"],
        name=row["name"],
        variant_id=VariantId(row["variant_id"]),
        interval=Interval(IntervalUnit(row["interval_unit"]), row["interval_count"]),
        prices=tuple(Money(minor, currency) for minor, currency in row["prices"]),
        trial_days=row["trial_days"],
        after_dunning=AfterDunning(row["after_dunning"]),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        archived_at=row["archived_at"],
        version=row["version"],
    )


def subscription_of(row: Row) -> Subscription:
    """The subscription in a row of its table."""
    currency, open_order = row["currency"], row["open_order"]
    order, line = row["order_id"], row["order_line_id"]
    return Subscription(
        id=SubscriptionId(row["id"]),
        owner_id=UserId(row["owner_id"]),
        plan_id=PlanId(row["plan_id"]),
        variant_id=VariantId(row["variant_id"]),
        title=row["title"],
        interval=Interval(IntervalUnit(row["interval_unit"]), row["interval_count"]),
        unit_price=Money(row["unit_price_minor"], currency),
        quantity=row["quantity"],
        after_dunning=AfterDunning(row["after_dunning"]),
        email=row["email"],
        shipping_address=to_address(row["shipping_address"]),
        billing_address=to_address(row["billing_address"]),
        shipping_code=row["shipping_code"],
        provider=row["provider"],
        method=row["method"],
        provider_ref=row["provider_ref"],
        order_id=OrderId(order) if order is not None else None,
        order_line_id=OrderLineId(line) if line is not None else None,
        status=SubscriptionStatus(row["status"]),
        anchor=row["anchor"],
        begun=row["begun"],
        period_start=row["period_start"],
        period_end=row["period_end"],
        trial_ends_at=row["trial_ends_at"],
        trial_noticed=row["trial_noticed"],
        balance=Money(row["balance_minor"], currency),
        open_order=OrderId(open_order) if open_order is not None else None,
        tries=row["tries"],
        due_at=row["due_at"],
        cancel_at_period_end=row["cancel_at_period_end"],
        cancel_reason=row["cancel_reason"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        cancelled_at=row["cancelled_at"],
        version=row["version"],
    )


class SqlPlanRepository:
    """Plans."""

    def __init__(self, gathered: Gathered) -> None:
        self._gathered = gathered

    async def get(self, plan_id: PlanId) -> Plan:
        row = await self._gathered.database.fetch_one(_GET_PLAN, plan_id=plan_id.uuid)
        if row is None:
            raise PlanNotFound(f"There is no plan {plan_id}.")
        return plan_of(row)

    def save(self, plan: Plan) -> None:
        row = {
            "id": plan.id.uuid,
            "code": plan.code,
            "name": plan.name,
            "variant_id": plan.variant_id.uuid,
            "interval_unit": plan.interval.unit.value,
            "interval_count": plan.interval.count,
            "prices": [[price.minor, price.currency] for price in plan.prices],
            "trial_days": plan.trial_days,
            "after_dunning": plan.after_dunning.value,
            "created_at": plan.created_at,
            "updated_at": plan.updated_at,
            "archived_at": plan.archived_at,
        }
        self._gathered.save(Rank.PRODUCT, plan.id.uuid, plan, [_PLAN.write(Rank.PRODUCT, row, plan.version)])


class SqlSubscriptionRepository:
    """Subscriptions and their renewals. They are written after the orders that they refer to."""

    def __init__(self, gathered: Gathered) -> None:
        self._gathered = gathered

    async def get(self, subscription_id: SubscriptionId) -> Subscription:
        row = await self._gathered.database.fetch_one(_GET, subscription_id=subscription_id.uuid)
        if row is None:
            raise SubscriptionNotFound(f"There is no subscription {subscription_id}.")
        return subscription_of(row)

    async def find_by_provider_ref(self, provider: str, provider_ref: str) -> Subscription | None:
        row = await self._gathered.database.fetch_one(_BY_REF, of_provider=provider, ref=provider_ref)
        return subscription_of(row) if row is not None else None

    async def of_order(self, order_id: OrderId) -> list[SubscriptionId]:
        rows = await self._gathered.database.fetch(_OF_ORDER, of_order=order_id.uuid)
        return [SubscriptionId(row["id"]) for row in rows]

    async def due(self, now: datetime, limit: int) -> list[SubscriptionId]:
        rows = await self._gathered.database.fetch(_DUE, now=now, most=limit)
        return [SubscriptionId(row["id"]) for row in rows]

    async def renewals(self, subscription_id: SubscriptionId) -> list[Renewal]:
        rows = await self._gathered.database.fetch(_RENEWALS, of_subscription=subscription_id.uuid)
        return [
            Renewal(
                subscription_id=SubscriptionId(row["subscription_id"]),
                period_start=row["period_start"],
                period_end=row["period_end"],
                order_id=OrderId(row["order_id"]),
            )
            for row in reversed(rows)
        ]

    def save(self, subscription: Subscription) -> None:
        write = _SUBSCRIPTION.write(Rank.PAYMENT, _row(subscription), subscription.version)
        self._gathered.save(Rank.PAYMENT, subscription.id.uuid, subscription, [write])

    def renew(self, renewal: Renewal) -> None:
        row = {
            "subscription_id": renewal.subscription_id.uuid,
            "period_start": renewal.period_start,
            "period_end": renewal.period_end,
            "order_id": renewal.order_id.uuid,
        }
        self._gathered.add(Write(_RENEW, [row], Rank.PAYMENT + 1))

    async def offers(self, variant_ids: Sequence[VariantId]) -> dict[VariantId, Offer]:
        row = await self._gathered.database.fetch_one(_OFFERS, ids=[variant_id.uuid for variant_id in variant_ids])
        offers = [offer_of(document) for document in row[0]] if row is not None else []
        return {offer.variant_id: offer for offer in offers}


def _row(subscription: Subscription) -> dict[str, Any]:
    open_order, order, line = subscription.open_order, subscription.order_id, subscription.order_line_id
    return {
        "id": subscription.id.uuid,
        "owner_id": subscription.owner_id.uuid,
        "plan_id": subscription.plan_id.uuid,
        "variant_id": subscription.variant_id.uuid,
        "title": subscription.title,
        "interval_unit": subscription.interval.unit.value,
        "interval_count": subscription.interval.count,
        "unit_price_minor": subscription.unit_price.minor,
        "currency": subscription.unit_price.currency,
        "quantity": subscription.quantity,
        "after_dunning": subscription.after_dunning.value,
        "email": subscription.email,
        "shipping_address": from_address(subscription.shipping_address),
        "billing_address": from_address(subscription.billing_address),
        "shipping_code": subscription.shipping_code,
        "provider": subscription.provider,
        "method": subscription.method,
        "provider_ref": subscription.provider_ref,
        "order_id": order.uuid if order is not None else None,
        "order_line_id": line.uuid if line is not None else None,
        "status": subscription.status.value,
        "anchor": subscription.anchor,
        "begun": subscription.begun,
        "period_start": subscription.period_start,
        "period_end": subscription.period_end,
        "trial_ends_at": subscription.trial_ends_at,
        "trial_noticed": subscription.trial_noticed,
        "balance_minor": subscription.balance.minor,
        "open_order": open_order.uuid if open_order is not None else None,
        "tries": subscription.tries,
        "due_at": subscription.due_at,
        "cancel_at_period_end": subscription.cancel_at_period_end,
        "cancel_reason": subscription.cancel_reason,
        "created_at": subscription.created_at,
        "updated_at": subscription.updated_at,
        "cancelled_at": subscription.cancelled_at,
    }
