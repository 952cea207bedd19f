"""How far a try at paying has come, and what the provider says of it at one moment."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from attrs import field, frozen

from shop.domain.kernel.money import Money, total
from shop.domain.payments.refund_states import RefundState, RefundStatus


class AttemptStatus(StrEnum):
    """How far one try at paying has come. NEW: the provider may not have heard of it yet."""

    NEW = "new"
    REQUIRES_ACTION = "requires_action"
    PROCESSING = "processing"
    FAILED = "failed"
    AUTHORIZED = "authorized"
    CAPTURED = "captured"
    CANCELLED = "cancelled"


# FAILED is not the end of an intent: providers let the shopper try another card on the same one. So until it is
# authorised an attempt is where the provider last saw it; from then on it only moves forward.
ATTEMPT_ARROWS: Mapping[AttemptStatus, frozenset[AttemptStatus]] = {
    AttemptStatus.NEW: frozenset(AttemptStatus) - {AttemptStatus.NEW},
    AttemptStatus.REQUIRES_ACTION: frozenset(AttemptStatus) - {AttemptStatus.NEW, AttemptStatus.REQUIRES_ACTION},
    AttemptStatus.PROCESSING: frozenset(
        {
            AttemptStatus.REQUIRES_ACTION,
            AttemptStatus.FAILED,
            AttemptStatus.AUTHORIZED,
            AttemptStatus.CAPTURED,
            AttemptStatus.CANCELLED,
        }
    ),
    AttemptStatus.FAILED: frozenset(
        {
            AttemptStatus.REQUIRES_ACTION,
            AttemptStatus.PROCESSING,
            AttemptStatus.AUTHORIZED,
            AttemptStatus.CAPTURED,
            AttemptStatus.CANCELLED,
        }
    ),
    AttemptStatus.AUTHORIZED: frozenset({AttemptStatus.CAPTURED, AttemptStatus.CANCELLED}),
    AttemptStatus.CAPTURED: frozenset(),
    AttemptStatus.CANCELLED: frozenset(),
}
AUTHORIZATION_EXPIRED = "authorization_expired"
"""The failure code of an attempt whose authorisation lapsed before anybody captured it."""
# An order has at most one attempt in these states, by a unique index.
LIVE_ATTEMPTS = frozenset(AttemptStatus) - {AttemptStatus.CANCELLED}


@frozen(kw_only=True)
class NextAction:
    """What the shopper must do. `kind` is `redirect` (go to `url`) or `confirm_in_browser` (with the secret)."""

    kind: str
    url: str = ""


@frozen(kw_only=True)
class IntentState:
    """What the provider says of an intent at this moment, in our words.

    `captured` is the sum so far; `refunds` are those that the provider knows, where it was asked for them; `disputed`,
    that there are or were disputes to be asked for.
    `client_secret` lets the shopper's browser finish it and is never logged. `method` is how it was tried just now,
    where that is another way than before; once a card was saved along with paying, that one. `expires_at` is until
    when what is authorised can be captured, where the provider says; an intent that was cancelled because that passed
    has the failure code AUTHORIZATION_EXPIRED.
    `brand` is that of the card, once one was charged.
    """

    provider_ref: str
    status: AttemptStatus
    amount: Money
    captured: Money
    refunds: tuple[RefundState, ...] = ()
    disputed: bool = False
    failure_code: str = ""
    next_action: NextAction | None = None
    client_secret: str = field(default="", repr=False)
    method: str = ""
    expires_at: datetime | None = None
    brand: str = ""

    @property
    def refunded(self) -> Money:
        """What went back, as far as the provider was asked for it."""
        done = (refund.amount for refund in self.refunds if refund.status is RefundStatus.SUCCEEDED)
        return total(done, self.captured.currency)
