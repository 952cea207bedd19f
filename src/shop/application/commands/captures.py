"""Capturing and voiding what was authorised, by staff."""

from typing import ClassVar

from attrs import frozen

from shop.application.messages import Command, Context
from shop.application.ports.unit_of_work import UnitOfWork
from shop.application.settlement import CapturesOf
from shop.domain.kernel.identifiers import PaymentId
from shop.domain.kernel.money import Money


@frozen(kw_only=True)
class CapturePayment(Command[PaymentId]):
    """Takes what was authorised, or this part of it; the provider lets go of the rest for good.

    The wish is kept first; `ProcessPayment` of its order takes it to the provider, and the worker does if nobody else.
    """

    requires: ClassVar = "payments:write"
    payment_id: PaymentId
    amount: Money | None = None


async def capture_payment(command: CapturePayment, context: Context, *, uow: UnitOfWork) -> PaymentId:
    async with uow(context) as tx:
        payment = await CapturesOf(tx, context).take(command.payment_id, command.amount)
        tx.answer(payment.id)
    return payment.id


@frozen(kw_only=True)
class VoidPayment(Command[PaymentId]):
    """Lets go of what was authorised, and with that cancels the order. A capture under way may still come first."""

    requires: ClassVar = "payments:write"
    payment_id: PaymentId


async def void_payment(command: VoidPayment, context: Context, *, uow: UnitOfWork) -> PaymentId:
    async with uow(context) as tx:
        payment = await CapturesOf(tx, context).let_go(command.payment_id)
        tx.answer(payment.id)
    return payment.id
