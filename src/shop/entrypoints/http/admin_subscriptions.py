"""Subscriptions of the whole shop, for staff."""

from shop.application.commands.subscriptions import RetrySubscription
from shop.application.messages import SYSTEM
from shop.application.ports.readers import SubscriptionFilter
from shop.application.ports.views import SubscriptionView
from shop.application.queries.subscriptions import GetAllSubscriptions, GetAnySubscription
from shop.domain.kernel.identifiers import PlanId, SubscriptionId, UserId
from shop.domain.subscriptions import SubscriptionStatus
from shop.entrypoints.http.answers import Answer
from shop.entrypoints.http.calls import Call
from shop.entrypoints.http.endpoints import Endpoints, Shows, Who
from shop.entrypoints.http.endurance import carried_through
from shop.entrypoints.http.parameters import choices, fields, identifier, page_request, paging

endpoints = Endpoints("admin subscriptions")


@endpoints.get(
    "/api/admin/subscriptions",
    "admin_subscription_list",
    Who.STAFF,
    "All subscriptions",
    scope="orders:read",
    query=(
        choices("status", SubscriptionStatus, "Subscriptions in these states."),
        identifier("customer_id", UserId, "Of this customer."),
        identifier("plan_id", PlanId, "To this plan."),
        fields(SubscriptionView),
        *paging(),
    ),
    shows=Shows(view=SubscriptionView, many=True),
)
async def admin_subscription_list(call: Call) -> Answer:
    """All subscriptions, the newest first, with how often their payment failed and when it is tried again."""
    query = call.query
    which = SubscriptionFilter(
        statuses=query.get("status", frozenset()),
        owner_id=query.get("customer_id"),
        plan_id=query.get("plan_id"),
    )
    return call.page(await call.ask(GetAllSubscriptions(which=which, page=page_request(query))))


@endpoints.get(
    "/api/admin/subscriptions/{id}",
    "admin_subscription_get",
    Who.STAFF,
    "One subscription",
    scope="orders:read",
    query=(fields(SubscriptionView),),
    shows=Shows(view=SubscriptionView),
    conditional=True,
    problems=("not_found",),
)
async def admin_subscription_get(call: Call) -> Answer:
    """One subscription, whoever it belongs to."""
    return call.one(await call.ask(GetAnySubscription(subscription_id=call.id(SubscriptionId))))


@endpoints.post(
    "/api/admin/subscriptions/{id}/retry",
    "admin_subscription_retry",
    Who.STAFF,
    "Try a failed payment again",
    scope="payments:write",
    tier=2,
    shows=Shows(view=SubscriptionView),
    problems=(
        "not_found",
        "subscription_cannot_move",
        "payment_provider_unavailable",
        "payment_refused",
        "payment_elsewhere",
        "subscriptions_not_offered",
        "conflict",
    ),
)
async def admin_subscription_retry(call: Call) -> Answer:
    """Tries the open payment now, whenever it would be due; one that stayed unpaid goes on with the period of this
    day. Its state says how that went."""
    subscription_id = call.id(SubscriptionId)
    await carried_through(call.execute(RetrySubscription(subscription_id=subscription_id)))
    return call.one(await call.ask(GetAnySubscription(subscription_id=subscription_id), actor=SYSTEM))
