"""A message with something in it that is not what its type says is refused before anything is kept."""

import pkgutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from importlib import import_module
from typing import Any
from uuid import UUID

import pytest
from attrs import evolve, fields, has

from shop.application import commands, queries
from shop.application.commands.carts import AddToCart, DescribeCart
from shop.application.commands.catalog import CreateProduct, NewVariant, UpdateProduct
from shop.application.commands.categories import CreateCategory
from shop.application.commands.checkout import CreateOrder
from shop.application.commands.identity.keys import CreateApiKey
from shop.application.commands.identity.passkeys import SignInWithPasskey
from shop.application.commands.inventory import AdjustStock
from shop.application.fitting import _attributes, check_types
from shop.application.messages import Command, Query
from shop.application.ports.audit import AuditFilter
from shop.application.ports.readers import OrderFilter, TimeRange
from shop.application.queries.audit import GetAuditLog
from shop.application.queries.carts import GetExpiredCarts
from shop.application.queries.catalog import GetProducts
from shop.application.queries.orders import GetAllOrders, GetOverdueOrders
from shop.application.queries.payments import GetUnfinishedPayments
from shop.application.queries.subscriptions import GetDueSubscriptions
from shop.domain.catalog import POSITION_MAX, Price, ProductStatus
from shop.domain.kernel.address import Address
from shop.domain.kernel.errors import Invalid
from shop.domain.kernel.identifiers import CartId, PaymentSessionId, PlanId, ProductId, VariantId
from tests.shops import SmallShop, eur

EAST, WEST = timezone(timedelta(hours=14)), timezone(timedelta(hours=-12))
CART, VARIANT, PRODUCT = CartId(UUID(int=1)), VariantId(UUID(int=2)), ProductId(UUID(int=3))
LAMP = CreateProduct(slug="lamp", title="Lamp", variants=(NewVariant(sku="LAMP", prices=(Price(amount=eur(500)),)),))
PASSKEY = SignInWithPasskey(token="secret", answer={"id": 1, "type": "public-key"})
ORDER = CreateOrder(cart_id=CART, cart_version=1, payment_session_id=PaymentSessionId(UUID(int=4)))


def every_message() -> Iterator[type]:
    for package in (commands, queries):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            import_module(found.name)
    waiting: list[type] = [Command, Query]
    while waiting:
        below: list[type] = waiting.pop().__subclasses__()
        yield from below
        waiting += below


def test_every_attribute_of_every_message_is_looked_at() -> None:
    messages = list(every_message())
    assert len(messages) > 150
    for message in messages:
        attributes = fields(message) if has(message) else ()
        assert [one.name for one in _attributes(message)] == [one.name for one in attributes]


