"""Disputes, and what providers told us, as staff see them."""

from datetime import datetime
from typing import ClassVar

from attrs import frozen

from shop.domain.kernel.identifiers import DisputeId, InboxId, OrderId, PaymentId
from shop.domain.kernel.money import Money
from shop.domain.payments import ANSWERABLE, Dispute, DisputeStatus, InboxItem, InboxState


@frozen(kw_only=True, slots=False)
class DisputeMoveView:
    """Money that the provider moved because of it: above zero it was withdrawn, below it came back."""

    provider_ref: str
    taken: Money
    fee: Money


@frozen(kw_only=True, slots=False)
class DisputeView:
    """A dispute or an inquiry. `taken` is what is withdrawn now, `fee` what it costs besides."""

    object: ClassVar[str] = "dispute"
    id: DisputeId
    payment_id: PaymentId
    order_id: OrderId
    provider: str
    provider_ref: str
    status: DisputeStatus
    reason: str
    amount: Money
    taken: Money
    fee: Money
    answerable: bool
    due_at: datetime | None
    evidence_by: str
    evidence_at: datetime | None
    moves: list[DisputeMoveView]
    opened_at: datetime
    created_at: datetime
    updated_at: datetime


def dispute_view(dispute: Dispute) -> DisputeView:
    """The dispute for people."""
    return DisputeView(
        id=dispute.id,
        payment_id=dispute.payment_id,
        order_id=dispute.order_id,
        provider=dispute.provider,
        provider_ref=dispute.provider_ref,
        status=dispute.status,
        reason=dispute.reason,
        amount=dispute.amount,
        taken=dispute.taken,
        fee=dispute.fee,
        answerable=dispute.status in ANSWERABLE,
        due_at=dispute.due_at,
        evidence_by=dispute.evidence_by,
        evidence_at=dispute.evidence_at,
        moves=[DisputeMoveView(provider_ref=m.provider_ref, taken=m.taken, fee=m.fee) for m in dispute.moves],
        opened_at=dispute.opened_at,
        created_at=dispute.created_at,
        updated_at=dispute.updated_at,
    )


@frozen(kw_only=True, slots=False)
class InboxItemView:
    """A message of a provider. `parked` waits for people: nothing of ours is known by that name, or they must act."""

    object: ClassVar[str] = "provider_message"
    id: InboxId
    provider: str
    event_ref: str
    event_type: str
    object_ref: str
    state: InboxState
    received_at: datetime
    settled_at: datetime | None


def inbox_item_view(item: InboxItem) -> InboxItemView:
    """The message for people, without its body."""
    return InboxItemView(
        id=item.id,
        provider=item.provider,
        event_ref=item.event_ref,
        event_type=item.event_type,
        object_ref=item.object_ref,
        state=item.state,
        received_at=item.received_at,
        settled_at=item.settled_at,
    )
