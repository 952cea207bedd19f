"""Statements that list orders, one for each shape of question (see `products` for how they stay short)."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from attrs import frozen
from sqlalchemy import BigInteger, ColumnElement, Select, bindparam, func, literal_column, select, union_all

from shop.adapters.sql.orders import ORDER_COLUMNS
from shop.adapters.sql.readers.paging import (
    FEW,
    IdKey,
    Key,
    Kind,
    Listing,
    Window,
    among,
    between,
    few_of,
    merge,
    walk,
)
from shop.adapters.sql.readers.products import holds_metadata
from shop.adapters.sql.schema import orders, payment_attempts, payments
from shop.adapters.sql.schema.columns import word
from shop.adapters.sql.statements import POSTGRES, SQLITE, Statement, any_of, json_rows

_PLACED = Key("placed_at", orders.c.placed_at, Kind.MOMENT)
_IDS = (IdKey("id", orders.c.id),)
ORDER_LISTING = Listing(
    keys={
        "placed_at": _PLACED,
        "total": Key("total_minor", orders.c.total_minor, Kind.NUMBER),
        "number": Key("number", orders.c.number, Kind.NUMBER),
    },
    own=((_PLACED, True),),
    ids=_IDS,
)
OWNER_LISTING = Listing(own=((_PLACED, True),), ids=_IDS)
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
BUYERS_ORDER = Statement(select(*_OF_BUYER).where(_BY_ID))
STAFF_ORDER = Statement(select(*ORDER_COLUMNS).where(_BY_ID))
OWNERS_ORDERS_TOTAL = Statement(
    select(func.count()).select_from(orders).where(orders.c.owner_id == bindparam("owner_id"))
)


@frozen
class OrderNarrowing:
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
def owners_orders(shape: Window) -> Statement:
    return Statement(walk(shape, _OF_BUYER, [orders.c.owner_id == bindparam("owner_id")]))


@lru_cache(maxsize=500)
def orders_page(narrowing: OrderNarrowing, shape: Window, lines: bool) -> Statement:
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


def _few_or_many(narrowing: OrderNarrowing, shape: Window, states: Sequence[ColumnElement[bool]]) -> list[Select[Any]]:
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


def _some_of_each_state(narrowing: OrderNarrowing) -> Select[Any]:
    """Enough of each to tell few from many, in the order of an index that finds them."""
    parts = [
        select(orders.c.id).where(state).order_by(orders.c.placed_at, orders.c.id).limit(FEW + 1).subquery()
        for state in _states_asked_for(narrowing)
    ]
    return select(union_all(*(select(part.c.id) for part in parts)).subquery().c.id)


def _states_asked_for(narrowing: OrderNarrowing) -> list[ColumnElement[bool]]:
    if narrowing.statuses:
        return _states(orders.c.status, "status", narrowing.statuses)
    return _states(orders.c.payment_status, "payment_status", narrowing.payment_statuses)


def _walks_by_state(
    narrowing: OrderNarrowing, shape: Window, columns: Sequence[ColumnElement[Any]]
) -> list[Select[Any]]:
    """One walk for each state that was asked for: each state has its orders by time."""
    states = _states_asked_for(narrowing)
    conditions = _conditions(narrowing)
    if narrowing.statuses:
        conditions += _any_payment_status(narrowing)
    shown = columns if len(states) == 1 else [orders.c.id]
    return [walk(shape, shown, [state, *conditions]) for state in states]


@lru_cache(maxsize=100)
def orders_total(narrowing: OrderNarrowing) -> Statement:
    conditions = [*_conditions(narrowing), *_any_status(narrowing), *_any_payment_status(narrowing)]
    return Statement(select(func.count()).select_from(orders).where(*conditions))


def _states(column: ColumnElement[Any], name: str, count: int) -> list[ColumnElement[bool]]:
    return [column == bindparam(f"{name}_{n}", type_=word()) for n in range(count)]


def _any_status(narrowing: OrderNarrowing) -> list[ColumnElement[bool]]:
    return [any_of(orders.c.status, "statuses")] if narrowing.statuses else []


def _any_payment_status(narrowing: OrderNarrowing) -> list[ColumnElement[bool]]:
    return [any_of(orders.c.payment_status, "payment_statuses")] if narrowing.payment_statuses else []


def _conditions(narrowing: OrderNarrowing, metadata: ColumnElement[Any] | None = None) -> list[ColumnElement[bool]]:
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


def _metadata(narrowing: OrderNarrowing, document: ColumnElement[Any]) -> list[ColumnElement[bool]]:
    conditions = [holds_metadata(narrowing.dialect, document)]
    if narrowing.dialect == POSTGRES and document is orders.c.metadata:
        conditions.append(orders.c.metadata != literal_column("'{}'::jsonb"))  # the index leaves empty ones out
    return conditions
