"""Orders in memory."""

from collections.abc import Sequence
from datetime import datetime

from shop.adapters.memory.copies import copied
from shop.adapters.memory.tables import Journal, Tables
from shop.adapters.memory.writes import Rank, Writes, check_version
from shop.domain.kernel.identifiers import CartId, OrderId
from shop.domain.orders import CartAlreadyOrdered, Order, OrderNotFound, OrderStatus


class MemoryOrderRepository:
    """Orders by id and by cart, numbered when they are first saved."""

    def __init__(self, tables: Tables, writes: Writes) -> None:
        self._tables = tables
        self._writes = writes

    async def get(self, order_id: OrderId) -> Order:
        return copied(order_of(self._tables, order_id))

    async def find_by_cart(self, cart_id: CartId) -> Order | None:
        order_id = self._tables.order_by_cart.get(cart_id)
        return copied(self._tables.orders[order_id]) if order_id is not None else None

    async def of_guest(self, emails: Sequence[str], limit: int) -> list[OrderId]:
        orders, wanted = self._tables.orders.values(), {email.lower() for email in emails}
        return sorted(order.id for order in orders if order.owner_id is None and order.email.lower() in wanted)[:limit]

    async def overdue(self, now: datetime, limit: int) -> list[OrderId]:
        overdue = [
            (order.hold_expires_at, order.id)
            for order in self._tables.orders.values()
            if order.status is OrderStatus.PENDING
            and order.hold_expires_at is not None
            and order.hold_expires_at <= now
        ]
        return [order_id for _, order_id in sorted(overdue)[:limit]]

    def save(self, order: Order) -> None:
        def put(twin: Order, journal: Journal) -> None:
            self._put(twin, journal)
            self._writes.after(lambda: setattr(order, "number", twin.number))

        self._writes.save(Rank.ORDER, order, order.id, put)

    def _put(self, order: Order, journal: Journal) -> None:
        tables = self._tables
        before = tables.orders.get(order.id)
        check_version(order, before)
        if before is None:
            if order.cart_id in tables.order_by_cart:
                raise CartAlreadyOrdered
            order.number = tables.next_order_number
            journal.assign(tables, "next_order_number", order.number + 1)
            journal.put(tables.order_by_cart, order.cart_id, order.id)
        journal.put(tables.orders, order.id, order)


def order_of(tables: Tables, order_id: OrderId) -> Order:
    """What is stored, not a copy. Raises OrderNotFound."""
    try:
        return tables.orders[order_id]
    except KeyError:
        raise OrderNotFound(f"There is no order {order_id}.") from None
