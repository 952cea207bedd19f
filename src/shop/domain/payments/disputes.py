"""Disputes: the buyer's bank takes money back, or asks about it, and decides in the end who keeps it."""

from datetime import datetime
from typing import ClassVar, Self

from attrs import define, frozen

from shop.domain.kernel.aggregates import Aggregate, Event
from shop.domain.kernel.errors import Conflict, NotFound
from shop.domain.kernel.identifiers import DisputeId, OrderId, PaymentId
from shop.domain.kernel.money import Money, total
from shop.domain.payments.dispute_states import (
    ANSWERABLE,
    CONTESTED,
    DISPUTE_ARROWS,
    INQUIRIES,
    OPEN_DISPUTES,
    DisputeMove,
    DisputeState,
    DisputeStatus,
    taken_by,
)


class DisputeNotFound(NotFound):
    title = "No such dispute"


class DisputeNotAnswerable(Conflict):
    """The provider does not wait for evidence: it has it, or the dispute is decided."""

    code = "dispute_not_answerable"
    title = "The dispute waits for no evidence"


@frozen(kw_only=True)
class _DisputeEvent(Event):
    dispute_id: DisputeId
    payment_id: PaymentId
    order_id: OrderId
    amount: Money
    reason: str

    @property
    def subject(self) -> DisputeId:
        return self.dispute_id


@frozen(kw_only=True)
class DisputeInquired(_DisputeEvent):
    """The buyer's bank asks about a payment; no money has moved. Whoever answers well may avert a chargeback."""

    type: ClassVar[str] = "dispute.inquiry"


@frozen(kw_only=True)
class DisputeOpened(_DisputeEvent):
    """The buyer's bank takes the money back until it has decided. Evidence is due at `due_at`."""

    type: ClassVar[str] = "dispute.opened"
    due_at: datetime | None = None


@frozen(kw_only=True)
class DisputeWon(_DisputeEvent):
    """It ended well for the shop: `won`, `warning_closed` or `prevented`."""

    type: ClassVar[str] = "dispute.won"
    status: str


@frozen(kw_only=True)
class DisputeLost(_DisputeEvent):
    """The buyer keeps the money."""

    type: ClassVar[str] = "dispute.lost"


@define(eq=False, kw_only=True)
class Dispute(Aggregate):
    """One dispute of one payment, as the provider tells of it. `moves` are what was withdrawn and what came back.

    `written_off` names the moves that were booked as lost; `evidence_key` the evidence that was given last.
    """

    audited: ClassVar = ("amount", "reason", "status", "due_at", "evidence_by")

    id: DisputeId
    payment_id: PaymentId
    order_id: OrderId
    provider: str
    provider_ref: str
    amount: Money
    reason: str
    status: DisputeStatus
    due_at: datetime | None = None
    moves: tuple[DisputeMove, ...] = ()
    written_off: tuple[str, ...] = ()
    evidence_key: str = ""
    evidence_by: str = ""
    evidence_at: datetime | None = None
    opened_at: datetime
    created_at: datetime
    updated_at: datetime

    @classmethod
    def open(
        cls, *, id: DisputeId, payment_id: PaymentId, order_id: OrderId, provider: str, news: DisputeState, at: datetime
    ) -> Self:
        """The provider told of one that we did not know. What it moved is booked by `follow`."""
        dispute = cls(
            id=id,
            payment_id=payment_id,
            order_id=order_id,
            provider=provider,
            provider_ref=news.provider_ref,
            amount=news.amount,
            reason=news.reason,
            status=news.status,
            due_at=news.due_at,
            opened_at=news.opened_at,
            created_at=at,
            updated_at=at,
        )
        dispute._tell(at)
        return dispute

    @property
    def taken(self) -> Money:
        """What the provider has withdrawn and not given back, without fees."""
        return taken_by(self.moves, self.amount.currency)

    @property
    def fee(self) -> Money:
        """What the provider charges for it."""
        currency = self.moves[0].fee.currency if self.moves else self.amount.currency
        return total((move.fee for move in self.moves if move.fee.currency == currency), currency)

    @property
    def is_open(self) -> bool:
        return self.status in OPEN_DISPUTES

    @property
    def followed(self) -> tuple[object, ...]:
        """All that the provider's news may change, to see whether they did."""
        return self.status, self.amount, self.reason, self.due_at, self.moves, self.written_off

    def begin_answer(self, fingerprint: str, at: datetime) -> bool:
        """Evidence of this fingerprint is about to be given; whether it is other evidence than the last.

        The same again may be repeated, whatever became of the dispute: nobody may have heard that it was given. From
        then on `evidence_key` names it at the provider. Raises DisputeNotAnswerable.
        """
        count, _, last = self.evidence_key.partition(":")
        if fingerprint == last:
            return False
        if self.status not in ANSWERABLE:
            raise DisputeNotAnswerable(f"A dispute that is {self.status} waits for no evidence.")
        self.evidence_key, self.updated_at = f"{int(count or 0) + 1}:{fingerprint}", at
        return True

    def note_evidence(self, by: str, at: datetime) -> None:
        """Somebody of the shop sent evidence; what it says is the provider's to keep."""
        self.evidence_by, self.evidence_at, self.updated_at = by, at, at

    def follow(self, news: DisputeState, at: datetime) -> tuple[DisputeMove, ...]:
        """Takes the provider's news over, and says what moved that we did not know of. Old news change nothing.

        What moved has moved, whatever the status: money is never missed.
        """
        known = {move.provider_ref for move in self.moves}
        new = tuple(move for move in news.moves if move.provider_ref not in known)
        moved = news.status in DISPUTE_ARROWS[self.status]
        before = self.followed
        if moved or news.status is self.status:
            self.due_at, self.amount, self.reason = news.due_at, news.amount, news.reason
        if moved:
            self.status = news.status
            self._tell(at)
        self.moves += new
        if self.followed != before:
            self.updated_at = at
        return new

    def to_write_off(self) -> tuple[DisputeMove, ...]:
        """Moves that have to be booked as lost by now; from here on they are."""
        if self.status is not DisputeStatus.LOST:
            return ()
        lost = tuple(move for move in self.moves if move.provider_ref not in self.written_off)
        self.written_off += tuple(move.provider_ref for move in lost)
        return lost

    def to_take_back(self) -> tuple[DisputeMove, ...]:
        """Moves that were booked as lost, and are not after all: an appeal was won."""
        if self.status is not DisputeStatus.WON or not self.written_off:
            return ()
        turned = tuple(move for move in self.moves if move.provider_ref in self.written_off)
        self.written_off = ()
        return turned

    def _tell(self, at: datetime) -> None:
        about = {
            "at": at,
            "dispute_id": self.id,
            "payment_id": self.payment_id,
            "order_id": self.order_id,
            "amount": self.amount,
            "reason": self.reason,
        }
        if self.status in INQUIRIES:
            if self.status is DisputeStatus.WARNING_NEEDS_RESPONSE:
                self._record(DisputeInquired(**about))  # type: ignore[arg-type]
        elif self.status in CONTESTED:
            if self.status is DisputeStatus.NEEDS_RESPONSE:
                self._record(DisputeOpened(due_at=self.due_at, **about))  # type: ignore[arg-type]
        elif self.status is DisputeStatus.LOST:
            self._record(DisputeLost(**about))  # type: ignore[arg-type]
        else:
            self._record(DisputeWon(status=self.status.value, **about))  # type: ignore[arg-type]
