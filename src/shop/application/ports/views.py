"""What callers see: frozen, flat, the public JSON.

Ids are shown as TypeIDs, `Money` as an object with amount, currency and display, times as RFC 3339 in UTC. A
field that is None because nobody asked to `expand` it is left out.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

from attrs import frozen

from shop.domain.carts import CartStatus
from shop.domain.catalog import Media, Option, ProductStatus
from shop.domain.inventory import MovementKind
from shop.domain.kernel.address import Address
from shop.domain.kernel.identifiers import (
    ApiKeyId,
    AttemptId,
    CartId,
    CartItemId,
    CategoryId,
    EventId,
    LocationId,
    MovementId,
    OrderId,
    OrderLineId,
    PaymentId,
    PaymentSessionId,
    ProductId,
    UserId,
    VariantId,
)
from shop.domain.kernel.money import Money
from shop.domain.orders import FulfilmentStatus, OrderStatus, PaymentStatus
from shop.domain.payments import AttemptStatus, NextAction


@frozen(kw_only=True, slots=False)
class CategoryView:
    """A category. `ancestors` run from the root; `children` hold their own children."""

    object: ClassVar[str] = "category"
    id: CategoryId
    slug: str
    name: str
    description: str
    parent_id: CategoryId | None
    position: int
    seo_title: str
    seo_description: str
    metadata: Mapping[str, str]
    created_at: datetime
    updated_at: datetime
    version: int
    ancestors: "list[CategoryView] | None" = None
    children: "list[CategoryView] | None" = None


@frozen(kw_only=True, slots=False)
class VariantView:
    """A variant as shoppers see it. `price` is in the currency asked for, None where it has none."""

    object: ClassVar[str] = "variant"
    id: VariantId
    product_id: ProductId
    sku: str
    barcode: str
    title: str
    options: tuple[str, ...]
    price: Money | None
    compare_at: Money | None
    prices: list[Money]
    weight_grams: int
    tax_class: str
    tracked: bool
    requires_shipping: bool
    archived: bool
    metadata: Mapping[str, str]


@frozen(kw_only=True, slots=False)
class ProductView:
    """A product as shoppers see it. `price_from` and `price_to` span its live variants in the currency asked for."""

    object: ClassVar[str] = "product"
    id: ProductId
    slug: str
    title: str
    description: str
    vendor: str
    status: ProductStatus
    tags: tuple[str, ...]
    price_from: Money | None
    price_to: Money | None
    media: list[Media]
    options: list[Option]
    category_ids: tuple[CategoryId, ...]
    seo_title: str
    seo_description: str
    metadata: Mapping[str, str]
    created_at: datetime
    updated_at: datetime
    version: int
    variants: list[VariantView] | None = None
    categories: list[CategoryView] | None = None


@frozen(kw_only=True, slots=False)
class VariantAvailabilityView:
    """Whether a variant can be had: `in_stock`, `low_stock`, `backorder` or `out_of_stock`; never how many."""

    variant_id: VariantId
    sku: str
    status: str


@frozen(kw_only=True, slots=False)
class AvailabilityView:
    object: ClassVar[str] = "availability"
    product_id: ProductId
    variants: list[VariantAvailabilityView]


@frozen(kw_only=True, slots=False)
class ShippingOptionView:
    """A way of delivery offered to this cart. Days are working days to the door."""

    object: ClassVar[str] = "shipping_option"
    id: str
    name: str
    price: Money
    days_min: int
    days_max: int


@frozen(kw_only=True, slots=False)
class CartItemView:
    """A line of the cart. Amounts are None where the variant has no price in the cart's currency any more."""

    object: ClassVar[str] = "cart_item"
    id: CartItemId
    variant_id: VariantId
    product_id: ProductId | None
    product_slug: str
    title: str
    variant_title: str
    sku: str
    image_url: str
    quantity: int
    unit_price: Money | None
    subtotal: Money | None
    tax: Money | None
    total: Money | None


@frozen(kw_only=True, slots=False)
class TaxSumView:
    """All tax of one rate; `rate` is a decimal fraction as text."""

    name: str
    rate: str
    net: Money
    tax: Money


@frozen(kw_only=True, slots=False)
class StepView:
    """One summand of the total, and where it comes from."""

    label: str
    amount: Money


@frozen(kw_only=True, slots=False)
class CartProblemView:
    """Something to mend before the cart can be ordered."""

    pointer: str
    code: str
    detail: str


@frozen(kw_only=True, slots=False)
class CartView:
    """A cart with what it costs right now. Pass `version` when ordering: it is what the shopper saw."""

    object: ClassVar[str] = "cart"
    id: CartId
    version: int
    status: CartStatus
    currency: str
    email: str
    shipping_address: Address | None
    billing_address: Address | None
    shipping_option_id: str
    note: str
    items: list[CartItemView]
    subtotal: Money
    shipping_total: Money
    tax_total: Money
    total: Money
    prices_include_tax: bool
    taxes: list[TaxSumView]
    explanation: list[StepView]
    problems: list[CartProblemView]
    metadata: Mapping[str, str]
    created_at: datetime
    updated_at: datetime
    expires_at: datetime


