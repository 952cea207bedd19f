"""Filling an empty demo shop: the same shop every time, but for the day on which it was opened."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TypeVar
from uuid import UUID

from attrs import frozen

from shop.application.commands.carts import AddToCart, ChooseShipping, DescribeCart, OpenCart
from shop.application.commands.checkout import CreateOrder
from shop.application.commands.imports import ImportProduct
from shop.application.commands.payments import CreatePaymentSession, ProcessPayment
from shop.application.commands.plans import CreatePlan
from shop.application.commands.store import ConfigureStore
from shop.application.ports.paging import PageRequest
from shop.application.queries.carts import GetCart
from shop.application.queries.catalog import GetProduct
from shop.application.queries.inventory import GetStockLevels
from shop.application.shop import Shop
from shop.domain.kernel.address import Address
from shop.domain.kernel.capturing import CapturePolicy
from shop.domain.kernel.identifiers import Identifier, VariantId
from shop.domain.kernel.money import Money
from shop.domain.pricing.taxes import TaxRate, TaxTable
from shop.domain.shipping import ShippingMethod, WeightStep
from shop.domain.store import Store
from shop.domain.subscriptions import Interval, IntervalUnit
from shop.entrypoints.demo.catalogue import products

I = TypeVar("I", bound=Identifier)  # noqa: E741

SEED = 20261123
DAYS_OPEN = 60
ORDERS = 24
_BIRTH_MILLISECONDS = 1_767_225_600_000
"""The beginning of 2026: demo ids are the same everywhere, and older than any that a living shop makes."""

_BUYERS = (
    ("Ada Byron", "ada@example.com", "Torstr. 1", "10119", "Berlin"),
    ("Lin Wei", "lin@example.com", "Speicherstr. 12", "20457", "Hamburg"),
    ("Noor Haddad", "noor@example.com", "Ehrenstr. 40", "50672", "Köln"),
    ("Jonas Berg", "jonas@example.com", "Karl-Liebknecht-Str. 7", "04107", "Leipzig"),
    ("Ewa Nowak", "ewa@example.com", "Sendlinger Str. 22", "80331", "München"),
    ("Tomás Silva", "tomas@example.com", "Am Wall 130", "28195", "Bremen"),
)


@frozen
class _Plan:
    code: str
    name: str
    product: str
    interval: Interval
    cents: int
    trial_days: int = 0


_PLANS = (
    _Plan("coffee-monthly", "Coffee every month", "filter-coffee", Interval(IntervalUnit.MONTH), 1090),
    _Plan("tea-fortnightly", "Tea every two weeks", "forest-tea", Interval(IntervalUnit.WEEK, 2), 690, trial_days=14),
)


class DemoClock:
    """A clock that the seeding sets back, so that the shop has a past."""

    def __init__(self, opened: datetime) -> None:
        self._now = opened

    def now(self) -> datetime:
        self._now += timedelta(milliseconds=1)
        return self._now

    def move_to(self, moment: datetime) -> None:
        """Never backwards."""
        self._now = max(self._now, moment)


class DemoIds:
    """The same ids in the same order every time."""

    def __init__(self) -> None:
        self._random = random.Random(SEED)  # noqa: S311 - nothing here is a secret
        self._count = 0

    def new(self, kind: type[I]) -> I:
        self._count += 1
        randomness = self._random.getrandbits(62)
        return kind(UUID(int=(_BIRTH_MILLISECONDS + self._count) << 80 | 0x7 << 76 | 0b10 << 62 | randomness))


@frozen(kw_only=True)
class Seeded:
    """How much was put in."""

    products: int
    orders: int


async def seed(shop: Shop, clock: DemoClock, first_start: datetime) -> Seeded:
    """Opens “Nordlicht” sixty days before its first start. The shop has to be empty, with `clock` and `DemoIds`."""
    clock.move_to(first_start - timedelta(days=DAYS_OPEN))
    await shop.execute(configuration())
    count = 0
    for record in products():
        clock.move_to(clock.now() + timedelta(hours=3))
        await shop.execute(ImportProduct(record=record))
        count += 1
    on_sale = await _in_stock(shop)
    for plan in _PLANS:
        await _offer(shop, plan, on_sale)
    chance = random.Random(SEED)  # noqa: S311 - nothing here is a secret
    for number in range(ORDERS):
        # The first products were there from the beginning; orders come afterwards, the last one today.
        age = timedelta(days=DAYS_OPEN - 10) * (1 - (number + 1) / ORDERS)
        clock.move_to(first_start - age - timedelta(minutes=chance.randrange(20, 300)))
        await _order(shop, chance, on_sale)
    clock.move_to(first_start)
    return Seeded(products=count, orders=ORDERS)


def configuration() -> ConfigureStore:
    """Euros, Germany, prices with tax of 19 % and 7 %, three ways of delivery."""
    countries = frozenset({"DE", "AT"})
    return ConfigureStore(
        store=Store(
            name="Nordlicht",
            country="DE",
            currencies=("EUR",),
            locales=("en", "de"),
            ships_to=("DE", "AT"),
            capture=CapturePolicy.AUTOMATIC,
        ),
        taxes=TaxTable(
            prices_include_tax=True,
            rates=(
                TaxRate(name="USt. 19 %", country="DE", rate=Decimal("0.19")),
                TaxRate(name="USt. 7 %", country="DE", tax_class="reduced", rate=Decimal("0.07")),
                TaxRate(name="USt. 20 %", country="AT", rate=Decimal("0.20")),
                TaxRate(name="USt. 10 %", country="AT", tax_class="reduced", rate=Decimal("0.10")),
            ),
        ),
        shipping_methods=(
            ShippingMethod(
                code="standard", name="Standard", countries=countries, flat=(_euros(490),), days_min=2, days_max=4
            ),
            ShippingMethod(
                code="express",
                name="Express",
                countries=frozenset({"DE"}),
                flat=(_euros(1290),),
                days_min=1,
                days_max=1,
            ),
            ShippingMethod(
                code="parcel",
                name="Parcel by weight",
                countries=countries,
                by_weight=(
                    WeightStep(up_to_grams=2_000, price=_euros(549)),
                    WeightStep(up_to_grams=5_000, price=_euros(699)),
                    WeightStep(up_to_grams=10_000, price=_euros(949)),
                    WeightStep(up_to_grams=31_500, price=_euros(1949)),
                ),
                days_min=3,
                days_max=6,
            ),
        ),
    )


async def _offer(shop: Shop, plan: _Plan, on_sale: Sequence[VariantId]) -> None:
    """Offers the first variant of a product that is there as something that comes again and again."""
    product = await shop.ask(GetProduct(id_or_slug=plan.product, expand=frozenset({"variants"})))
    variant_id = next(variant.id for variant in product.variants or () if variant.id in on_sale)
    await shop.execute(
        CreatePlan(
            code=plan.code,
            name=plan.name,
            variant_id=variant_id,
            interval=plan.interval,
            prices=(_euros(plan.cents),),
            trial_days=plan.trial_days,
        )
    )


async def _in_stock(shop: Shop) -> list[VariantId]:
    """Variants of which there are enough that no order of the demo empties them."""
    found: list[VariantId] = []
    after: str | None = None
    while True:
        page = await shop.ask(GetStockLevels(page=PageRequest(limit=100, after=after)))
        found += [level.variant_id for level in page.data if level.available >= 18]
        if page.next is None:
            return sorted(found)
        after = page.next


async def _order(shop: Shop, chance: random.Random, on_sale: Sequence[VariantId]) -> None:
    """One order by a guest, paid with the fake card: the same commands that a storefront sends."""
    name, email, street, postal_code, city = chance.choice(_BUYERS)
    address = Address(name=name, line1=street, postal_code=postal_code, city=city, country="DE")
    cart_id = await shop.execute(OpenCart())
    for variant_id in chance.sample(on_sale, chance.randint(1, 3)):
        await shop.execute(AddToCart(cart_id=cart_id, variant_id=variant_id, quantity=chance.choice((1, 1, 1, 2))))
    await shop.execute(DescribeCart(cart_id=cart_id, email=email, shipping_address=address))
    option = chance.choice(("standard", "standard", "express", "parcel"))
    await shop.execute(ChooseShipping(cart_id=cart_id, option_id=option))
    session_id = await shop.execute(CreatePaymentSession(cart_id=cart_id, method="fake_card"))
    cart = await shop.ask(GetCart(cart_id=cart_id))
    order_id = await shop.execute(
        CreateOrder(cart_id=cart_id, cart_version=cart.version, payment_session_id=session_id)
    )
    await shop.execute(ProcessPayment(order_id=order_id))


def _euros(cents: int) -> Money:
    return Money(cents, "EUR")
