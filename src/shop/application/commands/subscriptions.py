"""Subscriptions: subscribing, changing, pausing and ending; and carrying on what is due."""

from contextlib import suppress
from typing import ClassVar

from attrs import frozen

from shop.application.messages import CUSTOMER, INTERNAL, OWNER, Command, Context, check_version
from shop.application.periods import price_period
from shop.application.ports.subscriptions import (
    MethodNotForSubscriptions,
    SubscriptionBilling,
    SubscriptionsNotOffered,
)
from shop.application.ports.unit_of_work import Transaction
from shop.application.pricing import PricedCart
from shop.application.renewals import Till, billing_request, carry_on
from shop.application.settlement import check_own_method
from shop.domain.inventory import InsufficientStock
from shop.domain.kernel.address import Address
from shop.domain.kernel.errors import Flaw, Invalid, Unavailable
from shop.domain.kernel.identifiers import PlanId, SubscriptionId
from shop.domain.shipping import ShippingUnavailable
from shop.domain.subscriptions import (
    RUNNING,
    PlanNotOffered,
    Proration,
    Subscription,
    SubscriptionNotFound,
)

REASON_LENGTH_MAX = 200
METHOD_LENGTH_MAX = 200


@frozen(kw_only=True)
class Subscribe(Command[SubscriptionId]):
    """Subscribes the customer to a plan. Nothing is taken yet: `CarryOnSubscription` does what follows.

    `currency` is the shop's first unless given; `method` is a way to pay that works without the customer.
    """

    requires: ClassVar = CUSTOMER
    plan_id: PlanId
    method: str
    email: str
    quantity: int = 1
    currency: str = ""
    shipping_address: Address | None = None
    billing_address: Address | None = None
    shipping_option: str = ""


async def subscribe(command: Subscribe, context: Context, *, till: Till) -> SubscriptionId:
    owner_id = context.actor.user_id
    assert owner_id is not None, "the door lets only customers in"
    if not till.billing.provider:
        raise SubscriptionsNotOffered
    _check_method(command.method, till.billing)
    await check_own_method(command.method, owner_id, context, till.cashier)
    settings = await till.store.settings()
    async with till.cashier.uow(context) as tx:
        plan = await tx.plans.get(command.plan_id)
        offer = (await tx.subscriptions.offers([plan.variant_id])).get(plan.variant_id)
        _check_delivery(command, needs_shipping=offer is not None and offer.requires_shipping)
        subscription = Subscription.open(
            at=context.now,
            plan=plan,
            currency=command.currency or settings.store.currency,
            id=till.cashier.ids.new(SubscriptionId),
            owner_id=owner_id,
            quantity=command.quantity,
            email=command.email,
            shipping_address=command.shipping_address,
            billing_address=command.billing_address or command.shipping_address,
            shipping_code=command.shipping_option,
            provider=till.billing.provider,
            method=command.method,
        )
        least = till.billing.least(subscription.unit_price.currency)
        priced = price_period(subscription, offer, settings, least, context.now, till.cashier.ids)
        _check_orderable(subscription, priced.cart)
        tx.subscriptions.save(subscription)
        tx.answer(subscription.id)
    return subscription.id


def _check_method(method: str, billing: SubscriptionBilling) -> None:
    if not 1 <= len(method) <= METHOD_LENGTH_MAX or not method.isprintable():
        raise MethodNotForSubscriptions("A way to pay has 1 to 200 characters.")
    if not billing.takes(method):
        raise MethodNotForSubscriptions(f"“{method[:40]}” cannot be charged again without the customer.")


def _check_delivery(command: Subscribe, *, needs_shipping: bool) -> None:
    missing = []
    if needs_shipping and command.shipping_address is None:
        missing.append(Flaw("/shipping_address", "missing", "Where the parcels go"))
    if needs_shipping and not command.shipping_option:
        missing.append(Flaw("/shipping_option", "missing", "How the parcels go there"))
    if not needs_shipping and command.shipping_address is None and command.billing_address is None:
        missing.append(Flaw("/billing_address", "missing", "Who pays, and where: taxes depend on it"))
    if missing:
        names = ", ".join(flaw.pointer.removeprefix("/") for flaw in missing)
        raise Invalid(f"Still missing: {names}.", flaws=tuple(missing))


def _check_orderable(subscription: Subscription, priced: PricedCart) -> None:
    """What could never be sent is refused now, and so is what is to begin now and is not there; what a trial ends with
    may come until then. Raises InsufficientStock, ShippingUnavailable, PlanNotOffered."""
    for flaw in priced.flaws:
        if flaw.code == ShippingUnavailable.code:
            hint = "GET /api/store/countries says where the shop sends; a cart with this address says by what."
            raise ShippingUnavailable(flaw.detail, hint=hint, flaws=(flaw,))
        if flaw.code != InsufficientStock.code:
            raise PlanNotOffered(flaw.detail)
        if subscription.trial_ends_at is None:
            offer = priced.offers[subscription.variant_id]
            left = offer.available or 0
            short = InsufficientStock({offer.variant_id: left}, {offer.variant_id: offer.title})
            short.flaws = (Flaw("/quantity", "exceeds_available", f"At most {left}"),)
            short.hint = "Subscribe to fewer, or when there is more."
            raise short


