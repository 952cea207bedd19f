"""Payments: how the shopper will pay, each try at it, and what the provider says became of it.

The provider's news may come late, twice, or in any order, from four directions at once. `Payment.follow` is the
one place where they become ours, and it only ever moves forward.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Self

from attrs import define, evolve, field, frozen

from shop.domain.kernel.aggregates import Aggregate, Event
from shop.domain.kernel.errors import Conflict, Invalid, NotFound
from shop.domain.kernel.identifiers import AttemptId, CartId, InboxId, OrderId, PaymentId, PaymentSessionId
from shop.domain.kernel.money import Money


class PaymentNotFound(NotFound):
    title = "No such payment"


class PaymentSessionNotFound(NotFound):
    title = "No such payment session"


class PaymentMethodUnknown(Invalid):
    code = "payment_method_unknown"
    title = "No such way to pay"
    default_hint = "GET /api/payments/methods lists the ways to pay."


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
# An order has at most one attempt in these states, by a unique index.
LIVE_ATTEMPTS = frozenset(AttemptStatus) - {AttemptStatus.CANCELLED}


@frozen(kw_only=True)
class _PaymentEvent(Event):
    payment_id: PaymentId
    order_id: OrderId

    @property
    def subject(self) -> PaymentId:
        return self.payment_id


@frozen(kw_only=True)
class PaymentProcessed(_PaymentEvent):
    """An attempt reached authorised or captured: said once."""

    type: ClassVar[str] = "payment.processed"
    amount: Money


@frozen(kw_only=True)
class PaymentCaptured(_PaymentEvent):
    """The money was taken."""

    type: ClassVar[str] = "payment.captured"
    amount: Money


@frozen(kw_only=True)
class PaymentFailed(_PaymentEvent):
    """The provider declined; the shopper may try again until the hold on the stock ends."""

    type: ClassVar[str] = "payment.failed"
    failure_code: str


@frozen(kw_only=True)
class PaymentActionRequired(_PaymentEvent):
    """The shopper must do something, such as 3-D Secure."""

    type: ClassVar[str] = "payment.action_required"


@frozen(kw_only=True)
class PaymentVoided(_PaymentEvent):
    """It can no longer take money."""

    type: ClassVar[str] = "payment.voided"


@frozen(kw_only=True)
class PaymentRefunded(_PaymentEvent):
    """Money went back."""

    type: ClassVar[str] = "refund.succeeded"
    amount: Money


@frozen(kw_only=True)
class NextAction:
    """What the shopper must do. `kind` is `redirect` (go to `url`) or `confirm_in_browser` (with the secret)."""

    kind: str
    url: str = ""


@frozen(kw_only=True)
class IntentState:
    """What the provider says of an intent at this moment, in our words.

    `captured` and `refunded` are sums so far. `client_secret` lets the shopper's browser finish it and is never
    logged. `method` is how it was tried just now, where that is another way than before.
    """

    provider_ref: str
    status: AttemptStatus
    amount: Money
    captured: Money
    refunded: Money
    failure_code: str = ""
    next_action: NextAction | None = None
    client_secret: str = field(default="", repr=False)
    method: str = ""


@frozen(kw_only=True)
class PaymentAttempt:
    """One try at taking the money. Its id is the idempotency key at the provider, kept before the first call."""

    id: AttemptId
    method: str
    amount: Money
    status: AttemptStatus = AttemptStatus.NEW
    provider_ref: str = ""
    failure_code: str = ""
    next_action: NextAction | None = None
    client_secret: str = field(default="", repr=False)
    created_at: datetime
    updated_at: datetime


class MoneyMove(StrEnum):
    """What the provider's news means for the order and the books."""

    AUTHORIZED = "authorized"
    CAPTURED = "captured"
    MISMATCHED = "mismatched"
    REFUNDED = "refunded"
    FAILED = "failed"
    VOIDED = "voided"


