"""Subscriptions: plans, who subscribed to them, and when which period is due."""

from shop.domain.subscriptions.checkout import FIRST_LOOK, PlanNeedsCustomer, subscribe_at_checkout
from shop.domain.subscriptions.events import (
    SubscriptionCancelled,
    SubscriptionPaused,
    SubscriptionPaymentFailed,
    SubscriptionRenewed,
    SubscriptionResumed,
    SubscriptionStarted,
    SubscriptionTrialEnding,
)
from shop.domain.subscriptions.periods import Interval, IntervalUnit, Period, Renewal
from shop.domain.subscriptions.plans import (
    AfterDunning,
    Plan,
    PlanCodeTaken,
    PlanNotFound,
    PlanNotOffered,
)
from shop.domain.subscriptions.proration import Proration, left_of, prorate, spread
from shop.domain.subscriptions.states import (
    ENDED,
    RUNNING,
    SubscriptionCannotMove,
    SubscriptionNotFound,
    SubscriptionNotPausable,
    SubscriptionStatus,
)
from shop.domain.subscriptions.subscription import Subscription
from shop.domain.subscriptions.waiting import DUNNING, HOLD, INCOMPLETE_FOR

__all__ = [
    "DUNNING",
    "ENDED",
    "FIRST_LOOK",
    "HOLD",
    "INCOMPLETE_FOR",
    "RUNNING",
    "AfterDunning",
    "Interval",
    "IntervalUnit",
    "Period",
    "Plan",
    "PlanCodeTaken",
    "PlanNeedsCustomer",
    "PlanNotFound",
    "PlanNotOffered",
    "Proration",
    "Renewal",
    "Subscription",
    "SubscriptionCancelled",
    "SubscriptionCannotMove",
    "SubscriptionNotFound",
    "SubscriptionNotPausable",
    "SubscriptionPaused",
    "SubscriptionPaymentFailed",
    "SubscriptionRenewed",
    "SubscriptionResumed",
    "SubscriptionStarted",
    "SubscriptionStatus",
    "SubscriptionTrialEnding",
    "left_of",
    "prorate",
    "spread",
    "subscribe_at_checkout",
]
