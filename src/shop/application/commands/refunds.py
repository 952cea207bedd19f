"""Giving money back: asked for by staff, agreed to by a second person where it is much."""

from collections import defaultdict
from collections.abc import Sequence
from typing import ClassVar

from attrs import frozen

from shop.application.messages import SYSTEM as SHOP
from shop.application.messages import Command, Context
from shop.application.ports.clock import Ids
from shop.application.ports.readers import StoreReader
from shop.application.ports.unit_of_work import Transaction, UnitOfWork
from shop.application.settlement import left_of
from shop.application.settlement.refunds import paid_for
from shop.domain.identity import ApiKeyNotFound
from shop.domain.kernel.errors import Conflict, Flaw, Invalid
from shop.domain.kernel.identifiers import ApiKeyId, OrderLineId, PaymentId, RefundId, UserId, parse_any
from shop.domain.kernel.money import Money, total
from shop.domain.kernel.tenders import Tender, TenderUnfit, split_refund
from shop.domain.orders import Order, OrderLine, PaymentStatus
from shop.domain.payments import (
    REASONS_OF_PEOPLE,
    RESERVING,
    SYSTEM,
    ApproverIsRequester,
    Payment,
    Refund,
    RefundExceedsCaptured,
    RefundLine,
    RefundReason,
    RefundStatus,
    part_of,
)
from shop.domain.store import Store

_REFUNDABLE = frozenset(
    {PaymentStatus.PAID, PaymentStatus.PARTIALLY_REFUNDED, PaymentStatus.MISMATCH, PaymentStatus.VOIDED}
)
"""What buys nothing goes back by itself; where that failed, people ask for it again."""
_DISPUTED = frozenset({PaymentStatus.DISPUTED, PaymentStatus.DISPUTED_LOST})


class PaymentDisputed(Conflict):
    """The buyer's bank is deciding about the money: giving it back as well would pay it twice."""

    code = "payment_disputed"
    title = "The payment is disputed"
    default_hint = "Answer the dispute, or accept it: GET /api/admin/disputes lists those of the order."


class NothingToRefund(Conflict):
    """No money was taken, or it is on its way back already."""

    code = "nothing_to_refund"
    title = "There is nothing to give back"


@frozen(kw_only=True)
class LineToRefund:
    """So many units of an order's line."""

    line_id: OrderLineId
    quantity: int


@frozen(kw_only=True)
class RequestRefund(Command[RefundId]):
    """Gives part or all of a payment back: an amount, lines and the delivery, or expressly all that is left.

    The sum is promised before the provider hears of it. Above the shop's limit, which is for all
    refunds of one payment together, a second person has to agree first.
    """

    requires: ClassVar = "refunds:write"
    payment_id: PaymentId
    amount: Money | None = None
    lines: tuple[LineToRefund, ...] = ()
    shipping: bool = False
    full: bool = False
    reason: RefundReason = RefundReason.OTHER
    note: str = ""
    restock: bool = False


async def request_refund(
    command: RequestRefund, context: Context, *, uow: UnitOfWork, ids: Ids, store: StoreReader
) -> RefundId:
    if command.reason not in REASONS_OF_PEOPLE:
        raise Invalid(f"“{command.reason}” is a reason of the shop itself.")
    _check_one_way(command)
    settings = await store.settings()
    async with uow(context) as tx:
        payment = await tx.payments.get(command.payment_id)
        order = await tx.orders.get(payment.order_id)
        _check_refundable(order)
        before = [refund for refund in await tx.refunds.of_payment(payment.id) if refund.status in RESERVING]
        applied = await paid_for(order, tx)
        left = left_of(order, before) if applied else []  # of tenders that never paid nothing was taken
        amount, lines, shipping = _what_goes_back(command, order, payment, before, left)
        at_provider, tenders = _ways_back(amount, order, payment, left)
        if at_provider or not tenders:
            payment.reserve_refund(at_provider, context.now)
        refund = Refund.request(
            id=ids.new(RefundId),
            payment_id=payment.id,
            order_id=order.id,
            provider=payment.provider,
            amount=amount,
            reason=command.reason,
            note=command.note,
            lines=lines,
            shipping=shipping,
            restock=command.restock,
            tenders=tenders,
            applied=applied,
            requested_by=_person(context),
            needs_approval=_is_much(sum((refund.amount for refund in before), amount), settings.store),
            at=context.now,
        )
        if refund.status is RefundStatus.REQUESTED:
            payment.await_refunds(context.now)
        tx.payments.save(payment)
        tx.refunds.save(refund)
        tx.answer(refund.id)
    return refund.id


