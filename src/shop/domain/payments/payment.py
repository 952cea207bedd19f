"""A payment: each try at taking the money, what was taken, what went back and what is promised to go back.

The provider's news may come late, twice, or in any order, from four directions at once. `Payment.follow` is the
one place where they become ours, and it only ever moves forward.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar, Self

from attrs import define, evolve

from shop.domain.kernel.aggregates import Aggregate
from shop.domain.kernel.capturing import CapturePolicy
from shop.domain.kernel.errors import Flaw, Invalid
from shop.domain.kernel.identifiers import AttemptId, OrderId, PaymentId
from shop.domain.kernel.money import Money
from shop.domain.payments.attempts import PaymentAttempt, PaymentNotFound
from shop.domain.payments.captures import (
    LOOK_WHILE_AUTHORIZED,
    WARNED_BEFORE,
    AuthorizationExpired,
    CaptureExceedsAuthorized,
    PaymentCannotMove,
)
from shop.domain.payments.events import (
    PaymentActionRequired,
    PaymentAuthorizationExpiring,
    PaymentCaptured,
    PaymentFailed,
    PaymentProcessed,
    PaymentVoided,
)
from shop.domain.payments.refunds import RefundExceedsCaptured, RefundNotPositive
from shop.domain.payments.states import (
    ATTEMPT_ARROWS,
    AUTHORIZATION_EXPIRED,
    AttemptStatus,
    IntentState,
)

LOOK_AGAIN_AFTER, LOOK_AGAIN_AT_LATEST = timedelta(seconds=20), timedelta(minutes=15)
LOOKS_MAX = 12
LOOK_AT_DISPUTES_AT_LATEST = timedelta(hours=6)
ATTEMPTS_MAX = 10
TENDERS = "tenders"
"""What stands for the provider where there is none: gift cards and store credit paid for all of it."""


class MoneyMove(StrEnum):
    """What the provider's news means for the order and the books."""

    AUTHORIZED = "authorized"
    CAPTURED = "captured"
    MISMATCHED = "mismatched"
    FAILED = "failed"
    TRIED_AGAIN = "tried_again"
    VOIDED = "voided"
    EXPIRED = "expired"


