"""Disputes, inquiries and fears of fraud at the fake provider: what banks and reviewers do to an intent."""

from collections.abc import Sequence

from attrs import evolve

from shop.adapters.fake.acts import Change, refuse
from shop.adapters.fake.booked import BookedDispute, BookedIntent, BookedMove
from shop.application.ports.payments import PaymentRefused
from shop.domain.payments import CONTESTED, INQUIRIES, DisputeStatus

FEE = 1500
"""What a chargeback costs, in minor units; an inquiry costs nothing."""
_ENDS = {
    DisputeStatus.WON: CONTESTED | {DisputeStatus.LOST},
    DisputeStatus.LOST: CONTESTED,
    DisputeStatus.PREVENTED: CONTESTED,
    DisputeStatus.WARNING_CLOSED: INQUIRIES,
}


def disputed(intent: BookedIntent, status: DisputeStatus, at: int, minor: int = 0) -> Change:
    """The buyer goes to the bank about all that was taken, or a part. A chargeback takes the money at once."""
    if not intent.captured or intent.quarrel:
        refuse(intent, "disputed")
    amount = minor or intent.captured
    ref = f"dp_{intent.ref}_{len(intent.disputes) + 1}"
    dispute = BookedDispute(ref=ref, minor=amount, status=status, opened=at, due=at + 7 * 86_400)
    if status in CONTESTED:
        dispute = evolve(dispute, moves=(_withdrawn(dispute),))
    return _changed(evolve(intent, disputes=(*intent.disputes, dispute), warned=False), "charge.dispute.created")


def escalated(intent: BookedIntent) -> Change:
    """What was an inquiry becomes a chargeback."""
    dispute = _latest(intent, INQUIRIES | {DisputeStatus.WARNING_CLOSED})
    moved = evolve(dispute, status=DisputeStatus.NEEDS_RESPONSE, moves=(*dispute.moves, _withdrawn(dispute)))
    return _changed(_with(intent, moved), "charge.dispute.funds_withdrawn")


def decided(intent: BookedIntent, status: DisputeStatus) -> Change:
    """The bank decides. What is not lost comes back; the fee stays."""
    dispute = _latest(intent, _ENDS[status])
    moves = dispute.moves
    if status is not DisputeStatus.LOST and moves:
        back = sum(move.minor for move in moves)
        moves = (*moves, BookedMove(ref=f"txn_{dispute.ref}_{len(moves) + 1}", minor=-back, fee=0))
    return _changed(_with(intent, evolve(dispute, status=status, moves=moves)), "charge.dispute.closed")


def answered(intent: BookedIntent, ref: str, *, submit: bool) -> Change:
    """The shop gave evidence; once it is submitted, the bank looks at it."""
    dispute = _find(intent.disputes, ref)
    becomes = {
        DisputeStatus.NEEDS_RESPONSE: DisputeStatus.UNDER_REVIEW,
        DisputeStatus.WARNING_NEEDS_RESPONSE: DisputeStatus.WARNING_UNDER_REVIEW,
    }
    if dispute.status not in becomes:
        raise PaymentRefused(f"A dispute that is {dispute.status} takes no evidence.")
    status = becomes[dispute.status] if submit else dispute.status
    return _changed(_with(intent, evolve(dispute, status=status)), "charge.dispute.updated")


def warned(intent: BookedIntent) -> Change:
    """A bank warns that the card was perhaps stolen."""
    if not intent.captured or intent.disputes:
        refuse(intent, "warned of")
    return _changed(evolve(intent, warned=True), "radar.early_fraud_warning.created")


def reviewed(intent: BookedIntent, *, open: bool) -> Change:
    """Somebody at the provider begins or ends to look at it."""
    return _changed(evolve(intent, reviewed=open), "review.opened" if open else "review.closed")


def told_again(intent: BookedIntent) -> Change:
    """As it stands, once more: a provider repeats what nobody acknowledged."""
    return _changed(intent, "charge.dispute.updated")


def _withdrawn(dispute: BookedDispute) -> BookedMove:
    return BookedMove(ref=f"txn_{dispute.ref}_{len(dispute.moves) + 1}", minor=dispute.minor, fee=FEE)


def _latest(intent: BookedIntent, among: frozenset[DisputeStatus]) -> BookedDispute:
    found = [dispute for dispute in intent.disputes if dispute.status in among]
    if not found:
        raise PaymentRefused(f"{intent.ref} has no dispute to which this could happen.")
    return found[-1]


def _find(disputes: Sequence[BookedDispute], ref: str) -> BookedDispute:
    for dispute in disputes:
        if dispute.ref == ref:
            return dispute
    raise PaymentRefused(f"There is no dispute {ref[:80]}.")


def _with(intent: BookedIntent, changed: BookedDispute) -> BookedIntent:
    disputes = tuple(changed if dispute.ref == changed.ref else dispute for dispute in intent.disputes)
    return evolve(intent, disputes=disputes)


def _changed(intent: BookedIntent, event: str) -> Change:
    return Change(evolve(intent, events=intent.events + 1), event)
