"""Refunds in tables."""

from typing import Any

from sqlalchemy import bindparam, select

from shop.adapters.sql.database import Row
from shop.adapters.sql.documents import from_tenders, to_tenders
from shop.adapters.sql.gathering import Gathered, Rank, Root
from shop.adapters.sql.schema import refunds
from shop.adapters.sql.statements import Statement
from shop.domain.kernel.identifiers import OrderId, OrderLineId, PaymentId, RefundId
from shop.domain.kernel.money import Money
from shop.domain.payments import Refund, RefundLine, RefundNotFound, RefundReason, RefundStatus

_ROOT = Root.of(
    refunds,
    fixed=[
        "payment_id",
        "order_id",
        "provider",
        "currency",
        "amount_minor",
        "reason",
        "note",
        "lines",
        "shipping_minor",
        "restock",
        "applied",
        "tenders",
        "requested_by",
        "created_at",
    ],
)
_GET = Statement(select(refunds).where(refunds.c.id == bindparam("refund_id")))
_OF_PAYMENT = Statement(
    select(refunds).where(refunds.c.payment_id == bindparam("of_payment")).order_by(refunds.c.created_at, refunds.c.id)
)


class SqlRefundRepository:
    """Refunds."""

    def __init__(self, gathered: Gathered) -> None:
        self._gathered = gathered

    async def get(self, refund_id: RefundId) -> Refund:
        row = await self._gathered.database.fetch_one(_GET, refund_id=refund_id.uuid)
        if row is None:
            raise RefundNotFound(f"There is no refund {refund_id}.")
        return refund_of(row)

    async def of_payment(self, payment_id: PaymentId) -> list[Refund]:
        rows = await self._gathered.database.fetch(_OF_PAYMENT, of_payment=payment_id.uuid)
        return [refund_of(row) for row in rows]

    def save(self, refund: Refund) -> None:
        write = _ROOT.write(Rank.PAYMENT + REFUND, _row(refund), refund.version)
        self._gathered.save(Rank.PAYMENT + REFUND, refund.id.uuid, refund, [write])


REFUND = 4
"""After the payment itself and its attempts."""


def refund_of(row: Row) -> Refund:
    """The refund in a row of its table."""
    currency = row["currency"]
    return Refund(
        id=RefundId(row["id"]),
        payment_id=PaymentId(row["payment_id"]),
        order_id=OrderId(row["order_id"]),
        provider=row["provider"],
        provider_ref=row["provider_ref"],
        amount=Money(row["amount_minor"], currency),
        reason=RefundReason(row["reason"]),
        note=row["note"],
        lines=tuple(
            RefundLine(
                order_line_id=OrderLineId.parse(line["line"]),
                quantity=line["quantity"],
                amount=Money(line["amount"], currency),
            )
            for line in row["lines"]
        ),
        shipping=Money(row["shipping_minor"], currency) if row["shipping_minor"] is not None else None,
        restock=row["restock"],
        applied=row["applied"],
        tenders=to_tenders(row["tenders"], currency),
        status=RefundStatus(row["status"]),
        requested_by=row["requested_by"],
        approved_by=row["approved_by"],
        failure_code=row["failure_code"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        version=row["version"],
    )


def _row(refund: Refund) -> dict[str, Any]:
    return {
        "id": refund.id.uuid,
        "payment_id": refund.payment_id.uuid,
        "order_id": refund.order_id.uuid,
        "provider": refund.provider,
        "provider_ref": refund.provider_ref,
        "currency": refund.amount.currency,
        "amount_minor": refund.amount.minor,
        "reason": refund.reason,
        "note": refund.note,
        "lines": [
            {"line": str(line.order_line_id), "quantity": line.quantity, "amount": line.amount.minor}
            for line in refund.lines
        ],
        "shipping_minor": refund.shipping.minor if refund.shipping is not None else None,
        "restock": refund.restock,
        "applied": refund.applied,
        "tenders": from_tenders(refund.tenders),
        "status": refund.status,
        "requested_by": refund.requested_by,
        "approved_by": refund.approved_by,
        "failure_code": refund.failure_code,
        "created_at": refund.created_at,
        "updated_at": refund.updated_at,
    }
