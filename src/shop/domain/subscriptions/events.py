"""What subscriptions say has happened."""

from datetime import datetime
from typing import ClassVar

from attrs import frozen

from shop.domain.kernel.aggregates import Event
from shop.domain.kernel.identifiers import OrderId, PlanId, SubscriptionId


@frozen(kw_only=True)
class _SubscriptionEvent(Event):
    subscription_id: SubscriptionId

    @property
    def subject(self) -> SubscriptionId:
        return self.subscription_id


@frozen(kw_only=True)
class SubscriptionStarted(_SubscriptionEvent):
    """Its trial began, or its first period was paid."""

    type: ClassVar[str] = "subscription.started"
    plan_id: PlanId


@frozen(kw_only=True)
class SubscriptionRenewed(_SubscriptionEvent):
    """Another period was paid."""

    type: ClassVar[str] = "subscription.renewed"
    order_id: OrderId
    period_start: datetime


@frozen(kw_only=True)
class SubscriptionPaymentFailed(_SubscriptionEvent):
    """A period could not be paid. It is tried again, until that was often enough."""

    type: ClassVar[str] = "subscription.payment_failed"
    order_id: OrderId
    tries: int


@frozen(kw_only=True)
class SubscriptionTrialEnding(_SubscriptionEvent):
    """Its trial ends soon, and then it costs something."""

    type: ClassVar[str] = "subscription.trial_ending"
    ends_at: datetime


@frozen(kw_only=True)
class SubscriptionPaused(_SubscriptionEvent):
    """Nothing comes and nothing is taken until it is resumed."""

    type: ClassVar[str] = "subscription.paused"


@frozen(kw_only=True)
class SubscriptionResumed(_SubscriptionEvent):
    """It goes on after a pause or after it stayed unpaid, or is not to end after all."""

    type: ClassVar[str] = "subscription.resumed"


@frozen(kw_only=True)
class SubscriptionCancelled(_SubscriptionEvent):
    """It has ended."""

    type: ClassVar[str] = "subscription.cancelled"
    reason: str
