"""Answers for reconciliation, from memory. Each is read in one step, in which nothing else happens."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice
from uuid import UUID

from attrs import evolve

from shop.adapters.memory.tables import Tables
from shop.application.ports.reconciliation import (
    KEPT_AND_PAID_OUT,
    MOVEMENTS,
    BookedMovement,
    BookedSale,
    BookedSum,
    Place,
    StockSums,
)
from shop.domain.inventory import LIVE
from shop.domain.kernel.money import Money
from shop.domain.ledger import EntryKind, clearing
from shop.domain.payments import Payment

OF_SALES = frozenset({"capture", "refund", "refund_reversal"})


class MemoryReconciliationReader:
    """Answers for reconciliation."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def sales(
        self, provider: str, since: datetime, until: datetime, after: BookedSale | None, limit: int
    ) -> list[BookedSale]:
        begun = [
            payment
            for payment in self._tables.payments.values()
            if payment.provider == provider
            and since <= payment.created_at < until
            and (after is None or payment.created_at >= after.created_at)
        ]
        begun.sort(key=lambda payment: (payment.created_at, payment.id.uuid))
        found = (sale for payment in begun for sale in sorted(self._of(payment), key=_order))
        return list(islice((sale for sale in found if after is None or _order(sale) > _order(after)), limit))

    async def sales_of(self, provider: str, refs: Sequence[str]) -> list[BookedSale]:
        ids = {self._tables.payment_by_ref.get((provider, ref)) for ref in refs}
        payments = [self._tables.payments[payment_id] for payment_id in ids if payment_id is not None]
        return [sale for payment in payments for sale in self._of(payment) if sale.provider_ref in set(refs)]

    async def known_news(self, provider: str, event_refs: Sequence[str]) -> set[str]:
        return {ref for ref in event_refs if (provider, ref) in self._tables.inbox_by_ref}

    async def booked(self, provider: str, refs: Sequence[str]) -> list[BookedSum]:
        sums: defaultdict[tuple[str, EntryKind, str, str], int] = defaultdict(int)
        for ref in set(refs):
            for order_id in set(self._tables.booked_for.get((provider, ref), ())):
                for entry in self._tables.entries_by_order.get(order_id, ()):
                    if (entry.provider, entry.provider_ref) == (provider, ref):
                        for posting in entry.postings:
                            sums[ref, entry.kind, posting.account, posting.amount.currency] += posting.amount.minor
        return [
            BookedSum(provider_ref=ref, kind=kind, account=account, amount=Money(minor, currency))
            for (ref, kind, account, currency), minor in sums.items()
        ]

    async def movements(
        self, provider: str, since: datetime, until: datetime, after: BookedMovement | None, limit: int
    ) -> list[BookedMovement]:
        found = [
            BookedMovement(id=entry.id, at=entry.at, kind=entry.kind, provider_ref=entry.provider_ref)
            for entries in self._tables.entries_by_order.values()
            for entry in entries
            if entry.kind in MOVEMENTS and entry.provider == provider and since <= entry.at < until
        ]
        found.sort(key=_when)
        return [one for one in found if after is None or _when(one) > _when(after)][:limit]

    async def balance_booked_until(self, provider: str) -> datetime | None:
        entries = [one for some in self._tables.entries_by_order.values() for one in some if one.provider == provider]
        booked = max((entry.at for entry in entries if entry.kind in KEPT_AND_PAID_OUT), default=None)
        return booked or min((entry.at for entry in entries if entry.kind is EntryKind.CAPTURE), default=None)

    async def stock(self, after: Place | None, limit: int) -> list[StockSums]:
        places = sorted(self._tables.levels, key=_number)
        places = [place for place in places if after is None or _number(place) > _number(after)][:limit]
        on_hand: defaultdict[Place, int] = defaultdict(int)
        reserved: defaultdict[Place, int] = defaultdict(int)
        held: defaultdict[Place, int] = defaultdict(int)
        for movement in self._tables.movements:
            on_hand[movement.variant_id, movement.location_id] += movement.on_hand
            reserved[movement.variant_id, movement.location_id] += movement.reserved
        for reservation in self._tables.reservations.values():
            if reservation.state in LIVE:
                held[reservation.variant_id, reservation.location_id] += reservation.quantity
        levels = [(place, self._tables.levels[place]) for place in places]
        return [
            StockSums(
                variant_id=place[0],
                location_id=place[1],
                on_hand=level.on_hand,
                reserved=level.reserved,
                moved_on_hand=on_hand[place],
                moved_reserved=reserved[place],
                held=held[place],
                version=level.version,
            )
            for place, level in levels
        ]

    async def restore_level(self, sums: StockSums) -> bool:
        level = self._tables.levels.get(sums.place)
        if level is None or level.version != sums.version:
            return False
        self._tables.levels[sums.place] = evolve(
            level, on_hand=sums.moved_on_hand, reserved=sums.moved_reserved, version=level.version + 1
        )
        return True

    def _of(self, payment: Payment) -> Iterator[BookedSale]:
        order = self._tables.orders.get(payment.order_id)
        if order is None:
            return
        cleared = unbalanced = 0
        for entry in self._tables.entries_by_order.get(payment.order_id, ()):
            if entry.payment_id != payment.id:
                continue
            for posting in entry.postings:
                unbalanced += posting.amount.minor
                here = posting.account == clearing(payment.provider)
                if here and entry.kind in OF_SALES and posting.amount.currency == payment.captured.currency:
                    cleared += posting.amount.minor
        for attempt in payment.attempts:
            if attempt.provider_ref:
                yield BookedSale(
                    provider_ref=attempt.provider_ref,
                    method=attempt.method,
                    status=attempt.status,
                    payment_id=payment.id,
                    order_id=payment.order_id,
                    order_number=order.number,
                    captured=payment.captured,
                    refunded=payment.refunded,
                    cleared=cleared,
                    unbalanced=unbalanced,
                    created_at=payment.created_at,
                    updated_at=payment.updated_at,
                )


def _order(sale: BookedSale) -> tuple[datetime, UUID, str]:
    return sale.created_at, sale.payment_id.uuid, sale.provider_ref


def _when(movement: BookedMovement) -> tuple[datetime, UUID]:
    return movement.at, movement.id.uuid


def _number(place: Place) -> tuple[UUID, UUID]:
    return place[0].uuid, place[1].uuid
