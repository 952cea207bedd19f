"""What the provider's news about refunds mean: for the refunds, the payment, the order and the books."""

from collections.abc import Iterable

from attrs import define, field

from shop.application.messages import Context
from shop.application.ports.clock import Ids
from shop.application.ports.unit_of_work import Transaction
from shop.application.settlement.books import BooksOf
from shop.application.settlement.sales import Sale
from shop.application.settlement.stock import StockOf
from shop.application.settlement.tenders import TendersOf
from shop.domain.kernel.identifiers import RefundId
from shop.domain.kernel.money import Money, total
from shop.domain.ledger import RECEIVABLE, EntryKind
from shop.domain.orders import FulfilmentStatus, Order, OrderStatus, PaymentStatus
from shop.domain.payments import (
    ON_THE_WAY,
    RESERVING,
    SYSTEM,
    Payment,
    Refund,
    RefundReason,
    RefundState,
    RefundStatus,
    meant_by,
)

MISMATCH = "payment_mismatch"
_AT_THE_BANK = frozenset({PaymentStatus.DISPUTED, PaymentStatus.DISPUTED_LOST})
_UNDONE = frozenset({RefundStatus.FAILED, RefundStatus.CANCELLED})


@define
class RefundsOf:
    """All refunds of one payment, read in the transaction that writes them."""

    tx: Transaction
    sale: Sale
    books: BooksOf
    stock: StockOf
    tenders: TendersOf
    context: Context
    ids: Ids
    _all: list[Refund] = field(factory=list)
    _moved: bool = False
    _given: bool = False

    async def read(self) -> None:
        self._all = await self.tx.refunds.of_payment(self.sale.payment.id)

    async def follow(self, news: Iterable[RefundState]) -> None:
        """Takes over what the provider says of each. What it alone knows of becomes a refund of ours as well."""
        for state in news:
            refund = meant_by(state, self._all) or (await self._adopt(state) if self._fits(state) else None)
            if refund is None:
                continue
            before = refund.follow(state, self.context.now)
            if before is None:
                continue
            self._moved = True
            if refund.status is RefundStatus.SUCCEEDED:
                self.books.refund(refund)
                await self._give_to_tenders(refund)
            elif before is RefundStatus.SUCCEEDED:
                self.books.refund_reversed(refund)
            self.tx.refunds.save(refund)

    def owe(self, *, applied: bool = False) -> None:
        """The money was taken and buys nothing: all that is left of it has to go back. `applied` where it paid for the
        order once."""
        payment = self.sale.payment
        if not (left := payment.refundable):
            return
        payment.reserve_refund(left, self.context.now)
        refund = Refund.request(
            id=self.ids.new(RefundId),
            payment_id=payment.id,
            order_id=payment.order_id,
            provider=payment.provider,
            amount=left,
            reason=RefundReason.UNAPPLIED,
            requested_by=SYSTEM,
            applied=applied,
            at=self.context.now,
        )
        self._add(refund)

    async def conclude(self) -> bool:
        """Makes payment and order agree with their refunds; whether anything changed."""
        payment, order, now = self.sale.payment, self.sale.order, self.context.now
        went_back = self._sum(r for r in self._all if r.status is RefundStatus.SUCCEEDED)
        self._drop_what_went_back_otherwise(payment.captured - went_back)
        due = any(refund.status in ON_THE_WAY for refund in self._all)
        reserved = self._sum(r for r in self._all if r.status in RESERVING)
        before = payment.refunded
        changed = payment.recount_refunds(refunded=went_back, reserved=reserved, due=due, at=now) or self._moved
        if went_back > before or self._given:
            order.move_payment(_after(order, payment), now)
        elif went_back < before and order.payment_status in (PaymentStatus.REFUNDED, PaymentStatus.PARTIALLY_REFUNDED):
            order.reopen_payment(_again(order, payment, self._all), now)
        return await self._let_go_of_goods() or changed

    async def _give_to_tenders(self, refund: Refund) -> None:
        if refund.tenders:
            self.sale.order.return_to_tenders(refund.tenders, self.context.now)
            await self.tenders.give_back(refund)
            self._given = True

    async def _let_go_of_goods(self) -> bool:
        """All of it went back: what was never sent can be sold to others, if that was wished, or nothing was bought.

        Whether that came of it. What a bank disputes stays as it is until the bank has decided.
        """
        order, payment = self.sale.order, self.sale.payment
        over = order.status is OrderStatus.CANCELLED or order.payment_status in _AT_THE_BANK
        if over or not (payment.captured or order.tenders) or payment.refunded < payment.captured:
            return False
        if order.hold_reason != MISMATCH and not order.tenders_returned_whole:
            return False
        wished = any(r.restock for r in self._all if r.status is RefundStatus.SUCCEEDED)
        unsent = order.fulfilment_status is FulfilmentStatus.UNFULFILLED
        if order.hold_reason == MISMATCH or (wished and unsent and order.status is not OrderStatus.COMPLETED):
            unpaid = order.hold_reason == MISMATCH
            order.cancel(MISMATCH if unpaid else "refunded", self.context.now)
            await self.stock.release()
            if unpaid:  # otherwise the refunds gave them what they had paid
                await self.tenders.release()
            return True
        return False

    def _fits(self, state: RefundState) -> bool:
        """Whether it can be of the money that was taken: providers also call it a refund when an authorisation, or
        what is left of one, is let go of."""
        captured = self.sale.payment.captured
        known = self._sum(r for r in self._all if r.provider_ref and r.status in RESERVING)
        return state.amount.currency == captured.currency and state.amount <= captured - known

    async def _adopt(self, state: RefundState) -> Refund:
        """Somebody gave money back at the provider itself."""
        order, payment = self.sale.order, self.sale.payment
        refund = Refund.request(
            id=self.ids.new(RefundId),
            payment_id=payment.id,
            order_id=payment.order_id,
            provider=payment.provider,
            amount=state.amount,
            reason=RefundReason.ELSEWHERE,
            requested_by=SYSTEM,
            applied=await paid_for(order, self.tx),
            at=self.context.now,
        )
        refund.provider_ref = state.provider_ref
        self._add(refund)
        return refund

    def _add(self, refund: Refund) -> None:
        self._all.append(refund)
        self._moved = True
        self.tx.refunds.save(refund)

    def _drop_what_went_back_otherwise(self, left: Money) -> None:
        """What the shop owes by itself and has not asked for yet is no more than what is left."""
        for refund in self._all:
            waits = refund.reason is RefundReason.UNAPPLIED and refund.status is RefundStatus.REQUESTED
            if waits and refund.amount > left:
                refund.drop(self.context.now)
                self.tx.refunds.save(refund)
                self._moved = True
                self.sale.payment.recount_refunds(
                    refunded=self.sale.payment.refunded,
                    reserved=self._sum(r for r in self._all if r.status in RESERVING),
                    due=True,
                    at=self.context.now,
                )
                self.owe(applied=refund.applied)
                return

    def _sum(self, refunds: Iterable[Refund]) -> Money:
        """What of these goes back through the provider."""
        return total((refund.at_provider for refund in refunds), self.sale.payment.captured.currency)


