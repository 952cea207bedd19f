"""Payments that stopped half-way are taken up again, and providers' messages looked at."""

from datetime import timedelta

from shop.application.commands.payments import (
    ApplyProviderNews,
    ProcessPayment,
    apply_provider_news,
    process_payment,
)
from shop.application.messages import Context
from shop.application.ports.readers import StoreReader
from shop.application.settlement import Cashier, Sale, sale_of
from shop.domain.kernel.aggregates import Event
from shop.domain.kernel.errors import Conflict
from shop.domain.kernel.identifiers import OrderId
from shop.domain.orders import OrderCreated, OrderStatus
from shop.domain.payments import AttemptStatus, PaymentProcessed, ProviderNewsReceived

HEAD_START = timedelta(seconds=10)
"""How long the request that placed an order is left to pay for it alone."""


class StillUnderWay(Conflict):
    """The request that placed the order is probably still paying for it: look again later."""


async def resume_new_payment(event: OrderCreated, context: Context, *, cashier: Cashier, store: StoreReader) -> None:
    """Pays for an order whose own request was cut short before the provider answered."""
    await _resume(event, event.order_id, AttemptStatus.NEW, context, cashier, store)


async def capture_authorized(
    event: PaymentProcessed, context: Context, *, cashier: Cashier, store: StoreReader
) -> None:
    """Captures what was authorised, if the request that did so was cut short before, and nobody is to say so first."""
    await _resume(event, event.order_id, AttemptStatus.AUTHORIZED, context, cashier, store)


async def look_at_news(event: ProviderNewsReceived, context: Context, *, cashier: Cashier, store: StoreReader) -> None:
    """Follows what a provider told us."""
    await apply_provider_news(ApplyProviderNews(inbox_id=event.inbox_id), context, cashier=cashier, store=store)


def _waits_for_people(sale: Sale) -> bool:
    return sale.payment.awaits_capture and sale.order.status is OrderStatus.CONFIRMED


async def _resume(
    event: Event, order_id: OrderId, stopped_at: AttemptStatus, context: Context, cashier: Cashier, store: StoreReader
) -> None:
    sale = await sale_of(order_id, context, cashier.uow)
    if sale is None or sale.payment.status is not stopped_at or _waits_for_people(sale):
        return
    if context.now - event.at < HEAD_START:
        raise StillUnderWay
    await process_payment(ProcessPayment(order_id=order_id), context, cashier=cashier, store=store)
