"""Calling off what no provider has a part in any more: all of its money went back, or it never cost any."""

from attrs import evolve

from shop.application.messages import Context
from shop.application.ports.unit_of_work import Transaction
from shop.application.settlement.sales import Cashier, Sale
from shop.application.settlement.stock import StockOf
from shop.domain.kernel.identifiers import OrderId
from shop.domain.kernel.money import total
from shop.domain.orders import Order, OrderNotCancellable, OrderStatus, PaymentStatus

EMPTIED = frozenset({PaymentStatus.REFUNDED, PaymentStatus.DISPUTED_LOST})


async def call_off_emptied(sale: Sale, reason: str, context: Context, cashier: Cashier) -> Sale:
    """Cancels an order whose money the buyer has again, and frees its stock. Raises OrderNotCancellable once goods
    left, or where a bank took only a part of the money."""
    async with cashier.uow(context) as tx:
        order = await tx.orders.get(sale.order.id)
        if order.payment_status in EMPTIED and order.status is not OrderStatus.CANCELLED:
            await _check_emptied(order, tx)
            order.cancel(reason, context.now)
            await StockOf(tx, order.id, context, cashier.ids).release()
            tx.orders.save(order)
    return evolve(sale, order=order)


async def _check_emptied(order: Order, tx: Transaction) -> None:
    if order.payment_status is PaymentStatus.REFUNDED:
        return
    payment = await tx.payments.of_order(order.id)
    disputes = await tx.disputes.of_payment(payment.id)
    lost = total((dispute.taken for dispute in disputes), payment.captured.currency)
    if payment.refunded + lost < payment.captured or not order.tenders_returned_whole:
        raise OrderNotCancellable(f"Of the {payment.captured} that were taken a bank gave only {lost} back.")


async def call_off_free(order_id: OrderId, reason: str, context: Context, cashier: Cashier) -> None:
    """Cancels an order that costs nothing, frees its stock, and ends the trials that began with it.

    Raises OrderNotCancellable once goods left.
    """
    async with cashier.uow(context) as tx:
        order = await tx.orders.get(order_id)
        if order.status is not OrderStatus.CANCELLED:
            order.cancel(reason, context.now)
            await StockOf(tx, order.id, context, cashier.ids).release()
            tx.orders.save(order)
            for begun in await tx.subscriptions.of_order(order.id) if order.subscribes else ():
                subscription = await tx.subscriptions.get(begun)
                if subscription.leave_trial("order_cancelled", context.now):
                    tx.subscriptions.save(subscription)
