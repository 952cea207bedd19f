"""The fake provider's records in the shop's words."""

from datetime import UTC, datetime

from shop.adapters.fake.booked import BookedDispute, BookedIntent, BookedRefund
from shop.domain.kernel.identifiers import RefundId
from shop.domain.kernel.money import Money
from shop.domain.payments import DisputeMove, DisputeState, RefundState


def refund_state(intent: BookedIntent, refund: BookedRefund) -> RefundState:
    return RefundState(
        provider_ref=refund.ref,
        status=refund.status,
        amount=Money(refund.minor, intent.currency),
        failure_code=refund.failure_code,
        refund_id=RefundId.parse(refund.ours) if refund.ours else None,
    )


def dispute_states(intent: BookedIntent) -> tuple[DisputeState, ...]:
    """All disputes of the intent, the oldest first."""
    return tuple(_dispute_state(intent, dispute) for dispute in intent.disputes)


def _dispute_state(intent: BookedIntent, dispute: BookedDispute) -> DisputeState:
    return DisputeState(
        provider_ref=dispute.ref,
        status=dispute.status,
        amount=Money(dispute.minor, intent.currency),
        reason="fraudulent",
        due_at=datetime.fromtimestamp(dispute.due, UTC),
        moves=tuple(
            DisputeMove(
                provider_ref=move.ref,
                taken=Money(move.minor, intent.currency),
                fee=Money(move.fee, intent.currency),
            )
            for move in dispute.moves
        ),
        opened_at=datetime.fromtimestamp(dispute.opened, UTC),
    )