@define(eq=False, kw_only=True)
class Payment(Aggregate):
    """All that concerns the money of one order. `captured` and `refunded` are what the provider moved so far.

    `amount` is the part of the order that the provider takes; what gift cards and store credit pay is the order's own.

    `refund_reserved` is what went back or is promised to; `refund_due`, that some of it is on its way; `disputed`,
    that a bank asks about it or disputes it. `look_at` is when to ask the provider again, after `looks` questions
    that told nothing new.

    `capture` says who takes what is authorised. `capture_due` is what people wish to take, the rest is let go of;
    `void_due`, that they wish to let go of all of it. Wishes are kept before the provider hears of them.
    """

    audited: ClassVar = (
        "amount",
        "captured",
        "refunded",
        "refund_reserved",
        "status",
        "refund_due",
        "disputed",
        "capture_due",
        "void_due",
    )

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
    capture: CapturePolicy = CapturePolicy.AUTOMATIC
    capture_due: Money | None = None
    void_due: bool = False
    expiry_told: bool = False
    disputed: bool = False
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
        capture: CapturePolicy = CapturePolicy.AUTOMATIC,
        saves: bool = False,
    ) -> Self:
        """The payment of an order, with the one attempt that it begins with."""
        attempt = PaymentAttempt(id=attempt_id, method=method, amount=amount, saves=saves, created_at=at, updated_at=at)
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
            capture=capture,
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
    def last_decline(self) -> str:
        """Why a card was last declined, whatever became of it since; empty when none was."""
        return next((attempt.declines[-1] for attempt in reversed(self.attempts) if attempt.declines), "")

    @property
    def is_unfinished(self) -> bool:
        """Whether it stopped half-way and goes on without the shopper."""
        half_way = (AttemptStatus.NEW, AttemptStatus.PROCESSING, AttemptStatus.AUTHORIZED)
        return self.refund_due or self.disputed or self.status in half_way

    @property
    def authorization_expires_at(self) -> datetime | None:
        """Until when what is authorised can be captured; None where nothing is, or nobody knows."""
        return self.attempt.expires_at if self.status is AttemptStatus.AUTHORIZED else None

    @property
    def to_take(self) -> Money | None:
        """What is to be captured as soon as it is authorised; None while that waits for people."""
        if self.void_due:
            return None
        return self.amount if self.capture is CapturePolicy.AUTOMATIC else self.capture_due

    @property
    def awaits_capture(self) -> bool:
        """Whether it is authorised, and people have to say what becomes of it."""
        return self.status is AttemptStatus.AUTHORIZED and self.to_take is None and not self.void_due

    def has_lapsed(self, now: datetime) -> bool:
        """Whether it is authorised by our books, and too late to be captured."""
        until = self.authorization_expires_at
        return until is not None and until <= now

    def request_capture(self, amount: Money | None, at: datetime) -> bool:
        """Somebody wishes to take what is authorised, or this part of it: kept before the provider hears of it.

        False, and no change, where that is done or under way already. Raises PaymentCannotMove, AuthorizationExpired,
        CaptureExceedsAuthorized, Invalid.
        """
        wanted = self.amount if amount is None else amount
        if self.status is AttemptStatus.CAPTURED and wanted == self.captured:
            return False
        if self.status is not AttemptStatus.AUTHORIZED or self.void_due:
            state = "being voided" if self.void_due else self.status
            raise PaymentCannotMove(f"A payment that is {state} cannot be captured.")
        if self.has_lapsed(at):
            raise AuthorizationExpired(f"It could be captured until {self.authorization_expires_at}.")
        if wanted.minor <= 0:
            flaw = Flaw("/amount", "amount_not_positive", "More than nothing")
            raise Invalid(f"{wanted} is nothing that could be taken.", flaws=(flaw,))
        if wanted.currency != self.amount.currency or wanted.minor > self.amount.minor:
            raise CaptureExceedsAuthorized(f"{self.amount} are authorised; {wanted} were asked for.")
        under_way = self.to_take
        if under_way is not None and under_way != wanted:
            raise PaymentCannotMove(f"The capture of {under_way} is under way.")
        if under_way is not None:
            return False
        self.capture_due = wanted
        self._touch(at)
        return True

    def give_up_part(self, part: Money, at: datetime) -> bool:
        """The provider will not take this part: people may wish for another. False where nobody wishes for it now."""
        if self.status is not AttemptStatus.AUTHORIZED or self.void_due or self.capture_due != part:
            return False
        self.capture_due = None
        self._touch(at)
        return True

    def request_void(self, at: datetime) -> bool:
        """Somebody wishes to let go of what is authorised. A capture that is under way may still come first.

        False, and no change, where that is done or under way already. Raises PaymentCannotMove.
        """
        if self.status is AttemptStatus.CANCELLED or (self.void_due and self.status is AttemptStatus.AUTHORIZED):
            return False
        if self.status is not AttemptStatus.AUTHORIZED:
            hint = "Its money was taken: give it back by a refund." if self.captured else "Cancel its order instead."
            raise PaymentCannotMove(f"A payment that is {self.status} holds no authorisation.", hint=hint)
        self.void_due = True
        self._touch(at)
        return True

    def remind(self, at: datetime) -> bool:
        """Tells people, once, that what they have not captured yet lapses within a day. Whether it was time to."""
        until = self.authorization_expires_at
        if until is None or self.expiry_told or not self.awaits_capture or at < until - WARNED_BEFORE:
            return False
        self.expiry_told = True
        about = {"at": at, "payment_id": self.id, "order_id": self.order_id}
        self._record(PaymentAuthorizationExpiring(amount=self.amount, expires_at=until, **about))  # type: ignore[arg-type]
        return True

    def follow(self, news: IntentState, at: datetime) -> list[MoneyMove]:
        """Takes the provider's news over, and says what follows from them, in order.

        Old news change nothing. Raises PaymentNotFound when they are of an intent that this payment never made.
        """
        attempt = self._attempt_of(news.provider_ref)
        moved = news.status in ATTEMPT_ARROWS[attempt.status]
        lapsed = self.has_lapsed(at) or news.failure_code == AUTHORIZATION_EXPIRED
        if moved or news.status is attempt.status:
            self._take_over(attempt, news, at)
        moves: list[MoneyMove] = []
        if moved:
            moves += self._moves_to(news, at, lapsed=lapsed)
            if attempt.status is AttemptStatus.FAILED and not moves:
                moves.append(MoneyMove.TRIED_AGAIN)
        if news.captured.minor > self.captured.minor:
            self.captured = news.captured
            # The provider may have taken another currency than the order's, and gives back what it took.
            self.refunded = self.refunded or Money.zero(news.captured.currency)
            self.refund_reserved = self.refund_reserved or Money.zero(news.captured.currency)
            right = news.captured in (self.amount, self.capture_due)
            moves.append(MoneyMove.CAPTURED if right else MoneyMove.MISMATCHED)
            self._record(PaymentCaptured(at=at, payment_id=self.id, order_id=self.order_id, amount=news.captured))
        if moves:
            self._touch(at)
        return moves

    def begin_anew(
        self, id: AttemptId, method: str, at: datetime, *, saves: bool = False, capture: CapturePolicy | None = None
    ) -> None:
        """The provider refused to make the intent of the latest attempt: that one is over, and another way begins.

        Raises PaymentCannotMove for every other attempt, and after many that it refused.
        """
        attempt = self.attempt
        if not attempt.is_refused:
            raise PaymentCannotMove(f"The provider has not refused to begin with it; it is {attempt.status}.")
        if len(self.attempts) >= ATTEMPTS_MAX:
            raise PaymentCannotMove(f"The provider has refused {ATTEMPTS_MAX} ways to pay for it.")
        another = PaymentAttempt(id=id, method=method, amount=self.amount, saves=saves, created_at=at, updated_at=at)
        self.attempts, self.capture = (*self.attempts[:-1], attempt.given_up(at), another), capture or self.capture
        self._touch(at)

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

    def recount_refunds(self, *, refunded: Money, reserved: Money, due: bool, at: datetime) -> bool:
        """Takes over what all its refunds come to; whether that is anything new."""
        reserved = min(max(reserved, refunded), self.captured)
        news = (refunded, reserved, due) != (self.refunded, self.refund_reserved, self.refund_due)
        if news:
            self.refunded, self.refund_reserved, self.refund_due = refunded, reserved, due
            self._touch(at)
        return news

    def contest(self, disputed: bool, at: datetime) -> bool:
        """Whether a dispute of it is open, as of now; whether that is anything new."""
        news = disputed is not self.disputed
        if news:
            self.disputed = disputed
            self._touch(at)
        return news

    def put_off(self, at: datetime) -> None:
        """The provider was asked and had nothing new: it is asked again later and later, until something happens.

        Payments are spread out by their ids, so that many that came together are not asked about together for ever.
        """
        self.looks = min(self.looks + 1, LOOKS_MAX)
        if self.awaits_capture and not self.has_lapsed(at):
            self.look_at = self._next_look(at)
            return
        waits_for_a_bank = self.disputed and self.status is AttemptStatus.CAPTURED
        latest = LOOK_AT_DISPUTES_AT_LATEST if waits_for_a_bank else LOOK_AGAIN_AT_LATEST
        delay = min(LOOK_AGAIN_AFTER * 2 ** (self.looks - 1), latest)
        spread = (self.id.uuid.int >> self.looks) % 1024 / 1024
        self.look_at = at + delay * (0.75 + spread / 2)

    def _touch(self, at: datetime) -> None:
        self.updated_at, self.looks, self.look_at = at, 0, None
        if self.awaits_capture:
            self.look_at = self._next_look(at)

    def _next_look(self, at: datetime) -> datetime:
        """People decide about it: the provider is asked rarely, but when it lapses, and when people are warned."""
        moments = [at + LOOK_WHILE_AUTHORIZED]
        if (until := self.authorization_expires_at) is not None:
            moments += [until] if self.expiry_told else [until, until - WARNED_BEFORE]
        return max(at, min(moments))

    def _moves_to(self, news: IntentState, at: datetime, *, lapsed: bool) -> list[MoneyMove]:
        about = {"at": at, "payment_id": self.id, "order_id": self.order_id}
        moves: list[MoneyMove] = []
        if news.status in (AttemptStatus.AUTHORIZED, AttemptStatus.CAPTURED) and not self.processed:
            self.processed = True
            self._record(PaymentProcessed(amount=news.amount, **about))  # type: ignore[arg-type]
        if news.status is AttemptStatus.CAPTURED:
            self.void_due = False  # it came too late
        if news.status is AttemptStatus.AUTHORIZED:
            moves.append(MoneyMove.AUTHORIZED if news.amount == self.amount else MoneyMove.MISMATCHED)
        elif news.status is AttemptStatus.FAILED:
            moves.append(MoneyMove.FAILED)
            self._record(PaymentFailed(failure_code=news.failure_code, **about))  # type: ignore[arg-type]
        elif news.status is AttemptStatus.CANCELLED:
            moves.append(MoneyMove.EXPIRED if lapsed else MoneyMove.VOIDED)
            self._record(PaymentVoided(**about))  # type: ignore[arg-type]
        elif news.status is AttemptStatus.REQUIRES_ACTION:
            self._record(PaymentActionRequired(**about))  # type: ignore[arg-type]
        return moves

    def _attempt_of(self, provider_ref: str) -> PaymentAttempt:
        for attempt in self.attempts:
            if provider_ref and attempt.provider_ref == provider_ref:
                return attempt
        if not self.attempt.provider_ref:
            return self.attempt
        raise PaymentNotFound(f"This payment never made the intent {provider_ref}.")

    def _take_over(self, attempt: PaymentAttempt, news: IntentState, at: datetime) -> None:
        followed = attempt.following(news, at)
        if followed is not attempt:
            self.attempts = tuple(followed if a.id == attempt.id else a for a in self.attempts)
            self._touch(at)
