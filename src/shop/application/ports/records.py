"""What a payment provider has on record, for comparing its books with ours.

Promises every provider keeps that has such lists (`shop.adapters.contracts.payments` proves them):

- A list holds everything that was created from `since` up to but not including `until`, in pages of at most `limit`;
  `next` of a page leads on, and is empty after the last. Nothing stands on two pages, nothing that was there before
  the first page was asked for is left out.
- What stands in a list is how it is at that moment, with the same meaning as in an answer to `fetch`.
"""

from datetime import datetime
from enum import StrEnum
from typing import Generic, Protocol, TypeVar, runtime_checkable

from attrs import frozen

from shop.application.ports.payments import ProviderNews
from shop.domain.kernel.money import Money
from shop.domain.payments import IntentState

LISTED_MAX = 100
T = TypeVar("T")


@frozen(kw_only=True)
class Listed(Generic[T]):
    """A page of a provider's list. `next` is to be passed as `after`; empty when there is no more."""

    data: list[T]
    next: str = ""


@frozen(kw_only=True)
class ListedIntent:
    """An intent, when it was made, and the order that it was made for if the provider was told."""

    state: IntentState
    created_at: datetime
    order_hint: str = ""


@frozen(kw_only=True)
class ListedNews:
    """A message that the shop should have been sent. It was asked for over our own line, so it needs no signature."""

    news: ProviderNews
    created_at: datetime


class TransactionKind(StrEnum):
    """What moved the money that a provider holds for the shop."""

    CHARGE = "charge"
    REFUND = "refund"
    REFUND_REVERSAL = "refund_reversal"
    """A refund that could not be delivered came back."""
    DISPUTE = "dispute"
    FEE = "fee"
    """For the account as a whole, and for no payment."""
    PAYOUT = "payout"
    PAYOUT_REVERSAL = "payout_reversal"
    """A payout that the bank did not take, or that was called off, came back."""
    OTHER = "other"


@frozen(kw_only=True)
class BalanceTransaction:
    """One movement of the money that a provider holds for the shop; it never changes.

    `amount` is what came (below zero: went) before the fee, `fee` what the provider keeps of it, both in the currency
    that the shop is paid out in, which need not be the payment's. `source_ref` names the charge, refund or payout,
    `intent_ref` the intent that it belongs to, if any.
    """

    ref: str
    kind: TransactionKind
    amount: Money
    fee: Money
    source_ref: str = ""
    intent_ref: str = ""
    created_at: datetime

    @property
    def net(self) -> Money:
        """By how much the provider holds more for the shop than before."""
        return self.amount - self.fee

    @property
    def whole_fee(self) -> Money:
        """All that it cost: a fee for the account is a movement of its own."""
        return self.fee - self.amount if self.kind is TransactionKind.FEE else self.fee


class PayoutStatus(StrEnum):
    PENDING = "pending"
    IN_TRANSIT = "in_transit"
    PAID = "paid"
    FAILED = "failed"
    CANCELLED = "cancelled"


@frozen(kw_only=True)
class Payout:
    """What a provider sends to the shop's bank. `transaction_ref` is the movement by which it left the provider, and
    is empty until it did."""

    ref: str
    status: PayoutStatus
    amount: Money
    transaction_ref: str = ""
    failure_code: str = ""
    arrives_at: datetime
    created_at: datetime


@runtime_checkable
class ProviderRecords(Protocol):
    """Lists what a provider has. Raises PaymentProviderUnavailable; a gateway need not offer it."""

    provider: str

    async def list_intents(
        self, since: datetime, until: datetime, *, after: str = "", limit: int = LISTED_MAX
    ) -> Listed[ListedIntent]:
        """Every intent, whoever made it: also what somebody charged in the provider's dashboard."""

    async def list_news(
        self, since: datetime, until: datetime, *, after: str = "", limit: int = LISTED_MAX
    ) -> Listed[ListedNews]:
        """Messages about payments. Providers forget them after a while (Stripe: 30 days)."""


@runtime_checkable
class ProviderBalance(Protocol):
    """Lists what moved the money that a provider holds for the shop. Raises PaymentProviderUnavailable; a gateway need
    not offer it: then fees and payouts are not booked."""

    provider: str

    async def list_transactions(
        self, since: datetime, until: datetime, *, after: str = "", limit: int = LISTED_MAX
    ) -> Listed[BalanceTransaction]:
        """Every movement, whatever it was for."""

    async def find_transaction(self, ref: str) -> BalanceTransaction | None:
        """The movement of this name."""

    async def list_payouts(
        self, since: datetime, until: datetime, *, after: str = "", limit: int = LISTED_MAX
    ) -> Listed[Payout]:
        """Every payout as it stands now."""

    async def list_paid_out(
        self, payout_ref: str, *, after: str = "", limit: int = LISTED_MAX
    ) -> Listed[BalanceTransaction]:
        """The movements that a payout consists of, without the one by which it left. None where the provider cannot
        say: of a payout that somebody asked for by hand."""
