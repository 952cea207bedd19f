"""Questions about payments, answered from tables."""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from attrs import frozen
from sqlalchemy import ColumnElement, bindparam, func, literal_column, select, tuple_

from shop.adapters.sql.database import Database, Row
from shop.adapters.sql.payments import PAYMENT_COLUMNS, due_in, payment_of, session_of
from shop.adapters.sql.readers.disputes import dispute_page, message_page, one_dispute, one_message
from shop.adapters.sql.readers.paging import (
    IdKey,
    Key,
    Kind,
    Listing,
    Window,
    between,
    ends_of,
    merge,
    page_of,
    storable,
    total_of,
    walk,
    window,
)
from shop.adapters.sql.readers.refunds import one_refund, refund_page, refunds_by_payment
from shop.adapters.sql.schema import carts, inbox, orders, payment_attempts, payment_sessions, payments
from shop.adapters.sql.schema.columns import word
from shop.adapters.sql.statements import Statement, any_of
from shop.application.ports.paging import Page, PageRequest
from shop.application.ports.readers import (
    DisputeFilter,
    InboxFilter,
    PaymentFilter,
    PaymentWithOwner,
    RefundFilter,
    SessionWithPayment,
)
from shop.application.ports.views import (
    DisputeView,
    InboxItemView,
    MyPaymentView,
    PaymentAttemptView,
    PaymentView,
    ProviderMessageView,
    RefundView,
    my_payment_view,
)
from shop.domain.kernel.capturing import CapturePolicy
from shop.domain.kernel.identifiers import (
    AttemptId,
    DisputeId,
    InboxId,
    OrderId,
    PaymentId,
    PaymentSessionId,
    RefundId,
    UserId,
    uuid_in,
)
from shop.domain.kernel.money import Money
from shop.domain.payments import AttemptStatus, PaymentNotFound, PaymentSessionNotFound, covered

MESSAGES_MAX = 100
_CREATED = Key("created_at", payments.c.created_at, Kind.MOMENT)
_LISTING = Listing(
    keys={"created_at": _CREATED, "amount": Key("amount_minor", payments.c.amount_minor, Kind.NUMBER)},
    own=((_CREATED, True),),
    ids=(IdKey("id", payments.c.id),),
)
_ONE = Statement(select(*PAYMENT_COLUMNS).where(payments.c.id == bindparam("payment_id")))
_MESSAGES = Statement(
    select(
        inbox.c.event_ref,
        inbox.c.event_type,
        inbox.c.state,
        inbox.c.body,
        inbox.c.received_at,
        inbox.c.settled_at,
    )
    .where(
        tuple_(inbox.c.provider, inbox.c.object_ref).in_(
            select(payment_attempts.c.provider, payment_attempts.c.provider_ref).where(
                payment_attempts.c.payment_id == bindparam("payment_id"), payment_attempts.c.provider_ref != ""
            )
        )
    )
    .order_by(inbox.c.received_at.desc(), inbox.c.id.desc())
    .limit(MESSAGES_MAX)
)
_SESSION = Statement(
    select(*payment_sessions.columns, carts.c.owner_id, orders.c.id.label("order_id"))
    .join_from(payment_sessions, carts, carts.c.id == payment_sessions.c.cart_id)
    .outerjoin(orders, orders.c.cart_id == carts.c.id)
    .where(payment_sessions.c.id == bindparam("session_id"))
)
_PAYING = Statement(
    select(*PAYMENT_COLUMNS)
    .join_from(payments, orders, orders.c.id == payments.c.order_id)
    .where(orders.c.cart_id == bindparam("cart_id"))
    .order_by(payments.c.id.desc())
    .limit(1)
)


# An order has one payment, so the order that lists a customer's orders lists their payments too, by the same index.
_PLACED = Key("placed_at", orders.c.placed_at, Kind.MOMENT)
_OF_OWNER = Listing(own=((_PLACED, True),), ids=(IdKey("order_id", orders.c.id),))
_FOR_BUYER = (*PAYMENT_COLUMNS, orders.c.placed_at, orders.c.number, orders.c.owner_id)
_PAID = payments.c.order_id == orders.c.id
_ONE_FOR_BUYER = Statement(select(*_FOR_BUYER).where(_PAID, payments.c.id == bindparam("payment_id")))
_OWNERS_TOTAL = Statement(
    select(func.count()).select_from(payments, orders).where(_PAID, orders.c.owner_id == bindparam("owner_id"))
)