@frozen(kw_only=True)
class CarryOnSubscription(Command[SubscriptionId]):
    """Takes a subscription as far as it goes by now: makes it known to the provider, orders and pays what is due.

    May be run at any time, by anybody, as often as one likes. With `refresh` the provider is asked first.
    """

    requires: ClassVar = INTERNAL
    subscription_id: SubscriptionId
    refresh: bool = False


async def carry_on_subscription(command: CarryOnSubscription, context: Context, *, till: Till) -> SubscriptionId:
    await carry_on(command.subscription_id, context, till, refresh=command.refresh)
    return command.subscription_id


@frozen(kw_only=True)
class RetrySubscription(Command[None]):
    """Tries the open payment of a subscription now, whenever it would be due; one that stayed unpaid goes on."""

    requires: ClassVar = "payments:write"
    subscription_id: SubscriptionId


async def retry_subscription(command: RetrySubscription, context: Context, *, till: Till) -> None:
    async with till.cashier.uow(context) as tx:
        subscription = await tx.subscriptions.get(command.subscription_id)
        if subscription.open_order is None:
            subscription.take_up(context.now)
            tx.subscriptions.save(subscription)
    await carry_on(subscription.id, context, till, retry=True)


@frozen
class Changed:
    """The subscription as it is now, or would be, and what the change comes to."""

    subscription: Subscription
    proration: Proration | None


@frozen(kw_only=True)
class ChangeSubscription(Command[Changed]):
    """Changes plan, quantity or way to pay; None leaves a part as it is. What it comes to is on the next bill.

    With `preview` nothing is changed.
    """

    requires: ClassVar = OWNER
    subscription_id: SubscriptionId
    plan_id: PlanId | None = None
    quantity: int | None = None
    method: str | None = None
    preview: bool = False
    expected_version: int | None = None


async def change_subscription(command: ChangeSubscription, context: Context, *, till: Till) -> Changed:
    async with till.cashier.uow(context) as tx:
        subscription = await _own(command.subscription_id, context, tx)
        if not command.preview:
            check_version(subscription.version, command.expected_version)
        plan = await tx.plans.get(command.plan_id) if command.plan_id is not None else None
    if command.method is not None:
        _check_method(command.method, till.billing)
        await check_own_method(command.method, subscription.owner_id, context, till.cashier)
        subscription.use_method(command.method, context.now)
    proration = None
    if plan is not None or command.quantity is not None:
        proration = subscription.change(context.now, plan=plan, quantity=command.quantity)
    if command.preview:
        return Changed(subscription, proration)
    request = billing_request(subscription)
    if subscription.provider_ref:
        key = f"{subscription.id}:change:{subscription.version}:{context.request_id}"
        await till.billing_of(subscription).change(subscription.provider_ref, request, key=key)
    async with till.cashier.uow(context) as tx:
        tx.subscriptions.save(subscription)
    return Changed(subscription, proration)


@frozen(kw_only=True)
class PauseSubscription(Command[None]):
    """Nothing comes and nothing is taken until it is resumed. Pausing twice is once."""

    requires: ClassVar = OWNER
    subscription_id: SubscriptionId


async def pause_subscription(command: PauseSubscription, context: Context, *, till: Till) -> None:
    async with till.cashier.uow(context) as tx:
        subscription = await _own(command.subscription_id, context, tx)
    subscription.pause(context.now)
    await till.billing_of(subscription).pause(subscription.provider_ref)
    async with till.cashier.uow(context) as tx:
        tx.subscriptions.save(subscription)


@frozen(kw_only=True)
class ResumeSubscription(Command[None]):
    """Goes on after a pause, or is not to end after all. What came due during the pause is left out. Twice is once."""

    requires: ClassVar = OWNER
    subscription_id: SubscriptionId


async def resume_subscription(command: ResumeSubscription, context: Context, *, till: Till) -> None:
    async with till.cashier.uow(context) as tx:
        subscription = await _own(command.subscription_id, context, tx)
    if subscription.status in RUNNING and not subscription.cancel_at_period_end:
        return
    subscription.resume(context.now)
    await till.billing_of(subscription).resume(subscription.provider_ref)
    async with till.cashier.uow(context) as tx:
        tx.subscriptions.save(subscription)


@frozen(kw_only=True)
class CancelSubscription(Command[None]):
    """Ends it now, or with the period that is paid already. Cancelling twice is once."""

    requires: ClassVar = OWNER
    subscription_id: SubscriptionId
    reason: str = "customer"
    at_period_end: bool = False


async def cancel_subscription(command: CancelSubscription, context: Context, *, till: Till) -> None:
    async with till.cashier.uow(context) as tx:
        subscription = await _own(command.subscription_id, context, tx)
    if subscription.ended:
        return
    subscription.cancel(command.reason[:REASON_LENGTH_MAX], context.now, at_period_end=command.at_period_end)
    async with till.cashier.uow(context) as tx:
        tx.subscriptions.save(subscription)
    with suppress(Unavailable):  # it has ended; what the provider does not hear now the worker tells it later
        await carry_on(subscription.id, context, till)


async def _own(subscription_id: SubscriptionId, context: Context, tx: Transaction) -> Subscription:
    """The subscription, if it is the caller's; staff and the shop itself may have any. Raises SubscriptionNotFound."""
    subscription = await tx.subscriptions.get(subscription_id)
    owner = context.actor.user_id == subscription.owner_id
    if not owner and not context.actor.may("orders:write"):
        raise SubscriptionNotFound(f"There is no subscription {subscription_id}.")
    return subscription
