"""Databases with a fresh schema, and a small shop in them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from shop.adapters.sql.addresses import open_database
from shop.adapters.sql.database import Database
from shop.adapters.sql.events import EventWriter
from shop.adapters.sql.unit_of_work import SqlUnitOfWork
from shop.adapters.system import SystemIds
from shop.application.messages import SYSTEM, Context, Idempotency
from shop.application.ports.unit_of_work import Transaction
from shop.domain.carts import Cart, CartItem
from shop.domain.catalog import Media, Option, Price, Product, ProductStatus, Variant
from shop.domain.inventory import (
    Location,
    MovementKind,
    Reservation,
    StockLevel,
    StockMovement,
)
from shop.domain.kernel.address import Address
from shop.domain.kernel.identifiers import (
    AttemptId,
    CartId,
    CartItemId,
    LocationId,
    MovementId,
    OrderId,
    OrderLineId,
    PaymentId,
    PaymentSessionId,
    ProductId,
    RequestId,
    ReservationId,
    VariantId,
)
from shop.domain.kernel.money import Money
from shop.domain.orders import Order, OrderLine, OrderShipping
from shop.domain.payments import Payment, PaymentSession

IDS = SystemIds()
NOW = datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)
ADDRESS = Address(name="Ada Lovelace", line1="Königsstraße 1", city="Berlin", postal_code="10115", country="DE")
SUBSCRIBERS: dict[str, tuple[str, ...]] = {"order.created": ("stock", "mail"), "product.updated": ("cache",)}


def context(*, key: str = "", fingerprint: bytes = b"f") -> Context:
    idempotency = Idempotency(route="POST /orders", key=key, fingerprint=fingerprint) if key else None
    return Context(actor=SYSTEM, now=NOW, request_id=IDS.new(RequestId), idempotency=idempotency)


def unit_of_work(database: Database) -> SqlUnitOfWork:
    return SqlUnitOfWork(database, EventWriter(IDS, SUBSCRIBERS), IDS, lambda: None)


def opened(url: str, pool_size: int = 10) -> Database:
    return open_database(url, pool_size=pool_size)


def eur(minor: int) -> Money:
    return Money(minor, "EUR")


def product(*skus: str, slug: str = "", status: ProductStatus = ProductStatus.ACTIVE) -> Product:
    made = Product.create(
        at=NOW,
        id=IDS.new(ProductId),
        slug=slug or f"shirt-{IDS.new(ProductId).uuid.hex}",
        title="Linen shirt",
        description="A shirt of linen.",
        vendor="Weaver",
        tags=("linen", "summer"),
        media=(Media(url="https://example.com/1.jpg", alt="A shirt"),),
        options=(Option(name="Size", values=tuple(skus)),),
        variants=tuple(
            Variant(
                id=IDS.new(VariantId),
                sku=sku,
                options=(sku,),
                prices=(Price(amount=eur(1999 + n), compare_at=eur(2999)), Price(amount=Money(2500, "USD"))),
                weight_grams=300,
                metadata={"n": str(n)},
            )
            for n, sku in enumerate(skus)
        ),
        metadata={"colour": "blue", "a": "b"},
    )
    made.status = status
    return made


class Stocked:
    """A location, a product with variants, and a level of each."""

    def __init__(self, location: Location, of: Product) -> None:
        self.location = location
        self.product = of
        self.variants = [variant.id for variant in of.variants]


async def stocked(uow: SqlUnitOfWork, *skus: str, on_hand: int = 10) -> Stocked:
    location = Location(id=IDS.new(LocationId), name="Berlin", country="DE", created_at=NOW)
    sold = product(*skus)
    async with uow(context()) as tx:
        tx.stock.save_location(location)
        tx.products.save(sold)
        for variant in sold.variants:
            level = StockLevel(variant_id=variant.id, location_id=location.id, on_hand=on_hand)
            tx.stock.open_level(level, movement(level, MovementKind.RECEIVED, on_hand=on_hand) if on_hand else None)
    return Stocked(location, sold)


def movement(level: StockLevel, kind: MovementKind, *, on_hand: int = 0, reserved: int = 0) -> StockMovement:
    return StockMovement(
        id=IDS.new(MovementId),
        variant_id=level.variant_id,
        location_id=level.location_id,
        on_hand=on_hand,
        reserved=reserved,
        kind=kind,
        source=IDS.new(RequestId),
        at=NOW,
    )


def cart(*variants: VariantId, quantity: int = 1) -> Cart:
    made = Cart.open(
        at=NOW,
        id=IDS.new(CartId),
        currency="EUR",
        email="ada@example.com",
        shipping_address=ADDRESS,
        metadata={"a": "b"},
    )
    made.items = tuple(CartItem(id=IDS.new(CartItemId), variant_id=v, quantity=quantity) for v in variants)
    return made


def session_for(cart: Cart) -> PaymentSession:
    return PaymentSession(
        id=IDS.new(PaymentSessionId), cart_id=cart.id, provider="fake", method="fake_card", created_at=NOW
    )


def order_of(cart: Cart) -> Order:
    """The order of a cart at 19.99 a piece, 19 % tax contained, and 4.90 for delivery."""
    lines = []
    for item in cart.items:
        total = eur(1999) * item.quantity
        tax = total.portion(Decimal("0.19") / Decimal("1.19"))
        lines.append(
            OrderLine(
                id=IDS.new(OrderLineId),
                variant_id=item.variant_id,
                product_id=IDS.new(ProductId),
                sku="S",
                title="Linen shirt",
                variant_title="M",
                quantity=item.quantity,
                unit_price=eur(1999),
                subtotal=total,
                net=total - tax,
                tax=tax,
                total=total,
                tax_rate=Decimal("0.19"),
                tax_name="VAT",
                tax_rounding="ROUND_HALF_EVEN",
                weight_grams=300,
            )
        )
    subtotal = eur(sum(line.subtotal.minor for line in lines))
    shipping = OrderShipping(
        code="dhl",
        name="DHL",
        price=eur(490),
        net=eur(412),
        tax=eur(78),
        total=eur(490),
        tax_rate=Decimal("0.19"),
        tax_name="VAT",
    )
    return Order.place(
        at=NOW,
        id=IDS.new(OrderId),
        cart_id=cart.id,
        payment_session_id=IDS.new(PaymentSessionId),
        email=cart.email,
        currency="EUR",
        lines=tuple(lines),
        shipping=shipping,
        shipping_address=ADDRESS,
        billing_address=ADDRESS,
        subtotal=subtotal,
        shipping_total=eur(490),
        tax_total=eur(sum(line.tax.minor for line in lines) + 78),
        total=subtotal + eur(490),
        hold_expires_at=NOW + timedelta(minutes=15),
        metadata={"a": "b"},
    )


def payment_of(order: Order) -> Payment:
    return Payment.open(
        id=IDS.new(PaymentId),
        attempt_id=IDS.new(AttemptId),
        order_id=order.id,
        provider="fake",
        method="fake_card",
        amount=order.total,
        at=NOW,
    )


def hold(tx: Transaction, order: Order, at: LocationId, order_of_lines: Sequence[int] | None = None) -> None:
    """Reserves what the order needs, level by level, in any order."""
    for index in order_of_lines or range(len(order.lines)):
        line = order.lines[index]
        tx.stock.hold(
            Reservation(
                id=IDS.new(ReservationId),
                order_id=order.id,
                variant_id=line.variant_id,
                location_id=at,
                quantity=line.quantity,
                expires_at=order.hold_expires_at,
            )
        )
        tx.stock.move(
            StockMovement(
                id=IDS.new(MovementId),
                variant_id=line.variant_id,
                location_id=at,
                reserved=line.quantity,
                kind=MovementKind.RESERVED,
                source=order.id,
                at=NOW,
            )
        )


async def place(uow: SqlUnitOfWork, shop: Stocked, bought: Cart, *, key: str = "") -> Order:
    """The write of a checkout, of the cart as it was read (and is at the end)."""
    async with uow(context(key=key)) as tx:
        found = bought
        order = order_of(found)
        found.become_order(NOW)
        tx.carts.save(found)
        tx.orders.save(order)
        tx.payments.save(payment_of(order))
        hold(tx, order, shop.location.id)
        tx.answer(order.id)
    return order