@lru_cache(maxsize=20)
def _owners_page(shape: Window) -> Statement:
    return Statement(walk(shape, _FOR_BUYER, [_PAID, orders.c.owner_id == bindparam("owner_id")]))


@frozen
class _Narrowing:
    """Which filters a question has."""

    statuses: int = 0
    provider: bool = False
    order: bool = False
    failure_code: bool = False
    since: bool = False
    until: bool = False
    lapses_since: bool = False
    lapses_until: bool = False


@lru_cache(maxsize=300)
def _page(narrowing: _Narrowing, shape: Window) -> Statement:
    """One walk for each state that was asked for, where there is an index for it; else one in all."""
    conditions = _conditions(narrowing)
    if narrowing.statuses and not narrowing.order and shape.order.keys[0][0].name == "created_at":
        states = [payments.c.status == bindparam(f"status_{n}", type_=word()) for n in range(narrowing.statuses)]
        if len(states) == 1:
            return Statement(walk(shape, PAYMENT_COLUMNS, [states[0], *conditions]))
        legs = [walk(shape, [payments.c.id], [state, *conditions]) for state in states]
        return Statement(merge(shape, PAYMENT_COLUMNS, payments, legs))
    return Statement(walk(shape, PAYMENT_COLUMNS, [*conditions, *_any_status(narrowing)]))


@lru_cache(maxsize=50)
def _total(narrowing: _Narrowing) -> Statement:
    conditions = [*_conditions(narrowing), *_any_status(narrowing)]
    return Statement(select(func.count()).select_from(payments).where(*conditions))


def _any_status(narrowing: _Narrowing) -> list[ColumnElement[bool]]:
    return [any_of(payments.c.status, "statuses")] if narrowing.statuses else []


def _conditions(narrowing: _Narrowing) -> list[ColumnElement[bool]]:
    conditions = between(payments.c.created_at, narrowing.since, narrowing.until)
    if narrowing.lapses_since:
        conditions.append(payments.c.authorization_expires_at >= bindparam("lapses_since"))
    if narrowing.lapses_until:
        conditions.append(payments.c.authorization_expires_at < bindparam("lapses_until"))
    if narrowing.provider:
        conditions.append(payments.c.provider == bindparam("provider", type_=word()))
    if narrowing.order:
        conditions.append(payments.c.order_id == bindparam("order_id"))
    if narrowing.failure_code:
        conditions.append(payments.c.failure_code == bindparam("failure_code", type_=word()))
        conditions.append(payments.c.failure_code != literal_column("''"))  # what its index holds
    return conditions


