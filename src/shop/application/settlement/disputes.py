"""What the provider's news about disputes and fraud mean: for the disputes, the payment, the order and the books.

A message is only a hint. What counts is how all disputes of the payment stand at the provider at this moment; so
messages in any order, twice or not at all lead to the same end.
"""

from collections.abc import Sequence

from attrs import define, field

from shop.application.messages import Context
from shop.application.ports.clock import Ids
from shop.application.ports.unit_of_work import Transaction
from shop.application.settlement.books import BooksOf
from shop.application.settlement.refunds import MISMATCH, RefundsOf, paid_for, pays
from shop.application.settlement.sales import Cashier, Sale
from shop.application.settlement.stock import StockOf
from shop.application.settlement.tenders import TendersOf
from shop.domain.kernel.identifiers import DisputeId
from shop.domain.orders import Order, OrderFlag, OrderStatus, PaymentStatus
from shop.domain.payments import (
    CONTESTED,
    INQUIRIES,
    Dispute,
    DisputeState,
    DisputeStatus,
    Payment,
)

_FEARED = frozenset({OrderFlag.FRAUD_WARNING, OrderFlag.REVIEW})
_OURS_NO_MORE = CONTESTED | {DisputeStatus.LOST}


async def look_at_disputes(sale: Sale, context: Context, cashier: Cashier) -> Sale:
    """Asks the provider for all disputes of the payment, and writes how they stand. What was only feared before may be
    over by that: a warning of fraud counts no more once the payment is disputed, and no message says so.

    Raises PaymentProviderUnavailable, StaleAggregate; doing it again is safe.
    """
    ref = sale.payment.attempt.provider_ref
    sale = await settle_disputes(sale, await cashier.provider_of(sale.payment).disputes(ref), context, cashier)
    return await look_at_risk(sale, context, cashier) if sale.order.flags & _FEARED else sale


async def look_at_risk(sale: Sale, context: Context, cashier: Cashier) -> Sale:
    """Asks the provider whether it fears fraud, and puts that on the order. Raises as `look_at_disputes`."""
    ref, order = sale.payment.attempt.provider_ref, sale.order
    risk = await cashier.provider_of(sale.payment).risk(ref)
    order.flag(OrderFlag.FRAUD_WARNING, risk.warned, context.now)
    order.flag(OrderFlag.REVIEW, risk.reviewed, context.now)
    async with cashier.uow(context) as tx:
        # Also where nothing is new: whoever asked before us must not write their older answer after us.
        tx.orders.save(order)
    return sale


async def settle_disputes(sale: Sale, news: Sequence[DisputeState], context: Context, cashier: Cashier) -> Sale:
    """Writes what the provider says of disputes. Raises StaleAggregate when the sale changed since it was read."""
    async with cashier.uow(context) as tx:
        disputes = DisputesOf(tx, sale, BooksOf(tx, sale, context, cashier.ids), context, cashier.ids)
        await disputes.read()
        disputes.follow(news)
        if disputes.conclude():
            await _owe(sale, disputes.books, context, cashier)
    return sale


async def _owe(sale: Sale, books: BooksOf, context: Context, cashier: Cashier) -> None:
    """What a bank gave back to the shop, for an order that was called off meanwhile, buys nothing."""
    tx, order = books.tx, sale.order
    stock, tenders = StockOf(tx, order.id, context, cashier.ids), TendersOf(tx, order, cashier.tenders)
    back = RefundsOf(tx, sale, books, stock, tenders, context, cashier.ids)
    await back.read()
    back.owe(applied=await paid_for(order, tx))
    await back.conclude()
    tx.payments.save(sale.payment)
    tx.orders.save(order)


async def settle_answer(
    sale: Sale, dispute_id: DisputeId, state: DisputeState, by: str, context: Context, cashier: Cashier
) -> None:
    """Writes how a dispute stands once evidence was given, who sent it (nobody: it was a draft), and the answer to
    the idempotency key. Raises StaleAggregate as `settle_disputes`."""
    async with cashier.uow(context) as tx:
        disputes = DisputesOf(tx, sale, BooksOf(tx, sale, context, cashier.ids), context, cashier.ids)
        await disputes.read()
        if by:
            disputes.note_evidence(dispute_id, by)
        disputes.follow((state,))
        disputes.conclude()
        tx.answer(dispute_id)


