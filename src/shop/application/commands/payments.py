"""Paying: choosing how, taking the money, and hearing from the provider."""

from datetime import timedelta
from typing import ClassVar

from attrs import evolve, frozen

from shop.application.access import check_owner
from shop.application.messages import INTERNAL, OWNER, PROVIDER, Command, Context
from shop.application.ports.clock import Ids
from shop.application.ports.identity import Secrets
from shop.application.ports.payments import PaymentGateway, PaymentRefused
from shop.application.ports.readers import PaymentReader, SessionWithPayment, StoreReader
from shop.application.ports.saved_methods import ABOUT_SAVED_METHODS
from shop.application.ports.unit_of_work import StaleAggregate, Transaction, UnitOfWork
from shop.application.renewals import Till, begin_subscriptions, follow_news
from shop.application.settlement import (
    Cashier,
    Sale,
    begin_anew,
    carry_on,
    charge_of,
    check_own_method,
    check_reusable,
    check_undecided,
    check_wish,
    customer_of,
    follow_wallet_news,
    look_at_risk,
    prepare_saving,
    settle,
)
from shop.domain.carts import CartNotFound, CartStatus
from shop.domain.kernel.address import ERASED
from shop.domain.kernel.errors import Conflict, NotFound
from shop.domain.kernel.identifiers import CartId, InboxId, OrderId, PaymentSessionId
from shop.domain.payments import (
    AttemptStatus,
    InboxItem,
    InboxState,
    PaymentAttempt,
    PaymentMethodUnknown,
    PaymentNotFound,
    PaymentSession,
    PaymentSessionNotFound,
)
from shop.domain.subscriptions import Subscription

ABOUT_SUBSCRIPTIONS = ("customer.subscription.", "invoice.")
"""How the types of messages begin that are about subscriptions and their invoices,"""
ABOUT_DISPUTES = ("charge.dispute.",)
ABOUT_RISK = ("radar.early_fraud_warning.", "review.")
ABOUT_MONEY = ("payment_intent.", "charge.", "refund.", "checkout.session.", *ABOUT_RISK)
"""or about a payment. All others are kept, and nothing is made of them."""
FOR_PEOPLE = frozenset(
    {"invoice.finalization_failed", "invoice.marked_uncollectible", "invoice.voided", "invoice.overpaid"}
)
"""Of these somebody has to know whatever the shop makes of them: they stay parked."""
UNMATCHED_AFTER = timedelta(minutes=10)
"""How long a message may be ahead of our own record of its intent; well within the ten tries of its delivery."""


class NothingToConfirm(Conflict):
    """The cart of this session has not been ordered yet."""

    code = "order_missing"
    title = "There is no order to pay for yet"
    default_hint = "Place the order with POST /api/orders first; the provider is asked after that."


class PaidByInvoice(Conflict):
    """The provider refused the invoice of a subscription's period: no other payment may stand beside it."""

    code = "paid_by_invoice"
    title = "This period cannot be paid by itself"
    default_hint = "Change the subscription with PATCH /api/subscriptions/{id}; its schedule tries again."


class CartNotOwn(Conflict):
    """A saved way to pay belongs to a customer, and the cart to nobody yet."""

    code = "cart_not_own"
    title = "The cart is not the customer's"
    default_hint = "POST /api/carts/{id}/claim makes a guest's cart the customer's own."


class ProviderUnknown(NotFound):
    title = "No such payment provider"


@frozen(kw_only=True)
class CreatePaymentSession(Command[PaymentSessionId]):
    """Notes how the shopper wants to pay for a cart. The provider hears of it when the order is placed.

    `method` is the code of a way to pay, or names a saved one of the customer whose cart it is. With `save` the
    customer's card is saved along with paying, to be charged later as well.
    """

    requires: ClassVar = OWNER
    one_write: ClassVar = True
    """But for the customer's wallet, which is opened once however often it is asked for."""
    cart_id: CartId
    method: str
    save: bool = False


async def create_payment_session(
    command: CreatePaymentSession,
    context: Context,
    *,
    ids: Ids,
    secrets: Secrets,
    gateway: PaymentGateway,
    cashier: Cashier,
) -> PaymentSessionId:
    methods = {method.code: method for method in await gateway.methods()}
    saved = command.method not in methods and cashier.saved_methods.names(command.method)
    if saved:
        await check_own_method(command.method, context.actor.user_id, context, cashier)
    elif command.method not in methods:
        raise PaymentMethodUnknown(
            f"“{command.method[:60]}” is no way to pay here; there is: {', '.join(sorted(methods))}."
        )
    if command.save:
        await prepare_saving(methods.get(command.method), context, cashier)
    async with cashier.uow(context) as tx:
        cart = await tx.carts.get(command.cart_id)
        check_owner(context.actor, cart.owner_id, cart.id, secrets=secrets, otherwise=CartNotFound)
        if (saved or command.save) and cart.owner_id != context.actor.user_id:
            raise CartNotOwn
        if cart.status is not CartStatus.OPEN and not saved:
            await check_undecided(cart.id, command.save, tx)
        session = PaymentSession(
            id=ids.new(PaymentSessionId),
            cart_id=cart.id,
            provider=gateway.provider,
            method=command.method,
            authorizes=saved or methods[command.method].authorizes,
            saves=command.save,
            created_at=context.now,
        )
        tx.payment_sessions.save(session)
        tx.answer(session.id)
    if cart.status is CartStatus.OPEN:  # nothing was paid for it yet
        context.just_written.keep(session.id, SessionWithPayment(session=session, owner_id=cart.owner_id))
    return session.id


