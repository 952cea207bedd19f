"""Valid things to store: each with all its parts filled in, or as bare as the rules allow."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

from attrs import evolve

from shop.domain.carts import Cart, CartItem
from shop.domain.catalog import Category, Media, Option, Price, Product, ProductStatus, Variant
from shop.domain.identity import ApiKey
from shop.domain.inventory import Location, MovementKind, Reservation, StockMovement
from shop.domain.kernel.address import Address
from shop.domain.kernel.identifiers import (
    ApiKeyId,
    AttemptId,
    CartId,
    CartItemId,
    CategoryId,
    DisputeId,
    Identifier,
    InboxId,
    LedgerEntryId,
    LocationId,
    MovementId,
    OrderId,
    OrderLineId,
    PaymentId,
    PaymentSessionId,
    PlanId,
    ProductId,
    RefundId,
    ReservationId,
    UserId,
    VariantId,
)
from shop.domain.kernel.money import Money
from shop.domain.kernel.tenders import Tender, TenderKind
from shop.domain.ledger import EntryKind, LedgerEntry, sale_postings
from shop.domain.orders import Order, OrderLine, OrderShipping
from shop.domain.payments import (
    AttemptStatus,
    Dispute,
    DisputeState,
    DisputeStatus,
    InboxItem,
    Payment,
    PaymentAttempt,
    PaymentSession,
    Refund,
    RefundReason,
)
from shop.domain.subscriptions import AfterDunning, Interval, IntervalUnit, Plan

I = TypeVar("I", bound=Identifier)  # noqa: E741
START = datetime(2026, 3, 4, 5, 6, 7, 123456, tzinfo=UTC)


def eur(minor: int) -> Money:
    return Money(minor, "EUR")


class CountedIds:
    """UUIDv7 that count upwards, the same in every run."""

    def __init__(self) -> None:
        self._count = 0

    def new(self, kind: type[I]) -> I:
        self._count += 1
        return kind(UUID(int=0x019CB7A1 << 96 | self._count << 80 | 0x7 << 76 | 0b10 << 62 | self._count))


class Samples:
    """Makes valid things, each with ids of its own. Whatever is passed replaces what they would have."""

    def __init__(self, ids: CountedIds | None = None, now: datetime = START) -> None:
        self.ids = ids or CountedIds()
        self.now = now
        self._count = 0

    def new(self, kind: type[I]) -> I:
        return self.ids.new(kind)

    def address(self, **changes: Any) -> Address:
        plain = {
            "name": "Ada Lovelace",
            "line1": "Torstraße 1",
            "line2": "Hinterhof",
            "company": "Engines & Sons",
            "postal_code": "10119",
            "city": "Berlin",
            "region": "BE",
            "country": "DE",
            "phone": "+49 30 1",
        }
        return Address(**{**plain, **changes})

    def variant(self, **changes: Any) -> Variant:
        self._count += 1
        plain: dict[str, Any] = {
            "id": self.new(VariantId),
            "sku": f"SKU-{self._count}",
            "prices": (Price(amount=eur(1190), compare_at=eur(1500)), Price(amount=Money(1300, "USD"))),
        }
        return Variant(**{**plain, **changes})

    def product(self, **changes: Any) -> Product:
        """On sale, with one variant."""
        self._count += 1
        at = changes.pop("at", self.now)
        plain: dict[str, Any] = {
            "id": self.new(ProductId),
            "slug": f"thing-{self._count}",
            "title": f"Thing {self._count}",
            "status": ProductStatus.ACTIVE,
        }
        if "variants" not in changes:
            plain["variants"] = (self.variant(),)
        return Product.create(at=at, **{**plain, **changes})

    def rich_product(self, **changes: Any) -> Product:
        """With everything that a product can have."""
        plain: dict[str, Any] = {
            "title": "Leinenhemd “Öresund” 亜麻",
            "description": "Fällt weit aus.\nBügelfrei.",
            "vendor": "Nähstube",
            "tags": ("summer", "linen"),
            "seo_title": "Linen shirt",
            "seo_description": "A shirt of linen",
            "media": (Media(url="https://example.com/1.jpg", alt="front"), Media(url="https://example.com/2.jpg")),
            "options": (Option(name="Size", values=("S", "M")), Option(name="Colour", values=("blue",))),
            "variants": (
                self.variant(
                    barcode="4006381333931",
                    options=("M", "blue"),
                    weight_grams=230,
                    tax_class="reduced",
                    tracked=False,
                    backorder_limit=3,
                    requires_shipping=False,
                    metadata={"shelf": "9¾"},
                ),
                self.variant(sku="", options=("S", "blue"), prices=(), archived=True),
            ),
            "metadata": {"season": "summer", "empty": ""},
        }
        return self.product(**{**plain, **changes})

    def category(self, **changes: Any) -> Category:
        self._count += 1
        plain: dict[str, Any] = {
            "id": self.new(CategoryId),
            "slug": f"shelf-{self._count}",
            "name": f"Shelf {self._count}",
        }
        return Category.create(at=self.now, **{**plain, **changes})

    def location(self, **changes: Any) -> Location:
        plain: dict[str, Any] = {
            "id": self.new(LocationId),
            "name": "Warehouse",
            "country": "DE",
            "created_at": self.now,
        }
        return Location(**{**plain, **changes})

    def movement(self, variant_id: VariantId, location_id: LocationId, **changes: Any) -> StockMovement:
        plain: dict[str, Any] = {
            "id": self.new(MovementId),
            "variant_id": variant_id,
            "location_id": location_id,
            "kind": MovementKind.RECEIVED,
            "at": self.now,
        }
        if "source" not in changes:
            plain["source"] = self.new(OrderId)
        return StockMovement(**{**plain, **changes})

    def reservation(self, order: Order, location_id: LocationId, **changes: Any) -> Reservation:
        plain: dict[str, Any] = {
            "id": self.new(ReservationId),
            "order_id": order.id,
            "variant_id": order.lines[0].variant_id,
            "location_id": location_id,
            "quantity": order.lines[0].quantity,
            "expires_at": self.now + timedelta(minutes=15),
        }
        return Reservation(**{**plain, **changes})

    def cart(self, *variant_ids: VariantId, **changes: Any) -> Cart:
        """A guest's, with two of each variant."""
        items = tuple(CartItem(id=self.new(CartItemId), variant_id=v, quantity=2) for v in variant_ids)
        plain: dict[str, Any] = {"id": self.new(CartId), "currency": "EUR", "items": items}
        return Cart.open(at=changes.pop("at", self.now), **{**plain, **changes})

    def rich_cart(self, *variant_ids: VariantId) -> Cart:
        """With everything that a cart can have."""
        return self.cart(
            *variant_ids,
            owner_id=self.new(UserId),
            email="ada@example.com",
            shipping_address=self.address(),
            billing_address=Address(name="Ada", line1="Ring 1", city="Wien", country="AT"),
            shipping_code="standard",
            note="Ring twice.\n– A.",
            metadata={"campaign": "spring"},
        )

    def plan(self, **changes: Any) -> Plan:
        """Something every other week, in two currencies."""
        plain: dict[str, Any] = {
            "id": self.new(PlanId),
            "code": "coffee",
            "name": "Kaffee ☕",
            "variant_id": self.new(VariantId),
            "interval": Interval(IntervalUnit.WEEK, 2),
            "prices": (eur(1500), Money(1800, "USD")),
            "after_dunning": AfterDunning.UNPAID,
        }
        return Plan.offer(at=self.now, **{**plain, **changes})

    def session(self, cart: Cart, **changes: Any) -> PaymentSession:
        plain: dict[str, Any] = {
            "id": self.new(PaymentSessionId),
            "cart_id": cart.id,
            "provider": "fake",
            "method": "fake_card",
            "created_at": self.now,
        }
        return PaymentSession(**{**plain, **changes})

    def line(self, **changes: Any) -> OrderLine:
        """Two for 23.80, of which 3.80 are tax."""
        plain: dict[str, Any] = {
            "id": self.new(OrderLineId),
            "variant_id": self.new(VariantId),
            "product_id": self.new(ProductId),
            "sku": "SKU",
            "title": "Thing",
            "variant_title": "M / blue",
            "quantity": 2,
            "unit_price": eur(1190),
            "subtotal": eur(2380),
            "net": eur(2000),
            "tax": eur(380),
            "total": eur(2380),
            "tax_rate": Decimal("0.19"),
            "tax_name": "VAT",
            "tax_rounding": "ROUND_HALF_EVEN",
            "weight_grams": 230,
            "requires_shipping": True,
            "tracked": False,
        }
        return OrderLine(**{**plain, **changes})

    def order(self, cart: Cart, session: PaymentSession, **changes: Any) -> Order:
        """As bare as an order can be: two things, nothing sent."""
        lines = changes.pop("lines", None) or (self.line(),)
        amount = sum(line.total.minor for line in lines)
        plain: dict[str, Any] = {
            "id": self.new(OrderId),
            "cart_id": cart.id,
            "payment_session_id": session.id,
            "email": "ada@example.com",
            "currency": "EUR",
            "lines": lines,
            "subtotal": eur(amount),
            "shipping_total": eur(0),
            "tax_total": eur(sum(line.tax.minor for line in lines)),
            "total": eur(amount),
            "hold_expires_at": self.now + timedelta(minutes=15),
        }
        return Order.place(at=changes.pop("at", self.now), **{**plain, **changes})

    def rich_order(self, cart: Cart, session: PaymentSession) -> Order:
        """With everything that an order can have."""
        shipping = OrderShipping(
            code="standard",
            name="Parcel",
            price=eur(490),
            net=eur(412),
            tax=eur(78),
            total=eur(490),
            tax_rate=Decimal("0.190"),
            tax_name="VAT",
        )
        return self.order(
            cart,
            session,
            owner_id=self.new(UserId),
            lines=(self.line(), self.line(tax_rate=Decimal("0.0700"), tax=eur(0), net=eur(2380), tracked=True)),
            shipping=shipping,
            shipping_address=self.address(),
            billing_address=Address(name="Ada", line1="Ring 1", city="Wien", country="AT"),
            note="Leave it with the neighbours.",
            shipping_total=eur(490),
            tax_total=eur(458),
            total=eur(5250),
            tenders=(
                Tender(kind=TenderKind.GIFT_CARD, amount=eur(1000), reference="card é", returned=eur(400)),
                Tender(kind=TenderKind.STORE_CREDIT, amount=eur(250), reference="credit"),
            ),
            hold_reason="An amount that differs",
            metadata={"channel": "web"},
        )

    def payment(self, order: Order, **changes: Any) -> Payment:
        plain: dict[str, Any] = {
            "id": self.new(PaymentId),
            "attempt_id": self.new(AttemptId),
            "order_id": order.id,
            "provider": "fake",
            "method": "fake_card",
            "amount": order.total,
            "at": self.now,
        }
        return Payment.open(**{**plain, **changes})

    def refund(self, payment: Payment, **changes: Any) -> Refund:
        plain: dict[str, Any] = {
            "id": self.new(RefundId),
            "payment_id": payment.id,
            "order_id": payment.order_id,
            "provider": payment.provider,
            "amount": Money(7, payment.amount.currency),
            "reason": RefundReason.GOODWILL,
            "requested_by": "user_1",
            "at": self.now,
        }
        return Refund.request(**{**plain, **changes})

    def dispute_state(self, **changes: Any) -> DisputeState:
        plain: dict[str, Any] = {
            "provider_ref": "dp_1",
            "status": DisputeStatus.NEEDS_RESPONSE,
            "amount": eur(7),
            "reason": "fraudulent",
            "due_at": self.now + timedelta(days=7),
            "opened_at": self.now,
        }
        return DisputeState(**{**plain, **changes})

    def dispute(self, payment: Payment, at: datetime | None = None, **changes: Any) -> Dispute:
        told = self.dispute_state(**changes)
        dispute = Dispute.open(
            id=self.new(DisputeId),
            payment_id=payment.id,
            order_id=payment.order_id,
            provider=payment.provider,
            news=told,
            at=at or self.now,
        )
        dispute.follow(told, at or self.now)
        return dispute

    def captured(self, attempt: PaymentAttempt) -> PaymentAttempt:
        return evolve(attempt, status=AttemptStatus.CAPTURED, provider_ref="pi_1")

    def message(self, **changes: Any) -> InboxItem:
        self._count += 1
        plain: dict[str, Any] = {
            "id": self.new(InboxId),
            "provider": "fake",
            "event_ref": f"evt_{self._count}",
            "event_type": "intent.captured",
            "object_ref": "pi_1",
            "body": b'{"\xc3\xa9": 1}',
            "at": self.now,
        }
        return InboxItem.receive(**{**plain, **changes})

    def entry(self, payment: Payment, **changes: Any) -> LedgerEntry:
        plain: dict[str, Any] = {
            "id": self.new(LedgerEntryId),
            "at": self.now,
            "kind": EntryKind.CAPTURE,
            "order_id": payment.order_id,
            "payment_id": payment.id,
            "provider": payment.provider,
            "provider_ref": "pi_1",
            "postings": sale_postings(payment.provider, eur(2000), eur(0), eur(380)),
        }
        return LedgerEntry(**{**plain, **changes})

    def api_key(self, **changes: Any) -> ApiKey:
        key_id = self.new(ApiKeyId)
        plain: dict[str, Any] = {
            "id": key_id,
            "name": "Back office",
            "fingerprint": key_id.uuid.bytes * 2,
            "last4": "abcd",
            "scopes": frozenset({"orders:write", "catalog:read"}),
            "created_at": self.now,
        }
        return ApiKey(**{**plain, **changes})
