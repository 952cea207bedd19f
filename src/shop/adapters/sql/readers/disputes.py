"""Questions about disputes and about what providers told us, answered from tables."""

from typing import Any

from sqlalchemy import bindparam, select

from shop.adapters.sql.database import Database, Row
from shop.adapters.sql.disputes import dispute_of
from shop.adapters.sql.readers.filtered import Filtered
from shop.adapters.sql.readers.paging import (
    IdKey,
    Key,
    Kind,
    Listing,
    ends_of,
    in_time,
    storable,
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
_DISPUTES = Filtered(
    listing=Listing(
        keys={"created_at": _CREATED, "amount": Key("amount_minor", disputes.c.amount_minor, Kind.NUMBER)},
        own=((_CREATED, True),),
        ids=(IdKey("id", disputes.c.id),),
    ),
    table=disputes,
    columns=tuple(disputes.columns),
    conditions={
        "statuses": any_of(disputes.c.status, "statuses"),
        "payment_id": disputes.c.payment_id == bindparam("payment_id"),
        "order_id": disputes.c.order_id == bindparam("order_id"),
        **in_time(disputes.c.due_at),
    },
)
_DISPUTE = Statement(select(disputes).where(disputes.c.id == bindparam("dispute_id")))
_RECEIVED = Key("received_at", inbox.c.received_at, Kind.MOMENT)
_NAMES = ("event_ref", "event_type", "object_ref")
_INBOX = Filtered(
    listing=Listing(keys={"received_at": _RECEIVED}, own=((_RECEIVED, True),), ids=(IdKey("id", inbox.c.id),)),
    table=inbox,
    columns=tuple(inbox.columns),
    conditions={
        "states": any_of(inbox.c.state, "states"),
        **{name: inbox.c[name] == bindparam(name, type_=word()) for name in _NAMES},
        **in_time(inbox.c.received_at),
    },
)
_ITEM = Statement(select(inbox).where(inbox.c.id == bindparam("inbox_id")))


async def dispute_page(database: Database, which: DisputeFilter, page: PageRequest) -> Page[DisputeView]:
    """The disputes that the filter lets through."""
    values: dict[str, Any] = ends_of(which.due_at)
    if which.statuses:
        values["statuses"] = sorted(which.statuses)
    if which.payment_id is not None:
        values["payment_id"] = which.payment_id.uuid
    if which.order_id is not None:
        values["order_id"] = which.order_id.uuid
    return await _DISPUTES.page(database, page, values, lambda row: dispute_view(dispute_of(row)))


async def one_dispute(database: Database, dispute_id: DisputeId) -> DisputeView:
    """Raises DisputeNotFound."""
    row = await database.fetch_one(_DISPUTE, dispute_id=dispute_id.uuid)
    if row is None:
        raise DisputeNotFound(f"There is no dispute {dispute_id}.")
    return dispute_view(dispute_of(row))


async def message_page(database: Database, which: InboxFilter, page: PageRequest) -> Page[InboxItemView]:
    """The messages that the filter lets through."""
    texts = {name: text for name in _NAMES if (text := getattr(which, name))}
    if not all(map(storable, texts.values())):
        return Page(data=[], total=0 if page.total else None)
    values: dict[str, Any] = {**ends_of(which.received_at), **texts}
    if which.states:
        values["states"] = sorted(which.states)
    return await _INBOX.page(database, page, values, _message_view)


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
