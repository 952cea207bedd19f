"""Orders as buyers and staff see them."""

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar, Self

from attrs import frozen

from shop.application.ports.views.payments import PaymentView
from shop.domain.kernel.address import Address
from shop.domain.kernel.identifiers import CartId, OrderId, OrderLineId, PaymentId, PlanId, ProductId, UserId, VariantId
from shop.domain.kernel.money import Money
from shop.domain.kernel.tenders import Tender, TenderKind
from shop.domain.orders import FulfilmentStatus, OrderFlag, OrderStatus, PaymentStatus
from shop.domain.payments import AttemptStatus, NextAction


@frozen(kw_only=True, slots=False)
class OrderLineView:
    """A line of an order, as it was bought; with `plan_id` a subscription began with it."""

    object: ClassVar[str] = "order_line"
    id: OrderLineId
    variant_id: VariantId
    product_id: ProductId
    sku: str
    title: str
    variant_title: str
    quantity: int
    unit_price: Money
    subtotal: Money
    tax: Money
    tax_rate: str
    tax_name: str
    total: Money
    plan_id: PlanId | None


@frozen(kw_only=True, slots=False)
class OrderShippingView:
    """The delivery of an order, as it was bought; `id` is the option that was chosen."""

    id: str
    name: str
    price: Money
    tax: Money
    total: Money


@frozen(kw_only=True, slots=False)
class TenderView:
    """What a gift card or a store credit pays, and what of that went back."""

    kind: TenderKind
    amount: Money
    returned: Money

    @classmethod
    def of(cls, tender: Tender) -> Self:
        return cls(kind=tender.kind, amount=tender.amount, returned=tender.returned)


@frozen(kw_only=True, slots=False)
class OrderPaymentView:
    """How the payment stands, and what the shopper must do if it waits for them."""

    id: PaymentId
    status: AttemptStatus
    method: str
    next_action: NextAction | None
    client_secret: str | None
    failure_code: str | None


@frozen(kw_only=True, slots=False)
class OrderView:
    """An order as its buyer sees it. `number` is for people; what `tenders` do not pay is taken by the provider."""

    object: ClassVar[str] = "order"
    id: OrderId
    number: str
    cart_id: CartId
    status: OrderStatus
    payment_status: PaymentStatus
    fulfilment_status: FulfilmentStatus
    email: str
    currency: str
    lines: list[OrderLineView]
    shipping: OrderShippingView | None
    shipping_address: Address | None
    billing_address: Address | None
    note: str
    prices_include_tax: bool
    subtotal: Money
    shipping_total: Money
    tax_total: Money
    total: Money
    tenders: list[TenderView]
    payment: OrderPaymentView | None
    metadata: Mapping[str, str]
    cancel_reason: str
    placed_at: datetime
    cancelled_at: datetime | None
    created_at: datetime
    updated_at: datetime
    version: int


@frozen(kw_only=True, slots=False)
class AdminOrderView:
    """An order as staff see it in a list or whole; `lines` are None in lists unless expanded."""

    object: ClassVar[str] = "order"
    id: OrderId
    number: str
    cart_id: CartId
    customer_id: UserId | None
    status: OrderStatus
    payment_status: PaymentStatus
    fulfilment_status: FulfilmentStatus
    email: str
    currency: str
    shipping: OrderShippingView | None
    shipping_address: Address | None
    billing_address: Address | None
    note: str
    hold_reason: str
    flags: list[OrderFlag]
    fulfilment_on_hold: bool
    prices_include_tax: bool
    subtotal: Money
    shipping_total: Money
    tax_total: Money
    total: Money
    tenders: list[TenderView]
    metadata: Mapping[str, str]
    cancel_reason: str
    placed_at: datetime
    cancelled_at: datetime | None
    created_at: datetime
    updated_at: datetime
    version: int
    lines: list[OrderLineView] | None = None
    payments: "list[PaymentView] | None" = None
