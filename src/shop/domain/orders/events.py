"""What happens to orders, as others are told of it."""

from typing import ClassVar

from attrs import frozen

from shop.domain.kernel.aggregates import Event
from shop.domain.kernel.identifiers import CartId, OrderId
from shop.domain.kernel.money import Money


@frozen(kw_only=True)
class _OrderEvent(Event):
    order_id: OrderId

    @property
    def subject(self) -> OrderId:
        return self.order_id


@frozen(kw_only=True)
class OrderCreated(_OrderEvent):
    """The order stands and its stock is held; payment follows."""

    type: ClassVar[str] = "order.created"
    cart_id: CartId
    total: Money


@frozen(kw_only=True)
class OrderConfirmed(_OrderEvent):
    """Its payment is authorised or captured: it may be fulfilled."""

    type: ClassVar[str] = "order.confirmed"


@frozen(kw_only=True)
class OrderHeld(_OrderEvent):
    """People must look at it before anything else happens."""

    type: ClassVar[str] = "order.held"
    reason: str


@frozen(kw_only=True)
class OrderCancelled(_OrderEvent):
    """It was called off; its stock is free again."""

    type: ClassVar[str] = "order.cancelled"
    reason: str


@frozen(kw_only=True)
class OrderAtRisk(_OrderEvent):
    """A bank warned of fraud, or the provider has somebody review the payment: send nothing before that is over."""

    type: ClassVar[str] = "order.risk"
    risk: str
