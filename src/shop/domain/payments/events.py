"""What is said of payments."""

from datetime import datetime
from typing import ClassVar

from attrs import frozen

from shop.domain.kernel.aggregates import Event
from shop.domain.kernel.identifiers import OrderId, PaymentId
from shop.domain.kernel.money import Money


@frozen(kw_only=True)
class _PaymentEvent(Event):
    payment_id: PaymentId
    order_id: OrderId

    @property
    def subject(self) -> PaymentId | OrderId:
        return self.payment_id


@frozen(kw_only=True)
class PaymentProcessed(_PaymentEvent):
    """An attempt reached authorised or captured: said once."""

    type: ClassVar[str] = "payment.processed"
    amount: Money


@frozen(kw_only=True)
class PaymentCaptured(_PaymentEvent):
    """The money was taken."""

    type: ClassVar[str] = "payment.captured"
    amount: Money


@frozen(kw_only=True)
class PaymentFailed(_PaymentEvent):
    """The provider declined; the shopper may try again until the hold on the stock ends."""

    type: ClassVar[str] = "payment.failed"
    failure_code: str


@frozen(kw_only=True)
class PaymentActionRequired(_PaymentEvent):
    """The shopper must do something, such as 3-D Secure."""

    type: ClassVar[str] = "payment.action_required"


@frozen(kw_only=True)
class PaymentAuthorizationExpiring(_PaymentEvent):
    """Nobody has captured it yet, and after `expires_at` nobody can: said once, a day before."""

    type: ClassVar[str] = "payment.authorization_expiring"
    amount: Money
    expires_at: datetime


@frozen(kw_only=True)
class OrderAuthorizationExpired(_PaymentEvent):
    """Nobody captured the money of an order while that was possible: it is called off and its stock is free again."""

    type: ClassVar[str] = "order.authorization_expired"

    @property
    def subject(self) -> OrderId:
        return self.order_id


@frozen(kw_only=True)
class PaymentVoided(_PaymentEvent):
    """It can no longer take money."""

    type: ClassVar[str] = "payment.voided"
