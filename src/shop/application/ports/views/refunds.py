"""Refunds and the books as staff see them."""

from collections.abc import Iterable
from datetime import datetime
from typing import ClassVar

from attrs import frozen

from shop.application.ports.subscriptions import shown_method
from shop.application.ports.views.payments import PaymentView
from shop.domain.kernel.identifiers import LedgerEntryId, OrderId, OrderLineId, PaymentId, RefundId
from shop.domain.kernel.money import Money
from shop.domain.kernel.tenders import TenderKind
from shop.domain.ledger import EntryKind
from shop.domain.payments import AttemptStatus, Refund, RefundReason, RefundStatus


@frozen(kw_only=True, slots=False)
class RefundLineView:
    """So many of an order's line, and what goes back for them."""

    line_id: OrderLineId
    quantity: int
    amount: Money


@frozen(kw_only=True, slots=False)
class RefundTenderView:
    """What of a refund goes to one gift card or store credit."""

    kind: TenderKind
    reference: str
    amount: Money


@frozen(kw_only=True, slots=False)
class RefundView:
    """Money that goes back, how far it has come, and who wanted it. `tenders` are the parts of the amount that go to
    gift cards and store credit, with what those are called."""

    object: ClassVar[str] = "refund"
    id: RefundId
    payment_id: PaymentId
    order_id: OrderId
    provider: str
    provider_ref: str
    status: RefundStatus
    amount: Money
    tenders: list[RefundTenderView]
    reason: RefundReason
    note: str
    lines: list[RefundLineView]
    shipping: Money | None
    restock: bool
    requested_by: str
    approved_by: str
    failure_code: str
    created_at: datetime
    updated_at: datetime


def refund_view(refund: Refund) -> RefundView:
    """The refund for people."""
    return RefundView(
        id=refund.id,
        payment_id=refund.payment_id,
        order_id=refund.order_id,
        provider=refund.provider,
        provider_ref=refund.provider_ref,
        status=refund.status,
        amount=refund.amount,
        tenders=[
            RefundTenderView(kind=part.kind, reference=part.reference, amount=part.amount) for part in refund.tenders
        ],
        reason=refund.reason,
        note=refund.note,
        lines=[
            RefundLineView(line_id=line.order_line_id, quantity=line.quantity, amount=line.amount)
            for line in refund.lines
        ],
        shipping=refund.shipping,
        restock=refund.restock,
        requested_by=refund.requested_by,
        approved_by=refund.approved_by,
        failure_code=refund.failure_code,
        created_at=refund.created_at,
        updated_at=refund.updated_at,
    )


@frozen(kw_only=True, slots=False)
class MyRefundView:
    """Money that goes back, as its receiver sees it: without what staff say of it among themselves."""

    object: ClassVar[str] = "refund"
    id: RefundId
    status: RefundStatus
    amount: Money
    created_at: datetime
    updated_at: datetime


@frozen(kw_only=True, slots=False)
class MyPaymentView:
    """A payment as its buyer sees it. `method` is how it was tried last; refunds come the oldest first."""

    object: ClassVar[str] = "payment"
    id: PaymentId
    order_id: OrderId
    order_number: str
    provider: str
    method: str
    status: AttemptStatus
    failure_code: str | None
    amount: Money
    captured: Money
    refunded: Money
    refunds: list[MyRefundView]
    created_at: datetime
    updated_at: datetime


UNDECIDED = frozenset({RefundStatus.PENDING_APPROVAL, RefundStatus.CANCELLED})
"""Refunds that the shop has not agreed to, or that will not happen: nothing that a buyer could count on."""


def my_payment_view(payment: PaymentView, order_number: int | None, refunds: Iterable[Refund]) -> MyPaymentView:
    """The payment for its buyer, with those of its refunds that were agreed to."""
    attempt = payment.attempts[-1]
    return MyPaymentView(
        id=payment.id,
        order_id=payment.order_id,
        order_number=str(order_number),
        provider=payment.provider,
        method=shown_method(attempt.method),
        status=payment.status,
        failure_code=attempt.failure_code or None,
        amount=payment.amount,
        captured=payment.captured,
        refunded=payment.refunded,
        refunds=[
            MyRefundView(
                id=refund.id,
                status=refund.status,
                amount=refund.amount,
                created_at=refund.created_at,
                updated_at=refund.updated_at,
            )
            for refund in refunds
            if refund.status not in UNDECIDED
        ],
        created_at=payment.created_at,
        updated_at=payment.updated_at,
    )


@frozen(kw_only=True, slots=False)
class LedgerPostingView:
    """An amount on an account: positive is debit, negative is credit."""

    account: str
    amount: Money


@frozen(kw_only=True, slots=False)
class LedgerEntryView:
    """Something that happened to money. Its postings add up to nothing in each currency."""

    object: ClassVar[str] = "ledger_entry"
    id: LedgerEntryId
    at: datetime
    kind: EntryKind
    provider: str
    provider_ref: str
    postings: list[LedgerPostingView]
