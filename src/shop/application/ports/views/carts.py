"""Carts as shoppers see them."""

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

from attrs import frozen

from shop.domain.carts import CartStatus
from shop.domain.kernel.address import Address
from shop.domain.kernel.identifiers import CartId, CartItemId, PlanId, ProductId, VariantId
from shop.domain.kernel.money import Money
from shop.domain.subscriptions import IntervalUnit


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
class CartPlanView:
    """By which plan a line comes again and again. `price` is that of a unit in each period, in the cart's currency.

    With days of trial the first period begins when they are over, and the line costs nothing in this order.
    """

    id: PlanId
    name: str
    interval: IntervalUnit
    interval_count: int
    trial_days: int
    price: Money | None
    version: int


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
    plan: CartPlanView | None
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
