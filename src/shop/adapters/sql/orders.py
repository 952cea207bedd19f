"""Orders in tables."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, bindparam, func, null, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from shop.adapters.sql.database import Row, Write
from shop.adapters.sql.documents import (
    from_address,
    from_shipping,
    from_tenders,
    to_address,
    to_shipping,
    to_tenders,
)
from shop.adapters.sql.gathering import ADDED, Gathered, Rank, Root
from shop.adapters.sql.schema import order_lines, orders
from shop.adapters.sql.schema.columns import word
from shop.adapters.sql.statements import POSTGRES, SQLITE, Statement, any_of, insert_into, json_rows
from shop.domain.kernel.identifiers import (
    CartId,
    OrderId,
    OrderLineId,
    PaymentSessionId,
    PlanId,
    ProductId,
    UserId,
    VariantId,
    uuid_in,
)
from shop.domain.kernel.money import Money
from shop.domain.orders import (
    FulfilmentStatus,
    Order,
    OrderFlag,
    OrderLine,
    OrderNotFound,
    OrderStatus,
    PaymentStatus,
)


class _NextNumber(FunctionElement[int]):
    """The number of a new order."""

    inherit_cache = False


@compiles(_NextNumber, POSTGRES)
def _from_sequence(element: _NextNumber, compiler: SQLCompiler, **options: Any) -> str:
    return "nextval('order_numbers')"


@compiles(_NextNumber, SQLITE)
def _one_more(element: _NextNumber, compiler: SQLCompiler, **options: Any) -> str:
    return "(SELECT coalesce(max(number), 1000) + 1 FROM orders)"


_FIXED = ("number", "cart_id", "payment_session_id", "currency", "placed_at", "prices_include_tax")
_ROOT = Root.of(orders, fixed=_FIXED, computed={"number": _NextNumber()})
_ADD_LINES = insert_into(order_lines)
_LINES = (
    select(
        json_rows(
            order_lines.c.position,
            order_lines.c.id,
            order_lines.c.variant_id,
            order_lines.c.product_id,
            order_lines.c.sku,
            order_lines.c.title,
            order_lines.c.variant_title,
            order_lines.c.quantity,
            order_lines.c.unit_price_minor,
            order_lines.c.subtotal_minor,
            order_lines.c.net_minor,
            order_lines.c.tax_minor,
            order_lines.c.total_minor,
            order_lines.c.tax_rate,
            order_lines.c.tax_name,
            order_lines.c.tax_rounding,
            order_lines.c.weight_grams,
            order_lines.c.requires_shipping,
            order_lines.c.tracked,
            order_lines.c.plan_id,
        )
    )
    .where(order_lines.c.order_id == orders.c.id)
    .scalar_subquery()
)
ORDER_COLUMNS: tuple[ColumnElement[Any], ...] = (*orders.columns, _LINES.label("lines"))
"""An order in one row: its own columns, and its lines as JSON. `order_of` reads it."""
_GET = Statement(select(*ORDER_COLUMNS).where(orders.c.id == bindparam("order_id")))
_OF_CART = Statement(select(*ORDER_COLUMNS).where(orders.c.cart_id == bindparam("of_cart")))
_OVERDUE = Statement(
    select(orders.c.id)
    .where(orders.c.status == OrderStatus.PENDING.value, orders.c.hold_expires_at <= bindparam("now"))
    .order_by(orders.c.hold_expires_at, orders.c.id)
    .limit(bindparam("most"))
)
_OF_GUEST = Statement(
    select(orders.c.id)
    .where(any_of(func.lower(orders.c.email, type_=word()), "emails"), orders.c.owner_id.is_(null()))
    .order_by(orders.c.id)
    .limit(bindparam("most"))
)


def _in_small(emails: Iterable[str]) -> list[str]:
    """As they are, too: a database knows the small letters of fewer languages."""
    return sorted({*emails, *(email.lower() for email in emails)})


def order_of(row: Row) -> Order:
    """The order in a row of ORDER_COLUMNS."""
    currency = row["currency"]
    owner = row["owner_id"]
    return Order(
        id=OrderId(row["id"]),
        number=row["number"],
        cart_id=CartId(row["cart_id"]),
        owner_id=UserId(owner) if owner is not None else None,
        payment_session_id=PaymentSessionId(row["payment_session_id"]),
        email=row["email"],
        currency=currency,
        lines=lines_of(row["lines"], currency),
        shipping=to_shipping(row["shipping"], currency),
        shipping_address=to_address(row["shipping_address"]),
        billing_address=to_address(row["billing_address"]),
        note=row["note"],
        prices_include_tax=row["prices_include_tax"],
        subtotal=Money(row["subtotal_minor"], currency),
        shipping_total=Money(row["shipping_total_minor"], currency),
        tax_total=Money(row["tax_total_minor"], currency),
        total=Money(row["total_minor"], currency),
        status=OrderStatus(row["status"]),
        payment_status=PaymentStatus(row["payment_status"]),
        fulfilment_status=FulfilmentStatus(row["fulfilment_status"]),
        hold_reason=row["hold_reason"],
        flags=frozenset(OrderFlag(flag) for flag in row["flags"]),
        cancel_reason=row["cancel_reason"],
        metadata=row["metadata"],
        placed_at=row["placed_at"],
        updated_at=row["updated_at"],
        hold_expires_at=row["hold_expires_at"],
        cancelled_at=row["cancelled_at"],
        tenders=to_tenders(row["tenders"], currency),
        version=row["version"],
    )


def lines_of(documents: Iterable[Sequence[Any]], currency: str) -> tuple[OrderLine, ...]:
    """The lines of an order, as ORDER_COLUMNS gives them."""
    return tuple(
        OrderLine(
            id=OrderLineId(uuid_in(line[1])),
            variant_id=VariantId(uuid_in(line[2])),
            product_id=ProductId(uuid_in(line[3])),
            sku=line[4],
            title=line[5],
            variant_title=line[6],
            quantity=line[7],
            unit_price=Money(line[8], currency),
            subtotal=Money(line[9], currency),
            net=Money(line[10], currency),
            tax=Money(line[11], currency),
            total=Money(line[12], currency),
            tax_rate=Decimal(line[13]),
            tax_name=line[14],
            tax_rounding=line[15],
            weight_grams=line[16],
            requires_shipping=bool(line[17]),
            tracked=bool(line[18]),
            plan_id=PlanId(uuid_in(line[19])) if line[19] else None,
        )
        for line in sorted(documents, key=lambda document: document[0])
    )


class SqlOrderRepository:
    """Orders, with lines that never change. The database gives the number when an order is first written."""

    def __init__(self, gathered: Gathered) -> None:
        self._gathered = gathered

    async def get(self, order_id: OrderId) -> Order:
        row = await self._gathered.database.fetch_one(_GET, order_id=order_id.uuid)
        if row is None:
            raise OrderNotFound(f"There is no order {order_id}.")
        return order_of(row)

    async def find_by_cart(self, cart_id: CartId) -> Order | None:
        row = await self._gathered.database.fetch_one(_OF_CART, of_cart=cart_id.uuid)
        return order_of(row) if row is not None else None

    async def of_guest(self, emails: Sequence[str], limit: int) -> list[OrderId]:
        rows = await self._gathered.database.fetch(_OF_GUEST, emails=_in_small(emails), most=limit)
        return [OrderId(row[0]) for row in rows]

    async def overdue(self, now: datetime, limit: int) -> list[OrderId]:
        rows = await self._gathered.database.fetch(_OVERDUE, now=now, most=limit)
        return [OrderId(row[0]) for row in rows]

    def save(self, order: Order) -> None:
        writes = [_ROOT.write(Rank.ORDER, _row(order), order.version)]
        if order.version == 0 and order.lines:
            writes.append(Write(_ADD_LINES, _line_rows(order), Rank.ORDER + ADDED))
        self._gathered.save(Rank.ORDER, order.id.uuid, order, writes)


def _row(order: Order) -> dict[str, Any]:
    return {
        "id": order.id.uuid,
        "cart_id": order.cart_id.uuid,
        "owner_id": order.owner_id.uuid if order.owner_id else None,
        "payment_session_id": order.payment_session_id.uuid,
        "email": order.email,
        "currency": order.currency,
        "shipping": from_shipping(order.shipping),
        "shipping_address": from_address(order.shipping_address),
        "billing_address": from_address(order.billing_address),
        "note": order.note,
        "prices_include_tax": order.prices_include_tax,
        "subtotal_minor": order.subtotal.minor,
        "shipping_total_minor": order.shipping_total.minor,
        "tax_total_minor": order.tax_total.minor,
        "total_minor": order.total.minor,
        "status": order.status,
        "payment_status": order.payment_status,
        "fulfilment_status": order.fulfilment_status,
        "hold_reason": order.hold_reason,
        "flags": sorted(order.flags),
        "cancel_reason": order.cancel_reason,
        "metadata": dict(order.metadata),
        "placed_at": order.placed_at,
        "updated_at": order.updated_at,
        "hold_expires_at": order.hold_expires_at,
        "cancelled_at": order.cancelled_at,
        "tenders": from_tenders(order.tenders),
    }


def _line_rows(order: Order) -> list[dict[str, Any]]:
    return [
        {
            "id": line.id.uuid,
            "order_id": order.id.uuid,
            "position": position,
            "variant_id": line.variant_id.uuid,
            "product_id": line.product_id.uuid,
            "sku": line.sku,
            "title": line.title,
            "variant_title": line.variant_title,
            "quantity": line.quantity,
            "unit_price_minor": line.unit_price.minor,
            "subtotal_minor": line.subtotal.minor,
            "net_minor": line.net.minor,
            "tax_minor": line.tax.minor,
            "total_minor": line.total.minor,
            "tax_rate": str(line.tax_rate),
            "tax_name": line.tax_name,
            "tax_rounding": line.tax_rounding,
            "weight_grams": line.weight_grams,
            "requires_shipping": line.requires_shipping,
            "tracked": line.tracked,
            "plan_id": line.plan_id.uuid if line.plan_id is not None else None,
        }
        for position, line in enumerate(order.lines)
    ]
