"""Figures about payments and what the provider pays out, as staff see them."""

from datetime import datetime
from typing import ClassVar

from attrs import frozen

from shop.application.ports.records import PayoutStatus
from shop.domain.kernel.money import Money


@frozen(kw_only=True, slots=False)
class DeclineCodeView:
    """A reason for which cards were declined, and how often."""

    code: str
    count: int


@frozen(kw_only=True, slots=False)
class PaymentStatisticsView:
    """What became of the payments begun in a window, in one currency.

    Rates are in basis points (9412 is 94.12 %), and null where nothing was tried. `success_rate_bp` is succeeded by
    attempts; `authorization_rate_bp` leaves out what was left unfinished; `order_success_rate_bp` counts an order once,
    however many cards were tried for it. `refunded`, `refunds` and `fees` are what the ledger has in the window.
    Disputes are those that the shop learnt of in the window: how many ended well or badly by now, and how many wait for
    evidence.
    """

    object: ClassVar[str] = "payment_statistics"
    since: datetime
    until: datetime
    currency: str
    attempts: int
    succeeded: int
    declined: int
    unfinished: int
    success_rate_bp: int | None
    authorization_rate_bp: int | None
    orders_attempted: int
    orders_paid: int
    order_success_rate_bp: int | None
    captured: Money
    refunded: Money
    refunds: int
    fees: Money
    disputes_opened: int
    disputes_won: int
    disputes_lost: int
    disputes_due: int
    disputed: Money
    decline_codes: list[DeclineCodeView]


@frozen(kw_only=True, slots=False)
class PayoutView:
    """What the provider sends to the shop's bank; `id` is its name there. `booked` says whether the ledger has it."""

    object: ClassVar[str] = "payout"
    id: str
    provider: str
    status: PayoutStatus
    amount: Money
    booked: bool
    failure_code: str | None
    arrives_at: datetime
    created_at: datetime
