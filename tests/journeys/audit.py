"""The books of a shop, checked in its database by plain SQL: what must be true whoever wrote, and however it ended.

Nothing of the shop's own code takes part in it but the names of ids.
"""

import sqlite3
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import asyncpg

from shop.domain.kernel.identifiers import OrderId

# Each finds the rows that break a rule.
RULES = {
    "I1: more is promised than there is": (
        "SELECT variant_id, on_hand, reserved FROM stock_levels"
        " WHERE on_hand < 0 OR reserved < 0 OR reserved > on_hand + backorder_limit"
    ),
    "I2, I3: a level is not the sum of its movements": (
        "SELECT l.variant_id, l.on_hand, l.reserved, m.on_hand, m.reserved FROM stock_levels l LEFT JOIN"
        " (SELECT variant_id, location_id, sum(on_hand) AS on_hand, sum(reserved) AS reserved"
        " FROM stock_movements GROUP BY variant_id, location_id) m"
        " ON m.variant_id = l.variant_id AND m.location_id = l.location_id"
        " WHERE l.on_hand <> coalesce(m.on_hand, 0) OR l.reserved <> coalesce(m.reserved, 0)"
    ),
    "I3: what is reserved is not the sum of live reservations": (
        "SELECT l.variant_id, l.reserved, r.held FROM stock_levels l LEFT JOIN"
        " (SELECT variant_id, location_id, sum(quantity) AS held FROM reservations"
        " WHERE state IN ('held', 'allocated') GROUP BY variant_id, location_id) r"
        " ON r.variant_id = l.variant_id AND r.location_id = l.location_id"
        " WHERE l.reserved <> coalesce(r.held, 0)"
    ),
    "I3: an order holds another quantity than it sells": (
        "SELECT o.id, o.status, l.sold, r.held, r.let_go FROM orders o JOIN"
        " (SELECT order_id, sum(quantity) AS sold FROM order_lines WHERE tracked GROUP BY order_id) l"
        " ON l.order_id = o.id LEFT JOIN"
        " (SELECT order_id, sum(CASE WHEN state = 'released' THEN 0 ELSE quantity END) AS held,"
        " sum(CASE WHEN state = 'released' THEN quantity ELSE 0 END) AS let_go FROM reservations GROUP BY order_id) r"
        " ON r.order_id = o.id"
        # What was let go of while a bank decided may have been taken anew, once.
        " WHERE coalesce(r.held, 0) <> CASE WHEN o.status = 'cancelled' THEN 0"
        " WHEN o.status IN ('pending', 'on_hold') AND r.let_go = l.sold THEN r.held ELSE l.sold END"
        " OR coalesce(r.held, 0) NOT IN (0, l.sold) OR coalesce(r.let_go, 0) NOT IN (0, l.sold, 2 * l.sold)"
        " OR coalesce(r.held, 0) + coalesce(r.let_go, 0) NOT IN (l.sold, 2 * l.sold)"
    ),
    "I4: a cart was ordered twice": "SELECT cart_id FROM orders GROUP BY cart_id HAVING count(*) > 1",
    "I4: a cart is ordered without an order": (
        "SELECT c.id FROM carts c LEFT JOIN orders o ON o.cart_id = c.id"
        " WHERE (c.status = 'ordered') <> (o.id IS NOT NULL)"
    ),
    "I4: a line that comes by a plan is not one subscription": (
        "SELECT l.id FROM order_lines l LEFT JOIN subscriptions s ON s.order_id = l.order_id AND s.order_line_id = l.id"
        " WHERE l.plan_id IS NOT NULL GROUP BY l.id HAVING count(s.id) <> 1"
    ),
    "I7: an order has another number of payments than one": (
        "SELECT o.id FROM orders o LEFT JOIN payments p ON p.order_id = o.id"
        " GROUP BY o.id, o.total_minor HAVING o.total_minor > 0 AND count(p.id) <> 1"
    ),
    "I7: the books do not add up to nothing": (
        "SELECT entry_id, currency FROM ledger_postings GROUP BY entry_id, currency HAVING sum(amount_minor) <> 0"
    ),
    "I7: the books say another sum than the payment": (
        "SELECT p.id, p.captured_minor, p.refunded_minor, b.held FROM payments p LEFT JOIN"
        " (SELECT e.payment_id, sum(o.amount_minor) AS held FROM ledger_entries e"
        " JOIN ledger_postings o ON o.entry_id = e.id WHERE o.account LIKE 'clearing:%'"
        " AND e.kind IN ('capture', 'refund', 'refund_reversal') GROUP BY e.payment_id) b"
        " ON b.payment_id = p.id WHERE p.captured_minor - p.refunded_minor <> coalesce(b.held, 0)"
    ),
    "I7: money was captured twice": (
        "SELECT payment_id FROM ledger_entries WHERE kind = 'capture' GROUP BY payment_id HAVING count(*) > 1"
    ),
    "I7: the fee of a dispute was booked a second time": (
        "SELECT provider, provider_ref FROM ledger_entries WHERE kind IN ('fee', 'dispute', 'dispute_reversal')"
        " GROUP BY provider, provider_ref HAVING count(*) > 1"
    ),
    "I7: no bank is deciding, and money is still disputed": (
        "SELECT e.payment_id, sum(p.amount_minor) FROM ledger_entries e JOIN ledger_postings p ON p.entry_id = e.id"
        " WHERE p.account = 'disputes' AND NOT EXISTS (SELECT 1 FROM disputes d WHERE d.payment_id = e.payment_id"
        " AND d.status IN ('needs_response', 'under_review')) GROUP BY e.payment_id HAVING sum(p.amount_minor) <> 0"
    ),
    "I8: an order, its payment and its disputes say different things": (
        "SELECT o.id, o.payment_status, p.disputed, d.contested, d.lost, d.open FROM orders o"
        " JOIN payments p ON p.order_id = o.id LEFT JOIN (SELECT payment_id,"
        " max(CASE WHEN status IN ('needs_response', 'under_review') THEN 1 ELSE 0 END) AS contested,"
        " max(CASE WHEN status = 'lost' THEN 1 ELSE 0 END) AS lost,"
        " max(CASE WHEN status IN ('needs_response', 'under_review', 'warning_needs_response', 'warning_under_review')"
        " THEN 1 ELSE 0 END) AS open FROM disputes GROUP BY payment_id) d ON d.payment_id = p.id"
        " WHERE (CASE WHEN p.disputed THEN 1 ELSE 0 END) <> coalesce(d.open, 0)"
        " OR (o.payment_status = 'disputed_lost') <> (coalesce(d.lost, 0) = 1)"
        " OR (o.payment_status = 'disputed') <> (coalesce(d.contested, 0) = 1 AND coalesce(d.lost, 0) = 0)"
    ),
    "I6: an order is paid with another sum than its own": (
        "SELECT o.id FROM orders o JOIN payments p ON p.order_id = o.id"
        " WHERE o.payment_status = 'paid' AND p.captured_minor <> o.total_minor AND o.tenders IS NULL"
        " AND p.captured_minor <> coalesce(p.capture_due_minor, o.total_minor)"
    ),
    "I5: something was said twice that happens once": (
        "SELECT subject, type FROM events WHERE type IN ('order.created', 'order.confirmed', 'order.cancelled')"
        " GROUP BY subject, type HAVING count(*) > 1"
    ),
}


