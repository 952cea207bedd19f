"""Questions about orders, answered from tables."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any
from uuid import UUID

from attrs import frozen
from sqlalchemy import BigInteger, ColumnElement, Select, bindparam, func, literal_column, select

from shop.adapters.sql.database import Database, Row
from shop.adapters.sql.documents import to_address, to_next_action
from shop.adapters.sql.orders import ORDER_COLUMNS
from shop.adapters.sql.payments import PAYMENT_COLUMNS
from shop.adapters.sql.readers.paging import (
    IdKey,
    Key,
    Kind,
    Listing,
    Window,
    among,
    between,
    ends_of,
    few_of,
    merge,
    page_of,
    storable,
    walk,
    window,
)
from shop.adapters.sql.readers.payments import payment_view
from shop.adapters.sql.readers.products import holds_metadata
from shop.adapters.sql.schema import orders, payment_attempts, payments
from shop.adapters.sql.schema.columns import word
from shop.adapters.sql.statements import POSTGRES, SQLITE, Statement, any_of, json_rows
from shop.application.ports.paging import Page, PageRequest
from shop.application.ports.readers import OrderFilter, OrderWithOwner
from shop.application.ports.views import (
    AdminOrderView,
    OrderLineView,
    OrderPaymentView,
    OrderShippingView,
    OrderView,
    PaymentView,
)
from shop.domain.kernel.identifiers import CartId, OrderId, OrderLineId, PaymentId, ProductId, UserId, VariantId
from shop.domain.kernel.money import Money
from shop.domain.orders import FulfilmentStatus, OrderNotFound, OrderStatus, PaymentStatus
from shop.domain.payments import AttemptStatus

_PLACED = Key("placed_at", orders.c.placed_at, Kind.MOMENT)
_IDS = (IdKey("id", orders.c.id),)
_LISTING = Listing(
    keys={
        "placed_at": _PLACED,
        "total": Key("total_minor", orders.c.total_minor, Kind.NUMBER),
        "number": Key("number", orders.c.number, Kind.NUMBER),
    },
    own=((_PLACED, True),),
    ids=_IDS,
)
_OF_OWNER = Listing(own=((_PLACED, True),), ids=_IDS)
_BARE = tuple(orders.columns)
_PAYMENTS = (
    select(
        json_rows(
            payments.c.id,
            payment_attempts.c.position,
            payment_attempts.c.status,
            payment_attempts.c.method,
            payment_attempts.c.next_action,
            payment_attempts.c.client_secret,
            payment_attempts.c.failure_code,
        )
    )
    .select_from(payments.join(payment_attempts, payment_attempts.c.payment_id == payments.c.id))
    .where(payments.c.order_id == orders.c.id)
    .correlate(orders)
    .scalar_subquery()
    .label("attempts")
)
_OF_BUYER = (*ORDER_COLUMNS, _PAYMENTS)
_BY_ID = orders.c.id == bindparam("order_id")
_BUYERS_ORDER = Statement(select(*_OF_BUYER).where(_BY_ID))
_ORDER = Statement(select(*ORDER_COLUMNS).where(_BY_ID))
_COUNT_OF_OWNER = Statement(select(func.count()).select_from(orders).where(orders.c.owner_id == bindparam("owner_id")))
_PAYMENTS_OF = Statement(select(*PAYMENT_COLUMNS).where(any_of(payments.c.order_id, "ids")).order_by(payments.c.id))


@frozen
class _Narrowing:
    """Which filters a question has, and how many states of each kind."""

    dialect: str
    statuses: int = 0
    payment_statuses: int = 0
    fulfilment_statuses: bool = False
    email: bool = False
    number: bool = False
    owner: bool = False
    since: bool = False
    until: bool = False
    metadata: bool = False


@lru_cache(maxsize=20)
def _page_of_owner(shape: Window) -> Statement:
    return Statement(walk(shape, _OF_BUYER, [orders.c.owner_id == bindparam("owner_id")]))


@lru_cache(maxsize=500)
def _page(narrowing: _Narrowing, shape: Window, lines: bool) -> Statement:
    """The orders of a page, nearest to its mark first."""
    columns = ORDER_COLUMNS if lines else _BARE
    states = [*_any_status(narrowing), *_any_payment_status(narrowing)]
    by_time = shape.order.keys[0][0].name == "placed_at"
    legs: list[Select[Any]]
    if narrowing.email or narrowing.number or narrowing.owner:
        legs = [walk(shape, columns, [*_conditions(narrowing), *states])]
    elif narrowing.metadata or (states and not by_time):
        legs = _few_or_many(narrowing, shape, states)
    elif states:
        legs = _walks_by_state(narrowing, shape, columns)
    else:
        legs = [walk(shape, columns, _conditions(narrowing))]
    return Statement(legs[0] if len(legs) == 1 else merge(shape, columns, orders, legs))


def _few_or_many(narrowing: _Narrowing, shape: Window, states: Sequence[ColumnElement[bool]]) -> list[Select[Any]]:
    """Those that metadata or states leave are sorted when they are few; else the index of the order is walked."""
    if narrowing.metadata:
        found = select(orders.c.id).where(*_metadata(narrowing, orders.c.metadata))
    else:
        found = _some_of_each_state(narrowing)
    few, many = few_of(found, "index")
    unindexed = func.coalesce(orders.c.metadata, literal_column("'{}'::jsonb"))
    others = [*_conditions(narrowing, unindexed), *states]
    those = select(few.c.id).where(~many).subquery()
    return [
        walk(shape, [orders.c.id], [among(orders.c.id, those), *others]),
        walk(shape, [orders.c.id], [many, *others]),
    ]


def _walks_by_state(narrowing: _Narrowing, shape: Window, columns: Sequence[ColumnElement[Any]]) -> list[Select[Any]]:
    """One walk for each state that was asked for: each state has its orders by time."""
    conditions = _conditions(narrowing)
    if narrowing.statuses:
        states = _states(orders.c.status, "status", narrowing.statuses)
        conditions += _any_payment_status(narrowing)
    else:
        states = _states(orders.c.payment_status, "payment_status", narrowing.payment_statuses)
    shown = columns if len(states) == 1 else [orders.c.id]
    return [walk(shape, shown, [state, *conditions]) for state in states]


@lru_cache(maxsize=100)
def _total(narrowing: _Narrowing) -> Statement:
    conditions = [*_conditions(narrowing), *_any_status(narrowing), *_any_payment_status(narrowing)]
    return Statement(select(func.count()).select_from(orders).where(*conditions))


def _states(column: ColumnElement[Any], name: str, count: int) -> list[ColumnElement[bool]]:
    return [column == bindparam(f"{name}_{n}", type_=word()) for n in range(count)]


def _any_status(narrowing: _Narrowing) -> list[ColumnElement[bool]]:
    return [any_of(orders.c.status, "statuses")] if narrowing.statuses else []


def _any_payment_status(narrowing: _Narrowing) -> list[ColumnElement[bool]]:
    return [any_of(orders.c.payment_status, "payment_statuses")] if narrowing.payment_statuses else []


def _conditions(narrowing: _Narrowing, metadata: ColumnElement[Any] | None = None) -> list[ColumnElement[bool]]:
    conditions = between(orders.c.placed_at, narrowing.since, narrowing.until)
    if narrowing.fulfilment_statuses:
        conditions.append(any_of(orders.c.fulfilment_status, "fulfilment_statuses"))
    if narrowing.email:
        conditions.append(orders.c.email == bindparam("email", type_=word()))
    if narrowing.number:
        conditions.append(orders.c.number == bindparam("number", type_=BigInteger()))
    if narrowing.owner:
        conditions.append(orders.c.owner_id == bindparam("owner_id"))
    if narrowing.metadata:
        use_index = metadata is None or narrowing.dialect == SQLITE
        conditions += _metadata(narrowing, orders.c.metadata if use_index or metadata is None else metadata)
    return conditions


def _metadata(narrowing: _Narrowing, document: ColumnElement[Any]) -> list[ColumnElement[bool]]:
    conditions = [holds_metadata(narrowing.dialect, document)]
    if narrowing.dialect == POSTGRES and document is orders.c.metadata:
        conditions.append(orders.c.metadata != literal_column("'{}'::jsonb"))  # the index leaves empty ones out
    return conditions


class SqlOrderReader:
    """Answers about orders."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def order(self, order_id: OrderId) -> OrderWithOwner:
        row = await self._database.fetch_one(_BUYERS_ORDER, order_id=order_id.uuid)
        if row is None:
            raise OrderNotFound(f"There is no order {order_id}.")
        owner = row["owner_id"]
        return OrderWithOwner(view=_view(row), owner_id=UserId(owner) if owner is not None else None)

    async def of_owner(self, owner_id: UserId, page: PageRequest) -> Page[OrderView]:
        shape, mark = window(_OF_OWNER, page)
        rows = await self._database.fetch(_page_of_owner(shape), owner_id=owner_id.uuid, **mark)
        found = page_of(rows, page, shape.order)
        total = None
        if page.total:
            counted = await self._database.fetch_one(_COUNT_OF_OWNER, owner_id=owner_id.uuid)
            total = counted[0] if counted is not None else 0
        data = [_view(row) for row in found.rows]
        return Page(data=data, next=found.next, previous=found.previous, total=total)

    async def all(
        self, which: OrderFilter, page: PageRequest, *, expand: frozenset[str] = frozenset()
    ) -> Page[AdminOrderView]:
        shape, mark = window(_LISTING, page)
        asked = _narrowing(which, self._database.dialect)
        if asked is None:
            return Page(data=[], total=0 if page.total else None)
        narrowing, values = asked
        rows = await self._database.fetch(_page(narrowing, shape, "lines" in expand), **values, **mark)
        found = page_of(rows, page, shape.order)
        total = None
        if page.total:
            counted = await self._database.fetch_one(_total(narrowing), **values)
            total = counted[0] if counted is not None else 0
        paid = await self._payments(found.rows) if "payments" in expand else None
        data = [_admin_view(row, "lines" in expand, paid) for row in found.rows]
        return Page(data=data, next=found.next, previous=found.previous, total=total)

    async def one(self, order_id: OrderId) -> AdminOrderView:
        row = await self._database.fetch_one(_ORDER, order_id=order_id.uuid)
        if row is None:
            raise OrderNotFound(f"There is no order {order_id}.")
        return _admin_view(row, True, await self._payments([row]))

    async def _payments(self, rows: Sequence[Row]) -> Mapping[UUID, list[PaymentView]]:
        by_order: defaultdict[UUID, list[PaymentView]] = defaultdict(list)
        if rows:
            for payment in await self._database.fetch(_PAYMENTS_OF, ids=[row["id"] for row in rows]):
                by_order[payment["order_id"]].append(payment_view(payment))
        return by_order


