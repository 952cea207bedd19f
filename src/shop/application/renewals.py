"""Where subscriptions go on: the only place that begins their periods and follows what became of their money.

The request that subscribes, the schedule, the provider's messages and the command line all come here. `carry_on` takes
the next step that a subscription needs: make it known to the provider, order the period that is due, take its money,
try again, give up. As with payments, steps may be repeated and cut short anywhere: each call to the provider carries a
key, and each write expects what it was decided on. The order of a period is there before its money.
"""

from contextlib import suppress
from datetime import datetime

from attrs import evolve, frozen

from shop.application.messages import Context
from shop.application.periods import price_period
from shop.application.placing import check_ready, place
from shop.application.ports.payments import PaymentRefused
from shop.application.ports.readers import StoreReader
from shop.application.ports.subscriptions import (
    BillingRequest,
    BillingState,
    BillingStatus,
    InvoiceCharge,
    InvoiceMethod,
    SubscriptionBilling,
)
from shop.application.ports.unit_of_work import Transaction
from shop.application.pricing import PricedCart
from shop.application.settlement import Cashier, PaymentElsewhere, Sale, call_off, charge_of, sale_of, settle
from shop.application.settlement import carry_on as carry_sale_on
from shop.application.settlement.refusals import refused
from shop.domain.carts import CartNotReady
from shop.domain.inventory import InsufficientStock
from shop.domain.kernel.address import ERASED
from shop.domain.kernel.errors import Invalid, ShopError
from shop.domain.kernel.identifiers import AttemptId, OrderId, PaymentSessionId, SubscriptionId
from shop.domain.orders import Order, OrderStatus, PaymentStatus
from shop.domain.payments import AttemptStatus, PaymentSession
from shop.domain.subscriptions import (
    HOLD,
    INCOMPLETE_FOR,
    Period,
    Subscription,
    SubscriptionNotPausable,
    SubscriptionStatus,
)

STEPS_MAX = 8
TRIAL_WILL_END = "customer.subscription.trial_will_end"
_STANDING = frozenset({OrderStatus.CONFIRMED, OrderStatus.COMPLETED})
_UNTRIED = frozenset({AttemptStatus.FAILED, AttemptStatus.REQUIRES_ACTION})
_GONE = frozenset({PaymentStatus.REFUNDED, PaymentStatus.DISPUTED_LOST})
"""The buyer has the money again: nothing begins with it."""
_TAKEN = frozenset(PaymentStatus) - {
    PaymentStatus.PENDING,
    PaymentStatus.AUTHORIZED,
    PaymentStatus.FAILED,
    PaymentStatus.MISMATCH,
    PaymentStatus.VOIDED,
}


@frozen
class Till:
    """What it takes to carry subscriptions on: what moves money, the provider's billing and the shop's prices."""

    cashier: Cashier
    store: StoreReader

    @property
    def billing(self) -> SubscriptionBilling:
        return self.cashier.billing

    def billing_of(self, subscription: Subscription) -> SubscriptionBilling:
        """Who bills this subscription. Raises PaymentElsewhere once the shop has changed to another provider."""
        ours = self.billing.provider
        if subscription.provider != ours:
            raise PaymentElsewhere(f"It was begun with “{subscription.provider}”; the shop uses “{ours}”.")
        return self.billing


async def carry_on(
    subscription_id: SubscriptionId,
    context: Context,
    till: Till,
    *,
    refresh: bool = False,
    retry: bool = False,
) -> Subscription:
    """Takes the subscription as far as it goes by now. With `refresh`, first asks how the provider sees it; with
    `retry`, an open payment is tried now whenever it would be due.

    Raises SubscriptionNotFound, PaymentProviderUnavailable, StaleAggregate; each time doing it again is safe.
    """
    subscription = await _read(subscription_id, context, till)
    if refresh and subscription.provider_ref and not subscription.ended:
        state = await till.billing_of(subscription).fetch(subscription.provider_ref)
        await _follow(subscription, state, context, till)
    for _ in range(STEPS_MAX):
        version = subscription.version
        subscription = await _step(subscription, context, till, retry=retry, refresh=refresh)
        if subscription.version == version:
            break
        retry = refresh = False
    return subscription


async def follow_news(subscription: Subscription, event_type: str, context: Context, till: Till) -> None:
    """What a provider's message about a subscription or one of its invoices means: look how things stand there.

    Nothing that it says is believed, so messages may come late, twice or in any order.
    """
    if event_type == TRIAL_WILL_END:
        if subscription.notice_trial_end(context.now):
            await _save(subscription, context, till)
        return
    await carry_on(subscription.id, context, till, refresh=True)


