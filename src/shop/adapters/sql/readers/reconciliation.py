"""Answers for reconciliation, from tables. Each is one statement: what it compares is of one moment."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    ScalarSelect,
    Select,
    bindparam,
    func,
    literal_column,
    select,
    tuple_,
    update,
)

from shop.adapters.sql.database import Database, Row
from shop.adapters.sql.schema import (
    inbox,
    ledger_entries,
    ledger_postings,
    orders,
    payment_attempts,
    payments,
    reservations,
    stock_levels,
    stock_movements,
)
from shop.adapters.sql.schema.columns import word
from shop.adapters.sql.statements import Statement, any_of
from shop.application.ports.reconciliation import (
    KEPT_AND_PAID_OUT,
    MOVEMENTS,
    BookedMovement,
    BookedSale,
    BookedSum,
    Place,
    StockSums,
)
from shop.domain.inventory import LIVE
from shop.domain.kernel.identifiers import LedgerEntryId, LocationId, OrderId, PaymentId, VariantId
from shop.domain.kernel.money import Money
from shop.domain.ledger import EntryKind
from shop.domain.payments import AttemptStatus

OF_SALES = ("capture", "refund", "refund_reversal")
_ENTRIES = ledger_entries.join(ledger_postings, ledger_postings.c.entry_id == ledger_entries.c.id)
_POSTED = (
    select(func.coalesce(func.sum(ledger_postings.c.amount_minor), 0))
    .select_from(_ENTRIES)
    .where(ledger_entries.c.payment_id == payments.c.id)
    .correlate(payments)
)
_CLEARED = _POSTED.where(
    ledger_entries.c.kind.in_([literal_column(f"'{kind}'") for kind in OF_SALES]),
    ledger_postings.c.account == literal_column("'clearing:'").op("||")(payments.c.provider),
    ledger_postings.c.currency == payments.c.captured_currency,
)
_SALES = (
    select(
        payment_attempts.c.provider_ref,
        payment_attempts.c.method,
        payment_attempts.c.status,
        payments.c.id.label("payment_id"),
        payments.c.order_id,
        orders.c.number,
        payments.c.captured_currency,
        payments.c.captured_minor,
        payments.c.refunded_currency,
        payments.c.refunded_minor,
        _CLEARED.scalar_subquery().label("cleared"),
        _POSTED.scalar_subquery().label("unbalanced"),
        payments.c.created_at,
        payments.c.updated_at,
    )
    .select_from(
        payments.join(payment_attempts, payment_attempts.c.payment_id == payments.c.id).join(
            orders, orders.c.id == payments.c.order_id
        )
    )
    .where(payment_attempts.c.provider_ref != literal_column("''"))
)


def _begun(*, after: bool) -> Select[Any]:
    created, id, ref = payments.c.created_at, payments.c.id, payment_attempts.c.provider_ref
    found = _SALES.where(
        payments.c.provider == bindparam("provider"),
        created >= bindparam("since", type_=created.type),
        created < bindparam("until", type_=created.type),
    )
    if after:
        behind = tuple_(
            bindparam("after_at", type_=created.type),
            bindparam("after_id", type_=id.type),
            bindparam("after_ref", type_=word()),
        )
        found = found.where(tuple_(created, id, ref) > behind)
    return found.order_by(created, id, ref).limit(bindparam("size", type_=Integer()))


_BEGUN = {after: Statement(_begun(after=after)) for after in (False, True)}
_NAMED = Statement(
    _SALES.where(payment_attempts.c.provider == bindparam("provider"), any_of(payment_attempts.c.provider_ref, "refs"))
)
_KNOWN = Statement(
    select(inbox.c.event_ref).where(inbox.c.provider == bindparam("provider"), any_of(inbox.c.event_ref, "refs"))
)


_BOOKED = Statement(
    select(
        ledger_entries.c.provider_ref,
        ledger_entries.c.kind,
        ledger_postings.c.account,
        ledger_postings.c.currency,
        func.sum(ledger_postings.c.amount_minor).label("minor"),
    )
    .select_from(_ENTRIES)
    .where(ledger_entries.c.provider == bindparam("provider"), any_of(ledger_entries.c.provider_ref, "refs"))
    .group_by(
        ledger_entries.c.provider_ref,
        ledger_entries.c.kind,
        ledger_postings.c.account,
        ledger_postings.c.currency,
    )
)


def _moved(*, after: bool) -> Select[Any]:
    at, id = ledger_entries.c.at, ledger_entries.c.id
    found = select(id, at, ledger_entries.c.kind, ledger_entries.c.provider_ref).where(
        ledger_entries.c.kind.in_([literal_column(f"'{kind}'") for kind in MOVEMENTS]),
        ledger_entries.c.provider == bindparam("provider"),
        at >= bindparam("since", type_=at.type),
        at < bindparam("until", type_=at.type),
    )
    if after:
        found = found.where(
            tuple_(at, id) > tuple_(bindparam("after_at", type_=at.type), bindparam("after_id", type_=id.type))
        )
    return found.order_by(at, id).limit(bindparam("size", type_=Integer()))


_MOVED = {after: Statement(_moved(after=after)) for after in (False, True)}


def _first_of(kinds: Iterable[EntryKind], order: ColumnElement[Any]) -> ScalarSelect[Any]:
    return (
        select(ledger_entries.c.at)
        .where(
            ledger_entries.c.kind.in_([literal_column(f"'{kind}'") for kind in kinds]),
            ledger_entries.c.provider == bindparam("provider"),
        )
        .order_by(order)
        .limit(1)
        .scalar_subquery()
    )


_BOOKED_UNTIL = Statement(
    select(
        func.coalesce(
            _first_of(KEPT_AND_PAID_OUT, ledger_entries.c.at.desc()),
            _first_of([EntryKind.CAPTURE], ledger_entries.c.at),
            type_=ledger_entries.c.at.type,
        )
    )
)


def _sum_of(column: Any, table: Any) -> Select[Any]:
    return (
        select(func.coalesce(func.sum(column), 0))
        .where(table.c.variant_id == stock_levels.c.variant_id, table.c.location_id == stock_levels.c.location_id)
        .correlate(stock_levels)
    )


def _levels(*, after: bool) -> Select[Any]:
    found = select(
        stock_levels.c.variant_id,
        stock_levels.c.location_id,
        stock_levels.c.on_hand,
        stock_levels.c.reserved,
        stock_levels.c.version,
        _sum_of(stock_movements.c.on_hand, stock_movements).scalar_subquery().label("moved_on_hand"),
        _sum_of(stock_movements.c.reserved, stock_movements).scalar_subquery().label("moved_reserved"),
        _sum_of(reservations.c.quantity, reservations)
        .where(reservations.c.state.in_([literal_column(f"'{state}'") for state in sorted(LIVE)]))
        .scalar_subquery()
        .label("held"),
    )
    if after:
        behind = tuple_(
            bindparam("after_variant", type_=stock_levels.c.variant_id.type),
            bindparam("after_location", type_=stock_levels.c.location_id.type),
        )
        found = found.where(tuple_(stock_levels.c.variant_id, stock_levels.c.location_id) > behind)
    ordered = found.order_by(stock_levels.c.variant_id, stock_levels.c.location_id)
    return ordered.limit(bindparam("size", type_=Integer()))


_LEVELS = {after: Statement(_levels(after=after)) for after in (False, True)}
_RESTORE = Statement(
    update(stock_levels)
    .values(on_hand=bindparam("new_on_hand"), reserved=bindparam("new_reserved"), version=stock_levels.c.version + 1)
    .where(
        stock_levels.c.variant_id == bindparam("of_variant"),
        stock_levels.c.location_id == bindparam("at_location"),
        stock_levels.c.version == bindparam("read_version"),
    )
    .returning(stock_levels.c.version)
)


class SqlReconciliationReader:
    """Answers for reconciliation."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def sales(
        self, provider: str, since: datetime, until: datetime, after: BookedSale | None, limit: int
    ) -> list[BookedSale]:
        behind = (
            {"after_at": after.created_at, "after_id": after.payment_id.uuid, "after_ref": after.provider_ref}
            if after
            else {}
        )
        rows = await self._database.fetch(
            _BEGUN[after is not None], provider=provider, since=since, until=until, size=limit, **behind
        )
        return [_sale(row) for row in rows]

    async def sales_of(self, provider: str, refs: Sequence[str]) -> list[BookedSale]:
        rows = await self._database.fetch(_NAMED, provider=provider, refs=list(refs))
        return [_sale(row) for row in rows]

    async def known_news(self, provider: str, event_refs: Sequence[str]) -> set[str]:
        rows = await self._database.fetch(_KNOWN, provider=provider, refs=list(event_refs))
        return {row["event_ref"] for row in rows}

    async def booked(self, provider: str, refs: Sequence[str]) -> list[BookedSum]:
        rows = await self._database.fetch(_BOOKED, provider=provider, refs=list(refs))
        return [
            BookedSum(
                provider_ref=row["provider_ref"],
                kind=EntryKind(row["kind"]),
                account=row["account"],
                amount=Money(int(row["minor"]), row["currency"]),
            )
            for row in rows
        ]

    async def movements(
        self, provider: str, since: datetime, until: datetime, after: BookedMovement | None, limit: int
    ) -> list[BookedMovement]:
        behind = {"after_at": after.at, "after_id": after.id.uuid} if after else {}
        rows = await self._database.fetch(
            _MOVED[after is not None], provider=provider, since=since, until=until, size=limit, **behind
        )
        return [
            BookedMovement(
                id=LedgerEntryId(row["id"]),
                at=row["at"],
                kind=EntryKind(row["kind"]),
                provider_ref=row["provider_ref"],
            )
            for row in rows
        ]

    async def balance_booked_until(self, provider: str) -> datetime | None:
        row = await self._database.fetch_one(_BOOKED_UNTIL, provider=provider)
        until: datetime | None = row[0] if row is not None else None
        return until

    async def stock(self, after: Place | None, limit: int) -> list[StockSums]:
        behind = {"after_variant": after[0].uuid, "after_location": after[1].uuid} if after else {}
        rows = await self._database.fetch(_LEVELS[after is not None], size=limit, **behind)
        return [
            StockSums(
                variant_id=VariantId(row["variant_id"]),
                location_id=LocationId(row["location_id"]),
                on_hand=row["on_hand"],
                reserved=row["reserved"],
                moved_on_hand=int(row["moved_on_hand"]),
                moved_reserved=int(row["moved_reserved"]),
                held=int(row["held"]),
                version=row["version"],
            )
            for row in rows
        ]

    async def restore_level(self, sums: StockSums) -> bool:
        changed = await self._database.change(
            _RESTORE,
            new_on_hand=sums.moved_on_hand,
            new_reserved=sums.moved_reserved,
            of_variant=sums.variant_id.uuid,
            at_location=sums.location_id.uuid,
            read_version=sums.version,
        )
        return bool(changed)


def _sale(row: Row) -> BookedSale:
    return BookedSale(
        provider_ref=row["provider_ref"],
        method=row["method"],
        status=AttemptStatus(row["status"]),
        payment_id=PaymentId(row["payment_id"]),
        order_id=OrderId(row["order_id"]),
        order_number=row["number"],
        captured=Money(row["captured_minor"], row["captured_currency"]),
        refunded=Money(row["refunded_minor"], row["refunded_currency"]),
        cleared=int(row["cleared"]),
        unbalanced=int(row["unbalanced"]),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )
