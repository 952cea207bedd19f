"""Figures about the shop as a whole, in one currency at a time: money of two is never added."""

from datetime import datetime
from typing import Protocol

from attrs import frozen

from shop.domain.kernel.money import Money

DECLINE_CODES_MAX = 50


@frozen(kw_only=True)
class PaymentFigures:
    """What became of the payments begun in a window, and what the ledger says of it.

    A try is a card that was declined, one that was accepted, or an attempt that was left before it came to either.
    An order that tenders pay whole tried nothing.
    `captured` is what was taken of those payments by now. Refunds and fees are those that the ledger has in the window,
    whenever their payments were begun: `refunded` without what came back, `refunds` without those that did. Disputes
    are those that the shop learnt of in the window, as they stand now; `disputed` is what they are about.
    """

    succeeded: int
    declined: int
    unfinished: int
    orders_attempted: int
    orders_paid: int
    captured: Money
    refunded: Money
    refunds: int
    fees: Money
    disputes_opened: int
    disputes_won: int
    disputes_lost: int
    disputes_due: int
    disputed: Money
    decline_codes: list[tuple[str, int]]


class AnalyticsReader(Protocol):
    """Answers for analytics."""

    async def payments(self, currency: str, since: datetime, until: datetime) -> PaymentFigures:
        """From `since` up to but not including `until`. `decline_codes` are the 50 most frequent, each with how often,
        the most frequent first, then by code."""
