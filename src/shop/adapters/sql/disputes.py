"""Disputes in tables."""

from typing import Any

from sqlalchemy import bindparam, select

from shop.adapters.sql.database import Row
from shop.adapters.sql.gathering import Gathered, Rank, Root
from shop.adapters.sql.schema import disputes
from shop.adapters.sql.statements import Statement
from shop.domain.kernel.identifiers import DisputeId, OrderId, PaymentId
from shop.domain.kernel.money import Money
from shop.domain.payments import Dispute, DisputeMove, DisputeNotFound, DisputeStatus

DISPUTE = 5
"""After the payment, its attempts and its refunds."""
_ROOT = Root.of(disputes, fixed=["payment_id", "order_id", "provider", "provider_ref", "opened_at", "created_at"])
_GET = Statement(select(disputes).where(disputes.c.id == bindparam("dispute_id")))
_OF_PAYMENT = Statement(
    select(disputes)
    .where(disputes.c.payment_id == bindparam("of_payment"))
    .order_by(disputes.c.created_at, disputes.c.id)
)


class SqlDisputeRepository:
    """Disputes."""

    def __init__(self, gathered: Gathered) -> None:
        self._gathered = gathered

    async def get(self, dispute_id: DisputeId) -> Dispute:
        row = await self._gathered.database.fetch_one(_GET, dispute_id=dispute_id.uuid)
        if row is None:
            raise DisputeNotFound(f"There is no dispute {dispute_id}.")
        return dispute_of(row)

    async def of_payment(self, payment_id: PaymentId) -> list[Dispute]:
        rows = await self._gathered.database.fetch(_OF_PAYMENT, of_payment=payment_id.uuid)
        return [dispute_of(row) for row in rows]

    def save(self, dispute: Dispute) -> None:
        write = _ROOT.write(Rank.PAYMENT + DISPUTE, _row(dispute), dispute.version)
        self._gathered.save(Rank.PAYMENT + DISPUTE, dispute.id.uuid, dispute, [write])


def dispute_of(row: Row) -> Dispute:
    """The dispute in a row of its table."""
    currency = row["currency"]
    return Dispute(
        id=DisputeId(row["id"]),
        payment_id=PaymentId(row["payment_id"]),
        order_id=OrderId(row["order_id"]),
        provider=row["provider"],
        provider_ref=row["provider_ref"],
        amount=Money(row["amount_minor"], currency),
        reason=row["reason"],
        status=DisputeStatus(row["status"]),
        due_at=row["due_at"],
        moves=tuple(
            DisputeMove(
                provider_ref=move["ref"],
                taken=Money(move["taken"], currency),
                fee=Money(move["fee"], move["fee_currency"]),
            )
            for move in row["moves"]
        ),
        written_off=tuple(row["written_off"]),
        evidence_key=row["evidence_key"],
        evidence_by=row["evidence_by"],
        evidence_at=row["evidence_at"],
        opened_at=row["opened_at"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        version=row["version"],
    )


def _row(dispute: Dispute) -> dict[str, Any]:
    return {
        "id": dispute.id.uuid,
        "payment_id": dispute.payment_id.uuid,
        "order_id": dispute.order_id.uuid,
        "provider": dispute.provider,
        "provider_ref": dispute.provider_ref,
        "currency": dispute.amount.currency,
        "amount_minor": dispute.amount.minor,
        "reason": dispute.reason,
        "status": dispute.status,
        "due_at": dispute.due_at,
        "moves": [
            {
                "ref": move.provider_ref,
                "taken": move.taken.minor,
                "fee": move.fee.minor,
                "fee_currency": move.fee.currency,
            }
            for move in dispute.moves
        ],
        "written_off": list(dispute.written_off),
        "evidence_key": dispute.evidence_key,
        "evidence_by": dispute.evidence_by,
        "evidence_at": dispute.evidence_at,
        "opened_at": dispute.opened_at,
        "created_at": dispute.created_at,
        "updated_at": dispute.updated_at,
    }