async def is_contested(payment: Payment, tx: Transaction) -> bool:
    """Whether a bank is deciding about the money: giving it back as well would pay it twice."""
    return payment.disputed and any(d.status in CONTESTED for d in await tx.disputes.of_payment(payment.id))


@define
class DisputesOf:
    """All disputes of one payment, read in the transaction that writes them."""

    tx: Transaction
    sale: Sale
    books: BooksOf
    context: Context
    ids: Ids
    _all: list[Dispute] = field(factory=list)
    _moved: bool = False

    async def read(self) -> None:
        self._all = await self.tx.disputes.of_payment(self.sale.payment.id)

    def note_evidence(self, dispute_id: DisputeId, by: str) -> None:
        for dispute in self._all:
            if dispute.id == dispute_id:
                dispute.note_evidence(by, self.context.now)
                self._moved = True
                self.tx.disputes.save(dispute)

    def follow(self, news: Sequence[DisputeState]) -> None:
        """Takes over what the provider says of each, and books what moved."""
        known = {dispute.provider_ref: dispute for dispute in self._all}
        for state in news:
            dispute = known.get(state.provider_ref) or self._opened(state)
            before = dispute.followed
            for move in dispute.follow(state, self.context.now):
                self.books.dispute_moved(move)
            for move in dispute.to_write_off():
                self.books.lost(move)
            for move in dispute.to_take_back():
                self.books.not_lost(move)
            if dispute.version == 0 or dispute.followed != before:
                self._moved = True
                self.tx.disputes.save(dispute)

    def conclude(self) -> bool:
        """Makes payment and order agree with the disputes. Whether money came back that an order which was called off
        does not need.

        A dispute is written together with both: they were read before it, and who read them before somebody else wrote
        would take them for what they are not any more.
        """
        order, payment, now = self.sale.order, self.sale.payment, self.context.now
        contested = payment.contest(any(dispute.is_open for dispute in self._all), now)
        moved = bool(self._all) and order.contest_payment(standing(order, payment, self._all), now)
        inquiry = order.flag(OrderFlag.INQUIRY, any(d.status in INQUIRIES for d in self._all), now)
        # What was lost and not sent yet is better kept as well.
        held = order.flag(OrderFlag.DISPUTE, any(d.status in _OURS_NO_MORE for d in self._all), now)
        if self._moved or contested:
            self.tx.payments.save(payment)
        if self._moved or moved or inquiry or held:
            self.tx.orders.save(order)
        return moved and order.payment_status is PaymentStatus.VOIDED

    def _opened(self, state: DisputeState) -> Dispute:
        payment = self.sale.payment
        dispute = Dispute.open(
            id=self.ids.new(DisputeId),
            payment_id=payment.id,
            order_id=payment.order_id,
            provider=payment.provider,
            news=state,
            at=self.context.now,
        )
        self._all.append(dispute)
        return dispute


def standing(order: Order, payment: Payment, disputes: Sequence[Dispute]) -> PaymentStatus:
    """How the money of an order stands, by what became of its refunds and disputes alone."""
    if any(dispute.status is DisputeStatus.LOST for dispute in disputes):
        return PaymentStatus.DISPUTED_LOST
    if any(dispute.status in CONTESTED for dispute in disputes):
        return PaymentStatus.DISPUTED
    applied = pays(order)
    if payment.refunded and payment.refunded >= payment.captured and (order.tenders_returned_whole or not applied):
        return PaymentStatus.REFUNDED
    if not applied:
        unfit = MISMATCH in (order.hold_reason, order.cancel_reason) and order.status is not OrderStatus.CANCELLED
        return PaymentStatus.MISMATCH if unfit else PaymentStatus.VOIDED
    some = payment.refunded or order.returned_to_tenders
    return PaymentStatus.PARTIALLY_REFUNDED if some else PaymentStatus.PAID
