"""Calling orders off: by the buyer, by staff, or because nobody paid in time."""

from datetime import timedelta
from typing import ClassVar

from attrs import frozen

from shop.application.access import check_owner
from shop.application.messages import INTERNAL, OWNER, Command, Context
from shop.application.ports.identity import Secrets
from shop.application.settlement import Cashier, Sale, call_off, call_off_free, carry_on, sale_of
from shop.application.settlement.stock import StockOf
from shop.domain.kernel.errors import Invalid
from shop.domain.kernel.identifiers import OrderId
from shop.domain.kernel.texts import storable
from shop.domain.orders import OrderNotCancellable, OrderNotFound, OrderStatus
from shop.domain.payments import AttemptStatus

REASON_LENGTH_MAX = 500
WAIT_WHILE_PROCESSING = timedelta(hours=1)


@frozen(kw_only=True)
class CancelOrder(Command[None]):
    """The buyer calls an order off, while nothing was sent and no money taken."""

    requires: ClassVar = OWNER
    order_id: OrderId
    reason: str = "customer"


@frozen(kw_only=True)
class CancelAnyOrder(Command[None]):
    """Staff call an order off."""

    requires: ClassVar = "orders:write"
    order_id: OrderId
    reason: str = "staff"


async def cancel_order(command: CancelOrder, context: Context, *, secrets: Secrets, cashier: Cashier) -> None:
    async with cashier.uow(context) as tx:
        order = await tx.orders.get(command.order_id)
    check_owner(context.actor, order.owner_id, order.id, secrets=secrets, otherwise=OrderNotFound)
    await _cancel(command.order_id, command.reason, context, cashier)


async def cancel_any_order(command: CancelAnyOrder, context: Context, *, cashier: Cashier) -> None:
    await _cancel(command.order_id, command.reason, context, cashier)


async def _cancel(order_id: OrderId, reason: str, context: Context, cashier: Cashier) -> None:
    if not 1 <= len(reason.strip()) <= len(reason) <= REASON_LENGTH_MAX or not storable(reason):
        raise Invalid(f"A reason has 1 to {REASON_LENGTH_MAX} characters.")
    sale = await sale_of(order_id, context, cashier.uow)
    if sale is None:
        await call_off_free(order_id, reason, context, cashier)
        return
    if sale.order.status is OrderStatus.CANCELLED:
        return
    sale.order.check_cancellable()
    sale = await call_off(sale, reason, context, cashier)
    if sale.order.status is not OrderStatus.CANCELLED:
        raise OrderNotCancellable("Its money was taken at this very moment.")


@frozen(kw_only=True)
class ExpireOrder(Command[None]):
    """The hold on the stock ran out: cancels the payment, and only when that is certain the order.

    A payment that is on its way is given more time, in which the stock stays held unless the shop lets go of it for
    this method (`Store.unheld_methods`); one that arrived meanwhile is followed instead.
    """

    requires: ClassVar = INTERNAL
    order_id: OrderId


async def expire_order(command: ExpireOrder, context: Context, *, cashier: Cashier) -> None:
    sale = await sale_of(command.order_id, context, cashier.uow)
    if sale is None or not sale.order.is_overdue(context.now):
        return
    if sale.payment.attempt.provider_ref:
        sale = await carry_on(sale, context, cashier, refresh=True)
    if sale.order.status is not OrderStatus.PENDING:
        return
    if sale.payment.status is AttemptStatus.PROCESSING:
        await _wait_longer(sale, context, cashier)
        return
    await call_off(sale, "payment_expired", context, cashier)


async def _wait_longer(sale: Sale, context: Context, cashier: Cashier) -> None:
    until, order = context.now + WAIT_WHILE_PROCESSING, sale.order
    async with cashier.uow(context) as tx:
        stock = StockOf(tx, order.id, context, cashier.ids)
        if sale.payment.attempt.method in (await tx.store.get()).store.unheld_methods:
            await stock.release()
        else:
            await stock.hold_until(until)
        order.wait_until(until, at=context.now)
        tx.orders.save(order)
