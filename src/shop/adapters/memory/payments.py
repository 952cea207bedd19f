"""Payments, payment sessions and what providers told us, in memory."""

from collections.abc import Callable, Sequence
from datetime import datetime

from shop.adapters.memory.copies import copied
from shop.adapters.memory.tables import Journal, Tables
from shop.adapters.memory.writes import Rank, Writes, check_version
from shop.application.ports.unit_of_work import StaleAggregate
from shop.domain.kernel.errors import NotFound
from shop.domain.kernel.identifiers import InboxId, OrderId, PaymentId, PaymentSessionId
from shop.domain.payments import (
    LIVE_ATTEMPTS,
    AttemptStatus,
    InboxItem,
    Payment,
    PaymentNotFound,
    PaymentSession,
    PaymentSessionNotFound,
)

_UNFINISHED = frozenset({AttemptStatus.NEW, AttemptStatus.PROCESSING, AttemptStatus.AUTHORIZED})


class MemoryPaymentSessionRepository:
    """Payment sessions by id."""

    def __init__(self, tables: Tables, writes: Writes) -> None:
        self._tables = tables
        self._writes = writes

    async def get(self, session_id: PaymentSessionId) -> PaymentSession:
        return session_of(self._tables, session_id)

    def save(self, session: PaymentSession) -> None:
        self._writes.save(Rank.PAYMENT, session, session.id, self._put)

    def _put(self, session: PaymentSession, journal: Journal) -> None:
        check_version(session, self._tables.payment_sessions.get(session.id))
        journal.put(self._tables.payment_sessions, session.id, session)


class MemoryPaymentRepository:
    """Payments by id, order and name at the provider."""

    def __init__(self, tables: Tables, writes: Writes) -> None:
        self._tables = tables
        self._writes = writes

    async def get(self, payment_id: PaymentId) -> Payment:
        return copied(payment_of(self._tables, payment_id))

    async def of_order(self, order_id: OrderId) -> Payment:
        payments = payments_of(self._tables, order_id)
        if not payments:
            raise PaymentNotFound(f"There is no payment of the order {order_id}.")
        return copied(payments[-1])

    async def find_by_provider_ref(self, provider: str, provider_ref: str) -> Payment | None:
        payment_id = self._tables.payment_by_ref.get((provider, provider_ref))
        return copied(self._tables.payments[payment_id]) if payment_id is not None else None

    async def unfinished(self, before: datetime, now: datetime, limit: int) -> list[OrderId]:
        found = [
            (payment.updated_at, payment.id, payment.order_id)
            for payment in self._tables.payments.values()
            if payment.updated_at < before
            and (payment.look_at is None or payment.look_at <= now)
            and (payment.refund_due or payment.disputed or payment.status in _UNFINISHED)
        ]
        return [order_id for _, _, order_id in sorted(found)[:limit]]

    def save(self, payment: Payment) -> None:
        self._writes.save(Rank.PAYMENT, payment, payment.id, self._put)

    def _put(self, payment: Payment, journal: Journal) -> None:
        tables = self._tables
        before = tables.payments.get(payment.id)
        check_version(payment, before)
        if before is None:
            journal.add(tables.payments_by_order, payment.order_id, payment.id)
        journal.put(tables.payments, payment.id, payment)
        attempts = [a for p in payments_of(tables, payment.order_id) for a in p.attempts]
        if sum(attempt.status in LIVE_ATTEMPTS for attempt in attempts) > 1:
            raise StaleAggregate("Another attempt to pay this order is under way.")
        for attempt in payment.attempts:
            if attempt.provider_ref:
                ref = (payment.provider, attempt.provider_ref)
                if tables.payment_by_ref.get(ref, payment.id) != payment.id:
                    raise StaleAggregate("This intent pays for another order.")
                journal.put(tables.payment_by_ref, ref, payment.id)


class MemoryInboxRepository:
    """What providers told us, by id and by the provider's own name for it."""

    def __init__(self, tables: Tables, writes: Writes) -> None:
        self._tables = tables
        self._writes = writes

    async def get(self, inbox_id: InboxId) -> InboxItem:
        return copied(item_of(self._tables, inbox_id))

    async def find(self, provider: str, event_ref: str) -> InboxItem | None:
        inbox_id = self._tables.inbox_by_ref.get((provider, event_ref))
        return copied(self._tables.inbox[inbox_id]) if inbox_id is not None else None

    def save(self, item: InboxItem) -> None:
        self._writes.save(Rank.INBOX, item, item.id, self._put)

    def forget_bodies(self, provider: str, object_refs: Sequence[str]) -> None:
        for ref in object_refs:
            self._change_told_of(provider, ref, InboxItem.forget)

    def forget_customer(self, provider: str, customer_ref: str) -> None:
        self._change_told_of(provider, customer_ref, InboxItem.forget_customer)

    def _change_told_of(self, provider: str, ref: str, change: Callable[[InboxItem], None]) -> None:
        def put(journal: Journal) -> None:
            for inbox_id in self._tables.inbox_by_object.get((provider, ref), ()):
                item = copied(self._tables.inbox[inbox_id])
                change(item)
                journal.put(self._tables.inbox, inbox_id, item)

        self._writes.add(Rank.INBOX, put)

    def _put(self, item: InboxItem, journal: Journal) -> None:
        tables = self._tables
        before = tables.inbox.get(item.id)
        check_version(item, before)
        if before is None:
            if (item.provider, item.event_ref) in tables.inbox_by_ref:
                raise StaleAggregate("This message was kept already.")
            journal.put(tables.inbox_by_ref, (item.provider, item.event_ref), item.id)
            journal.add(tables.inbox_by_object, (item.provider, item.object_ref), item.id)
        journal.put(tables.inbox, item.id, item)


def item_of(tables: Tables, inbox_id: InboxId) -> InboxItem:
    """What is stored, not a copy. Raises NotFound."""
    try:
        return tables.inbox[inbox_id]
    except KeyError:
        raise NotFound(f"There is no message {inbox_id}.") from None


def payment_of(tables: Tables, payment_id: PaymentId) -> Payment:
    """What is stored, not a copy. Raises PaymentNotFound."""
    try:
        return tables.payments[payment_id]
    except KeyError:
        raise PaymentNotFound(f"There is no payment {payment_id}.") from None


def payments_of(tables: Tables, order_id: OrderId) -> list[Payment]:
    """What is stored of an order, not copies, in the order in which they began."""
    return [tables.payments[payment_id] for payment_id in tables.payments_by_order.get(order_id, ())]


def session_of(tables: Tables, session_id: PaymentSessionId) -> PaymentSession:
    """A copy. Raises PaymentSessionNotFound."""
    try:
        return copied(tables.payment_sessions[session_id])
    except KeyError:
        raise PaymentSessionNotFound(f"There is no payment session {session_id}.") from None
