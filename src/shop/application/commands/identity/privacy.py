"""Privacy: a person's own data as a file, and forgetting the person."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, ClassVar

import attrs
from attrs import frozen

from shop.application.commands.identity.opening import check_fresh, user_of
from shop.application.commands.identity.roles import check_own, roles_of
from shop.application.commands.identity.staff import keep_an_owner
from shop.application.messages import CUSTOMER, INTERNAL, Command, Context
from shop.application.ports.clock import Ids
from shop.application.ports.notifications import Notifier
from shop.application.ports.paging import PageRequest
from shop.application.ports.people import PeopleReader
from shop.application.ports.readers import OrderReader, SubscriptionFilter, SubscriptionReader
from shop.application.ports.unit_of_work import UnitOfWork
from shop.application.ports.views import OrderView, SavedMethodView, SubscriptionView
from shop.application.settlement import Cashier, wallet_of
from shop.domain.identity import DataExport, ExportStatus, UserStatus
from shop.domain.kernel.errors import Conflict
from shop.domain.kernel.identifiers import ExportId, Identifier, UserId
from shop.domain.orders import FulfilmentStatus, OrderStatus
from shop.domain.subscriptions import ENDED

CARTS_AT_ONCE = ORDERS_AT_ONCE = 50
SECRET = frozenset({"client_secret"})
"""What views hold for a browser at work, and a file must not."""
DELIVERED_WITHIN = timedelta(days=30)
"""For how long a paid order that was not sent needs its address."""


class ErasureHeld(Conflict):
    """Something is still under way that needs to know who and where the person is."""

    code = "erasure_held"
    title = "Something is still under way"
    default_hint = "Cancel the order or the subscription, or wait until it has come to its end."


@frozen(kw_only=True)
class RequestExport(Command[ExportId]):
    """Asks for everything that the shop knows of oneself. The file is made afterwards, and kept for a week."""

    requires: ClassVar = CUSTOMER


async def request_export(command: RequestExport, context: Context, *, uow: UnitOfWork, ids: Ids) -> ExportId:
    check_fresh(context)
    export = DataExport.request(id=ids.new(ExportId), user_id=user_of(context), at=context.now)
    async with uow(context) as tx:
        tx.exports.save(export)
        tx.answer(export.id)
    return export.id


@frozen(kw_only=True)
class BuildExport(Command[None]):
    """Makes the file that somebody asked for. Twice is once."""

    requires: ClassVar = INTERNAL
    export_id: ExportId


async def build_export(
    command: BuildExport,
    context: Context,
    *,
    uow: UnitOfWork,
    people: PeopleReader,
    orders: OrderReader,
    subscriptions: SubscriptionReader,
    cashier: Cashier,
) -> None:
    async with uow(context) as tx:
        export = await tx.exports.get(command.export_id)
        user = await tx.users.get(export.user_id)
    if export.status is ExportStatus.READY or user.status is UserStatus.ERASED:
        return
    known = {
        "profile": await people.me(user.id),
        "addresses": await people.addresses(user.id),
        "preferences": await people.preferences(user.id),
        "sessions": await people.sessions(user.id, context.now, None),
        "sign_in_providers": [identity.provider for identity in user.identities],
        "tags": list(user.tags),
        "saved_methods": await _saved_methods_of(user.id, context, cashier),
        "orders": await _orders_of(user.id, orders),
        "subscriptions": await _subscriptions_of(user.id, subscriptions),
    }
    document = json.dumps(_plain(known), ensure_ascii=False, indent=1).encode()
    async with uow(context) as tx:
        export = await tx.exports.get(command.export_id)
        export.finish(document, context.now)
        tx.exports.save(export)


@frozen(kw_only=True)
class EraseMe(Command[None]):
    """Forgets the person who asks: what the law wants kept stays without them."""

    requires: ClassVar = CUSTOMER


async def erase_me(
    command: EraseMe,
    context: Context,
    *,
    uow: UnitOfWork,
    orders: OrderReader,
    subscriptions: SubscriptionReader,
    notifier: Notifier,
) -> None:
    check_fresh(context)
    await _check_nothing_runs(user_of(context), context, orders, subscriptions)
    await _erase(user_of(context), context, uow, notifier)


@frozen(kw_only=True)
class EraseUser(Command[None]):
    """Forgets somebody who asked the staff to. Twice is once."""

    requires: ClassVar = "customers:erase"
    user_id: UserId


async def erase_user(
    command: EraseUser,
    context: Context,
    *,
    uow: UnitOfWork,
    orders: OrderReader,
    subscriptions: SubscriptionReader,
    notifier: Notifier,
) -> None:
    async with uow(context) as tx:
        user = await tx.users.get(command.user_id)
        check_own(await roles_of(tx, user.role_ids, strict=False), context)
    await _check_nothing_runs(command.user_id, context, orders, subscriptions)
    await _erase(command.user_id, context, uow, notifier)


async def _check_nothing_runs(
    user_id: UserId, context: Context, orders: OrderReader, subscriptions: SubscriptionReader
) -> None:
    """Raises ErasureHeld while somebody still has to be delivered to, or billed."""
    for order in await _orders_of(user_id, orders):
        _check_over(order, context.now)
    for subscription in await _subscriptions_of(user_id, subscriptions):
        if subscription.status not in ENDED:
            raise ErasureHeld(f"The subscription to {subscription.title} is {subscription.status}.")


async def _erase(user_id: UserId, context: Context, uow: UnitOfWork, notifier: Notifier) -> None:
    async with uow(context) as tx:
        email = (await tx.users.get(user_id)).email
    if email:  # while it is still known what to forget
        await notifier.forget(email)
    async with uow(context) as tx:
        user = await tx.users.get(user_id)
        await keep_an_owner(tx, user)
        if user.email:
            tx.invitations.drop_of(user.email)
        user.erase(context.now)
        tx.users.save(user)
        tx.sessions.drop_of(user_id)
        tx.exports.drop_of(user_id)


async def _saved_methods_of(user_id: UserId, context: Context, cashier: Cashier) -> list[SavedMethodView]:
    """What the provider keeps for a person. Raises PaymentProviderUnavailable: the file is made later then."""
    wallet = await wallet_of(user_id, context, cashier)
    if wallet is None or not wallet.customer_ref:
        return []
    saved = await cashier.saved_methods.saved(wallet.customer_ref)
    return [SavedMethodView.of(method, wallet.provider) for method in saved]


async def forget_customer(user_id: UserId, context: Context, cashier: Cashier) -> None:
    """Has the provider forget somebody who was erased, with all their saved ways to pay. Twice is once.

    Wallets with providers that the shop has left are forgotten here; the customers there are the shop's to remove.
    """
    async with cashier.uow(context) as tx:
        wallets = await tx.wallets.of_user(user_id)
    for wallet in wallets:
        if wallet.customer_ref and wallet.provider == cashier.saved_methods.provider:
            await cashier.saved_methods.forget(wallet.customer_ref)
    async with cashier.uow(context) as tx:
        for wallet in wallets:
            tx.wallets.delete(wallet)


async def forget_shopper(
    user_id: UserId, context: Context, uow: UnitOfWork, orders: OrderReader, subscriptions: SubscriptionReader
) -> None:
    """Takes somebody who was erased out of their carts, their orders and the carts that these were, and out of what
    they had subscribed to.

    Sums, goods and taxes stay. Twice is once.
    """
    while await _forget_open_carts(user_id, context, uow):
        pass
    for view in await _orders_of(user_id, orders):
        async with uow(context) as tx:
            order = await tx.orders.get(view.id)
            if order.pseudonymise(context.now):
                tx.orders.save(order)
                cart = await tx.carts.get(order.cart_id)
                cart.forget_person(context.now)
                tx.carts.save(cart)
    for subscribed in await _subscriptions_of(user_id, subscriptions):
        async with uow(context) as tx:
            subscription = await tx.subscriptions.get(subscribed.id)
            if subscription.forget_person(context.now):
                tx.subscriptions.save(subscription)


async def _forget_open_carts(user_id: UserId, context: Context, uow: UnitOfWork) -> bool:
    """Closes some of the carts that are open; those that are closed hold nothing personal. False: there is none."""
    async with uow(context) as tx:
        open_carts = await tx.carts.of_owner(user_id, CARTS_AT_ONCE)
        for cart in open_carts:
            cart.forget_person(context.now)
            tx.carts.save(cart)
    return bool(open_carts)


async def _orders_of(user_id: UserId, orders: OrderReader) -> list[OrderView]:
    """All orders of a person, the newest first."""
    found: list[OrderView] = []
    page = await orders.of_owner(user_id, PageRequest(limit=ORDERS_AT_ONCE))
    found += page.data
    while page.next is not None:
        page = await orders.of_owner(user_id, PageRequest(limit=ORDERS_AT_ONCE, after=page.next))
        found += page.data
    return found


async def _subscriptions_of(user_id: UserId, subscriptions: SubscriptionReader) -> list[SubscriptionView]:
    """All subscriptions of a person, the newest first."""
    which, found = SubscriptionFilter(owner_id=user_id), list[SubscriptionView]()
    page = await subscriptions.all(which, PageRequest(limit=ORDERS_AT_ONCE))
    found += page.data
    while page.next is not None:
        page = await subscriptions.all(which, PageRequest(limit=ORDERS_AT_ONCE, after=page.next))
        found += page.data
    return found


def _check_over(order: OrderView, now: datetime) -> None:
    """Raises ErasureHeld for an order that still needs its buyer."""
    to_be_sent = (
        order.status is OrderStatus.CONFIRMED
        and order.fulfilment_status is FulfilmentStatus.UNFULFILLED
        and now - order.placed_at < DELIVERED_WITHIN
    )
    if to_be_sent or order.status in (OrderStatus.PENDING, OrderStatus.ON_HOLD):
        raise ErasureHeld(f"The order {order.number} is {order.status}.")


def _plain(value: Any) -> Any:
    """What JSON can hold, of what is shown to people."""
    if isinstance(value, Identifier):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if attrs.has(type(value)):
        names = [attribute.name for attribute in attrs.fields(type(value)) if attribute.name not in SECRET]
        return {name: _plain(getattr(value, name)) for name in names}
    return value if value is None or isinstance(value, str | int | bool) else str(value)
