"""Another way to pay, once the provider has refused to make an intent for the first one."""

from attrs import evolve

from shop.application.messages import Context
from shop.application.ports.payments import PaymentRefused
from shop.application.ports.unit_of_work import StaleAggregate
from shop.application.settlement.refusals import is_for_good
from shop.application.settlement.sales import Cashier, Sale
from shop.application.settlement.steps import carry_on, request_of, settle
from shop.application.settlement.wallets import customer_of
from shop.domain.kernel.errors import Invalid
from shop.domain.kernel.identifiers import AttemptId
from shop.domain.orders import PaymentStatus
from shop.domain.payments import PaymentSession


async def begin_anew(sale: Sale, session: PaymentSession, context: Context, cashier: Cashier) -> Sale:
    """Gives an attempt up whose intent the provider refused to make, and pays by the way of this session.

    The provider is asked once more, by the key of the first attempt: two intents of one order would be two charges.
    If it makes the intent now, or has made it and only its confirmation was refused, that one is kept; nothing was
    confirmed by that. Cut short after the write, the new attempt is carried on as any other. Raises the refusal itself
    for the same way to pay, and where it is not certain; PaymentCannotMove, PaymentProviderUnavailable, StaleAggregate.
    """
    attempt = sale.payment.attempt
    customer = await customer_of(sale.order.owner_id, attempt.method, context, cashier, saves=attempt.saves)
    try:
        request = evolve(request_of(sale, customer), confirm=False)
        made = await cashier.provider_of(sale.payment).create_intent(request)
    except (PaymentRefused, Invalid) as refusal:
        refusal.hint = "Open a payment session with another method for the same cart, and confirm that one."
        if attempt.method == session.method or not is_for_good(refusal, sale, context.now, cashier):
            raise
    else:
        return await settle(sale, made, context, cashier)
    async with cashier.uow(context) as tx:
        order = await tx.orders.get(sale.order.id)
        payment = await tx.payments.of_order(order.id)
        if (order.version, payment.version) != (sale.order.version, sale.payment.version):
            raise StaleAggregate
        capture = session.captures((await tx.store.get()).store.capture, goods=order.has_goods)
        new = cashier.ids.new(AttemptId)
        payment.begin_anew(new, session.method, context.now, saves=session.saves, capture=capture)
        order.move_payment(PaymentStatus.PENDING, context.now)
        tx.payments.save(payment)
        tx.orders.save(order)
    return await carry_on(Sale(order, payment), context, cashier)
