"""Questions about disputes and about what providers told us, answered from tables."""

from functools import lru_cache
from typing import Any

from attrs import frozen
from sqlalchemy import ColumnElement, bindparam, func, select

from shop.adapters.sql.database import Database, Row
from shop.adapters.sql.disputes import dispute_of
from shop.adapters.sql.readers.paging import (
    IdKey,
    Key,
    Kind,
    Listing,
    Window,
    between,
    ends_of,
    page_of,
    storable,
    total_of,
    walk,
    window,
)
from shop.adapters.sql.schema import disputes, inbox
from shop.adapters.sql.schema.columns import word
from shop.adapters.sql.statements import Statement, any_of
from shop.application.ports.paging import Page, PageRequest
from shop.application.ports.readers import DisputeFilter, InboxFilter
from shop.application.ports.views import DisputeView, InboxItemView, dispute_view
from shop.domain.kernel.errors import NotFound
from shop.domain.kernel.identifiers import DisputeId, InboxId
from shop.domain.payments import DisputeNotFound, InboxState

_CREATED = Key("created_at", disputes.c.created_at, Kind.MOMENT)
_DISPUTES = Listing(
    keys={"created_at": _CREATED, "amount": Key("amount_minor", disputes.c.amount_minor, Kind.NUMBER)},
    own=((_CREATED, True),),
    ids=(IdKey("id", disputes.c.id),),
)
_DISPUTE = Statement(select(disputes).where(disputes.c.id == bindparam("dispute_id")))
_RECEIVED = Key("received_at", inbox.c.received_at, Kind.MOMENT)
_INBOX = Listing(
    keys={"received_at": _RECEIVED},
    own=((_RECEIVED, True),),
    ids=(IdKey("id", inbox.c.id),),
)
_ITEM = Statement(select(inbox).where(inbox.c.id == bindparam("inbox_id")))


@frozen
class _Disputes:
    """Which filters a question has."""

    statuses: bool
    payment: bool
    order: bool
    due_since: bool
    due_until: bool

    @property
    def conditions(self) -> list[ColumnElement[bool]]:
        conditions = between(disputes.c.due_at, self.due_since, self.due_until)
        if self.statuses:
            conditions.append(any_of(disputes.c.status, "statuses"))
        if self.payment:
            conditions.append(disputes.c.payment_id == bindparam("payment_id"))
        if self.order:
            conditions.append(disputes.c.order_id == bindparam("order_id"))
        return conditions


@lru_cache(maxsize=100)
def _dispute_page(narrowing: _Disputes, shape: Window) -> Statement:
    return Statement(walk(shape, list(disputes.columns), narrowing.conditions))


@lru_cache(maxsize=50)
def _dispute_total(narrowing: _Disputes) -> Statement:
    return Statement(select(func.count()).select_from(disputes).where(*narrowing.conditions))


async def dispute_page(database: Database, which: DisputeFilter, page: PageRequest) -> Page[DisputeView]:
    """The disputes that the filter lets through."""
    shape, mark = window(_DISPUTES, page)
    values: dict[str, Any] = ends_of(which.due_at)
    since, until = "since" in values, "until" in values
    if which.statuses:
        values["statuses"] = sorted(which.statuses)
    if which.payment_id is not None:
        values["payment_id"] = which.payment_id.uuid
    if which.order_id is not None:
        values["order_id"] = which.order_id.uuid
    narrowing = _Disputes(bool(which.statuses), which.payment_id is not None, which.order_id is not None, since, until)
    rows = await database.fetch(_dispute_page(narrowing, shape), **values, **mark)
    found = page_of(rows, page, shape.order)
    total = await total_of(page, database, _dispute_total(narrowing), **values)
    data = [dispute_view(dispute_of(row)) for row in found.rows]
    return Page(data=data, next=found.next, previous=found.previous, total=total)


async def one_dispute(database: Database, dispute_id: DisputeId) -> DisputeView:
    """Raises DisputeNotFound."""
    row = await database.fetch_one(_DISPUTE, dispute_id=dispute_id.uuid)
    if row is None:
        raise DisputeNotFound(f"There is no dispute {dispute_id}.")
    return dispute_view(dispute_of(row))


@frozen
class _Messages:
    """Which filters a question has."""

    states: bool
    event_ref: bool
    event_type: bool
    object_ref: bool
    since: bool
    until: bool

    @property
    def conditions(self) -> list[ColumnElement[bool]]:
        conditions = between(inbox.c.received_at, self.since, self.until)
        if self.states:
            conditions.append(any_of(inbox.c.state, "states"))
        for name in ("event_ref", "event_type", "object_ref"):
            if getattr(self, name):
                conditions.append(inbox.c[name] == bindparam(name, type_=word()))
        return conditions


@lru_cache(maxsize=100)
def _message_page(narrowing: _Messages, shape: Window) -> Statement:
    return Statement(walk(shape, list(inbox.columns), narrowing.conditions))


@lru_cache(maxsize=50)
def _message_total(narrowing: _Messages) -> Statement:
    return Statement(select(func.count()).select_from(inbox).where(*narrowing.conditions))


async def message_page(database: Database, which: InboxFilter, page: PageRequest) -> Page[InboxItemView]:
    """The messages that the filter lets through."""
    texts = {name: getattr(which, name) for name in ("event_ref", "event_type", "object_ref") if getattr(which, name)}
    if not all(map(storable, texts.values())):
        return Page(data=[], total=0 if page.total else None)
    shape, mark = window(_INBOX, page)
    values: dict[str, Any] = {**ends_of(which.received_at), **texts}
    since, until = "since" in values, "until" in values
    if which.states:
        values["states"] = sorted(which.states)
    narrowing = _Messages(
        states=bool(which.states),
        event_ref="event_ref" in texts,
        event_type="event_type" in texts,
        object_ref="object_ref" in texts,
        since=since,
        until=until,
    )
    rows = await database.fetch(_message_page(narrowing, shape), **values, **mark)
    found = page_of(rows, page, shape.order)
    total = await total_of(page, database, _message_total(narrowing), **values)
    return Page(data=[_message_view(row) for row in found.rows], next=found.next, previous=found.previous, total=total)


async def one_message(database: Database, inbox_id: InboxId) -> InboxItemView:
    """Raises NotFound."""
    row = await database.fetch_one(_ITEM, inbox_id=inbox_id.uuid)
    if row is None:
        raise NotFound(f"There is no message {inbox_id}.")
    return _message_view(row)


def _message_view(row: Row) -> InboxItemView:
    return InboxItemView(
        id=InboxId(row["id"]),
        provider=row["provider"],
        event_ref=row["event_ref"],
        event_type=row["event_type"],
        object_ref=row["object_ref"],
        state=InboxState(row["state"]),
        received_at=row["received_at"],
        settled_at=row["settled_at"],
    )