@frozen(kw_only=True)
class ApproveRefund(Command[RefundId]):
    """A second person agrees to a refund: never the one who asked for it, in person or by a key of theirs.

    A key that nobody made is the shop's own and no person, so it agrees to nothing; nor does the command line to what
    it asked for, or such a key.
    """

    requires: ClassVar = "refunds:write"
    refund_id: RefundId


async def approve_refund(command: ApproveRefund, context: Context, *, uow: UnitOfWork) -> RefundId:
    async with uow(context) as tx:
        refund = await tx.refunds.get(command.refund_id)
        payment = await tx.payments.get(refund.payment_id)
        _check_refundable(await tx.orders.get(refund.order_id))
        if context.actor.kind != SHOP.kind and context.actor.person is None:
            raise ApproverIsRequester("A key that was made on the command line is no second person.")
        same_person = context.actor.person == await _who_asked(refund, tx)
        refund.approve(_person(context), context.now, same_person=same_person)
        payment.await_refunds(context.now)
        tx.payments.save(payment)
        tx.refunds.save(refund)
        tx.answer(refund.id)
    return refund.id


@frozen(kw_only=True)
class RefuseRefund(Command[RefundId]):
    """A refund that waits for approval will not happen: what it promised is free again."""

    requires: ClassVar = "refunds:write"
    refund_id: RefundId


async def refuse_refund(command: RefuseRefund, context: Context, *, uow: UnitOfWork) -> RefundId:
    async with uow(context) as tx:
        refund = await tx.refunds.get(command.refund_id)
        payment = await tx.payments.get(refund.payment_id)
        refund.refuse(_person(context), context.now)
        await _release(refund, payment, context, tx)
        tx.payments.save(payment)
        tx.refunds.save(refund)
        tx.answer(refund.id)
    return refund.id


async def _release(refund: Refund, payment: Payment, context: Context, tx: Transaction) -> None:
    """What other refunds promise or gave stays promised. Together with this one that may have been more than was taken,
    for at the provider nobody asks what is promised here."""
    others = [other for other in await tx.refunds.of_payment(payment.id) if other.id != refund.id]
    payment.recount_refunds(
        refunded=payment.refunded,
        reserved=total((o.at_provider for o in others if o.status in RESERVING), payment.captured.currency),
        due=payment.refund_due,
        at=context.now,
    )


def _person(context: Context) -> str:
    return context.actor.principal or SYSTEM


async def _who_asked(refund: Refund, tx: Transaction) -> UserId | None:
    """The person behind whoever asked; None for the shop itself, on the command line or by a key that nobody made."""
    try:
        asked_by = parse_any(refund.requested_by)
        if isinstance(asked_by, ApiKeyId):
            return (await tx.api_keys.get(asked_by)).created_by
    except (Invalid, ApiKeyNotFound):
        return None
    return asked_by if isinstance(asked_by, UserId) else None


def _is_much(amount: Money, store: Store) -> bool:
    """Whether a second person has to agree: in a currency that the shop set no limit for, always once it set any.

    The sum is of all that goes back of one payment: a limit on each refund would be a matter of asking twice.
    """
    limits = {limit.currency: limit for limit in store.refund_limits}
    return bool(limits) and (amount.currency not in limits or amount > limits[amount.currency])


def _check_one_way(command: RequestRefund) -> None:
    ways = [command.amount is not None, bool(command.lines or command.shipping), command.full]
    if sum(ways) != 1:
        raise Invalid(
            "Say what is to go back: an amount, or lines and the delivery, or `full` for all that is left.",
            flaws=(Flaw("", "one_of", "Exactly one of amount, lines with shipping, full"),),
        )


def _check_refundable(order: Order) -> None:
    if order.payment_status is PaymentStatus.DISPUTED_LOST:
        raise PaymentDisputed("The buyer's bank has given this money back to them.", hint="Nothing is left to refund.")
    if order.payment_status in _DISPUTED:
        raise PaymentDisputed("The buyer's bank decides about this money now.")
    if order.payment_status not in _REFUNDABLE:
        raise NothingToRefund(f"The order is {order.payment_status}.")


def _what_goes_back(
    command: RequestRefund, order: Order, payment: Payment, before: Sequence[Refund], tenders_left: Sequence[Tender]
) -> tuple[Money, tuple[RefundLine, ...], Money | None]:
    if command.amount is not None:
        return command.amount, (), None
    if command.full:
        left = total((tender.amount for tender in tenders_left), order.currency) if tenders_left else None
        if not payment.refundable and not left:
            raise RefundExceedsCaptured("All of it went back, or is promised to.")
        return payment.refundable + left if left else payment.refundable, (), None
    lines = tuple(_lines_of(command.lines, order, before))
    shipping = _shipping_of(order, before) if command.shipping else None
    amounts = [line.amount for line in lines] + ([shipping] if shipping is not None else [])
    return total(amounts, order.currency), lines, shipping


def _ways_back(
    amount: Money, order: Order, payment: Payment, tenders_left: Sequence[Tender]
) -> tuple[Money, tuple[Tender, ...]]:
    """What goes back through the provider, and what to gift cards and store credit. Raises RefundExceedsCaptured."""
    if not tenders_left or amount.minor <= 0 or amount.currency != order.currency:
        return amount, ()
    try:
        at_provider, parts = split_refund(amount, payment.refundable, tenders_left)
    except TenderUnfit as error:
        raise RefundExceedsCaptured(f"Less is left of what was paid; {amount} were asked for.") from error
    return at_provider, tuple(parts)


def _lines_of(wanted: Sequence[LineToRefund], order: Order, before: Sequence[Refund]) -> list[RefundLine]:
    known: dict[OrderLineId, OrderLine] = {line.id: line for line in order.lines}
    gone: defaultdict[OrderLineId, int] = defaultdict(int)
    for refund in before:
        for line in refund.lines:
            gone[line.order_line_id] += line.quantity
    found = []
    for place, one in enumerate(wanted):
        sold = known.get(one.line_id)
        pointer = f"/lines/{place}"
        if sold is None:
            raise Invalid("The order has no such line.", flaws=(Flaw(f"{pointer}/line_id", "unknown", "No such line"),))
        left = sold.quantity - gone[one.line_id]
        if not 1 <= one.quantity <= left:
            flaw = Flaw(f"{pointer}/quantity", "exceeds_line", f"1 to {left}", {"left": left})
            raise Invalid(f"{left} of “{sold.title}” are left to give back.", flaws=(flaw,))
        amount = part_of(sold.total, one.quantity, gone[one.line_id], sold.quantity)
        gone[one.line_id] += one.quantity
        found.append(RefundLine(order_line_id=one.line_id, quantity=one.quantity, amount=amount))
    return found


def _shipping_of(order: Order, before: Sequence[Refund]) -> Money:
    if order.shipping is None or any(refund.shipping is not None for refund in before):
        raise Invalid(
            "There is no delivery left to give back.", flaws=(Flaw("/shipping", "nothing_left", "Nothing left"),)
        )
    return order.shipping.total