@frozen(kw_only=True, slots=False)
class PaymentMethodView:
    """A way to pay. `confirms_in` is `browser` (with the client secret) or `server`."""

    object: ClassVar[str] = "payment_method"
    id: str
    provider: str
    name: str
    confirms_in: str


@frozen(kw_only=True, slots=False)
class PaymentSessionView:
    """How the shopper will pay. Status `open` until its cart is ordered, then how far the payment has come."""

    object: ClassVar[str] = "payment_session"
    id: PaymentSessionId
    cart_id: CartId
    provider: str
    method: str
    status: str
    order_id: OrderId | None
    next_action: NextAction | None
    client_secret: str | None
    failure_code: str | None
    created_at: datetime


@frozen(kw_only=True, slots=False)
class OrderLineView:
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


@frozen(kw_only=True, slots=False)
class OrderShippingView:
    id: str
    name: str
    price: Money
    tax: Money
    total: Money


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
    """An order as its buyer sees it. `number` is for people."""

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
    prices_include_tax: bool
    subtotal: Money
    shipping_total: Money
    tax_total: Money
    total: Money
    metadata: Mapping[str, str]
    cancel_reason: str
    placed_at: datetime
    cancelled_at: datetime | None
    created_at: datetime
    updated_at: datetime
    version: int
    lines: list[OrderLineView] | None = None
    payments: "list[PaymentView] | None" = None


@frozen(kw_only=True, slots=False)
class PaymentAttemptView:
    """One try at taking the money; the client secret is never shown to staff."""

    id: AttemptId
    method: str
    amount: Money
    status: AttemptStatus
    provider_ref: str
    failure_code: str
    created_at: datetime
    updated_at: datetime


@frozen(kw_only=True, slots=False)
class ProviderMessageView:
    """A message of the provider about this payment, as it came."""

    event_ref: str
    event_type: str
    state: str
    body: str
    received_at: datetime
    settled_at: datetime | None


@frozen(kw_only=True, slots=False)
class PaymentView:
    """A payment as staff see it."""

    object: ClassVar[str] = "payment"
    id: PaymentId
    order_id: OrderId
    provider: str
    status: AttemptStatus
    amount: Money
    captured: Money
    refunded: Money
    refund_due: bool
    attempts: list[PaymentAttemptView]
    created_at: datetime
    updated_at: datetime
    version: int
    provider_messages: list[ProviderMessageView] | None = None


@frozen(kw_only=True, slots=False)
class LocationView:
    object: ClassVar[str] = "location"
    id: LocationId
    name: str
    country: str
    priority: int
    created_at: datetime


@frozen(kw_only=True, slots=False)
class StockLevelView:
    """How many of a variant are at a location. `available` is on hand + backorder limit − reserved."""

    object: ClassVar[str] = "stock_level"
    variant_id: VariantId
    product_id: ProductId
    sku: str
    title: str
    location_id: LocationId
    location_name: str
    on_hand: int
    reserved: int
    available: int
    backorder_limit: int
    version: int


@frozen(kw_only=True, slots=False)
class StockMovementView:
    """One change of a level with its cause; `source_id` is the order, key or import behind it."""

    object: ClassVar[str] = "stock_movement"
    id: MovementId
    variant_id: VariantId
    location_id: LocationId
    on_hand: int
    reserved: int
    kind: MovementKind
    source_id: str
    reason: str
    at: datetime


@frozen(kw_only=True, slots=False)
class StoreView:
    """What a storefront needs before it shows the first product."""

    object: ClassVar[str] = "store"
    name: str
    country: str
    currency: str
    currencies: tuple[str, ...]
    locales: tuple[str, ...]
    ships_to: tuple[str, ...]
    prices_include_tax: bool
    payment_provider: str


@frozen(kw_only=True, slots=False)
class ApiKeyView:
    """A secret key without its secret."""

    object: ClassVar[str] = "api_key"
    id: ApiKeyId
    name: str
    last4: str
    scopes: list[str]
    created_at: datetime
    revoked_at: datetime | None


@frozen(kw_only=True, slots=False)
class DeliveryView:
    """How far an event has come to one subscriber."""

    subscriber: str
    state: str
    attempts: int
    due_at: datetime
    problem: str


@frozen(kw_only=True, slots=False)
class EventView:
    """Something that happened, and who has heard of it."""

    object: ClassVar[str] = "event"
    id: EventId
    type: str
    subject_id: str
    at: datetime
    request_id: str
    data: Mapping[str, object]
    deliveries: list[DeliveryView]