@pytest.mark.parametrize(
    ("message", "wrong", "where"),
    [
        (LAMP, {"status": "foo"}, "/status"),
        (LAMP, {"status": None}, "/status"),
        (LAMP, {"title": None}, "/title"),
        (LAMP, {"tags": ["a"]}, "/tags"),
        (LAMP, {"tags": "a"}, "/tags"),
        (LAMP, {"tags": ("a", 1)}, "/tags"),
        (LAMP, {"metadata": {"a": 1}}, "/metadata"),
        (LAMP, {"metadata": {1: "a"}}, "/metadata"),
        (LAMP, {"metadata": None}, "/metadata"),
        (LAMP, {"variants": (NewVariant(tracked="yes"),)}, "/variants"),  # type: ignore[arg-type]
        (LAMP, {"variants": (LAMP,)}, "/variants"),
        (LAMP, {"category_ids": (PRODUCT,)}, "/category_ids"),
        (UpdateProduct(product_id=PRODUCT), {"product_id": VARIANT}, "/product_id"),
        (UpdateProduct(product_id=PRODUCT), {"product_id": str(PRODUCT)}, "/product_id"),
        (UpdateProduct(product_id=PRODUCT), {"expected_version": "1"}, "/expected_version"),
        (UpdateProduct(product_id=PRODUCT), {"expected_version": True}, "/expected_version"),
        (UpdateProduct(product_id=PRODUCT), {"expected_version": 10**5000}, "/expected_version"),
        (ORDER, {"cart_version": -(10**5000)}, "/cart_version"),
        (LAMP, {"variants": (NewVariant(weight_grams=10**5000),)}, "/variants"),
        (AddToCart(cart_id=CART, variant_id=VARIANT), {"quantity": 1.0}, "/quantity"),
        (AdjustStock(variant_id=VARIANT, delta=1, reason="found"), {"kind": "adjusted"}, "/kind"),
        (DescribeCart(cart_id=CART), {"shipping_address": {"name": "Ada"}}, "/shipping_address"),
        (DescribeCart(cart_id=CART), {"forget": {"note"}}, "/forget"),
        (ORDER, {"expected_total": 500}, "/expected_total"),
        (ORDER, {"expected_plans": {VARIANT: 1}}, "/expected_plans"),
        (PASSKEY, {"answer": {1: "a"}}, "/answer"),
        (PASSKEY, {"token": b"secret"}, "/token"),
        (GetProducts(), {"expand": ("variants",)}, "/expand"),
        (GetProducts(), {"page": None}, "/page"),
        (GetAllOrders(), {"which": OrderFilter(number=7)}, "/which"),  # type: ignore[arg-type]
        (GetAllOrders(), {"which": OrderFilter(placed_at=TimeRange(gte=datetime(2026, 1, 1)))}, "/which"),  # noqa: DTZ001
        (GetAllOrders(), {"which": OrderFilter(placed_at=TimeRange(lt=datetime.max.replace(tzinfo=WEST)))}, "/which"),
        (GetAuditLog(), {"narrowed": AuditFilter(since=datetime.min.replace(tzinfo=EAST))}, "/narrowed"),
        (CreateApiKey(name="k"), {"expires_at": datetime.max.replace(tzinfo=WEST)}, "/expires_at"),
    ],
)
async def test_what_is_of_another_type_is_refused(
    small: SmallShop, message: Any, wrong: dict[str, Any], where: str
) -> None:
    send: Any = small.shop.execute if isinstance(message, Command) else small.shop.ask
    with pytest.raises(Invalid, match=f"{type(message).__name__} takes .* for {where[1:]}, not ") as refused:
        await send(evolve(message, **wrong))
    assert [(flaw.pointer, flaw.code) for flaw in refused.value.flaws] == [(where, "wrong_type")]
    assert "secret" not in refused.value.detail
    assert (await small.shop.ask(GetProducts())).data == []  # and nothing was kept that lists would fall over


@pytest.mark.parametrize(
    "message",
    [
        LAMP,
        PASSKEY,
        evolve(LAMP, status=ProductStatus.ACTIVE, tags=("a", "b"), metadata={"a": "b"}),
        evolve(ORDER, expected_total=eur(500), expected_plans={PlanId(UUID(int=5)): 2}),
        DescribeCart(cart_id=CART, shipping_address=Address(name="Ada", line1="1", city="Bonn", country="DE")),
        DescribeCart(cart_id=CART, metadata={"a": None}, forget=frozenset({"note"})),
        GetAllOrders(which=OrderFilter(placed_at=TimeRange(gte=datetime(2026, 1, 1, tzinfo=UTC)))),
    ],
)
def test_what_is_of_its_type_passes(message: Any) -> None:
    check_types(message)


@pytest.mark.parametrize("position", [POSITION_MAX + 1, -POSITION_MAX - 1, 10**30])
async def test_no_position_is_larger_than_a_database_keeps(small: SmallShop, position: int) -> None:
    with pytest.raises(Invalid, match="A position is"):
        await small.shop.execute(CreateCategory(slug="shirts", name="Shirts", position=position))


@pytest.mark.parametrize("limit", [-1, 0, 10_001, 10**30, None, "5", 5.0, True])
@pytest.mark.parametrize("question", [GetOverdueOrders, GetUnfinishedPayments, GetExpiredCarts, GetDueSubscriptions])
def test_what_is_due_is_asked_for_within_bounds(question: Any, limit: int) -> None:
    with pytest.raises(Invalid, match="A limit is 1 to 10,000"):
        question(limit=limit)
    assert question(limit=10_000).limit == 10_000
