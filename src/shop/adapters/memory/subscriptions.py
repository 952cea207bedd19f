"""Plans and subscriptions in memory."""

from collections.abc import Sequence
from datetime import datetime

from shop.adapters.memory.carts import offers_of
from shop.adapters.memory.copies import copied
from shop.adapters.memory.paging import Listing, microseconds
from shop.adapters.memory.tables import Journal, Tables
from shop.adapters.memory.writes import Rank, Writes, check_version
from shop.application.ports.paging import Page, PageRequest
from shop.application.ports.readers import SubscriptionFilter
from shop.application.ports.repositories import Offer
from shop.application.ports.unit_of_work import StaleAggregate
from shop.application.ports.views import PlanView, SubscriptionView
from shop.domain.kernel.identifiers import OrderId, PlanId, SubscriptionId, VariantId
from shop.domain.subscriptions import (
    Plan,
    PlanCodeTaken,
    PlanNotFound,
    Renewal,
    Subscription,
    SubscriptionNotFound,
)

RENEWALS_MAX = 100
_PLANS: Listing[Plan] = Listing(
    own=((lambda plan: microseconds(plan.created_at), True),), id=lambda plan: plan.id.uuid.hex
)
_SUBSCRIPTIONS: Listing[Subscription] = Listing(
    own=((lambda subscription: microseconds(subscription.created_at), True),),
    id=lambda subscription: subscription.id.uuid.hex,
)


class MemoryPlanRepository:
    """Plans by id."""

    def __init__(self, tables: Tables, writes: Writes) -> None:
        self._tables = tables
        self._writes = writes

    async def get(self, plan_id: PlanId) -> Plan:
        return copied(_plan(self._tables, plan_id))

    def save(self, plan: Plan) -> None:
        self._writes.save(Rank.PRODUCT, plan, plan.id, self._put)

    def _put(self, plan: Plan, journal: Journal) -> None:
        plans = self._tables.plans
        check_version(plan, plans.get(plan.id))
        if any(other.code == plan.code and other.id != plan.id for other in plans.values()):
            raise PlanCodeTaken
        journal.put(plans, plan.id, plan)


class MemorySubscriptionRepository:
    """Subscriptions by id and by the provider's name for them."""

    def __init__(self, tables: Tables, writes: Writes) -> None:
        self._tables = tables
        self._writes = writes

    async def get(self, subscription_id: SubscriptionId) -> Subscription:
        return copied(_subscription(self._tables, subscription_id))

    async def find_by_provider_ref(self, provider: str, provider_ref: str) -> Subscription | None:
        found = self._tables.subscription_by_ref.get((provider, provider_ref))
        return copied(self._tables.subscriptions[found]) if found is not None else None

    async def of_order(self, order_id: OrderId) -> list[SubscriptionId]:
        return sorted(self._tables.subscriptions_by_order.get(order_id, ()), key=lambda found: found.uuid)

    async def due(self, now: datetime, limit: int) -> list[SubscriptionId]:
        due = [(s.due_at, s.id) for s in self._tables.subscriptions.values() if s.due_at is not None]
        return [subscription_id for at, subscription_id in sorted(due) if at <= now][:limit]

    async def renewals(self, subscription_id: SubscriptionId) -> list[Renewal]:
        renewals = self._tables.renewals.get(subscription_id, ())
        return sorted(renewals, key=lambda renewal: renewal.period_start)[-RENEWALS_MAX:]

    def save(self, subscription: Subscription) -> None:
        self._writes.save(Rank.PAYMENT, subscription, subscription.id, self._put)

    def renew(self, renewal: Renewal) -> None:
        def put(journal: Journal) -> None:
            renewals = self._tables.renewals
            known = renewals.get(renewal.subscription_id, ())
            if any(other.period_start == renewal.period_start for other in known):
                raise StaleAggregate("This period has become an order already.")
            journal.add(renewals, renewal.subscription_id, renewal)

        self._writes.add(Rank.PAYMENT, put)

    async def offers(self, variant_ids: Sequence[VariantId]) -> dict[VariantId, Offer]:
        return offers_of(self._tables, variant_ids)

    def _put(self, subscription: Subscription, journal: Journal) -> None:
        tables = self._tables
        check_version(subscription, tables.subscriptions.get(subscription.id))
        if subscription.provider_ref:
            key = (subscription.provider, subscription.provider_ref)
            if tables.subscription_by_ref.get(key, subscription.id) != subscription.id:
                raise StaleAggregate("Another subscription has this one of the provider.")
            journal.put(tables.subscription_by_ref, key, subscription.id)
        order_id = subscription.order_id
        if order_id is not None and subscription.version == 0:
            began = [tables.subscriptions[known] for known in tables.subscriptions_by_order.get(order_id, ())]
            if any(other.order_line_id == subscription.order_line_id for other in began):
                raise StaleAggregate("A subscription has begun with this line already.")
            journal.add(tables.subscriptions_by_order, order_id, subscription.id)
        journal.put(tables.subscriptions, subscription.id, subscription)


class MemorySubscriptionReader:
    """Answers about plans and subscriptions."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def plans(self, page: PageRequest, *, archived: bool = False) -> Page[PlanView]:
        found = [plan for plan in self._tables.plans.values() if plan.active or archived]
        return _PLANS.page(found, page, PlanView.of)

    async def plan(self, plan_id: PlanId) -> PlanView:
        return PlanView.of(_plan(self._tables, plan_id))

    async def all(self, which: SubscriptionFilter, page: PageRequest) -> Page[SubscriptionView]:
        found = [
            subscription
            for subscription in self._tables.subscriptions.values()
            if (not which.statuses or subscription.status in which.statuses)
            and which.owner_id in (None, subscription.owner_id)
            and which.plan_id in (None, subscription.plan_id)
        ]
        return _SUBSCRIPTIONS.page(found, page, SubscriptionView.of)

    async def one(self, subscription_id: SubscriptionId) -> SubscriptionView:
        return SubscriptionView.of(_subscription(self._tables, subscription_id))


def _plan(tables: Tables, plan_id: PlanId) -> Plan:
    try:
        return tables.plans[plan_id]
    except KeyError:
        raise PlanNotFound(f"There is no plan {plan_id}.") from None


def _subscription(tables: Tables, subscription_id: SubscriptionId) -> Subscription:
    try:
        return tables.subscriptions[subscription_id]
    except KeyError:
        raise SubscriptionNotFound(f"There is no subscription {subscription_id}.") from None
