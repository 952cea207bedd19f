"""What storage tells for comparing: payments beside their books, levels beside what explains them.

Each answer is read by one statement, so the figures in it are of one moment and may be compared with each other.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from attrs import frozen

from shop.domain.kernel.identifiers import LedgerEntryId, LocationId, OrderId, PaymentId, VariantId
from shop.domain.kernel.money import Money
from shop.domain.ledger import EntryKind
from shop.domain.payments import AttemptStatus

Place = tuple[VariantId, LocationId]


@frozen(kw_only=True)
class BookedSale:
    """An attempt that the provider knows, with its payment, its order and the sums of its entries in the ledger.

    `cleared` is what captures and refunds left on the provider's account by our books, in minor units of the currency
    of `captured`; `unbalanced` is the sum of all postings about the payment, which must be nothing.
    """

    provider_ref: str
    method: str
    status: AttemptStatus
    payment_id: PaymentId
    order_id: OrderId
    order_number: int | None
    captured: Money
    refunded: Money
    cleared: int
    unbalanced: int
    created_at: datetime
    updated_at: datetime


@frozen(kw_only=True)
class StockSums:
    """A level, what its movements come to, and what live reservations hold of it."""

    variant_id: VariantId
    location_id: LocationId
    on_hand: int
    reserved: int
    moved_on_hand: int
    moved_reserved: int
    held: int
    version: int

    @property
    def place(self) -> Place:
        return self.variant_id, self.location_id


@frozen(kw_only=True)
class BookedSum:
    """What entries of one kind and name come to on one account; a debit is positive, a credit negative."""

    provider_ref: str
    kind: EntryKind
    account: str
    amount: Money


@frozen(kw_only=True)
class BookedMovement:
    """An entry named after a movement at the provider: a fee, a payout, what a dispute took, their coming back."""

    id: LedgerEntryId
    at: datetime
    kind: EntryKind
    provider_ref: str


MOVEMENTS = (
    EntryKind.FEE,
    EntryKind.PAYOUT,
    EntryKind.PAYOUT_REVERSAL,
    EntryKind.DISPUTE,
    EntryKind.DISPUTE_REVERSAL,
)
KEPT_AND_PAID_OUT = (EntryKind.FEE, EntryKind.PAYOUT, EntryKind.PAYOUT_REVERSAL)
"""What is booked by the provider's list of movements alone: no message tells of it."""


class ReconciliationReader(Protocol):
    """Answers for reconciliation."""

    async def sales(
        self, provider: str, since: datetime, until: datetime, after: BookedSale | None, limit: int
    ) -> list[BookedSale]:
        """Those whose payment was begun from `since` up to but not including `until`, in order of time, payment and
        name, from behind `after`. Payments that no longer have an order, and attempts of which the provider has not
        heard, are left out."""

    async def sales_of(self, provider: str, refs: Sequence[str]) -> list[BookedSale]:
        """Those of these names at the provider, in no particular order."""

    async def known_news(self, provider: str, event_refs: Sequence[str]) -> set[str]:
        """Which of these messages have come."""

    async def booked(self, provider: str, refs: Sequence[str]) -> list[BookedSum]:
        """What the ledger has under these names, in no particular order."""

    async def movements(
        self, provider: str, since: datetime, until: datetime, after: BookedMovement | None, limit: int
    ) -> list[BookedMovement]:
        """Entries of the kinds in MOVEMENTS of that time, in order of time and id, from behind `after`."""

    async def balance_booked_until(self, provider: str) -> datetime | None:
        """When the latest movement was of those in KEPT_AND_PAID_OUT that the ledger has; where it has none, when it
        first took money. None where it never did."""

    async def stock(self, after: Place | None, limit: int) -> list[StockSums]:
        """Levels in order of variant and location, from behind `after`."""

    async def restore_level(self, sums: StockSums) -> bool:
        """Sets a level to what its movements come to. False, and nothing happens, when it changed since."""