class Rows:
    """A database that is read, and sometimes written, by plain SQL."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def all(self, statement: str) -> Sequence[Sequence[Any]]:
        if self._url.startswith("sqlite:///"):
            connection = sqlite3.connect(self._url.removeprefix("sqlite:///"), timeout=10, isolation_level=None)
            try:
                return connection.execute(statement).fetchall()
            finally:
                connection.close()
        server = await asyncpg.connect(self._url)
        try:
            return [tuple(row) for row in await server.fetch(statement)]
        finally:
            await server.close()

    async def run(self, statement: str) -> None:
        """Carries out a statement that answers nothing."""
        await self.all(statement)

    async def one(self, statement: str) -> Any:
        """The first value of the first row."""
        return (await self.all(statement))[0][0]


async def audit(url: str) -> None:
    """Fails with the rows of the first rule that is broken."""
    rows = Rows(url)
    for rule, statement in RULES.items():
        found = await rows.all(statement)
        assert not found, f"{rule}: {[tuple(row) for row in found[:3]]}"
    placed = {str(OrderId(uuid_of(row[0]))) for row in await rows.all("SELECT id FROM orders")}
    told = {row[0] for row in await rows.all("SELECT subject FROM events WHERE type = 'order.created'")}
    assert placed == told, "I10: the orders and the events that tell of them differ"


def uuid_of(value: UUID | bytes) -> UUID:
    """The id in a row of either database."""
    return UUID(bytes=value) if isinstance(value, bytes) else UUID(str(value))
