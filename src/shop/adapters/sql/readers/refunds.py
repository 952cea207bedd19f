"""Questions about refunds, answered from tables."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select

from shop.adapters.sql.database import Database
from shop.adapters.sql.readers.filtered import Filtered
from shop.adapters.sql.readers.paging import IdKey, Key, Kind, Listing, ends_of, in_time
from shop.adapters.sql.refunds import refund_of
from shop.adapters.sql.schema import refunds
from shop.adapters.sql.statements import Statement, any_of
from shop.application.ports.paging import Page, PageRequest
from shop.application.ports.readers import RefundFilter
from shop.application.ports.views import UNDECIDED, RefundView, refund_view
from shop.domain.kernel.identifiers import RefundId
from shop.domain.payments import Refund, RefundNotFound

_CREATED = Key("created_at", refunds.c.created_at, Kind.MOMENT)
_REFUNDS = Filtered(
    listing=Listing(
        keys={"created_at": _CREATED, "amount": Key("amount_minor", refunds.c.amount_minor, Kind.NUMBER)},
        own=((_CREATED, True),),
        ids=(IdKey("id", refunds.c.id),),
    ),
    table=refunds,
    columns=tuple(refunds.columns),
    conditions={
        "statuses": any_of(refunds.c.status, "statuses"),
        "payment_id": refunds.c.payment_id == bindparam("payment_id"),
        "order_id": refunds.c.order_id == bindparam("order_id"),
        **in_time(refunds.c.created_at),
    },
)
_ONE = Statement(select(refunds).where(refunds.c.id == bindparam("refund_id")))

AT_ONCE_MAX = 1_000
"""Of all payments of a page; no shop gives its payments back in so many parts."""
_OF_PAYMENTS = Statement(
    select(refunds)
    .where(any_of(refunds.c.payment_id, "ids"), refunds.c.status.not_in(sorted(UNDECIDED)))
    .order_by(refunds.c.created_at, refunds.c.id)
    .limit(AT_ONCE_MAX)
)


async def refund_page(database: Database, which: RefundFilter, page: PageRequest) -> Page[RefundView]:
    """The refunds that the filter lets through."""
    values: dict[str, Any] = ends_of(which.created_at)
    if which.statuses:
        values["statuses"] = sorted(which.statuses)
    if which.payment_id is not None:
        values["payment_id"] = which.payment_id.uuid
    if which.order_id is not None:
        values["order_id"] = which.order_id.uuid
    return await _REFUNDS.page(database, page, values, lambda row: refund_view(refund_of(row)))


async def refunds_by_payment(database: Database, payment_ids: Sequence[UUID]) -> defaultdict[UUID, list[Refund]]:
    """Those refunds of these payments that were agreed to, the oldest first. One question, or none for no payment."""
    found: defaultdict[UUID, list[Refund]] = defaultdict(list)
    if payment_ids:
        for row in await database.fetch(_OF_PAYMENTS, ids=list(payment_ids)):
            found[row["payment_id"]].append(refund_of(row))
    return found


async def one_refund(database: Database, refund_id: RefundId) -> RefundView:
    """Raises RefundNotFound."""
    row = await database.fetch_one(_ONE, refund_id=refund_id.uuid)
    if row is None:
        raise RefundNotFound(f"There is no refund {refund_id}.")
    return refund_view(refund_of(row))