class SqlPaymentReader:
    """Answers about payments."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self, which: PaymentFilter, page: PageRequest) -> Page[PaymentView]:
        shape, mark = window(_LISTING, page)
        if not (storable(which.provider) and storable(which.failure_code)):
            return Page(data=[], total=0 if page.total else None)
        narrowing, values = _narrowing(which)
        rows = await self._database.fetch(_page(narrowing, shape), **values, **mark)
        found = page_of(rows, page, shape.order)
        total = await total_of(page, self._database, _total(narrowing), **values)
        data = [payment_view(row) for row in found.rows]
        return Page(data=data, next=found.next, previous=found.previous, total=total)

    async def one(self, payment_id: PaymentId) -> PaymentView:
        row = await self._database.fetch_one(_ONE, payment_id=payment_id.uuid)
        if row is None:
            raise PaymentNotFound(f"There is no payment {payment_id}.")
        messages = await self._database.fetch(_MESSAGES, payment_id=payment_id.uuid)
        return payment_view(row, [_message(message) for message in messages])

    async def of_owner(self, owner_id: UserId, page: PageRequest) -> Page[MyPaymentView]:
        shape, mark = window(_OF_OWNER, page)
        rows = await self._database.fetch(_owners_page(shape), owner_id=owner_id.uuid, **mark)
        found = page_of(rows, page, shape.order)
        total = await total_of(page, self._database, _OWNERS_TOTAL, owner_id=owner_id.uuid)
        data = await self._for_buyer(found.rows)
        return Page(data=data, next=found.next, previous=found.previous, total=total)

    async def for_buyer(self, payment_id: PaymentId) -> PaymentWithOwner:
        row = await self._database.fetch_one(_ONE_FOR_BUYER, payment_id=payment_id.uuid)
        if row is None:
            raise PaymentNotFound(f"There is no payment {payment_id}.")
        [view] = await self._for_buyer([row])
        owner = row["owner_id"]
        return PaymentWithOwner(view=view, owner_id=UserId(owner) if owner is not None else None)

    async def _for_buyer(self, rows: Sequence[Row]) -> list[MyPaymentView]:
        refunds = await refunds_by_payment(self._database, [row["id"] for row in rows])
        return [my_payment_view(payment_view(row), row["number"], refunds[row["id"]]) for row in rows]

    async def session(self, session_id: PaymentSessionId) -> SessionWithPayment:
        row = await self._database.fetch_one(_SESSION, session_id=session_id.uuid)
        if row is None:
            raise PaymentSessionNotFound(f"There is no payment session {session_id}.")
        session, owner, order = session_of(row), row["owner_id"], row["order_id"]
        payment = await self._database.fetch_one(_PAYING, cart_id=session.cart_id.uuid)
        return SessionWithPayment(
            session=session,
            owner_id=UserId(owner) if owner is not None else None,
            order_id=OrderId(order) if order is not None else None,
            payment=payment_of(payment) if payment is not None else None,
        )

    async def refunds(self, which: RefundFilter, page: PageRequest) -> Page[RefundView]:
        return await refund_page(self._database, which, page)

    async def refund(self, refund_id: RefundId) -> RefundView:
        return await one_refund(self._database, refund_id)

    async def disputes(self, which: DisputeFilter, page: PageRequest) -> Page[DisputeView]:
        return await dispute_page(self._database, which, page)

    async def dispute(self, dispute_id: DisputeId) -> DisputeView:
        return await one_dispute(self._database, dispute_id)

    async def messages(self, which: InboxFilter, page: PageRequest) -> Page[InboxItemView]:
        return await message_page(self._database, which, page)

    async def message(self, inbox_id: InboxId) -> InboxItemView:
        return await one_message(self._database, inbox_id)


def _narrowing(which: PaymentFilter) -> tuple[_Narrowing, dict[str, Any]]:
    values: dict[str, Any] = ends_of(which.created_at)
    since, until = "since" in values, "until" in values
    lapses = {f"lapses_{end}": moment for end, moment in ends_of(which.authorization_expires_at).items()}
    values |= lapses
    statuses = sorted(which.statuses)
    if statuses:
        values["statuses"] = statuses
        values |= {f"status_{n}": status for n, status in enumerate(statuses)}
    if which.provider:
        values["provider"] = which.provider
    if which.order_id is not None:
        values["order_id"] = which.order_id.uuid
    if which.failure_code:
        values["failure_code"] = which.failure_code
    narrowing = _Narrowing(
        statuses=len(statuses),
        provider=bool(which.provider),
        order=which.order_id is not None,
        failure_code=bool(which.failure_code),
        since=since,
        until=until,
        lapses_since="lapses_since" in lapses,
        lapses_until="lapses_until" in lapses,
    )
    return narrowing, values


def payment_view(row: Row, messages: list[ProviderMessageView] | None = None) -> PaymentView:
    """The payment in a row of PAYMENT_COLUMNS; the client secret stays inside."""
    return PaymentView(
        id=PaymentId(row["id"]),
        order_id=OrderId(row["order_id"]),
        provider=row["provider"],
        status=AttemptStatus(row["status"]),
        amount=Money(row["amount_minor"], row["currency"]),
        captured=Money(row["captured_minor"], row["captured_currency"]),
        refunded=Money(row["refunded_minor"], row["refunded_currency"]),
        refund_due=row["refund_due"],
        capture=CapturePolicy(row["capture"]),
        capture_due=due_in(row),
        void_due=row["void_due"],
        authorization_expires_at=row["authorization_expires_at"],
        disputed=row["disputed"],
        attempts=[_attempt(one) for one in sorted(row["attempts"], key=lambda attempt: int(attempt[0]))],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        version=row["version"],
        provider_messages=messages,
    )


def _attempt(document: Sequence[Any]) -> PaymentAttemptView:
    _, attempt, method, minor, currency, status, provider_ref, failure_code, *rest = document
    _, _, created_at, updated_at, _, brand, declines, _ = rest
    return PaymentAttemptView(
        id=AttemptId(uuid_in(attempt)),
        method=method,
        amount=Money(minor, currency),
        status=AttemptStatus(status),
        brand=brand,
        provider_ref=provider_ref,
        failure_code=failure_code,
        declines=declines,
        created_at=datetime.fromisoformat(created_at),
        updated_at=datetime.fromisoformat(updated_at),
    )


def _message(row: Row) -> ProviderMessageView:
    return ProviderMessageView(
        event_ref=row["event_ref"],
        event_type=row["event_type"],
        state=row["state"],
        body=covered(row["body"]),
        received_at=row["received_at"],
        settled_at=row["settled_at"],
    )
