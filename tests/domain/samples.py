"""Parts to build tests of the domain from: ids by number, one moment, plain objects and hypothesis strategies."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

from hypothesis import strategies as st

from shop.domain.carts import Cart
from shop.domain.catalog import Category, Price, Product, Variant
from shop.domain.kernel.address import Address
from shop.domain.kernel.capturing import CapturePolicy
from shop.domain.kernel.currencies import EXPONENTS
from shop.domain.kernel.identifiers import (
    AttemptId,
    CartId,
    CategoryId,
    Identifier,
    OrderId,
    OrderLineId,
    PaymentId,
    PaymentSessionId,
    ProductId,
    VariantId,
)
from shop.domain.kernel.money import AMOUNT_MAX, Money
from shop.domain.orders import Order, OrderLine
from shop.domain.payments import Payment

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
I = TypeVar("I", bound=Identifier)  # noqa: E741
A = TypeVar("A")

currencies = st.sampled_from(sorted(EXPONENTS))
minors = st.integers(-AMOUNT_MAX, AMOUNT_MAX)


def later(minutes: float = 1) -> datetime:
    return NOW + timedelta(minutes=minutes)


def an(kind: type[I], number: int = 1) -> I:
    """The id of this kind with this number."""
    return kind(UUID(int=number))


def eur(minor: int) -> Money:
    return Money(minor, "EUR")


def an_address(**changes: Any) -> Address:
    plain = {"name": "Ada", "line1": "1 Long Lane", "city": "Berlin", "postal_code": "10115", "country": "DE"}
    return Address(**{**plain, **changes})


def a_variant(number: int = 1, **changes: Any) -> Variant:
    plain: dict[str, Any] = {
        "id": an(VariantId, number),
        "sku": f"SKU-{number}",
        "prices": (Price(amount=eur(1999)),),
    }
    return Variant(**{**plain, **changes})


def a_product(**changes: Any) -> Product:
    plain: dict[str, Any] = {"id": an(ProductId), "slug": "linen-shirt", "title": "Linen shirt"}
    return Product.create(at=NOW, **{**plain, **changes})


def a_category(number: int = 1, **changes: Any) -> Category:
    plain: dict[str, Any] = {"id": an(CategoryId, number), "slug": f"shelf-{number}", "name": f"Shelf {number}"}
    return Category.create(at=NOW, **{**plain, **changes})


def a_cart(**changes: Any) -> Cart:
    return Cart.open(at=NOW, **{"id": an(CartId), "currency": "EUR", **changes})


def an_order_line(**changes: Any) -> OrderLine:
    plain: dict[str, Any] = {
        "id": an(OrderLineId),
        "variant_id": an(VariantId),
        "product_id": an(ProductId),
        "sku": "SKU-1",
        "title": "Linen shirt",
        "quantity": 1,
        "unit_price": eur(1190),
        "subtotal": eur(1190),
        "net": eur(1000),
        "tax": eur(190),
        "total": eur(1190),
        "tax_rate": Decimal("0.19"),
    }
    return OrderLine(**{**plain, **changes})


def an_order(**changes: Any) -> Order:
    plain: dict[str, Any] = {
        "id": an(OrderId),
        "cart_id": an(CartId),
        "payment_session_id": an(PaymentSessionId),
        "email": "ada@example.com",
        "currency": "EUR",
        "lines": (an_order_line(),),
        "subtotal": eur(1190),
        "shipping_total": eur(0),
        "tax_total": eur(190),
        "total": eur(1190),
        "hold_expires_at": later(15),
    }
    return Order.place(at=NOW, **{**plain, **changes})


def a_payment(amount: Money | None = None, capture: CapturePolicy = CapturePolicy.AUTOMATIC) -> Payment:
    return Payment.open(
        id=an(PaymentId),
        attempt_id=an(AttemptId),
        order_id=an(OrderId),
        provider="fake",
        method="fake_card",
        amount=amount or eur(1190),
        at=NOW,
        capture=capture,
    )


def refused(error: type[Exception], action: Callable[[], object]) -> bool:
    """Whether the action raises this error; any other goes through."""
    try:
        action()
    except error:
        return True
    return False