async def _step(
    subscription: Subscription, context: Context, till: Till, *, retry: bool, refresh: bool
) -> Subscription:
    now = context.now
    if subscription.ended:
        return subscription if subscription.due_at is None else await _let_go(subscription, context, till)
    if not subscription.provider_ref and subscription.order_id is not None:
        if refresh or subscription.is_due(now):
            return await _follow_checkout(subscription, subscription.order_id, context, till)
        return subscription
    if not subscription.provider_ref:
        return await _introduce(subscription, context, till)
    if subscription.open_order is not None:
        if retry or refresh or subscription.is_due(now):
            return await _look_at_money(subscription, subscription.open_order, context, till, retry=retry)
        return subscription
    if subscription.is_over(now):
        subscription.cancel(subscription.cancel_reason, now)
        return await _save(subscription, context, till)
    if subscription.owes_period(now):
        return await _order_period(subscription, context, till)
    return subscription


async def begin_subscriptions(order: Order, context: Context, till: Till) -> None:
    """What was subscribed with this order begins, or never will, once its money is decided. Where that fails now, the
    schedule takes it up; the order stands either way."""
    if not order.subscribes or order.status is OrderStatus.PENDING:
        return
    async with till.cashier.uow(context) as tx:
        found = [await tx.subscriptions.get(one) for one in await tx.subscriptions.of_order(order.id)]
    for subscription in found:
        if subscription.status is SubscriptionStatus.INCOMPLETE:
            with suppress(ShopError):
                await carry_on(subscription.id, context, till, refresh=True)


async def _follow_checkout(subscription: Subscription, order_id: OrderId, context: Context, till: Till) -> Subscription:
    """It begins once the order of its checkout stands and its money was taken: what a bank promised may still lapse,
    and what a bank took back may be lost."""
    now = context.now
    async with till.cashier.uow(context) as tx:
        order = await tx.orders.get(order_id)
        payment = await tx.payments.of_order(order_id) if order.total else None
        session = await tx.payment_sessions.get(order.payment_session_id)
    gone = order.payment_status in _GONE
    if order.status is OrderStatus.CANCELLED or gone or subscription.email == ERASED:
        subscription.expire(now)
    elif order.status not in _STANDING or order.payment_status not in _TAKEN - {PaymentStatus.DISPUTED}:
        subscription.look_again(now)
    else:
        method = payment.attempt.method if payment is not None else ""
        if till.billing.takes(method) and subscription.method == session.method:
            subscription.use_method(method, now)  # another one after a decline, or the new card as it was saved
        await _introduce_paid(subscription, context, till)
    return await _save(subscription, context, till)


async def _introduce_paid(subscription: Subscription, context: Context, till: Till) -> None:
    """Makes a subscription known that is paid for. Where its way to pay is refused it waits for another one, until what
    was paid has long been over."""
    now, request = context.now, billing_request(subscription)
    if request.trial_ends_at is not None and request.trial_ends_at <= now:
        request = evolve(request, trial_ends_at=None)
    try:
        state = await till.billing_of(subscription).subscribe(request)
    except (PaymentRefused, Invalid):
        if now >= subscription.period_end + INCOMPLETE_FOR:
            subscription.cancel("payment_method_refused", now)
        else:
            subscription.look_again(now)
    else:
        subscription.begin(state.provider_ref, now)


async def _introduce(subscription: Subscription, context: Context, till: Till) -> Subscription:
    """Makes it known to the provider, which takes nothing yet."""
    if context.now - subscription.created_at >= INCOMPLETE_FOR:
        subscription.expire(context.now)
    else:
        state = await till.billing_of(subscription).subscribe(billing_request(subscription))
        subscription.begin(state.provider_ref, context.now)
    return await _save(subscription, context, till)


async def _order_period(subscription: Subscription, context: Context, till: Till) -> Subscription:
    """Orders the period that is due, once; where its goods are missing, it waits for them.

    Whoever is second finds the period ordered: the subscription's version and the period itself forbid another order.
    """
    if subscription.leave_out_missed(context.now):
        return await _save(subscription, context, till)
    settings, period = await till.store.settings(), subscription.next_period
    hold = HOLD if subscription.status is not SubscriptionStatus.INCOMPLETE else INCOMPLETE_FOR
    async with till.cashier.uow(context) as tx:
        offer = (await tx.subscriptions.offers([subscription.variant_id])).get(subscription.variant_id)
        least = till.billing.least(subscription.unit_price.currency)
        priced = price_period(subscription, offer, settings, least, context.now, till.cashier.ids)
        try:
            check_ready(priced.cart)
        except (InsufficientStock, CartNotReady):
            subscription.wait_for_goods(context.now)
            tx.subscriptions.save(subscription)
            return subscription
        order = _place(tx, priced.cart, subscription, period, context, till, hold_until=context.now + hold)
        tx.subscriptions.renew(subscription.begin_period(period, order.id, context.now, priced.bill))
        if order.payment_status is PaymentStatus.PAID:  # it costs nothing
            subscription.pay(order.id, context.now)
        else:
            subscription.due_at = context.now
        tx.subscriptions.save(subscription)
    if not order.total:
        await till.billing_of(subscription).charge(_nothing(subscription, order, period, till))
    return subscription