@frozen(kw_only=True)
class ProcessPayment(Command[OrderId]):
    """Takes the payment of an order as far as it goes without the shopper: makes its intent, captures, gives back.

    May be run at any time, by anybody, as often as one likes. With `refresh` the provider is asked first.
    """

    requires: ClassVar = INTERNAL
    order_id: OrderId
    refresh: bool = False


async def process_payment(
    command: ProcessPayment, context: Context, *, cashier: Cashier, store: StoreReader
) -> OrderId:
    sale = context.just_written.take(command.order_id, Sale)
    if sale is None:
        async with cashier.uow(context) as tx:
            order = await tx.orders.get(command.order_id)
            payment = await tx.payments.of_order(order.id) if order.total else None
        if payment is None:
            await begin_subscriptions(order, context, Till(cashier, store))
            return order.id
        sale = Sale(order, payment)
    version = sale.payment.version
    try:
        sale = await carry_on(sale, context, cashier, refresh=command.refresh)
    except PaymentRefused:
        await _look_later(command, version, context, cashier)
        raise
    if sale.payment.is_unfinished:
        await _look_later(command, version, context, cashier)
    await begin_subscriptions(sale.order, context, Till(cashier, store))
    return command.order_id


async def _look_later(command: ProcessPayment, version: int, context: Context, cashier: Cashier) -> None:
    """The provider was asked and had nothing new: the next time is later. Whoever moved the payment decides anew."""
    if not command.refresh:
        return
    async with cashier.uow(context) as tx:
        payment = await tx.payments.of_order(command.order_id)
        if payment.version == version:
            payment.remind(context.now)
            payment.put_off(context.now)
            tx.payments.save(payment)


@frozen(kw_only=True)
class ConfirmPayment(Command[OrderId]):
    """Confirms on the server what needs no browser: an answered challenge, or another method after a decline, or after
    the provider would not even begin with the first one."""

    requires: ClassVar = OWNER
    session_id: PaymentSessionId


_OPEN_TO_CARDS = frozenset({AttemptStatus.REQUIRES_ACTION, AttemptStatus.FAILED})


async def confirm_payment(
    command: ConfirmPayment,
    context: Context,
    *,
    secrets: Secrets,
    cashier: Cashier,
    payments: PaymentReader,
    store: StoreReader,
) -> OrderId:
    session = (await payments.session(command.session_id)).session
    async with cashier.uow(context) as tx:
        cart = await tx.carts.get(session.cart_id)
        check_owner(
            context.actor,
            cart.owner_id,
            cart.id,
            secrets=secrets,
            otherwise=PaymentSessionNotFound,
            asked=f"payment session {session.id}",
        )
        order = await tx.orders.find_by_cart(cart.id)
        if order is None:
            raise NothingToConfirm
        if not order.due:
            return order.id
        sale = Sale(order, await tx.payments.of_order(order.id))
    sale = await carry_on(sale, context, cashier)
    before = sale.payment.attempt
    if sale.order.subscribes and before.status in _OPEN_TO_CARDS:
        check_reusable(session, cashier.billing, due=True)
    if before.is_refused and charge_of(sale) is not None:
        raise PaidByInvoice
    if before.is_refused:
        sale = await begin_anew(sale, session, context, cashier)
    attempt = sale.payment.attempt
    if attempt.id == before.id and attempt.status in _OPEN_TO_CARDS:
        check_wish(session, attempt, cashier)
        gateway = cashier.provider_of(sale.payment)
        if attempt.method == session.method and await _waits_in_browser(attempt, gateway):
            sale = await carry_on(sale, context, cashier, refresh=True)  # what became of it the provider knows
        else:
            customer = await customer_of(sale.order.owner_id, session.method, context, cashier)
            news = await gateway.confirm(attempt.provider_ref, attempt.id, session.method, customer, str(session.id))
            sale = await settle(sale, evolve(news, method=news.method or session.method), context, cashier)
            sale = await carry_on(sale, context, cashier)
    await begin_subscriptions(sale.order, context, Till(cashier, store))
    return sale.order.id


async def _waits_in_browser(attempt: PaymentAttempt, gateway: PaymentGateway) -> bool:
    """Whether the shopper's browser confirms it: the server has nothing to add."""
    in_browser = {way.code for way in await gateway.methods() if way.confirms_in == "browser"}
    return attempt.status is AttemptStatus.REQUIRES_ACTION and attempt.method in in_browser


@frozen(kw_only=True)
class ReceiveProviderNews(Command[None]):
    """Keeps a provider's message as it came, once, for the worker to look at. The signature is checked first."""

    requires: ClassVar = PROVIDER
    provider: str
    body: bytes
    headers: dict[str, str]


