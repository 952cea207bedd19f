"""A payment: each try at taking the money, what was taken, what went back and what is promised to go back.

The provider's news may come late, twice, or in any order, from four directions at once. `Payment.follow` is the
one place where they become ours, and it only ever moves forward.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar, Self

from attrs import define, evolve, field, frozen

from shop.domain.kernel.aggregates import Aggregate
from shop.domain.kernel.errors import Invalid, NotFound
from shop.domain.kernel.identifiers import AttemptId, OrderId, PaymentId
from shop.domain.kernel.money import Money
from shop.domain.payments.events import (
    PaymentActionRequired,
    PaymentCaptured,
    PaymentFailed,
    PaymentProcessed,
    PaymentVoided,
)
from shop.domain.payments.refunds import RefundExceedsCaptured, RefundNotPositive
from shop.domain.payments.states import ATTEMPT_ARROWS, AttemptStatus, IntentState, NextAction

LOOK_AGAIN_AFTER, LOOK_AGAIN_AT_LATEST = timedelta(seconds=20), timedelta(minutes=15)
LOOKS_MAX = 12
TENDERS = "tenders"
"""What stands for the provider where there is none: gift cards and store credit paid for all of it."""


class PaymentNotFound(NotFound):
    title = "No such payment"


class PaymentMethodUnknown(Invalid):
    code = "payment_method_unknown"
    title = "No such way to pay"
    default_hint = "GET /api/payments/methods lists the ways to pay."


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
    FAILED = "failed"
    VOIDED = "voided"


@define(eq=False, kw_only=True)
class Payment(Aggregate):
    """All that concerns the money of one order. `captured` and `refunded` are what the provider moved so far.

    `amount` is the part of the order that the provider takes; what gift cards and store credit pay is the order's own.

    `refund_reserved` is what went back or is promised to; `refund_due`, that some of it is on its way. `look_at` is
    when to ask the provider again, after `looks` questions that told nothing new.
    """

    audited: ClassVar = ("amount", "captured", "refunded", "refund_reserved", "status", "refund_due")

    id: PaymentId
    order_id: OrderId
    provider: str
    amount: Money
    captured: Money
    refunded: Money
    refund_reserved: Money
    attempts: tuple[PaymentAttempt, ...]
    processed: bool = False
    refund_due: bool = False
    looks: int = 0
    look_at: datetime | None = None
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
            refund_reserved=zero,
            attempts=(attempt,),
            created_at=at,
            updated_at=at,
        )

    @classmethod
    def without_provider(
        cls, *, id: PaymentId, attempt_id: AttemptId, order_id: OrderId, currency: str, at: datetime
    ) -> Self:
        """The payment of an order that tenders pay whole: it is over from the beginning, and nobody is ever asked."""
        payment = cls.open(
            id=id,
            attempt_id=attempt_id,
            order_id=order_id,
            provider=TENDERS,
            method=TENDERS,
            amount=Money.zero(currency),
            at=at,
        )
        done = evolve(payment.attempt, status=AttemptStatus.CAPTURED, provider_ref=str(order_id))
        payment.attempts, payment.processed = (done,), True
        return payment

    @property
    def attempt(self) -> PaymentAttempt:
        """The latest attempt: the only one that may be live."""
        return self.attempts[-1]

    @property
    def status(self) -> AttemptStatus:
        return self.attempt.status

    @property
    def is_unfinished(self) -> bool:
        """Whether it stopped half-way and goes on without the shopper."""
        return self.refund_due or self.status in (AttemptStatus.NEW, AttemptStatus.PROCESSING, AttemptStatus.AUTHORIZED)

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
            self.refund_reserved = self.refund_reserved or Money.zero(news.captured.currency)
            moves.append(MoneyMove.CAPTURED if news.captured == self.amount else MoneyMove.MISMATCHED)
            self._record(PaymentCaptured(at=at, payment_id=self.id, order_id=self.order_id, amount=news.captured))
        if moves:
            self._touch(at)
        return moves

    @property
    def refundable(self) -> Money:
        """What was taken and is promised to nobody yet."""
        return self.captured - self.refund_reserved if self.captured else self.captured

    def reserve_refund(self, amount: Money, at: datetime) -> None:
        """Promises a part of what was taken, before the provider hears of it. Raises RefundExceedsCaptured."""
        if amount.minor <= 0:
            raise RefundNotPositive(f"{amount} is nothing that could go back.")
        if amount.currency != self.captured.currency or amount.minor > self.refundable.minor:
            raise RefundExceedsCaptured(f"{self.refundable} are left of what was taken; {amount} were asked for.")
        self.refund_reserved = self.refund_reserved + amount
        self._touch(at)

    def await_refunds(self, at: datetime) -> None:
        """Some of it is to go back from now on: whoever comes along carries that on."""
        self.refund_due = True
        self._touch(at)

    def release_refund(self, amount: Money, at: datetime) -> None:
        """What was promised will not go back after all."""
        self.refund_reserved = self.refund_reserved - amount
        self._touch(at)

    def recount_refunds(self, *, refunded: Money, reserved: Money, due: bool, at: datetime) -> bool:
        """Takes over what all its refunds come to; whether that is anything new."""
        reserved = min(max(reserved, refunded), self.captured)
        news = (refunded, reserved, due) != (self.refunded, self.refund_reserved, self.refund_due)
        if news:
            self.refunded, self.refund_reserved, self.refund_due = refunded, reserved, due
            self._touch(at)
        return news

    def put_off(self, at: datetime) -> None:
        """The provider was asked and had nothing new: it is asked again later and later, until something happens.

        Payments are spread out by their ids, so that many that came together are not asked about together for ever.
        """
        self.looks = min(self.looks + 1, LOOKS_MAX)
        delay = min(LOOK_AGAIN_AFTER * 2 ** (self.looks - 1), LOOK_AGAIN_AT_LATEST)
        spread = (self.id.uuid.int >> self.looks) % 1024 / 1024
        self.look_at = at + delay * (0.75 + spread / 2)

    def _touch(self, at: datetime) -> None:
        self.updated_at, self.looks, self.look_at = at, 0, None

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
        self._touch(at)
        self.attempts = tuple(followed if a.id == attempt.id else a for a in self.attempts)
