"""Forgetting a person: what the law wants kept stays without them."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import ClassVar

from attrs import frozen

from shop.application.commands.identity.opening import check_fresh, forget_open_carts, user_of
from shop.application.commands.identity.roles import check_own, roles_of
from shop.application.commands.identity.staff import keep_an_owner
from shop.application.holdings import orders_of, subscriptions_of
from shop.application.messages import CUSTOMER, Command, Context
from shop.application.ports.notifications import Notifier
from shop.application.ports.readers import Readers
from shop.application.ports.unit_of_work import Transaction, UnitOfWork
from shop.application.ports.views import OrderView, SubscriptionView
from shop.application.settlement import Cashier
from shop.domain.kernel.errors import Conflict
from shop.domain.kernel.identifiers import UserId
from shop.domain.orders import FulfilmentStatus, Order, OrderStatus
from shop.domain.payments import PaymentNotFound
from shop.domain.subscriptions import ENDED

CARTS_AT_ONCE = 50
DELIVERED_WITHIN = timedelta(days=30)
"""For how long a paid order that was not sent needs its address."""


class ErasureHeld(Conflict):
    """Something is still under way that needs to know who and where the person is."""

    code = "erasure_held"
    title = "Something is still under way"
    default_hint = "Cancel the order or the subscription, or wait until that has come to its end."


@frozen(kw_only=True)
class EraseMe(Command[None]):
    """Forgets the person who asks: what the law wants kept stays without them."""

    requires: ClassVar = CUSTOMER


async def erase_me(
    command: EraseMe, context: Context, *, uow: UnitOfWork, readers: Readers, notifier: Notifier
) -> None:
    check_fresh(context)
    await _erase(user_of(context), context, uow, readers, notifier)


@frozen(kw_only=True)
class EraseUser(Command[None]):
    """Forgets somebody who asked the staff to. Twice is once."""

    requires: ClassVar = "customers:erase"
    user_id: UserId


async def erase_user(
    command: EraseUser, context: Context, *, uow: UnitOfWork, readers: Readers, notifier: Notifier
) -> None:
    async with uow(context) as tx:
        user = await tx.users.get(command.user_id)
        check_own(await roles_of(tx, user.role_ids, strict=False), context)
    await _erase(command.user_id, context, uow, readers, notifier)


async def _erase(user_id: UserId, context: Context, uow: UnitOfWork, readers: Readers, notifier: Notifier) -> None:
    async with uow(context) as tx:
        await _check_nothing_under_way(user_id, context, tx, readers)
        email = (await tx.users.get(user_id)).email
    if email:  # while it is still known what to forget
        await notifier.forget(email)
    left = CARTS_AT_ONCE
    while left == CARTS_AT_ONCE:
        async with uow(context) as tx:
            # First the carts and then the orders: what was ordered by now is seen, and who orders one of these carts
            # from here on collides with us.
            left = await forget_open_carts(user_id, context, tx, CARTS_AT_ONCE)
            await _check_nothing_under_way(user_id, context, tx, readers)
            if left < CARTS_AT_ONCE:
                await _forget_account(user_id, context, tx)


async def _forget_account(user_id: UserId, context: Context, tx: Transaction) -> None:
    user = await tx.users.get(user_id)
    await keep_an_owner(tx, user)
    if user.email:
        tx.invitations.drop_of(user.email)
    user.erase(context.now)
    tx.users.save(user)
    tx.sessions.drop_of(user_id)
    tx.exports.drop_of(user_id)
    tx.one_time_tokens.drop_of(user_id)


async def forget_customer(user_id: UserId, context: Context, cashier: Cashier) -> None:
    """Has the provider forget somebody who was erased, with all their saved ways to pay. Twice is once.

    Wallets with providers that the shop has left are forgotten here; the customers there are the shop's to remove.
    """
    async with cashier.uow(context) as tx:
        wallets = await tx.wallets.of_user(user_id)
    refs = {wallet.id: wallet.customer_ref for wallet in wallets}
    for wallet in wallets:
        if wallet.provider == cashier.saved_methods.provider:
            if not refs[wallet.id]:
                # The provider may know them though the shop did not hear how: its id leads to the same customer.
                refs[wallet.id] = await cashier.saved_methods.open_customer(wallet.id)
            await cashier.saved_methods.forget(refs[wallet.id])
    async with cashier.uow(context) as tx:
        for wallet in wallets:
            tx.wallets.delete(wallet)
            if ref := refs[wallet.id]:
                tx.inbox.forget_customer(wallet.provider, ref)


async def forget_shopper(user_id: UserId, context: Context, uow: UnitOfWork, readers: Readers) -> None:
    """Takes somebody who was erased out of carts, orders, subscriptions and what providers told of them.

    Sums, goods and taxes stay. Twice is once. Raises ErasureHeld, when all else is done, for what was begun in the
    moment in which the person's access ended: it still needs its buyer, and comes to its end first.
    """
    left = CARTS_AT_ONCE
    while left == CARTS_AT_ONCE:
        async with uow(context) as tx:
            left = await forget_open_carts(user_id, context, tx, CARTS_AT_ONCE)
    orders = await orders_of(user_id, readers.orders)
    subscriptions = await subscriptions_of(user_id, readers.subscriptions)
    for view in orders:
        if _is_open(view, context.now):
            continue
        async with uow(context) as tx:
            order = await tx.orders.get(view.id)
            if order.pseudonymise(context.now):
                tx.orders.save(order)
                cart = await tx.carts.get(order.cart_id)
                cart.forget_person(context.now)
                tx.carts.save(cart)
                await _forget_news_of(order, tx)
    for held in subscriptions:
        if held.status not in ENDED:
            continue
        async with uow(context) as tx:
            subscription = await tx.subscriptions.get(held.id)
            if subscription.pseudonymise(context.now):
                tx.subscriptions.save(subscription)
                if subscription.provider_ref:
                    tx.inbox.forget_bodies(subscription.provider, [subscription.provider_ref])
    _check_over(orders, subscriptions, context.now)


async def _forget_news_of(order: Order, tx: Transaction) -> None:
    """Providers tell names and addresses along with what happened; it has been looked at long ago."""
    try:
        payment = await tx.payments.of_order(order.id)
    except PaymentNotFound:  # it cost nothing
        return
    refs = [attempt.provider_ref for attempt in payment.attempts if attempt.provider_ref]
    if refs:
        tx.inbox.forget_bodies(payment.provider, refs)


async def _check_nothing_under_way(user_id: UserId, context: Context, tx: Transaction, readers: Readers) -> None:
    """Raises ErasureHeld."""
    orders = await orders_of(user_id, readers.orders)
    _check_over(orders, await subscriptions_of(user_id, readers.subscriptions), context.now)
    for order in orders:
        await _check_settled(order, tx)


def _check_over(orders: Iterable[OrderView], subscriptions: Iterable[SubscriptionView], now: datetime) -> None:
    """Raises ErasureHeld for an order that still needs its buyer, and for a subscription that would come again."""
    for subscription in subscriptions:
        if subscription.status not in ENDED:
            raise ErasureHeld(f"The subscription to {subscription.title} is {subscription.status}.")
    for order in orders:
        if _is_open(order, now):
            raise ErasureHeld(f"The order {order.number} is {order.status}.")


def _is_open(order: OrderView, now: datetime) -> bool:
    to_be_sent = (
        order.status is OrderStatus.CONFIRMED
        and order.fulfilment_status is FulfilmentStatus.UNFULFILLED
        and now - order.placed_at < DELIVERED_WITHIN
    )
    return to_be_sent or order.status in (OrderStatus.PENDING, OrderStatus.ON_HOLD)


async def _check_settled(order: OrderView, tx: Transaction) -> None:
    """Raises ErasureHeld while a bank or the provider still moves the money of an order."""
    try:
        payment = await tx.payments.of_order(order.id)
    except PaymentNotFound:  # it cost nothing
        return
    if payment.disputed:
        raise ErasureHeld(f"The payment of the order {order.number} is disputed: the bank may ask about its buyer.")
    if payment.refund_due:
        raise ErasureHeld(f"A refund of the order {order.number} is under way.")
