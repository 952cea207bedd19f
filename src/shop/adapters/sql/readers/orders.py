"""Questions about orders, answered from tables."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select

from shop.adapters.sql.database import Database, Row
from shop.adapters.sql.documents import to_address, to_next_action, to_tenders
from shop.adapters.sql.payments import PAYMENT_COLUMNS
from shop.adapters.sql.readers.order_lists import (
    BUYERS_ORDER,
    ORDER_LISTING,
    OWNER_LISTING,
    OWNERS_ORDERS_TOTAL,
    STAFF_ORDER,
    OrderNarrowing,
    orders_page,
    orders_total,
    owners_orders,
)
from shop.adapters.sql.readers.paging import ends_of, page_of, storable, total_of, window
from shop.adapters.sql.readers.payments import payment_view
from shop.adapters.sql.schema import payments
from shop.adapters.sql.statements import Statement, any_of
from shop.application.ports.paging import Page, PageRequest
from shop.application.ports.readers import OrderFilter, OrderWithOwner
from shop.application.ports.subscriptions import shown_method
from shop.application.ports.views import (
    AdminOrderView,
    OrderLineView,
    OrderPaymentView,
    OrderShippingView,
    OrderView,
    PaymentView,
    TenderView,
)
from shop.domain.kernel.identifiers import (
    CartId,
    OrderId,
    OrderLineId,
    PaymentId,
    PlanId,
    ProductId,
    UserId,
    VariantId,
    uuid_in,
)
from shop.domain.kernel.money import Money
from shop.domain.orders import HOLDING_FLAGS, FulfilmentStatus, OrderFlag, OrderNotFound, OrderStatus, PaymentStatus
from shop.domain.payments import AttemptStatus

_PAYMENTS_OF = Statement(select(*PAYMENT_COLUMNS).where(any_of(payments.c.order_id, "ids")).order_by(payments.c.id))


class SqlOrderReader:
    """Answers about orders."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def order(self, order_id: OrderId) -> OrderWithOwner:
        row = await self._database.fetch_one(BUYERS_ORDER, order_id=order_id.uuid)
        if row is None:
            raise OrderNotFound(f"There is no order {order_id}.")
        owner = row["owner_id"]
        return OrderWithOwner(view=_view(row), owner_id=UserId(owner) if owner is not None else None)

    async def of_owner(self, owner_id: UserId, page: PageRequest) -> Page[OrderView]:
        shape, mark = window(OWNER_LISTING, page)
        rows = await self._database.fetch(owners_orders(shape), owner_id=owner_id.uuid, **mark)
        found = page_of(rows, page, shape.order)
        total = await total_of(page, self._database, OWNERS_ORDERS_TOTAL, owner_id=owner_id.uuid)
        data = [_view(row) for row in found.rows]
        return Page(data=data, next=found.next, previous=found.previous, total=total)

    async def all(
        self, which: OrderFilter, page: PageRequest, *, expand: frozenset[str] = frozenset()
    ) -> Page[AdminOrderView]:
        shape, mark = window(ORDER_LISTING, page)
        asked = _narrowing(which, self._database.dialect)
        if asked is None:
            return Page(data=[], total=0 if page.total else None)
        narrowing, values = asked
        rows = await self._database.fetch(orders_page(narrowing, shape, "lines" in expand), **values, **mark)
        found = page_of(rows, page, shape.order)
        total = await total_of(page, self._database, orders_total(narrowing), **values)
        paid = await self._payments(found.rows) if "payments" in expand else None
        data = [_admin_view(row, "lines" in expand, paid) for row in found.rows]
        return Page(data=data, next=found.next, previous=found.previous, total=total)

    async def one(self, order_id: OrderId) -> AdminOrderView:
        row = await self._database.fetch_one(STAFF_ORDER, order_id=order_id.uuid)
        if row is None:
            raise OrderNotFound(f"There is no order {order_id}.")
        return _admin_view(row, True, await self._payments([row]))

    async def _payments(self, rows: Sequence[Row]) -> Mapping[UUID, list[PaymentView]]:
        by_order: defaultdict[UUID, list[PaymentView]] = defaultdict(list)
        if rows:
            for payment in await self._database.fetch(_PAYMENTS_OF, ids=[row["id"] for row in rows]):
                by_order[payment["order_id"]].append(payment_view(payment))
        return by_order


def _narrowing(which: OrderFilter, dialect: str) -> tuple[OrderNarrowing, dict[str, Any]] | None:
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
    narrowing = OrderNarrowing(
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
        "tenders": [TenderView.of(tender) for tender in to_tenders(row["tenders"], currency)],
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
    flags = frozenset(OrderFlag(flag) for flag in row["flags"])
    return AdminOrderView(
        **_shared(row),
        customer_id=UserId(owner) if owner is not None else None,
        hold_reason=row["hold_reason"],
        flags=sorted(flags),
        fulfilment_on_hold=bool(flags & HOLDING_FLAGS),
        lines=_lines(row["lines"], row["currency"]) if lines else None,
        payments=payments_of.get(row["id"], []) if payments_of is not None else None,
    )


def _lines(documents: Iterable[Sequence[Any]], currency: str) -> list[OrderLineView]:
    """Lines as ORDER_COLUMNS gives them, by position."""
    return [
        OrderLineView(
            id=OrderLineId(uuid_in(line[1])),
            variant_id=VariantId(uuid_in(line[2])),
            product_id=ProductId(uuid_in(line[3])),
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
            plan_id=PlanId(uuid_in(line[19])) if line[19] else None,
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
        id=PaymentId(uuid_in(payment)),
        status=AttemptStatus(status),
        method=shown_method(method),
        next_action=to_next_action(next_action),
        client_secret=client_secret or None,
        failure_code=failure_code or None,
    )
