"""The wish to take, or to let go of, what a buyer's bank has promised: staff have it, and whatever sends goods."""

from attrs import frozen

from shop.application.messages import Context
from shop.application.ports.payments import KeyReused, PaymentRefused
from shop.application.ports.unit_of_work import Transaction
from shop.application.settlement.sales import Cashier, Sale
from shop.application.settlement.stock import StockOf
from shop.application.settlement.tenders import TendersOf
from shop.domain.kernel.errors import Invalid
from shop.domain.kernel.identifiers import PaymentId
from shop.domain.kernel.money import Money
from shop.domain.orders import FulfilmentStatus, Order, OrderStatus, PaymentStatus
from shop.domain.payments import (
    AUTHORIZATION_EXPIRED,
    AttemptStatus,
    IntentState,
    OrderAuthorizationExpired,
    Payment,
    PaymentCannotMove,
)


async def lapse(sale: Sale, stock: StockOf, tenders: TendersOf, context: Context) -> None:
    """What was authorised for a sale has lapsed."""
    about = OrderAuthorizationExpired(at=context.now, payment_id=sale.payment.id, order_id=sale.order.id)
    stock.tx.publish(about)
    await let_go(sale, AUTHORIZATION_EXPIRED, stock, tenders, context)


async def let_go(sale: Sale, reason: str, stock: StockOf, tenders: TendersOf, context: Context) -> None:
    """Nothing will be taken for a sale any more: it is called off, and its stock is free. Once goods left, people have
    to look at it instead. What tenders were to pay is free either way: nothing leads back from here."""
    order, now = sale.order, context.now
    order.move_payment(PaymentStatus.VOIDED, now)
    await tenders.release()
    if order.fulfilment_status is FulfilmentStatus.UNFULFILLED:
        order.cancel(reason, now)
        await stock.release()
    elif order.status is OrderStatus.CONFIRMED:
        order.put_on_hold(reason, now)


async def take(sale: Sale, part: Money | None, context: Context, cashier: Cashier) -> IntentState:
    """Asks the provider for all that is authorised, or this part of it.

    A part that it will not take while the authorisation stands (too small, or no sum that cards can pay) is wished
    for no more: another one could not be asked for before this one had lapsed. Raises PaymentRefused,
    PaymentProviderUnavailable.
    """
    gateway, attempt = cashier.provider_of(sale.payment), sale.payment.attempt
    if part is None:
        return await gateway.capture(attempt.provider_ref, attempt.id)
    try:
        return await gateway.capture(attempt.provider_ref, attempt.id, part)
    except KeyReused:
        raise
    except (PaymentRefused, Invalid) as refusal:
        if (await gateway.fetch(attempt.provider_ref)).status is AttemptStatus.AUTHORIZED:
            await _give_up(sale, part, context, cashier)
        if isinstance(refusal, PaymentRefused):
            raise
        raise PaymentRefused(refusal.detail, reason=refusal.code) from refusal


async def _give_up(sale: Sale, part: Money, context: Context, cashier: Cashier) -> None:
    async with cashier.uow(context) as tx:
        payment = await tx.payments.get(sale.payment.id)
        if payment.version == sale.payment.version and payment.give_up_part(part, context.now):
            tx.payments.save(payment)


@frozen
class CapturesOf:
    """What is wished of authorised payments in one transaction. `carry_on` makes it come true after that."""

    tx: Transaction
    context: Context

    async def take(self, payment_id: PaymentId, amount: Money | None = None) -> Payment:
        """All that is authorised, or a part of it: the provider lets go of the rest.

        Raises PaymentNotFound, PaymentCannotMove, AuthorizationExpired, CaptureExceedsAuthorized, Invalid.
        """
        payment, order = await self._sale(payment_id)
        if order.status is OrderStatus.ON_HOLD:
            raise PaymentCannotMove(f"Its order is on hold ({order.hold_reason}): nothing is taken for it.")
        if payment.request_capture(amount, self.context.now):
            self.tx.payments.save(payment)
        return payment

    async def let_go(self, payment_id: PaymentId) -> Payment:
        """Raises PaymentNotFound, PaymentCannotMove, and OrderNotCancellable once goods of its order were sent."""
        payment, order = await self._sale(payment_id)
        order.check_cancellable()
        if payment.request_void(self.context.now):
            self.tx.payments.save(payment)
        return payment

    async def _sale(self, payment_id: PaymentId) -> tuple[Payment, Order]:
        payment = await self.tx.payments.get(payment_id)
        return payment, await self.tx.orders.get(payment.order_id)
