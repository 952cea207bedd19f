"""Disputes in memory."""

from shop.adapters.memory.copies import copied
from shop.adapters.memory.tables import Journal, Tables
from shop.adapters.memory.writes import Rank, Writes, check_version
from shop.application.ports.unit_of_work import StaleAggregate
from shop.domain.kernel.identifiers import DisputeId, PaymentId
from shop.domain.payments import Dispute, DisputeNotFound


class MemoryDisputeRepository:
    """Disputes by id, payment and name at the provider."""

    def __init__(self, tables: Tables, writes: Writes) -> None:
        self._tables = tables
        self._writes = writes

    async def get(self, dispute_id: DisputeId) -> Dispute:
        return copied(dispute_of(self._tables, dispute_id))

    async def of_payment(self, payment_id: PaymentId) -> list[Dispute]:
        found = [self._tables.disputes[i] for i in self._tables.disputes_by_payment.get(payment_id, ())]
        return [copied(dispute) for dispute in sorted(found, key=lambda dispute: (dispute.created_at, dispute.id))]

    def save(self, dispute: Dispute) -> None:
        self._writes.save(Rank.PAYMENT, dispute, dispute.id, self._put)

    def _put(self, dispute: Dispute, journal: Journal) -> None:
        tables = self._tables
        before = tables.disputes.get(dispute.id)
        check_version(dispute, before)
        if before is None:
            ref = (dispute.provider, dispute.provider_ref)
            if ref in tables.dispute_by_ref:
                raise StaleAggregate("This dispute is known already.")
            journal.put(tables.dispute_by_ref, ref, dispute.id)
            journal.add(tables.disputes_by_payment, dispute.payment_id, dispute.id)
        journal.put(tables.disputes, dispute.id, dispute)


def dispute_of(tables: Tables, dispute_id: DisputeId) -> Dispute:
    """What is stored, not a copy. Raises DisputeNotFound."""
    try:
        return tables.disputes[dispute_id]
    except KeyError:
        raise DisputeNotFound(f"There is no dispute {dispute_id}.") from None