def _narrowing(which: OrderFilter, dialect: str) -> tuple[_Narrowing, dict[str, Any]] | None:
    """The shape of a filter and its parameters; None when no order could be like that."""
    if not all(map(storable, (which.email, *which.metadata, *which.metadata.values()))):
        return None
    values: dict[str, Any] = ends_of(which.placed_at)
    since, until = "since" in values, "until" in values
    statuses, payment_statuses = sorted(which.statuses), sorted(which.payment_statuses)
    if statuses:
        values["statuses"] = statuses
        values |= {f"status_{n}": status for n, status in enumerate(statuses)}
    if payment_statuses:
        values["payment_statuses"] = payment_statuses
        values |= {f"payment_status_{n}": status for n, status in enumerate(payment_statuses)}
    if which.fulfilment_statuses:
        values["fulfilment_statuses"] = sorted(which.fulfilment_statuses)
    if which.email:
        values["email"] = which.email
    if which.number:
        number = which.number
        if not (number.isascii() and number.isdigit() and len(number) <= 18 and str(int(number)) == number):
            return None
        values["number"] = int(number)
    if which.owner_id is not None:
        values["owner_id"] = which.owner_id.uuid
    if which.metadata:
        values["metadata"] = dict(which.metadata)
    narrowing = _Narrowing(
        dialect=dialect,
        statuses=len(statuses),
        payment_statuses=len(payment_statuses),
        fulfilment_statuses=bool(which.fulfilment_statuses),
        email=bool(which.email),
        number=bool(which.number),
        owner=which.owner_id is not None,
        since=since,
        until=until,
        metadata=bool(which.metadata),
    )
    return narrowing, values


