"""The fake provider's records in the shop's words."""

from datetime import UTC, datetime

from shop.adapters.fake.booked import BookedDispute, BookedIntent, BookedRefund
from shop.adapters.fake.saving import ACCEPTED
from shop.domain.kernel.identifiers import RefundId
from shop.domain.kernel.money import Money
from shop.domain.payments import AttemptStatus, DisputeMove, DisputeState, IntentState, NextAction, RefundState


def moment_of(second: int) -> datetime:
    """A moment of the fake provider, which counts whole seconds since 1970."""
    return datetime.fromtimestamp(second, UTC)


def intent_state(intent: BookedIntent, client_secret: str) -> IntentState:
    """How the intent stands. The secret is told only while a browser has something to do with it."""
    waits = intent.status is AttemptStatus.REQUIRES_ACTION
    return IntentState(
        provider_ref=intent.ref,
        status=intent.status,
        amount=Money(intent.minor, intent.currency),
        captured=Money(intent.captured, intent.currency),
        refunds=tuple(refund_state(intent, refund) for refund in intent.refunds),
        disputed=bool(intent.disputes),
        brand="visa" if intent.status in ACCEPTED else "",
        failure_code=intent.failure_code,
        next_action=NextAction(kind="confirm_in_browser") if waits else None,
        client_secret=client_secret if waits else "",
        expires_at=moment_of(intent.lapses_at) if intent.lapses_at else None,
        method=intent.method if intent.saves_for and intent.status in ACCEPTED else "",
    )


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
        due_at=moment_of(dispute.due),
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
