"""Billing of subscriptions by a provider, in the shop's words.

The shop keeps the calendar and decides what a period costs; the provider keeps the means to pay and makes an invoice
for each period. Promises every billing keeps (`shop.adapters.contracts.subscriptions` proves them):

- One subscription of ours is one at the provider, and one period is one invoice, however often they are asked for.
- An invoice is of exactly the amount that was asked for, and its money moves at most once.
- Nothing is taken before `charge` asks for it, so the order is there before its money.
- Whatever goes wrong outside is PaymentProviderUnavailable (repeat it later) or PaymentRefused (do not).
"""

from datetime import datetime
from enum import StrEnum
from typing import Protocol, Self

from attrs import frozen

from shop.domain.kernel.errors import Conflict, Invalid
from shop.domain.kernel.identifiers import AttemptId, OrderId, SubscriptionId, UserId
from shop.domain.kernel.money import Money
from shop.domain.payments import IntentState
from shop.domain.subscriptions import Interval

_INVOICE = "subscription"


class SubscriptionsNotOffered(Conflict):
    """The shop's provider cannot bill again and again."""

    code = "subscriptions_not_offered"
    title = "There are no subscriptions here"
    default_hint = "Choose a provider that bills subscriptions: SHOP_PAYMENTS=fake or stripe."


class BillingStatus(StrEnum):
    """How the provider sees a subscription, as far as that decides anything: failed payments the shop counts itself."""

    RUNNING = "running"
    PAUSED = "paused"
    EXPIRED = "expired"
    ENDED = "ended"


@frozen(kw_only=True)
class BillingRequest:
    """Please bill this from now on, or from the end of its trial on. `subscription_id` is the idempotency key.

    `amount` is what one period costs as it is now; each `charge` says what that period costs.
    """

    subscription_id: SubscriptionId
    customer_id: UserId
    email: str
    method: str
    title: str
    amount: Money
    interval: Interval
    trial_ends_at: datetime | None = None


@frozen(kw_only=True)
class BillingState:
    """A subscription as the provider has it."""

    provider_ref: str
    status: BillingStatus


@frozen(kw_only=True)
class InvoiceCharge:
    """One period of one subscription, and the order that it pays for. `attempt_id` is the idempotency key."""

    provider_ref: str
    period_start: datetime
    attempt_id: AttemptId
    order_id: OrderId
    amount: Money
    email: str = ""


@frozen
class InvoiceMethod:
    """How an order of a subscription is paid: by the invoice of a period. As text it is the attempt's method."""

    provider_ref: str
    period_start: datetime

    def __str__(self) -> str:
        return f"{_INVOICE}:{self.provider_ref}:{self.period_start.isoformat()}"

    @classmethod
    def read(cls, method: str) -> Self | None:
        """None for every other way to pay."""
        kind, _, rest = method.partition(":")
        ref, _, start = rest.partition(":")
        return cls(ref, datetime.fromisoformat(start)) if kind == _INVOICE and start else None


def shown_method(method: str) -> str:
    """How an attempt's method is shown: of an invoice's the rest is between shop and provider."""
    return method.partition(":")[0]


class SubscriptionBilling(Protocol):
    """Bills subscriptions: makes an invoice for each period and takes its money when asked to."""

    provider: str
    """The name of the payment provider that it is a part of."""

    def takes(self, method: str) -> bool:
        """Whether a payment in this way leaves a way to pay that can be charged again without the shopper. No I/O."""

    def least(self, currency: str) -> Money:
        """The smallest sum that a period can cost: less than this is left for the bill after it. No I/O."""

    async def subscribe(self, request: BillingRequest) -> BillingState:
        """Makes the subscription, without taking anything yet. Key: the subscription id."""

    async def fetch(self, provider_ref: str) -> BillingState:
        """As it stands now. Raises SubscriptionNotFound when the provider has none of this name."""

    async def charge(self, charge: InvoiceCharge) -> IntentState:
        """Makes sure that the period has an invoice of this amount, and tries to take it, off session.

        Asked again it says how the money of that invoice stands and takes nothing again; where it failed, nothing is
        tried again either (see `retry`). An amount of zero takes nothing. A decline is a state, not an error. Raises
        PaymentProviderUnavailable while the provider has no invoice of this period yet.
        """

    async def retry(self, charge: InvoiceCharge, key: str) -> IntentState:
        """Tries the period's invoice once more, with the method of now. Paid already is success. Key: `key`."""

    async def void(self, charge: InvoiceCharge) -> IntentState:
        """Makes sure that the period's invoice can take no more money, and says how it stands: if it was paid
        meanwhile the answer says so and nothing was voided."""

    async def change(self, provider_ref: str, request: BillingRequest, *, key: str) -> None:
        """From now on it is paid and described like this. What a change comes to for the current period is no business
        of the provider: `charge` says what a period costs. Key: `key`."""

    async def pause(self, provider_ref: str) -> None:
        """Makes no invoices until it is resumed. Pausing twice is once."""

    async def resume(self, provider_ref: str) -> None:
        """Makes invoices again. Resuming twice is once."""

    async def cancel(self, provider_ref: str) -> None:
        """Ends it. Cancelling twice is once."""

    async def close(self) -> None:
        """Lets go of connections."""


class NoBilling:
    """For a provider that cannot bill subscriptions."""

    provider = ""

    def takes(self, method: str) -> bool:
        return False

    def least(self, currency: str) -> Money:
        return Money.zero(currency)

    async def subscribe(self, request: BillingRequest) -> BillingState:
        raise SubscriptionsNotOffered

    async def fetch(self, provider_ref: str) -> BillingState:
        raise SubscriptionsNotOffered

    async def charge(self, charge: InvoiceCharge) -> IntentState:
        raise SubscriptionsNotOffered

    async def retry(self, charge: InvoiceCharge, key: str) -> IntentState:
        raise SubscriptionsNotOffered

    async def void(self, charge: InvoiceCharge) -> IntentState:
        raise SubscriptionsNotOffered

    async def change(self, provider_ref: str, request: BillingRequest, *, key: str) -> None:
        raise SubscriptionsNotOffered

    async def pause(self, provider_ref: str) -> None:
        raise SubscriptionsNotOffered

    async def resume(self, provider_ref: str) -> None:
        raise SubscriptionsNotOffered

    async def cancel(self, provider_ref: str) -> None:
        raise SubscriptionsNotOffered

    async def close(self) -> None:
        """There is nothing to let go of."""


class MethodNotForSubscriptions(Invalid):
    """This way to pay cannot be used again without the shopper."""

    code = "payment_method_unknown"
    title = "Not a way to pay for a subscription"