def _shared(row: Row) -> dict[str, Any]:
    """What buyers and staff see alike."""
    currency = row["currency"]
    return {
        "id": OrderId(row["id"]),
        "number": str(row["number"]),
        "cart_id": CartId(row["cart_id"]),
        "status": OrderStatus(row["status"]),
        "payment_status": PaymentStatus(row["payment_status"]),
        "fulfilment_status": FulfilmentStatus(row["fulfilment_status"]),
        "email": row["email"],
        "currency": currency,
        "shipping": _shipping(row["shipping"], currency),
        "shipping_address": to_address(row["shipping_address"]),
        "billing_address": to_address(row["billing_address"]),
        "note": row["note"],
        "prices_include_tax": row["prices_include_tax"],
        "subtotal": Money(row["subtotal_minor"], currency),
        "shipping_total": Money(row["shipping_total_minor"], currency),
        "tax_total": Money(row["tax_total_minor"], currency),
        "total": Money(row["total_minor"], currency),
        "metadata": row["metadata"],
        "cancel_reason": row["cancel_reason"],
        "placed_at": row["placed_at"],
        "cancelled_at": row["cancelled_at"],
        "created_at": row["placed_at"],
        "updated_at": row["updated_at"],
        "version": row["version"],
    }


def _view(row: Row) -> OrderView:
    lines = _lines(row["lines"], row["currency"])
    return OrderView(**_shared(row), lines=lines, payment=_payment(row["attempts"]))


