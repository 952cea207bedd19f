"""The states of a subscription and the arrows between them; what is refused in which of them."""

from collections.abc import Mapping
from enum import StrEnum

from shop.domain.kernel.errors import Conflict, NotFound


class SubscriptionNotFound(NotFound):
    title = "No such subscription"


class SubscriptionCannotMove(Conflict):
    """No arrow leads from the subscription's state to the one asked for."""

    code = "subscription_cannot_move"
    title = "The subscription's state does not allow this"


class SubscriptionNotPausable(Conflict):
    code = "subscription_not_pausable"
    title = "The subscription cannot be paused now"
    default_hint = "Only a running subscription without an open payment can be paused."


class SubscriptionStatus(StrEnum):
    INCOMPLETE = "incomplete"
    TRIALING = "trialing"
    ACTIVE = "active"
    PAST_DUE = "past_due"
    UNPAID = "unpaid"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    INCOMPLETE_EXPIRED = "incomplete_expired"


_S = SubscriptionStatus
SUBSCRIPTION_ARROWS: Mapping[SubscriptionStatus, frozenset[SubscriptionStatus]] = {
    _S.INCOMPLETE: frozenset({_S.TRIALING, _S.ACTIVE, _S.CANCELLED, _S.INCOMPLETE_EXPIRED}),
    _S.TRIALING: frozenset({_S.ACTIVE, _S.PAST_DUE, _S.PAUSED, _S.CANCELLED}),
    _S.ACTIVE: frozenset({_S.PAST_DUE, _S.PAUSED, _S.CANCELLED}),
    _S.PAST_DUE: frozenset({_S.ACTIVE, _S.UNPAID, _S.CANCELLED}),
    _S.UNPAID: frozenset({_S.ACTIVE, _S.CANCELLED}),
    _S.PAUSED: frozenset({_S.TRIALING, _S.ACTIVE, _S.CANCELLED}),
    _S.CANCELLED: frozenset(),
    _S.INCOMPLETE_EXPIRED: frozenset(),
}
ENDED = frozenset({_S.CANCELLED, _S.INCOMPLETE_EXPIRED})
RUNNING = frozenset({_S.TRIALING, _S.ACTIVE})
BILLABLE = RUNNING | {_S.INCOMPLETE}


def check_move(status: SubscriptionStatus, to: SubscriptionStatus) -> None:
    """Raises SubscriptionCannotMove where no arrow leads."""
    if to not in SUBSCRIPTION_ARROWS[status]:
        raise SubscriptionCannotMove(f"A subscription that is {status} cannot become {to}.")
