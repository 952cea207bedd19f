"""Adding up what has to agree: levels with movements, reservations with levels, ledger with payments.

The shop goes on selling meanwhile, so what seems to differ is looked at a second time before it is told.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import TypeVar

from attrs import frozen

from shop.application.ports.paging import Page, PageRequest
from shop.application.ports.views import AdminOrderView
from shop.application.queries.inventory import GetStockLevels, GetStockMovements
from shop.application.queries.orders import GetAllOrders
from shop.application.shop import Shop
from shop.domain.inventory import LIVE
from shop.domain.kernel.identifiers import LocationId, VariantId
from shop.domain.ledger import OF_SALES, EntryKind, LedgerEntry
from shop.domain.orders import OrderStatus

V = TypeVar("V")
Place = tuple[VariantId, LocationId]
PAGE = 100
_OF_DISPUTES = frozenset({EntryKind.DISPUTE, EntryKind.DISPUTE_REVERSAL})


@frozen
class Mismatch:
    """Two figures that have to be equal and are not."""

    of: str
    expected: int
    found: int

    def __str__(self) -> str:
        return f"{self.of} is {self.found} and should be {self.expected}"


async def stock_mismatches(shop: Shop) -> list[Mismatch]:
    """Levels that are not the sum of their movements."""
    return await _twice(lambda: _stock(shop))


async def reservation_mismatches(shop: Shop) -> list[Mismatch]:
    """Levels whose reserved units are not those that orders hold."""
    return await _twice(lambda: _reservations(shop))


async def ledger_mismatches(shop: Shop) -> list[Mismatch]:
    """Orders whose books do not balance, or do not say what their payment says."""
    return await _twice(lambda: _ledger(shop))


async def _twice(look: Callable[[], Awaitable[list[Mismatch]]]) -> list[Mismatch]:
    first = await look()
    if not first:
        return []
    again = {mismatch.of for mismatch in await look()}
    return [mismatch for mismatch in first if mismatch.of in again]


async def _stock(shop: Shop) -> list[Mismatch]:
    on_hand: defaultdict[Place, int] = defaultdict(int)
    reserved: defaultdict[Place, int] = defaultdict(int)
    async for movement in _all(lambda page: shop.ask(GetStockMovements(page=page))):
        on_hand[movement.variant_id, movement.location_id] += movement.on_hand
        reserved[movement.variant_id, movement.location_id] += movement.reserved
    mismatches: list[Mismatch] = []
    async for level in _all(lambda page: shop.ask(GetStockLevels(page=page))):
        place = (level.variant_id, level.location_id)
        name = f"{level.sku or level.variant_id} at {level.location_name}"
        if on_hand[place] != level.on_hand:
            mismatches.append(Mismatch(f"on hand of {name}", on_hand[place], level.on_hand))
        if reserved[place] != level.reserved:
            mismatches.append(Mismatch(f"reserved of {name}", reserved[place], level.reserved))
    return mismatches


async def _reservations(shop: Shop) -> list[Mismatch]:
    held: defaultdict[Place, int] = defaultdict(int)
    async for order in _orders(shop):
        # A cancelled order is looked at too: it may not hold anything.
        async with shop.ports.storage.uow(shop.context()) as tx:
            for reservation in await tx.stock.reservations(order.id):
                if reservation.state in LIVE:
                    held[reservation.variant_id, reservation.location_id] += reservation.quantity
                    if order.status is OrderStatus.CANCELLED:
                        return [Mismatch(f"units held by the cancelled order {order.number}", 0, reservation.quantity)]
    return [
        Mismatch(
            f"reserved of {level.sku or level.variant_id}", held[level.variant_id, level.location_id], level.reserved
        )
        async for level in _all(lambda page: shop.ask(GetStockLevels(page=page)))
        if held[level.variant_id, level.location_id] != level.reserved
    ]


async def _ledger(shop: Shop) -> list[Mismatch]:
    mismatches: list[Mismatch] = []
    async for order in _orders(shop, frozenset({"payments"})):
        async with shop.ports.storage.uow(shop.context()) as tx:
            entries = await tx.ledger.of_order(order.id)
            disputes = [d for payment in order.payments or () for d in await tx.disputes.of_payment(payment.id)]
        sums = [sum(posting.amount.minor for posting in entry.postings) for entry in entries]
        mismatches += [Mismatch(f"an entry of order {order.number}", 0, total) for total in sums if total]
        cleared = _cleared(entries, OF_SALES)
        kept = sum(payment.captured.minor - payment.refunded.minor for payment in order.payments or ())
        if cleared != kept:
            mismatches.append(Mismatch(f"the provider's account for order {order.number}", kept, cleared))
        taken = sum(move.taken.minor + move.fee.minor for dispute in disputes for move in dispute.moves)
        if (disputed := -_cleared(entries, _OF_DISPUTES)) != taken:
            mismatches.append(Mismatch(f"what banks took of order {order.number}", taken, disputed))
    return mismatches


def _cleared(entries: Iterable[LedgerEntry], kinds: frozenset[EntryKind]) -> int:
    """What entries of these kinds left on the providers' accounts."""
    postings = [posting for entry in entries if entry.kind in kinds for posting in entry.postings]
    return sum(posting.amount.minor for posting in postings if posting.account.startswith("clearing:"))


async def _orders(shop: Shop, expand: frozenset[str] = frozenset()) -> AsyncIterator[AdminOrderView]:
    async for order in _all(lambda page: shop.ask(GetAllOrders(page=page, expand=expand))):
        yield order


async def _all(ask: Callable[[PageRequest], Awaitable[Page[V]]]) -> AsyncIterator[V]:
    """Every entry of a list, page by page."""
    after: str | None = None
    while True:
        page = await ask(PageRequest(limit=PAGE, after=after))
        for entry in page.data:
            yield entry
        if page.next is None:
            return
        after = page.next