def _admin_view(row: Row, lines: bool, payments_of: Mapping[UUID, list[PaymentView]] | None) -> AdminOrderView:
    owner = row["owner_id"]
    return AdminOrderView(
        **_shared(row),
        customer_id=UserId(owner) if owner is not None else None,
        hold_reason=row["hold_reason"],
        lines=_lines(row["lines"], row["currency"]) if lines else None,
        payments=payments_of.get(row["id"], []) if payments_of is not None else None,
    )


def _lines(documents: Iterable[Sequence[Any]], currency: str) -> list[OrderLineView]:
    """Lines as ORDER_COLUMNS gives them, by position."""
    return [
        OrderLineView(
            id=OrderLineId(UUID(line[1])),
            variant_id=VariantId(UUID(line[2])),
            product_id=ProductId(UUID(line[3])),
            sku=line[4],
            title=line[5],
            variant_title=line[6],
            quantity=line[7],
            unit_price=Money(line[8], currency),
            subtotal=Money(line[9], currency),
            tax=Money(line[11], currency),
            total=Money(line[12], currency),
            tax_rate=line[13],
            tax_name=line[14],
        )
        for line in sorted(documents, key=lambda line: int(line[0]))
    ]


def _shipping(document: Mapping[str, Any] | None, currency: str) -> OrderShippingView | None:
    if document is None:
        return None
    return OrderShippingView(
        id=document["code"],
        name=document["name"],
        price=Money(document["price"], currency),
        tax=Money(document["tax"], currency),
        total=Money(document["total"], currency),
    )


def _payment(attempts: Sequence[Sequence[Any]]) -> OrderPaymentView | None:
    """The latest attempt of the latest payment; ids, made later, sort later."""
    if not attempts:
        return None
    latest = max(attempts, key=lambda attempt: (attempt[0], attempt[1]))
    payment, _, status, method, next_action, client_secret, failure_code = latest
    return OrderPaymentView(
        id=PaymentId(UUID(payment)),
        status=AttemptStatus(status),
        method=method,
        next_action=to_next_action(next_action),
        client_secret=client_secret or None,
        failure_code=failure_code or None,
    )