async def receive_provider_news(
    command: ReceiveProviderNews, context: Context, *, uow: UnitOfWork, ids: Ids, gateway: PaymentGateway
) -> None:
    if command.provider != gateway.provider:
        raise ProviderUnknown(f"No messages of “{command.provider[:40]}” are taken here.")
    news = gateway.read_news(command.body, command.headers)
    async with uow(context) as tx:
        if await tx.inbox.find(news.provider, news.event_ref) is not None:
            return
        item = InboxItem.receive(
            id=ids.new(InboxId),
            provider=news.provider,
            event_ref=news.event_ref,
            event_type=news.event_type,
            object_ref=news.object_ref,
            body=news.body,
            at=context.now,
        )
        tx.inbox.save(item)


@frozen(kw_only=True)
class ApplyProviderNews(Command[None]):
    """Looks at a kept message: asks the provider how the intent stands now, and follows that."""

    requires: ClassVar = INTERNAL
    inbox_id: InboxId


async def apply_provider_news(
    command: ApplyProviderNews, context: Context, *, cashier: Cashier, store: StoreReader
) -> None:
    async with cashier.uow(context) as tx:
        item = await tx.inbox.get(command.inbox_id)
        if item.state is not InboxState.NEW:
            return
        sale = await _sale_behind(item, tx) if item.event_type.startswith(ABOUT_MONEY) else None
        about_subscription = item.event_type.startswith(ABOUT_SUBSCRIPTIONS)
        subscription = await _subscription_behind(item, tx) if about_subscription else None
    if item.event_type.startswith(ABOUT_SAVED_METHODS):
        await follow_wallet_news(item, context, cashier)
        return
    if subscription is not None:
        await follow_news(subscription, item.event_type, context, Till(cashier, store))
    elif sale is not None:
        await _follow(sale, item.event_type, context, Till(cashier, store))
    elif _may_match(item) and context.now - item.received_at < UNMATCHED_AFTER:
        # It may be ahead of our own record of the intent; the delivery is repeated until that is there.
        raise PaymentNotFound(f"Nothing is known of {item.object_ref} yet.")
    matched = sale is not None or subscription is not None
    async with cashier.uow(context) as tx:
        again = await tx.inbox.get(item.id)
        if again.version != item.version:
            raise StaleAggregate
        again.settle(_settled(item, matched), context.now)
        if await _of_somebody_erased(sale, subscription, tx):
            # Erasure emptied what was there then: what the provider tells afterwards names the person again.
            again.forget()
        tx.inbox.save(again)


async def _of_somebody_erased(sale: Sale | None, subscription: Subscription | None, tx: Transaction) -> bool:
    """Whether a message is about somebody who was forgotten, as of now."""
    if sale is not None:
        return (await tx.orders.get(sale.order.id)).email == ERASED
    return subscription is not None and (await tx.subscriptions.get(subscription.id)).email == ERASED


async def _follow(sale: Sale, event_type: str, context: Context, till: Till) -> None:
    disputes = event_type.startswith(ABOUT_DISPUTES)
    sale = await carry_on(sale, context, till.cashier, refresh=True, disputes=disputes)
    if event_type.startswith(ABOUT_RISK):
        await look_at_risk(sale, context, till.cashier)
    await begin_subscriptions(sale.order, context, till)


def _may_match(item: InboxItem) -> bool:
    return bool(item.object_ref) and item.event_type.startswith((*ABOUT_SUBSCRIPTIONS, *ABOUT_MONEY))


def _settled(item: InboxItem, matched: bool) -> InboxState:
    if item.event_type in FOR_PEOPLE or (not matched and _may_match(item)):
        return InboxState.PARKED
    return InboxState.APPLIED if matched else InboxState.IGNORED


async def _sale_behind(item: InboxItem, tx: Transaction) -> Sale | None:
    """What the message is about, as far as we know: our own record of the intent decides, and nothing that it says."""
    payment = await tx.payments.find_by_provider_ref(item.provider, item.object_ref) if item.object_ref else None
    return Sale(await tx.orders.get(payment.order_id), payment) if payment else None


async def _subscription_behind(item: InboxItem, tx: Transaction) -> Subscription | None:
    return await tx.subscriptions.find_by_provider_ref(item.provider, item.object_ref) if item.object_ref else None


@frozen(kw_only=True)
class ReplayProviderNews(Command[InboxId]):
    """Looks at a kept message once more, whatever became of it the first time. Doing that again is safe."""

    requires: ClassVar = "payments:write"
    inbox_id: InboxId


async def replay_provider_news(
    command: ReplayProviderNews, context: Context, *, cashier: Cashier, store: StoreReader
) -> InboxId:
    async with cashier.uow(context) as tx:
        item = await tx.inbox.get(command.inbox_id)
        if item.reopen(context.now):
            tx.inbox.save(item)
        tx.answer(item.id)
    try:
        await apply_provider_news(ApplyProviderNews(inbox_id=item.id), context, cashier=cashier, store=store)
    except PaymentNotFound:
        return item.id  # it came just now, and may be ahead of our record: the worker goes on
    return item.id
