"""What is known of plans and subscriptions."""

from typing import ClassVar

from attrs import frozen

from shop.application.messages import CUSTOMER, INTERNAL, PUBLIC, Context, Query
from shop.application.ports.paging import Page, PageRequest, limited
from shop.application.ports.readers import SubscriptionFilter, SubscriptionReader
from shop.application.ports.unit_of_work import UnitOfWork
from shop.application.ports.views import PlanView, SubscriptionView
from shop.domain.kernel.identifiers import PlanId, SubscriptionId
from shop.domain.subscriptions import PlanNotFound, SubscriptionNotFound

SEES_ARCHIVED = "products:read"


@frozen(kw_only=True)
class GetPlans(Query[Page[PlanView]]):
    """What can be subscribed to, the newest first."""

    requires: ClassVar = PUBLIC
    page: PageRequest = PageRequest()


async def get_plans(query: GetPlans, context: Context, *, subscriptions: SubscriptionReader) -> Page[PlanView]:
    return await subscriptions.plans(query.page)


@frozen(kw_only=True)
class GetPlan(Query[PlanView]):
    """One plan; one that is not offered any more only for those who look after products."""

    requires: ClassVar = PUBLIC
    plan_id: PlanId


async def get_plan(query: GetPlan, context: Context, *, subscriptions: SubscriptionReader) -> PlanView:
    plan = await subscriptions.plan(query.plan_id)
    if not plan.active and not context.actor.may(SEES_ARCHIVED):
        raise PlanNotFound(f"There is no plan {query.plan_id}.")
    return plan


@frozen(kw_only=True)
class GetMySubscriptions(Query[Page[SubscriptionView]]):
    """The customer's own, the newest first."""

    requires: ClassVar = CUSTOMER
    page: PageRequest = PageRequest()


async def get_my_subscriptions(
    query: GetMySubscriptions, context: Context, *, subscriptions: SubscriptionReader
) -> Page[SubscriptionView]:
    return await subscriptions.all(SubscriptionFilter(owner_id=context.actor.user_id), query.page)


@frozen(kw_only=True)
class GetMySubscription(Query[SubscriptionView]):
    """One of the customer's own, with what comes next."""

    requires: ClassVar = CUSTOMER
    subscription_id: SubscriptionId


async def get_my_subscription(
    query: GetMySubscription, context: Context, *, subscriptions: SubscriptionReader
) -> SubscriptionView:
    found = await subscriptions.one(query.subscription_id)
    if found.customer_id != context.actor.user_id:
        raise SubscriptionNotFound(f"There is no subscription {query.subscription_id}.")
    return found


@frozen(kw_only=True)
class GetAllSubscriptions(Query[Page[SubscriptionView]]):
    """All subscriptions, the newest first, with how far their payments are behind."""

    requires: ClassVar = "orders:read"
    which: SubscriptionFilter = SubscriptionFilter()
    page: PageRequest = PageRequest()


async def get_all_subscriptions(
    query: GetAllSubscriptions, context: Context, *, subscriptions: SubscriptionReader
) -> Page[SubscriptionView]:
    return await subscriptions.all(query.which, query.page)


@frozen(kw_only=True)
class GetAnySubscription(Query[SubscriptionView]):
    """One subscription, whoever it belongs to."""

    requires: ClassVar = "orders:read"
    subscription_id: SubscriptionId


async def get_any_subscription(
    query: GetAnySubscription, context: Context, *, subscriptions: SubscriptionReader
) -> SubscriptionView:
    return await subscriptions.one(query.subscription_id)


@frozen(kw_only=True)
class GetDueSubscriptions(Query[list[SubscriptionId]]):
    """Subscriptions for which something has to be done by now, the longest due first."""

    requires: ClassVar = INTERNAL
    limit: int = limited()


async def get_due_subscriptions(
    query: GetDueSubscriptions, context: Context, *, uow: UnitOfWork
) -> list[SubscriptionId]:
    async with uow(context) as tx:
        return await tx.subscriptions.due(context.now, query.limit)
