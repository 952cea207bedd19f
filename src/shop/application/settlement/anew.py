"""Another way to pay, once the provider refuses to have anything to do with the first one."""

from shop.application.messages import Context
from shop.application.ports.payments import KeyReused
from shop.application.ports.unit_of_work import StaleAggregate
from shop.application.settlement.sales import Cashier, Sale
from shop.application.settlement.steps import KEYS_LAST, charge_of
from shop.application.settlement.wallets import customer_of
from shop.domain.kernel.errors import ShopError
from shop.domain.kernel.identifiers import AttemptId
from shop.domain.payments import PaymentSession


async def begin_anew(
    sale: Sale, session: PaymentSession, refusal: ShopError, context: Context, cashier: Cashier
) -> Sale:
    """Ends an attempt whose intent the provider refused to make, and begins another by the way of this session.

    Raises the refusal itself where the way is the same, and wherever the intent may have been made after all: under
    a key that meant something else, or that may be forgotten, or for a customer who is gone by now. Two intents of
    one order would be two charges.
    """
    attempt = sale.payment.attempt
    same = attempt.method == session.method or charge_of(sale) is not None
    made = bool(attempt.provider_ref) or isinstance(refusal, KeyReused)
    forgotten = context.now - attempt.created_at > KEYS_LAST
    if same or made or forgotten or await _lost_customer(sale, context, cashier):
        raise refusal
    async with cashier.uow(context) as tx:
        payment = await tx.payments.of_order(sale.order.id)
        if payment.version != sale.payment.version:
            raise StaleAggregate
        payment.begin_anew(cashier.ids.new(AttemptId), session.method, refusal.code, context.now)
        tx.payments.save(payment)
    return Sale(sale.order, payment)


async def _lost_customer(sale: Sale, context: Context, cashier: Cashier) -> bool:
    method = sale.payment.attempt.method
    return cashier.saved_methods.names(method) and not await customer_of(sale.order.owner_id, method, context, cashier)