def _nothing(subscription: Subscription, order: Order, period: Period, till: Till) -> InvoiceCharge:
    """A period that costs nothing is one of which the provider takes nothing."""
    return InvoiceCharge(
        provider_ref=subscription.provider_ref,
        period_start=period.start,
        attempt_id=till.cashier.ids.new(AttemptId),
        order_id=order.id,
        amount=order.total,
    )


def _place(
    tx: Transaction,
    priced: PricedCart,
    subscription: Subscription,
    period: Period,
    context: Context,
    till: Till,
    *,
    hold_until: datetime,
) -> Order:
    session = PaymentSession(
        id=till.cashier.ids.new(PaymentSessionId),
        cart_id=priced.cart.id,
        provider=subscription.provider,
        method=str(InvoiceMethod(subscription.provider_ref, period.start)),
        created_at=context.now,
    )
    tx.payment_sessions.save(session)
    return place(tx, priced, session, context, till.cashier.ids, hold_until - context.now).order


async def _look_at_money(
    subscription: Subscription, order_id: OrderId, context: Context, till: Till, *, retry: bool
) -> Subscription:
    """Follows what became of the current period's order, and tries again where that is due."""
    now, cashier = context.now, till.cashier
    sale = await sale_of(order_id, context, cashier.uow)
    if sale is not None:
        known = bool(sale.payment.attempt.provider_ref)
        sale = await carry_sale_on(sale, context, cashier, refresh=known)
        if subscription.tries and sale.payment.status in _UNTRIED and (retry or subscription.is_due(now)):
            key = f"{subscription.id}:{order_id}:{subscription.tries}:{int(now.timestamp()) if retry else ''}"
            charge = charge_of(sale)
            assert charge is not None, "the order of a period is paid by its invoice"
            try:
                state = await till.billing_of(subscription).retry(charge, key)
            except (PaymentRefused, Invalid) as refusal:
                attempt = sale.payment.attempt
                state = evolve(refused(attempt, refusal), provider_ref=attempt.provider_ref)
            sale = await settle(sale, state, context, cashier)
            _take_over(subscription, sale, now, tried=True)
        else:
            _take_over(subscription, sale, now, tried=subscription.tries == 0)
    if subscription.exhausted and subscription.status is SubscriptionStatus.PAST_DUE:
        subscription.give_up(now)
    elif subscription.status is SubscriptionStatus.INCOMPLETE and now - subscription.created_at >= INCOMPLETE_FOR:
        subscription.expire(now)
    return await _save(subscription, context, till)


def _take_over(subscription: Subscription, sale: Sale, now: datetime, *, tried: bool) -> None:
    """What the order's money means for the subscription."""
    order_id, status = sale.order.id, sale.payment.status
    if sale.order.status is OrderStatus.CANCELLED:
        subscription.drop_order(order_id, now)
    elif sale.order.payment_status in _TAKEN:
        subscription.pay(order_id, now)
    elif status in _UNTRIED and tried:
        subscription.fail(order_id, now)
    elif subscription.is_due(now):
        subscription.look_again(now)


async def _let_go(subscription: Subscription, context: Context, till: Till) -> Subscription:
    """It has ended: the provider ends it too, and nothing is taken for a period that was never paid."""
    await till.billing_of(subscription).cancel(subscription.provider_ref)
    if subscription.open_order is not None:
        sale = await sale_of(subscription.open_order, context, till.cashier.uow)
        if sale is not None and sale.order.payment_status not in _TAKEN:
            await call_off(sale, "subscription_ended", context, till.cashier)
    subscription.let_go(context.now)
    return await _save(subscription, context, till)


async def _follow(subscription: Subscription, state: BillingState, context: Context, till: Till) -> None:
    """Takes over what was done at the provider itself. Failed payments are counted here, not there."""
    before: str = subscription.status.value
    if state.status is BillingStatus.ENDED:
        subscription.cancel("ended_at_provider", context.now)
    elif state.status is BillingStatus.EXPIRED:
        subscription.expire(context.now)
    elif state.status is BillingStatus.PAUSED:
        with suppress(SubscriptionNotPausable):  # a period is under way; it is looked at first
            subscription.pause(context.now)
    elif subscription.status is SubscriptionStatus.PAUSED:
        subscription.resume(context.now)
    if subscription.status.value != before:
        await _save(subscription, context, till)


def billing_request(subscription: Subscription) -> BillingRequest:
    """The subscription as the provider is to bill it."""
    return BillingRequest(
        subscription_id=subscription.id,
        customer_id=subscription.owner_id,
        email=subscription.email,
        method=subscription.method,
        title=subscription.title,
        amount=subscription.price,
        interval=subscription.interval,
        trial_ends_at=subscription.trial_ends_at,
    )


async def _read(subscription_id: SubscriptionId, context: Context, till: Till) -> Subscription:
    async with till.cashier.uow(context) as tx:
        return await tx.subscriptions.get(subscription_id)


async def _save(subscription: Subscription, context: Context, till: Till) -> Subscription:
    async with till.cashier.uow(context) as tx:
        tx.subscriptions.save(subscription)
    return subscription
