"""How far money on its way back has come."""

from collections.abc import Mapping
from enum import StrEnum

from attrs import frozen

from shop.domain.kernel.identifiers import RefundId
from shop.domain.kernel.money import Money


class RefundStatus(StrEnum):
    """PENDING_APPROVAL: a second person has to agree. REQUESTED: the provider may not have heard of it yet."""

    PENDING_APPROVAL = "pending_approval"
    REQUESTED = "requested"
    PENDING = "pending"
    REQUIRES_ACTION = "requires_action"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


# A refund that succeeded may still fail: the bank sends the money back, days later. Nothing follows after that.
_AT_PROVIDER = frozenset(
    {
        RefundStatus.PENDING,
        RefundStatus.REQUIRES_ACTION,
        RefundStatus.SUCCEEDED,
        RefundStatus.FAILED,
        RefundStatus.CANCELLED,
    }
)
REFUND_ARROWS: Mapping[RefundStatus, frozenset[RefundStatus]] = {
    RefundStatus.PENDING_APPROVAL: frozenset({RefundStatus.REQUESTED, RefundStatus.CANCELLED}),
    RefundStatus.REQUESTED: _AT_PROVIDER,
    RefundStatus.PENDING: _AT_PROVIDER - {RefundStatus.PENDING},
    RefundStatus.REQUIRES_ACTION: _AT_PROVIDER - {RefundStatus.REQUIRES_ACTION, RefundStatus.PENDING},
    RefundStatus.SUCCEEDED: frozenset({RefundStatus.FAILED}),
    RefundStatus.FAILED: frozenset(),
    RefundStatus.CANCELLED: frozenset(),
}
# What these are of is promised to somebody: it cannot be given back once more.
RESERVING = frozenset(RefundStatus) - {RefundStatus.FAILED, RefundStatus.CANCELLED}
# These move on without people of the shop.
ON_THE_WAY = frozenset({RefundStatus.REQUESTED, RefundStatus.PENDING, RefundStatus.REQUIRES_ACTION})


@frozen(kw_only=True)
class RefundState:
    """What the provider says of one refund at this moment.

    `refund_id` is the id that we sent along, if it is there: a hint that counts only where all else fits.
    """

    provider_ref: str
    status: RefundStatus
    amount: Money
    failure_code: str = ""
    refund_id: RefundId | None = None
