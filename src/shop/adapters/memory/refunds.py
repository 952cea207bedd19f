"""Refunds in memory."""

from shop.adapters.memory.copies import copied
from shop.adapters.memory.tables import Journal, Tables
from shop.adapters.memory.writes import Rank, Writes, check_version
from shop.application.ports.unit_of_work import StaleAggregate
from shop.domain.kernel.identifiers import PaymentId, RefundId
from shop.domain.payments import Refund, RefundNotFound


class MemoryRefundRepository:
    """Refunds by id, payment and name at the provider."""

    def __init__(self, tables: Tables, writes: Writes) -> None:
        self._tables = tables
        self._writes = writes

    async def get(self, refund_id: RefundId) -> Refund:
        return copied(refund_of(self._tables, refund_id))

    async def of_payment(self, payment_id: PaymentId) -> list[Refund]:
        found = [self._tables.refunds[i] for i in self._tables.refunds_by_payment.get(payment_id, ())]
        return [copied(refund) for refund in sorted(found, key=lambda refund: (refund.created_at, refund.id))]

    def save(self, refund: Refund) -> None:
        self._writes.save(Rank.PAYMENT, refund, refund.id, self._put)

    def _put(self, refund: Refund, journal: Journal) -> None:
        tables = self._tables
        before = tables.refunds.get(refund.id)
        check_version(refund, before)
        if before is None:
            journal.add(tables.refunds_by_payment, refund.payment_id, refund.id)
        if refund.provider_ref:
            ref = (refund.provider, refund.provider_ref)
            if tables.refund_by_ref.get(ref, refund.id) != refund.id:
                raise StaleAggregate("This refund is known already.")
            journal.put(tables.refund_by_ref, ref, refund.id)
        journal.put(tables.refunds, refund.id, refund)


def refund_of(tables: Tables, refund_id: RefundId) -> Refund:
    """What is stored, not a copy. Raises RefundNotFound."""
    try:
        return tables.refunds[refund_id]
    except KeyError:
        raise RefundNotFound(f"There is no refund {refund_id}.") from None
