"""The books in memory: append only."""

from shop.adapters.memory.tables import Journal, Tables
from shop.adapters.memory.writes import Rank, Writes
from shop.application.ports.unit_of_work import StaleAggregate
from shop.domain.kernel.identifiers import OrderId
from shop.domain.ledger import LedgerEntry


class MemoryLedger:
    """Entries by order. The same news books once."""

    def __init__(self, tables: Tables, writes: Writes) -> None:
        self._tables = tables
        self._writes = writes

    def book(self, entry: LedgerEntry) -> None:
        self._writes.witness.books(entry)
        self._writes.add(Rank.LEDGER, lambda journal: self._append(entry, journal))

    async def of_order(self, order_id: OrderId) -> list[LedgerEntry]:
        return list(self._tables.entries_by_order.get(order_id, ()))

    def _append(self, entry: LedgerEntry, journal: Journal) -> None:
        key = (entry.provider, entry.provider_ref, entry.kind)
        if key in self._tables.booked:
            raise StaleAggregate("This was booked already.")
        journal.put(self._tables.booked, key, None)
        journal.add(self._tables.entries_by_order, entry.order_id, entry)
        journal.add(self._tables.booked_for, (entry.provider, entry.provider_ref), entry.order_id)
