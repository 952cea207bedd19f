"""Subscriptions as their owners begin, see, change and end them."""

import logging
from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from shop.application.commands.subscriptions import (
    METHOD_LENGTH_MAX,
    REASON_LENGTH_MAX,
    CancelSubscription,
    CarryOnSubscription,
    ChangeSubscription,
    PauseSubscription,
    ResumeSubscription,
    Subscribe,
)
from shop.application.messages import SYSTEM
from shop.application.ports.views import ProrationView, SubscriptionView
from shop.application.queries.subscriptions import GetMySubscription, GetMySubscriptions
from shop.domain.kernel.errors import ShopError, below
from shop.domain.kernel.identifiers import PlanId, SubscriptionId
from shop.domain.kernel.money import Money
from shop.domain.subscriptions.subscription import QUANTITY_MAX
from shop.entrypoints.http.answers import Answer
from shop.entrypoints.http.bodies import AddressBody, Body, CurrencyText, IdText, ShortText, identifier
from shop.entrypoints.http.calls import Call
from shop.entrypoints.http.endpoints import Endpoints, Keys, Shows, Who
from shop.entrypoints.http.endurance import carried_through
from shop.entrypoints.http.parameters import fields, page_request, paging
from shop.entrypoints.representation import Plain

endpoints = Endpoints("subscriptions")
_log = logging.getLogger("shop.http")

Method = Annotated[str, Meta(min_length=1, max_length=METHOD_LENGTH_MAX)]
Quantity = Annotated[int, Meta(ge=1, le=QUANTITY_MAX)]
_AT_PROVIDER = (
    "payment_provider_unavailable",
    "payment_elsewhere",
    "payment_refused",
    "subscriptions_not_offered",
    "conflict",
)


class NewSubscription(Body):
    """What is to come again and again, where it goes and how it is paid without the customer."""

    plan_id: IdText
    method: Method
    email: Annotated[str, Meta(min_length=3, max_length=254)]
    quantity: Quantity = 1
    currency: CurrencyText | None = None
    shipping_address: AddressBody | None = None
    billing_address: AddressBody | None = None
    shipping_option: ShortText = ""


class SubscriptionChange(Body):
    """What is to be changed; with `preview` it is only shown what that would come to."""

    plan_id: IdText | UnsetType = UNSET
    quantity: Quantity | UnsetType = UNSET
    method: Method | UnsetType = UNSET
    preview: bool = False


class SubscriptionEnd(Body):
    """When and why it is to end."""

    at_period_end: bool = False
    reason: Annotated[str, Meta(min_length=1, max_length=REASON_LENGTH_MAX)] = "customer"


async def _one(call: Call, subscription_id: SubscriptionId) -> SubscriptionView:
    return await call.ask(GetMySubscription(subscription_id=subscription_id))


async def _current(call: Call) -> Plain:
    return call.representation.plain(await _one(call, call.id(SubscriptionId)))


@endpoints.get(
    "/api/subscriptions",
    "subscription_list",
    Who.CUSTOMER,
    "My subscriptions",
    query=(fields(SubscriptionView), *paging()),
    shows=Shows(view=SubscriptionView, many=True),
)
async def subscription_list(call: Call) -> Answer:
    """One's own, the newest first."""
    return call.page(await call.ask(GetMySubscriptions(page=page_request(call.query))))


@endpoints.post(
    "/api/subscriptions",
    "subscription_create",
    Who.CUSTOMER,
    "Subscribe to a plan",
    body=NewSubscription,
    example={
        "plan_id": "plan_01jd8zc5w0e7ktmj9c2q8k4h1n",
        "method": "fake_card",
        "email": "ada@example.com",
        "shipping_address": {
            "name": "Ada Byron",
            "line1": "Torstr. 1",
            "postal_code": "10119",
            "city": "Berlin",
            "country": "DE",
        },
        "shipping_option": "standard",
    },
    status=201,
    keys=Keys.REQUIRED,
    shows=Shows(view=SubscriptionView),
    problems=(
        "not_found",
        "plan_not_offered",
        "insufficient_stock",
        "shipping_unavailable",
        "payment_method_unknown",
        "currency_unknown",
        "address_incomplete",
        *_AT_PROVIDER,
    ),
)
async def subscription_create(call: Call) -> Answer:
    """Begins the trial, or orders the first period and takes its money as far as that goes.

    Where the provider declines, the subscription is `incomplete` and its order waits for another way to pay; where it
    does not answer, it is taken up again.
    """
    body: NewSubscription = call.body
    shipping, billing, currency = body.shipping_address, body.billing_address, body.currency or ""
    command = Subscribe(
        plan_id=identifier(PlanId, body.plan_id, "/plan_id"),
        method=body.method,
        email=body.email,
        quantity=body.quantity,
        currency=below("/currency", lambda: Money.zero(currency).currency) if currency else "",
        shipping_address=below("/shipping_address", shipping.address) if shipping else None,
        billing_address=below("/billing_address", billing.address) if billing else None,
        shipping_option=body.shipping_option,
    )
    # A client that hangs up now still wants to subscribe: what has begun is carried through.
    subscription_id = await carried_through(_subscribe(call, command))
    view = await _one(call, subscription_id)
    return call.one(view, location=f"/api/subscriptions/{subscription_id}")