@define(eq=False, kw_only=True)
class Payment(Aggregate):
    """All that concerns the money of one order. `captured` and `refunded` are what the provider moved so far."""

    audited: ClassVar = ("amount", "captured", "refunded", "status", "refund_due")

    id: PaymentId
    order_id: OrderId
    provider: str
    amount: Money
    captured: Money
    refunded: Money
    attempts: tuple[PaymentAttempt, ...]
    processed: bool = False
    refund_due: bool = False
    created_at: datetime
    updated_at: datetime

    @classmethod
    def open(
        cls,
        *,
        id: PaymentId,
        attempt_id: AttemptId,
        order_id: OrderId,
        provider: str,
        method: str,
        amount: Money,
        at: datetime,
    ) -> Self:
        """The payment of an order, with the one attempt that it begins with."""
        attempt = PaymentAttempt(id=attempt_id, method=method, amount=amount, created_at=at, updated_at=at)
        zero = Money.zero(amount.currency)
        return cls(
            id=id,
            order_id=order_id,
            provider=provider,
            amount=amount,
            captured=zero,
            refunded=zero,
            attempts=(attempt,),
            created_at=at,
            updated_at=at,
        )

    @property
    def attempt(self) -> PaymentAttempt:
        """The latest attempt: the only one that may be live."""
        return self.attempts[-1]

    @property
    def status(self) -> AttemptStatus:
        return self.attempt.status

    def follow(self, news: IntentState, at: datetime) -> list[MoneyMove]:
        """Takes the provider's news over, and says what follows from them, in order.

        Old news change nothing. Raises PaymentNotFound when they are of an intent that this payment never made.
        """
        attempt = self._attempt_of(news.provider_ref)
        moved = news.status in ATTEMPT_ARROWS[attempt.status]
        if moved or news.status is attempt.status:
            self._take_over(attempt, news, at)
        moves: list[MoneyMove] = []
        if moved:
            moves += self._moves_to(news, at)
        if news.captured.minor > self.captured.minor:
            self.captured = news.captured
            # The provider may have taken another currency than the order's, and gives back what it took.
            self.refunded = self.refunded or Money.zero(news.captured.currency)
            moves.append(MoneyMove.CAPTURED if news.captured == self.amount else MoneyMove.MISMATCHED)
            self._record(PaymentCaptured(at=at, payment_id=self.id, order_id=self.order_id, amount=news.captured))
        if news.refunded.minor > self.refunded.minor:
            back = news.refunded - self.refunded
            self.refunded = news.refunded
            self.refund_due = self.refund_due and self.refunded < self.captured
            moves.append(MoneyMove.REFUNDED)
            self._record(PaymentRefunded(at=at, payment_id=self.id, order_id=self.order_id, amount=back))
        if moves:
            self.updated_at = at
        return moves

    def owe_refund(self, at: datetime) -> None:
        """The money was taken and buys nothing: all of it has to go back."""
        self.refund_due = self.refunded < self.captured
        self.updated_at = at

    def _moves_to(self, news: IntentState, at: datetime) -> list[MoneyMove]:
        about = {"at": at, "payment_id": self.id, "order_id": self.order_id}
        moves: list[MoneyMove] = []
        if news.status in (AttemptStatus.AUTHORIZED, AttemptStatus.CAPTURED) and not self.processed:
            self.processed = True
            self._record(PaymentProcessed(amount=news.amount, **about))  # type: ignore[arg-type]
        if news.status is AttemptStatus.AUTHORIZED:
            moves.append(MoneyMove.AUTHORIZED if news.amount == self.amount else MoneyMove.MISMATCHED)
        elif news.status is AttemptStatus.FAILED:
            moves.append(MoneyMove.FAILED)
            self._record(PaymentFailed(failure_code=news.failure_code, **about))  # type: ignore[arg-type]
        elif news.status is AttemptStatus.CANCELLED:
            moves.append(MoneyMove.VOIDED)
            self._record(PaymentVoided(**about))  # type: ignore[arg-type]
        elif news.status is AttemptStatus.REQUIRES_ACTION:
            self._record(PaymentActionRequired(**about))  # type: ignore[arg-type]
        return moves

    def _attempt_of(self, provider_ref: str) -> PaymentAttempt:
        for attempt in self.attempts:
            if attempt.provider_ref == provider_ref:
                return attempt
        if not self.attempt.provider_ref:
            return self.attempt
        raise PaymentNotFound(f"This payment never made the intent {provider_ref}.")

    def _take_over(self, attempt: PaymentAttempt, news: IntentState, at: datetime) -> None:
        followed = evolve(
            attempt,
            method=news.method or attempt.method,
            provider_ref=news.provider_ref,
            status=news.status,
            failure_code=news.failure_code,
            next_action=news.next_action,
            client_secret=news.client_secret or attempt.client_secret,
        )
        if followed == attempt:
            return
        followed = evolve(followed, updated_at=at)
        self.updated_at = at
        self.attempts = tuple(followed if a.id == attempt.id else a for a in self.attempts)


@define(eq=False, kw_only=True)
class PaymentSession(Aggregate):
    """How the shopper chose to pay for a cart: our own record, made before the provider knows of anything."""

    id: PaymentSessionId
    cart_id: CartId
    provider: str
    method: str
    created_at: datetime


class InboxState(StrEnum):
    NEW = "new"
    APPLIED = "applied"
    IGNORED = "ignored"
    PARKED = "parked"


@frozen(kw_only=True)
class ProviderNewsReceived(Event):
    """A payment provider told us something; it is kept and will be looked at."""

    type: ClassVar[str] = "payment.news_received"
    inbox_id: InboxId

    @property
    def subject(self) -> InboxId:
        return self.inbox_id


@define(eq=False, kw_only=True)
class InboxItem(Aggregate):
    """A provider's message as it came. (provider, event_ref) is unique: the same message is kept once."""

    id: InboxId
    provider: str
    event_ref: str
    event_type: str
    object_ref: str
    body: bytes
    state: InboxState = InboxState.NEW
    received_at: datetime
    settled_at: datetime | None = None

    @classmethod
    def receive(
        cls,
        *,
        id: InboxId,
        provider: str,
        event_ref: str,
        event_type: str,
        object_ref: str,
        body: bytes,
        at: datetime,
    ) -> Self:
        item = cls(
            id=id,
            provider=provider,
            event_ref=event_ref,
            event_type=event_type,
            object_ref=object_ref,
            body=body,
            received_at=at,
        )
        item._record(ProviderNewsReceived(at=at, inbox_id=id))
        return item

    def settle(self, state: InboxState, at: datetime) -> None:
        """Raises Conflict when its effect is there already; what was parked may be settled once more."""
        if self.state not in (InboxState.NEW, InboxState.PARKED):
            raise Conflict(f"The message {self.event_ref} is {self.state} already.")
        self.state, self.settled_at = state, at
