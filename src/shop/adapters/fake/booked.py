"""Intents as the fake provider has them, with their refunds and disputes, and how they are written down."""

from typing import Any

import msgspec
from attrs import astuple, frozen

from shop.domain.payments import CONTESTED, OPEN_DISPUTES, AttemptStatus, DisputeStatus, RefundStatus


@frozen(kw_only=True)
class BookedRefund:
    """A refund as the provider has it. `ours` is the shop's own id of it, empty when the shop did not ask for it."""

    ref: str
    minor: int
    status: RefundStatus
    failure_code: str = ""
    ours: str = ""


@frozen(kw_only=True)
class BookedMove:
    """Money that moved because of a dispute: withdrawn when above zero. Minor units."""

    ref: str
    minor: int
    fee: int


@frozen(kw_only=True)
class BookedDispute:
    """A dispute as the provider has it. `opened` and `due` are in seconds since 1970."""

    ref: str
    minor: int
    status: DisputeStatus
    opened: int
    due: int
    moves: tuple[BookedMove, ...] = ()


@frozen(kw_only=True)
class BookedIntent:
    """An intent as the provider has it. Amounts are minor units; `events` counts what was announced of it.

    `lapses_at` is when what is authorised lapses, in seconds since 1970; 0 where nothing is. `saves_for` is the
    customer whose card is saved once it was accepted; then `method` is what it is called.
    """

    ref: str
    method: str
    minor: int
    currency: str
    status: AttemptStatus
    captured: int = 0
    refunds: tuple[BookedRefund, ...] = ()
    failure_code: str = ""
    events: int = 0
    lapses_at: int = 0
    disputes: tuple[BookedDispute, ...] = ()
    warned: bool = False
    reviewed: bool = False
    saves_for: str = ""

    @property
    def refunded(self) -> int:
        """What went back."""
        return sum(refund.minor for refund in self.refunds if refund.status is RefundStatus.SUCCEEDED)

    @property
    def left(self) -> int:
        """What could still go back: neither gone nor on its way."""
        gone = (RefundStatus.FAILED, RefundStatus.CANCELLED)
        return self.captured - sum(refund.minor for refund in self.refunds if refund.status not in gone)

    @property
    def quarrel(self) -> bool:
        """Whether a dispute of it is open."""
        return any(dispute.status in OPEN_DISPUTES for dispute in self.disputes)

    @property
    def refundable(self) -> bool:
        """Whether the provider gives anything of it back: not what a bank has taken, or is deciding about."""
        return not any(d.status in CONTESTED or d.status is DisputeStatus.LOST for d in self.disputes)

    @property
    def charged_back(self) -> int:
        """What banks took and did not give back, without fees."""
        return sum(move.minor for dispute in self.disputes for move in dispute.moves)


_to_json = msgspec.json.Encoder().encode


def to_text(intent: BookedIntent) -> str:
    """As it is kept in a file."""
    return _to_json(
        [
            intent.ref,
            intent.method,
            intent.minor,
            intent.currency,
            intent.status,
            intent.captured,
            [[r.ref, r.minor, r.status, r.failure_code, r.ours] for r in intent.refunds],
            intent.failure_code,
            intent.events,
            intent.lapses_at,
            [[d.ref, d.minor, d.status, d.opened, d.due, [[*astuple(m)] for m in d.moves]] for d in intent.disputes],
            intent.warned,
            intent.reviewed,
            intent.saves_for,
        ]
    ).decode()


def from_text(text: str) -> BookedIntent:
    """What `to_text` wrote, now or in an older version."""
    later: list[Any]
    ref, method, minor, currency, status, captured, refunds, failure_code, events, *later = msgspec.json.decode(text)
    # Books that an older version wrote have less in them.
    missing: list[Any] = [0, [], False, False, ""][len(later) :]
    lapses_at, disputes, warned, reviewed, saves_for = [*later, *missing]
    return BookedIntent(
        ref=ref,
        method=method,
        minor=minor,
        currency=currency,
        status=AttemptStatus(status),
        captured=captured,
        refunds=tuple(_refund_of(refund) for refund in refunds),
        failure_code=failure_code,
        events=events,
        lapses_at=lapses_at,
        disputes=tuple(_dispute_of(dispute) for dispute in disputes),
        warned=warned,
        reviewed=reviewed,
        saves_for=saves_for,
    )


def _dispute_of(record: list[Any]) -> BookedDispute:
    ref, minor, status, opened, due, moves = record
    return BookedDispute(
        ref=ref,
        minor=minor,
        status=DisputeStatus(status),
        opened=opened,
        due=due,
        moves=tuple(BookedMove(ref=move, minor=taken, fee=fee) for move, taken, fee in moves),
    )


def _refund_of(record: list[Any]) -> BookedRefund:
    ref, minor, status, failure_code, ours = record
    return BookedRefund(ref=ref, minor=minor, status=RefundStatus(status), failure_code=failure_code, ours=ours)