def pays(order: Order) -> bool:
    """Whether the money that was taken pays for this order: the sum is right, and it was not called off."""
    unapplied = MISMATCH in (order.hold_reason, order.cancel_reason) or order.payment_status is PaymentStatus.MISMATCH
    return order.status is not OrderStatus.CANCELLED and not unapplied


async def paid_for(order: Order, tx: Transaction) -> bool:
    """Whether the money that was taken paid for this order when it came, so that it goes back as a part of a sale.

    One that was called off once its money had gone back was paid for all the same: a refund that failed after that is
    asked for again, and the books know what they said of its capture.
    """
    if order.status is not OrderStatus.CANCELLED:
        return pays(order) and order.payment_status is not PaymentStatus.VOIDED
    captures = [entry for entry in await tx.ledger.of_order(order.id) if entry.kind is EntryKind.CAPTURE]
    owed = any(posting.account == RECEIVABLE for entry in captures for posting in entry.postings)
    return bool(captures) and not owed


def _after(order: Order, payment: Payment) -> PaymentStatus:
    # Tenders that never paid, because the order was called off or another sum came, are let go of instead.
    whole = payment.refunded >= payment.captured and (order.tenders_returned_whole or not pays(order))
    return PaymentStatus.REFUNDED if whole else PaymentStatus.PARTIALLY_REFUNDED


def _again(order: Order, payment: Payment, refunds: Iterable[Refund]) -> PaymentStatus:
    """What an order is once money that had gone back came back to the shop."""
    if any(not refund.applied for refund in refunds if refund.status in _UNDONE):
        return PaymentStatus.MISMATCH
    some = payment.refunded or order.returned_to_tenders
    return PaymentStatus.PARTIALLY_REFUNDED if some else PaymentStatus.PAID
