"""Disputes at Stripe: what its descriptions mean in the shop's words, and how evidence is given.

Of what Stripe says of an appeal only its end counts: it begins after a loss, and is lost until it is won.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import cast

from stripe import BalanceTransaction, Dispute
from stripe.params import DisputeUpdateParams, DisputeUpdateParamsEvidence

from shop.adapters.stripe.amounts import from_stripe
from shop.application.ports.payments import DisputeAnswer, PaymentProviderUnavailable
from shop.domain.kernel.errors import Invalid
from shop.domain.kernel.money import Money
from shop.domain.payments import DisputeMove, DisputeState, DisputeStatus

_STATUSES = {
    **{status.value: status for status in DisputeStatus},
    "appeal_needs_response": DisputeStatus.LOST,
    "appeal_under_review": DisputeStatus.LOST,
}
_REASON_LENGTH_MAX = 60
_SAME_WITHIN = 100
"""One part in so many: what was converted there and back is the same amount."""


def dispute_states_of(disputes: Iterable[Dispute]) -> tuple[DisputeState, ...]:
    """The disputes as Stripe describes them, the oldest first.

    Raises PaymentProviderUnavailable when a description makes no sense: the question is asked again later.
    """
    try:
        found = [_state_of(dispute) for dispute in disputes]
    except (AttributeError, LookupError, TypeError, ValueError, Invalid) as error:
        raise PaymentProviderUnavailable("Stripe answered something that makes no sense.") from error
    return tuple(sorted(found, key=lambda state: (state.opened_at, state.provider_ref)))


def update_params(answer: DisputeAnswer) -> DisputeUpdateParams:
    """The evidence as Stripe takes it; its names for the kinds are ours."""
    evidence = {kind.value: text for kind, text in sorted(answer.evidence.items())}
    return {"evidence": cast(DisputeUpdateParamsEvidence, evidence), "submit": answer.submit}


def _state_of(dispute: Dispute) -> DisputeState:
    amount = from_stripe(dispute.amount, dispute.currency)
    if amount.minor < 0:
        raise ValueError("an amount is below zero")
    moves = tuple(_move_of(move, dispute, amount) for move in dispute.balance_transactions)
    due = dispute.evidence_details.due_by
    return DisputeState(
        provider_ref=dispute.id,
        status=_status_of(dispute.status, moves),
        amount=amount,
        reason=(dispute.reason or "")[:_REASON_LENGTH_MAX],
        due_at=datetime.fromtimestamp(due, UTC) if due else None,
        moves=moves,
        opened_at=datetime.fromtimestamp(dispute.created, UTC),
    )


def _status_of(status: str, moves: tuple[DisputeMove, ...]) -> DisputeStatus:
    # One that this version of ours has never heard of: under way, and a chargeback if it has cost money.
    otherwise = DisputeStatus.UNDER_REVIEW if moves else DisputeStatus.WARNING_UNDER_REVIEW
    return _STATUSES.get(status, otherwise)


def _move_of(move: BalanceTransaction, dispute: Dispute, amount: Money) -> DisputeMove:
    """Stripe writes it from the side of the shop's balance: what was withdrawn is below zero."""
    if move.currency == dispute.currency:
        taken = -from_stripe(move.amount, move.currency)
    else:
        taken = _in_the_buyers_currency(move, dispute.amount, amount)
    return DisputeMove(provider_ref=move.id, taken=taken, fee=from_stripe(move.fee, move.currency))


def _in_the_buyers_currency(move: BalanceTransaction, asked: int, amount: Money) -> Money:
    """Stripe settles in another currency than the buyer paid: the books follow the payment, as they did with the sale.

    Where the rate of the day brings about the disputed amount, that is what moved.
    """
    taken = amount
    if move.exchange_rate:
        parts = Decimal(abs(move.amount)) / Decimal(str(move.exchange_rate))
        if abs(parts - asked) * _SAME_WITHIN > asked:  # in Stripe's units, which are not always ours
            ours = parts * amount.minor / asked if asked else Decimal(0)
            taken = Money(int(ours.to_integral_value(ROUND_HALF_EVEN)), amount.currency)
    return -taken if move.amount > 0 else taken