async def _subscribe(call: Call, command: Subscribe) -> SubscriptionId:
    subscription_id = await call.execute(command)
    await _carry_on(call, subscription_id)
    return subscription_id


async def _carry_on(call: Call, subscription_id: SubscriptionId) -> None:
    """What follows at once; where that fails, the worker does it later."""
    command = CarryOnSubscription(subscription_id=subscription_id)
    try:
        await call.shop.execute(command, context=call.context_of(SYSTEM))
    except ShopError as error:
        _log.warning("%s waits: %s", subscription_id, error.detail, extra={"request_id": call.visit.shown_id})
    except Exception:
        _log.exception("%s stopped", subscription_id, extra={"request_id": call.visit.shown_id})


@endpoints.get(
    "/api/subscriptions/{id}",
    "subscription_get",
    Who.CUSTOMER,
    "One subscription",
    query=(fields(SubscriptionView),),
    shows=Shows(view=SubscriptionView),
    conditional=True,
    problems=("not_found",),
)
async def subscription_get(call: Call) -> Answer:
    """One's own, with what comes next and what that will cost."""
    return call.one(await _one(call, call.id(SubscriptionId)))


@endpoints.patch(
    "/api/subscriptions/{id}",
    "subscription_update",
    Who.CUSTOMER,
    "Change plan, quantity or way to pay",
    body=SubscriptionChange,
    example={"quantity": 3, "preview": True},
    if_match=True,
    current=_current,
    shows=Shows(view=ProrationView, besides={"preview": {"type": "boolean"}}),
    problems=(
        "not_found",
        "subscription_cannot_move",
        "plan_not_offered",
        "payment_method_unknown",
        "amount_out_of_range",
        *_AT_PROVIDER,
    ),
)
async def subscription_update(call: Call) -> Answer:
    """Changes it, or with `preview` shows what that would come to. What is left of the current period is given back
    at the old price and taken at the new one, on the next bill; another interval begins at once."""
    body: SubscriptionChange = call.body
    subscription_id = call.id(SubscriptionId)
    command = ChangeSubscription(
        subscription_id=subscription_id,
        plan_id=None if body.plan_id is UNSET else identifier(PlanId, body.plan_id, "/plan_id"),
        quantity=None if body.quantity is UNSET else body.quantity,
        method=None if body.method is UNSET else body.method,
        preview=body.preview,
        expected_version=call.expected_version(),
    )
    changed = await carried_through(call.execute(command))
    if not body.preview and changed.subscription.is_due(call.context.now):
        await carried_through(_carry_on(call, subscription_id))
    proration, zero = changed.proration, Money.zero(changed.subscription.unit_price.currency)
    view = ProrationView(
        subscription_id=subscription_id,
        credit=proration.credit if proration else zero,
        charge=proration.charge if proration else zero,
        net=proration.net if proration else zero,
        next_bill=changed.subscription.next_bill,
        next_bill_at=changed.subscription.due_at,
    )
    version = None if body.preview else (await _one(call, subscription_id)).version
    return call.one(view, besides={"preview": body.preview}, version=version)


@endpoints.post(
    "/api/subscriptions/{id}/pause",
    "subscription_pause",
    Who.CUSTOMER,
    "Pause a subscription",
    shows=Shows(view=SubscriptionView),
    problems=("not_found", "subscription_not_pausable", *_AT_PROVIDER),
)
async def subscription_pause(call: Call) -> Answer:
    """Nothing comes and nothing is taken until it is resumed. Pausing twice is once."""
    subscription_id = call.id(SubscriptionId)
    await carried_through(call.execute(PauseSubscription(subscription_id=subscription_id)))
    return call.one(await _one(call, subscription_id))


@endpoints.post(
    "/api/subscriptions/{id}/resume",
    "subscription_resume",
    Who.CUSTOMER,
    "Resume a subscription",
    shows=Shows(view=SubscriptionView),
    problems=("not_found", "subscription_cannot_move", *_AT_PROVIDER),
)
async def subscription_resume(call: Call) -> Answer:
    """Goes on after a pause, leaving out what came due in it; or takes back that it was to end with its period."""
    subscription_id = call.id(SubscriptionId)
    await carried_through(call.execute(ResumeSubscription(subscription_id=subscription_id)))
    return call.one(await _one(call, subscription_id))


@endpoints.post(
    "/api/subscriptions/{id}/cancel",
    "subscription_cancel",
    Who.CUSTOMER,
    "End a subscription",
    body=SubscriptionEnd,
    example={"at_period_end": True},
    body_optional=True,
    shows=Shows(view=SubscriptionView),
    problems=("not_found", *_AT_PROVIDER),
)
async def subscription_cancel(call: Call) -> Answer:
    """Ends it now, or with the period that is paid already. Ending twice is once."""
    subscription_id = call.id(SubscriptionId)
    command = CancelSubscription(
        subscription_id=subscription_id, reason=call.body.reason, at_period_end=call.body.at_period_end
    )
    await carried_through(call.execute(command))
    return call.one(await _one(call, subscription_id))
