"""Trying out what shoppers, banks and providers may do, at a provider that only plays one; never in production."""

from typing import ClassVar

from attrs import frozen

from shop.application.messages import Command, Context
from shop.application.ports.payments import PaymentSimulator, Simulation
from shop.application.settlement import Cashier, Sale, carry_on, look_at_risk
from shop.domain.kernel.errors import Conflict
from shop.domain.kernel.identifiers import PaymentId


class SimulationNotOffered(Conflict):
    """Money is real here, or the provider does not do what it is told."""

    code = "simulation_not_offered"
    title = "Nothing can be simulated here"
    default_hint = "Only the fake provider (SHOP_PAYMENTS=fake) plays shoppers and banks, and never in production."


@frozen(kw_only=True)
class SimulatePayment(Command[PaymentId]):
    """Makes something happen to a payment, as if shopper or bank had done it, and follows what comes of it."""

    requires: ClassVar = "payments:write"
    payment_id: PaymentId
    what: Simulation


async def simulate_payment(
    command: SimulatePayment, context: Context, *, cashier: Cashier, simulator: PaymentSimulator | None
) -> PaymentId:
    if simulator is None:
        raise SimulationNotOffered
    async with cashier.uow(context) as tx:
        payment = await tx.payments.get(command.payment_id)
        sale = Sale(await tx.orders.get(payment.order_id), payment)
    cashier.provider_of(payment)
    await simulator.simulate(payment.attempt.provider_ref, command.what)
    sale = await carry_on(sale, context, cashier, refresh=True, disputes=True)
    await look_at_risk(sale, context, cashier)
    return payment.id
