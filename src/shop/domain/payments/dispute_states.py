"""How far a dispute has come, and what the provider says of it at one moment."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from attrs import frozen

from shop.domain.kernel.money import Money, total


class DisputeStatus(StrEnum):
    """As card networks see it. The first three are inquiries, in which no money moves.

    PREVENTED: settled before it became a chargeback. WON also when an appeal after a loss was won.
    """

    WARNING_NEEDS_RESPONSE = "warning_needs_response"
    WARNING_UNDER_REVIEW = "warning_under_review"
    WARNING_CLOSED = "warning_closed"
    NEEDS_RESPONSE = "needs_response"
    UNDER_REVIEW = "under_review"
    PREVENTED = "prevented"
    LOST = "lost"
    WON = "won"


# A dispute only moves on. An inquiry that was closed may still become a chargeback, and a loss be turned by an appeal.
_IN_ORDER = tuple(DisputeStatus)
_DECIDED = frozenset({DisputeStatus.PREVENTED, DisputeStatus.WON})
DISPUTE_ARROWS: Mapping[DisputeStatus, frozenset[DisputeStatus]] = {
    **{status: frozenset(_IN_ORDER[place + 1 :]) for place, status in enumerate(_IN_ORDER)},
    DisputeStatus.LOST: frozenset({DisputeStatus.WON}),
    **{status: frozenset() for status in _DECIDED},
}
INQUIRIES = frozenset({DisputeStatus.WARNING_NEEDS_RESPONSE, DisputeStatus.WARNING_UNDER_REVIEW})
CONTESTED = frozenset({DisputeStatus.NEEDS_RESPONSE, DisputeStatus.UNDER_REVIEW})
"""The bank is deciding, and has taken the money meanwhile."""
OPEN_DISPUTES = INQUIRIES | CONTESTED
ENDED_WELL = frozenset({DisputeStatus.WARNING_CLOSED, DisputeStatus.PREVENTED, DisputeStatus.WON})
"""The shop keeps the money, or has it again."""
ANSWERABLE = frozenset({DisputeStatus.WARNING_NEEDS_RESPONSE, DisputeStatus.NEEDS_RESPONSE})
"""The provider waits for evidence."""


@frozen(kw_only=True)
class DisputeMove:
    """Money that the provider moved because of a dispute, under its own name for that.

    `taken` and `fee` are above zero when they were withdrawn from the shop, below when they came back. The fee is in
    the currency in which the provider settles with the shop, which may be another one.
    """

    provider_ref: str
    taken: Money
    fee: Money


@frozen(kw_only=True)
class DisputeState:
    """What the provider says of one dispute at this moment."""

    provider_ref: str
    status: DisputeStatus
    amount: Money
    reason: str = ""
    due_at: datetime | None = None
    moves: tuple[DisputeMove, ...] = ()
    opened_at: datetime


@frozen(kw_only=True)
class RiskState:
    """What the provider thinks of a payment: whether a person there reviews it, or a bank has warned of fraud."""

    reviewed: bool = False
    warned: bool = False


def taken_by(moves: tuple[DisputeMove, ...], currency: str) -> Money:
    """What is withdrawn after all that came back, without fees."""
    return total((move.taken for move in moves if move.taken.currency == currency), currency)
