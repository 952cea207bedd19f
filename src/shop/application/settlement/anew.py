"""Another way to pay, once the provider refuses to have anything to do with the first one."""

from attrs import evolve

from shop.application.messages import Context
from shop.application.ports.payments import KeyReused, PaymentRefused
from shop.application.ports.unit_of_work import StaleAggregate
from shop.application.settlement.sales import Cashier, Sale
from shop.application.settlement.steps import KEYS_LAST, charge_of, request_of, settle
from shop.application.settlement.wallets import customer_of
from shop.domain.kernel.errors import Invalid, ShopError
from shop.domain.kernel.identifiers import AttemptId
from shop.domain.payments import PaymentSession


async def begin_anew(
    sale: Sale, session: PaymentSession, refusal: ShopError, context: Context, cashier: Cashier
) -> Sale:
    """Ends an attempt whose intent the provider refused to make, and begins another by the way of this session.

    Raises the refusal itself where the way is the same, and wherever the intent may have been made after all: under
    a key that meant something else, or that may be forgotten, or for a customer who is gone by now. Two intents of
    one order would be two charges. Where only the confirmation of an intent was refused, that intent is ours.
    """
    attempt, saved = sale.payment.attempt, cashier.saved_methods
    customer = await customer_of(sale.order.owner_id, attempt.method, context, cashier)
    same = attempt.method == session.method or charge_of(sale) is not None
    forgotten = context.now - attempt.created_at > KEYS_LAST
    if same or forgotten or attempt.provider_ref or (saved.names(attempt.method) and not customer):
        raise refusal
    try:
        # The same key, and nothing to be confirmed: what is refused now was never made.
        made = await cashier.provider_of(sale.payment).create_intent(evolve(request_of(sale, customer), confirm=False))
    except KeyReused:
        raise
    except (PaymentRefused, Invalid) as never:
        return await _another(sale, session, never, context, cashier)
    return await settle(sale, made, context, cashier)


async def _another(sale: Sale, session: PaymentSession, refusal: ShopError, context: Context, cashier: Cashier) -> Sale:
    async with cashier.uow(context) as tx:
        payment = await tx.payments.of_order(sale.order.id)
        if payment.version != sale.payment.version:
            raise StaleAggregate
        payment.begin_anew(cashier.ids.new(AttemptId), session.method, refusal.code, context.now)
        tx.payments.save(payment)
    return Sale(sale.order, payment)
