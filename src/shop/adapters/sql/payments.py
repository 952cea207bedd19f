"""Payments in tables: sessions, payments with their attempts, and what providers told us."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, bindparam, literal_column, null, or_, select, update

from shop.adapters.sql.database import Row, Write
from shop.adapters.sql.documents import from_next_action, to_next_action
from shop.adapters.sql.gathering import ADDED, Gathered, Rank, Root
from shop.adapters.sql.schema import inbox, payment_attempts, payment_sessions, payments
from shop.adapters.sql.statements import Statement, insert_into, json_rows
from shop.domain.kernel.capturing import CapturePolicy
from shop.domain.kernel.errors import NotFound
from shop.domain.kernel.identifiers import AttemptId, CartId, InboxId, OrderId, PaymentId, PaymentSessionId, uuid_in
from shop.domain.kernel.money import Money
from shop.domain.payments import (
    AttemptStatus,
    InboxItem,
    InboxState,
    Payment,
    PaymentAttempt,
    PaymentNotFound,
    PaymentSession,
    PaymentSessionNotFound,
)

_SESSION = Root.of(payment_sessions)
SESSION = "session_"
SESSION_COLUMNS = tuple(column.label(f"{SESSION}{column.name}") for column in payment_sessions.columns)
_GET_SESSION = Statement(select(payment_sessions).where(payment_sessions.c.id == bindparam("session_id")))

_ROOT = Root.of(payments, fixed=["order_id", "provider", "created_at"])
_ADD_ATTEMPTS = insert_into(payment_attempts)
_PUT_ATTEMPTS = insert_into(payment_attempts, replace=["id"])
_ATTEMPTS = (
    select(
        json_rows(
            payment_attempts.c.position,
            payment_attempts.c.id,
            payment_attempts.c.method,
            payment_attempts.c.amount_minor,
            payment_attempts.c.currency,
            payment_attempts.c.status,
            payment_attempts.c.provider_ref,
            payment_attempts.c.failure_code,
            payment_attempts.c.next_action,
            payment_attempts.c.client_secret,
            payment_attempts.c.created_at,
            payment_attempts.c.updated_at,
            payment_attempts.c.expires_at,
            payment_attempts.c.brand,
            payment_attempts.c.declines,
            payment_attempts.c.saves,
        )
    )
    .where(payment_attempts.c.payment_id == payments.c.id)
    .scalar_subquery()
)
PAYMENT_COLUMNS: tuple[ColumnElement[Any], ...] = (*payments.columns, _ATTEMPTS.label("attempts"))
"""A payment in one row: its own columns, and its attempts as JSON. `payment_of` reads it."""
_PAYMENT = select(*PAYMENT_COLUMNS)
_GET = Statement(_PAYMENT.where(payments.c.id == bindparam("payment_id")))
_OF_ORDER = Statement(
    _PAYMENT.where(payments.c.order_id == bindparam("of_order")).order_by(payments.c.id.desc()).limit(1)
)
_BY_REF = Statement(
    _PAYMENT.where(
        payments.c.id.in_(
            select(payment_attempts.c.payment_id).where(
                payment_attempts.c.provider == bindparam("of_provider"),
                payment_attempts.c.provider_ref == bindparam("ref"),
                payment_attempts.c.provider_ref != "",
            )
        )
    )
)
_HALF_WAY = [AttemptStatus.NEW.value, AttemptStatus.PROCESSING.value, AttemptStatus.AUTHORIZED.value]
_UNFINISHED = Statement(
    select(payments.c.order_id)
    .where(
        or_(payments.c.status.in_(_HALF_WAY), payments.c.refund_due, payments.c.disputed),
        payments.c.updated_at < bindparam("before"),
        or_(payments.c.look_at.is_(null()), payments.c.look_at <= bindparam("now")),
    )
    .order_by(payments.c.updated_at, payments.c.id)
    .limit(bindparam("most"))
)

_INBOX_FIXED = ["provider", "event_ref", "event_type", "received_at"]
_INBOX = Root.of(inbox, fixed=[*_INBOX_FIXED, "object_ref", "body"])
_INBOX_EMPTIED = Root.of(inbox, fixed=_INBOX_FIXED)
_GET_ITEM = Statement(select(inbox).where(inbox.c.id == bindparam("inbox_id")))
_TOLD_OF = update(inbox).where(inbox.c.provider == bindparam("of_provider"), inbox.c.object_ref == bindparam("ref"))
_FORGET_BODIES = Statement(_TOLD_OF.values(body=bindparam("nothing")))
_FORGET_CUSTOMER = Statement(_TOLD_OF.values(body=bindparam("nothing"), object_ref=literal_column("''")))
_FIND_ITEM = Statement(
    select(inbox).where(inbox.c.provider == bindparam("of_provider"), inbox.c.event_ref == bindparam("ref"))
)


def session_of(row: Row, before: str = "") -> PaymentSession:
    """The session in a row of its table, or of SESSION_COLUMNS, whose names have SESSION before them."""
    return PaymentSession(
        id=PaymentSessionId(row[f"{before}id"]),
        cart_id=CartId(row[f"{before}cart_id"]),
        provider=row[f"{before}provider"],
        method=row[f"{before}method"],
        authorizes=row[f"{before}authorizes"],
        saves=row[f"{before}saves"],
        created_at=row[f"{before}created_at"],
        version=row[f"{before}version"],
    )


def payment_of(row: Row) -> Payment:
    """The payment in a row of PAYMENT_COLUMNS."""
    return Payment(
        id=PaymentId(row["id"]),
        order_id=OrderId(row["order_id"]),
        provider=row["provider"],
        amount=Money(row["amount_minor"], row["currency"]),
        captured=Money(row["captured_minor"], row["captured_currency"]),
        refunded=Money(row["refunded_minor"], row["refunded_currency"]),
        refund_reserved=Money(row["refund_reserved_minor"], row["refunded_currency"]),
        attempts=_attempts_of(row["attempts"]),
        processed=row["processed"],
        refund_due=row["refund_due"],
        capture=CapturePolicy(row["capture"]),
        capture_due=due_in(row),
        void_due=row["void_due"],
        expiry_told=row["expiry_told"],
        disputed=row["disputed"],
        looks=row["looks"],
        look_at=row["look_at"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        version=row["version"],
    )


def due_in(row: Row) -> Money | None:
    """What people wish to be captured, in a row of PAYMENT_COLUMNS."""
    minor = row["capture_due_minor"]
    return None if minor is None else Money(minor, row["currency"])


def _attempts_of(documents: Iterable[Sequence[Any]]) -> tuple[PaymentAttempt, ...]:
    return tuple(
        PaymentAttempt(
            id=AttemptId(uuid_in(attempt)),
            method=method,
            amount=Money(minor, currency),
            status=AttemptStatus(status),
            provider_ref=provider_ref,
            failure_code=failure_code,
            declines=tuple(declines),
            saves=bool(saves),
            next_action=to_next_action(next_action),
            client_secret=client_secret,
            brand=brand,
            created_at=datetime.fromisoformat(created_at),
            updated_at=datetime.fromisoformat(updated_at),
            expires_at=datetime.fromisoformat(expires_at) if expires_at else None,
        )
        for (
            _,
            attempt,
            method,
            minor,
            currency,
            status,
            provider_ref,
            failure_code,
            next_action,
            client_secret,
            created_at,
            updated_at,
            expires_at,
            brand,
            declines,
            saves,
        ) in sorted(documents, key=lambda document: document[0])
    )


class SqlPaymentSessionRepository:
    """How shoppers chose to pay."""

    def __init__(self, gathered: Gathered) -> None:
        self._gathered = gathered

    async def get(self, session_id: PaymentSessionId) -> PaymentSession:
        row = await self._gathered.database.fetch_one(_GET_SESSION, session_id=session_id.uuid)
        if row is None:
            raise PaymentSessionNotFound(f"There is no payment session {session_id}.")
        return session_of(row)

    def save(self, session: PaymentSession) -> None:
        row = {
            "id": session.id.uuid,
            "cart_id": session.cart_id.uuid,
            "provider": session.provider,
            "method": session.method,
            "authorizes": session.authorizes,
            "saves": session.saves,
            "created_at": session.created_at,
        }
        write = _SESSION.write(Rank.PAYMENT, row, session.version)
        self._gathered.save(Rank.PAYMENT, session.id.uuid, session, [write])


class SqlPaymentRepository:
    """Payments, and their attempts as rows of their own: of an order at most one is live, by a unique index."""

    def __init__(self, gathered: Gathered) -> None:
        self._gathered = gathered
        self._read: dict[PaymentId, tuple[PaymentAttempt, ...]] = {}

    async def get(self, payment_id: PaymentId) -> Payment:
        row = await self._gathered.database.fetch_one(_GET, payment_id=payment_id.uuid)
        if row is None:
            raise PaymentNotFound(f"There is no payment {payment_id}.")
        return self._remembered(payment_of(row))

    async def of_order(self, order_id: OrderId) -> Payment:
        row = await self._gathered.database.fetch_one(_OF_ORDER, of_order=order_id.uuid)
        if row is None:
            raise PaymentNotFound(f"The order {order_id} has no payment.")
        return self._remembered(payment_of(row))

    async def find_by_provider_ref(self, provider: str, provider_ref: str) -> Payment | None:
        row = await self._gathered.database.fetch_one(_BY_REF, of_provider=provider, ref=provider_ref)
        return self._remembered(payment_of(row)) if row is not None else None

    async def unfinished(self, before: datetime, now: datetime, limit: int) -> list[OrderId]:
        rows = await self._gathered.database.fetch(_UNFINISHED, before=before, now=now, most=limit)
        return [OrderId(row[0]) for row in rows]

    def save(self, payment: Payment) -> None:
        writes = [_ROOT.write(Rank.PAYMENT, _row(payment), payment.version)]
        before = self._read.get(payment.id, ())
        changed = [
            _attempt_row(payment, position, attempt)
            for position, attempt in enumerate(payment.attempts)
            if position >= len(before) or before[position] != attempt
        ]
        if changed:
            new = payment.version == 0
            writes.append(Write(_ADD_ATTEMPTS if new else _PUT_ATTEMPTS, changed, Rank.PAYMENT + ADDED))
        self._gathered.save(Rank.PAYMENT, payment.id.uuid, payment, writes)

    def _remembered(self, payment: Payment) -> Payment:
        self._read[payment.id] = payment.attempts
        return payment


class SqlInboxRepository:
    """What providers told us."""

    def __init__(self, gathered: Gathered) -> None:
        self._gathered = gathered

    async def get(self, inbox_id: InboxId) -> InboxItem:
        row = await self._gathered.database.fetch_one(_GET_ITEM, inbox_id=inbox_id.uuid)
        if row is None:
            raise NotFound(f"There is no message {inbox_id}.")
        return _item_of(row)

    async def find(self, provider: str, event_ref: str) -> InboxItem | None:
        row = await self._gathered.database.fetch_one(_FIND_ITEM, of_provider=provider, ref=event_ref)
        return _item_of(row) if row is not None else None

    def save(self, item: InboxItem) -> None:
        row = {
            "id": item.id.uuid,
            "provider": item.provider,
            "event_ref": item.event_ref,
            "event_type": item.event_type,
            "object_ref": item.object_ref,
            "body": item.body,
            "state": item.state,
            "received_at": item.received_at,
            "settled_at": item.settled_at,
        }
        # A body is as it came or empty: it is not sent along each time.
        root = _INBOX if item.body else _INBOX_EMPTIED
        self._gathered.save(Rank.INBOX, item.id.uuid, item, [root.write(Rank.INBOX, row, item.version)])

    def forget_bodies(self, provider: str, object_refs: Sequence[str]) -> None:
        about = [{"of_provider": provider, "ref": ref, "nothing": b""} for ref in object_refs]
        self._gathered.add(Write(_FORGET_BODIES, about, Rank.INBOX))

    def forget_customer(self, provider: str, customer_ref: str) -> None:
        about = [{"of_provider": provider, "ref": customer_ref, "nothing": b""}]
        self._gathered.add(Write(_FORGET_CUSTOMER, about, Rank.INBOX))


def _item_of(row: Row) -> InboxItem:
    return InboxItem(
        id=InboxId(row["id"]),
        provider=row["provider"],
        event_ref=row["event_ref"],
        event_type=row["event_type"],
        object_ref=row["object_ref"],
        body=row["body"],
        state=InboxState(row["state"]),
        received_at=row["received_at"],
        settled_at=row["settled_at"],
        version=row["version"],
    )


def _row(payment: Payment) -> dict[str, Any]:
    return {
        "id": payment.id.uuid,
        "order_id": payment.order_id.uuid,
        "provider": payment.provider,
        "status": payment.status,
        "failure_code": payment.last_decline,
        "currency": payment.amount.currency,
        "amount_minor": payment.amount.minor,
        "captured_currency": payment.captured.currency,
        "captured_minor": payment.captured.minor,
        "refunded_currency": payment.refunded.currency,
        "refunded_minor": payment.refunded.minor,
        "refund_reserved_minor": payment.refund_reserved.minor,
        "processed": payment.processed,
        "refund_due": payment.refund_due,
        "capture": payment.capture,
        "capture_due_minor": payment.capture_due.minor if payment.capture_due else None,
        "void_due": payment.void_due,
        "expiry_told": payment.expiry_told,
        "authorization_expires_at": payment.authorization_expires_at,
        "disputed": payment.disputed,
        "looks": payment.looks,
        "look_at": payment.look_at,
        "created_at": payment.created_at,
        "updated_at": payment.updated_at,
    }


def _attempt_row(payment: Payment, position: int, attempt: PaymentAttempt) -> dict[str, Any]:
    return {
        "id": attempt.id.uuid,
        "payment_id": payment.id.uuid,
        "order_id": payment.order_id.uuid,
        "position": position,
        "provider": payment.provider,
        "method": attempt.method,
        "currency": attempt.amount.currency,
        "amount_minor": attempt.amount.minor,
        "status": attempt.status,
        "provider_ref": attempt.provider_ref,
        "failure_code": attempt.failure_code,
        "declines": list(attempt.declines),
        "saves": attempt.saves,
        "next_action": from_next_action(attempt.next_action),
        "client_secret": attempt.client_secret,
        "brand": attempt.brand,
        "created_at": attempt.created_at,
        "updated_at": attempt.updated_at,
        "expires_at": attempt.expires_at,
    }
