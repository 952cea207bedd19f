"""Where aggregates are kept. `get` gives what was last saved, `save` puts it with what this transaction writes.

A save raises nothing itself: guards are checked when the transaction ends. An aggregate whose version is 0 is
new; every other save expects the stored version to be the one it was read with, and raises it by one. An
aggregate may be saved in a later transaction than the one that read it, and saved again after that.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol

from attrs import field, frozen

from shop.domain.carts import Cart
from shop.domain.catalog import Category, Product
from shop.domain.identity import ApiKey
from shop.domain.inventory import Location, Reservation, StockLevel, StockMovement
from shop.domain.kernel.identifiers import (
    ApiKeyId,
    CartId,
    CategoryId,
    DisputeId,
    InboxId,
    LocationId,
    OrderId,
    PaymentId,
    PaymentSessionId,
    PlanId,
    ProductId,
    RefundId,
    SubscriptionId,
    UserId,
    VariantId,
)
from shop.domain.kernel.money import Money
from shop.domain.ledger import LedgerEntry
from shop.domain.orders import Order
from shop.domain.payments import Dispute, InboxItem, Payment, PaymentSession, Refund, Wallet
from shop.domain.pricing.taxes import TaxTable
from shop.domain.shipping import ShippingMethod
from shop.domain.store import Store
from shop.domain.subscriptions import Plan, Renewal, Subscription


@frozen(kw_only=True)
class Offer:
    """A variant as it is on sale right now: what a cart, a quote and an order need to know of it.

    `levels` come in the order of preference of their locations, and are empty for an untracked variant.
    """

    variant_id: VariantId
    product_id: ProductId
    product_slug: str
    title: str
    variant_title: str
    sku: str
    on_sale: bool
    prices: tuple[Money, ...]
    tax_class: str
    weight_grams: int
    requires_shipping: bool
    tracked: bool
    image_url: str
    levels: tuple[StockLevel, ...] = ()

    @property
    def available(self) -> int | None:
        """How many can be had; None when nobody counts."""
        return sum([max(level.available, 0) for level in self.levels]) if self.tracked else None


@frozen(kw_only=True)
class CartWithOffers:
    """A cart and what is known of its variants and plans. A variant that is gone has no offer."""

    cart: Cart
    offers: dict[VariantId, Offer]
    plans: dict[PlanId, Plan] = field(factory=dict)


@frozen(kw_only=True)
class StoreSettings:
    """The shop's own settings as one versioned whole: read on nearly every request, changed rarely."""

    store: Store
    taxes: TaxTable
    shipping_methods: tuple[ShippingMethod, ...]
    version: int = 0


class ProductRepository(Protocol):
    """Holds products with their variants. A slug that is taken raises SlugTaken, a SKU SkuTaken, at the end."""

    async def get(self, product_id: ProductId) -> Product:
        """Raises ProductNotFound."""

    async def find_by_slug(self, slug: str) -> Product | None: ...

    async def find_by_sku(self, sku: str) -> Product | None:
        """The product that has a variant of this SKU."""

    async def find_by_variant(self, variant_id: VariantId) -> Product | None:
        """The product that this is a variant of."""

    def save(self, product: Product) -> None: ...


class CategoryRepository(Protocol):
    """Holds the tree of categories. A slug that is taken raises SlugTaken at the end."""

    async def get(self, category_id: CategoryId) -> Category:
        """Raises CategoryNotFound."""

    async def find_by_slug(self, slug: str) -> Category | None: ...

    async def ancestors(self, category_id: CategoryId) -> list[CategoryId]:
        """The path from the root down to and including this category. Raises CategoryNotFound."""

    async def levels_below(self, category_id: CategoryId) -> int:
        """How many levels of categories hang below it: none below a leaf."""

    def save(self, category: Category) -> None: ...

    def delete(self, category: Category) -> None:
        """Removes it: products stay, its children move up to its parent."""


class StockRepository(Protocol):
    """Holds locations, levels, movements and reservations.

    The rule of `StockLevel.after` is checked by the statement that changes the level. When it forbids a movement,
    or the movement's (level, kind, source) came before, the transaction ends with StaleAggregate and nothing is
    written; a use case that runs again and finds too little raises InsufficientStock itself.
    """

    async def location(self, location_id: LocationId) -> Location:
        """Raises LocationNotFound."""

    async def locations(self) -> list[Location]:
        """All, in order of preference (priority, then id)."""

    def save_location(self, location: Location) -> None: ...

    async def levels(self, variant_ids: Iterable[VariantId]) -> list[StockLevel]:
        """The levels of these variants, in order of preference of their locations."""

    def open_level(self, level: StockLevel, movement: StockMovement | None) -> None:
        """A level that did not exist; `movement` explains what it holds when that is not nothing."""

    def set_backorder_limit(self, level: StockLevel, limit: int) -> None:
        """How many more may be sold than there are; expects the level's version."""

    def move(self, movement: StockMovement, *, expected_version: int | None = None) -> None:
        """Changes a level and keeps why; with a version, only if the level is still at it."""

    def hold(self, reservation: Reservation) -> None:
        """Keeps a new reservation (its units are moved by `move`)."""

    async def reservations(self, order_id: OrderId) -> list[Reservation]:
        """All reservations of the order, whatever their state."""

    def settle(self, before: Reservation, after: Reservation) -> None:
        """Moves a reservation on, if it is still as it was read."""


class CartRepository(Protocol):
    """Holds carts."""

    async def get(self, cart_id: CartId) -> Cart:
        """Raises CartNotFound."""

    async def with_offers(
        self, cart_id: CartId, also: Sequence[VariantId] = (), plans: Sequence[PlanId] = ()
    ) -> CartWithOffers:
        """The cart with offers of its variants and with its plans, and those named besides. Raises CartNotFound."""

    async def to_order(
        self, cart_id: CartId, session_id: PaymentSessionId
    ) -> tuple[CartWithOffers, PaymentSession | None]:
        """The cart with offers of its variants and its plans, and this payment session if it is one of the cart's.

        Raises CartNotFound.
        """

    async def of_owner(self, owner_id: UserId, limit: int) -> list[Cart]:
        """Open carts of one person, the latest changed first."""

    def save(self, cart: Cart) -> None: ...


class OrderRepository(Protocol):
    """Holds orders. The second order of a cart raises CartAlreadyOrdered at the end.

    The number is given when an order is first saved, from a sequence that may have gaps and begins at 1001; it is
    known when the order is read again.
    """

    async def get(self, order_id: OrderId) -> Order:
        """Raises OrderNotFound."""

    async def find_by_cart(self, cart_id: CartId) -> Order | None: ...

    async def of_guest(self, emails: Sequence[str], limit: int) -> list[OrderId]:
        """Orders of nobody in particular that were placed under one of these addresses, in capitals or not."""

    async def overdue(self, now: datetime, limit: int) -> list[OrderId]:
        """Pending orders whose hold on the stock has run out, the oldest first."""

    def save(self, order: Order) -> None: ...


class PaymentSessionRepository(Protocol):
    """Holds how shoppers chose to pay."""

    async def get(self, session_id: PaymentSessionId) -> PaymentSession:
        """Raises PaymentSessionNotFound."""

    def save(self, session: PaymentSession) -> None: ...


class PaymentRepository(Protocol):
    """Holds payments with their attempts. A second live attempt of one order raises StaleAggregate at the end."""

    async def get(self, payment_id: PaymentId) -> Payment:
        """Raises PaymentNotFound."""

    async def of_order(self, order_id: OrderId) -> Payment:
        """Raises PaymentNotFound."""

    async def find_by_provider_ref(self, provider: str, provider_ref: str) -> Payment | None: ...

    async def unfinished(self, before: datetime, now: datetime, limit: int) -> list[OrderId]:
        """Orders whose payment stopped half-way: its latest attempt is new, processing or authorized, or a refund
        is due, or a dispute is open, nothing changed since `before`, and it was not put off beyond `now`. The oldest
        first."""

    def save(self, payment: Payment) -> None: ...


class RefundRepository(Protocol):
    """Holds refunds. A second one of the same name at the provider raises StaleAggregate at the end."""

    async def get(self, refund_id: RefundId) -> Refund:
        """Raises RefundNotFound."""

    async def of_payment(self, payment_id: PaymentId) -> list[Refund]:
        """All refunds of a payment, the oldest first."""

    def save(self, refund: Refund) -> None: ...


class DisputeRepository(Protocol):
    """Holds disputes. A second one of the same name at the provider raises StaleAggregate at the end."""

    async def get(self, dispute_id: DisputeId) -> Dispute:
        """Raises DisputeNotFound."""

    async def of_payment(self, payment_id: PaymentId) -> list[Dispute]:
        """All disputes of a payment, the oldest first."""

    def save(self, dispute: Dispute) -> None: ...


class WalletRepository(Protocol):
    """Holds who customers are at payment providers.

    A second wallet of the same user and provider, or of the same customer there, raises StaleAggregate at the end.
    """

    async def find(self, user_id: UserId, provider: str) -> Wallet | None: ...

    async def of_user(self, user_id: UserId) -> list[Wallet]:
        """All of one person, by provider."""

    async def find_by_customer(self, provider: str, customer_ref: str) -> Wallet | None:
        """None for an empty name."""

    def save(self, wallet: Wallet) -> None: ...

    def delete(self, wallet: Wallet) -> None:
        """Removes it, if it is still as it was read."""


class Ledger(Protocol):
    """The books. Append only; the same (provider, provider_ref, kind) again raises StaleAggregate at the end."""

    def book(self, entry: LedgerEntry) -> None: ...

    async def of_order(self, order_id: OrderId) -> list[LedgerEntry]:
        """In the order in which they were booked."""


class InboxRepository(Protocol):
    """Holds what providers told us. The same (provider, event_ref) again raises StaleAggregate at the end."""

    async def get(self, inbox_id: InboxId) -> InboxItem:
        """Raises NotFound."""

    async def find(self, provider: str, event_ref: str) -> InboxItem | None: ...

    def save(self, item: InboxItem) -> None: ...

    def forget_bodies(self, provider: str, object_refs: Sequence[str]) -> None:
        """What was told of these before becomes empty; that it was told stays. A message that is saved in the same
        transaction is as it was saved."""

    def forget_customer(self, provider: str, customer_ref: str) -> None:
        """The same of what was told of a customer, and how the provider calls them goes too."""


class ApiKeyRepository(Protocol):
    """Holds secret keys, as fingerprints."""

    async def get(self, key_id: ApiKeyId) -> ApiKey:
        """Raises ApiKeyNotFound."""

    def save(self, key: ApiKey) -> None: ...


class StoreRepository(Protocol):
    """Holds the shop's settings."""

    async def get(self) -> StoreSettings:
        """The settings; the defaults, at version 0, before any were saved."""

    def save(self, settings: StoreSettings) -> None:
        """Replaces them, if they are still at this version."""


class PlanRepository(Protocol):
    """Holds plans. A code that is taken raises PlanCodeTaken at the end."""

    async def get(self, plan_id: PlanId) -> Plan:
        """Raises PlanNotFound."""

    def save(self, plan: Plan) -> None: ...


class SubscriptionRepository(Protocol):
    """Holds subscriptions, and which of their periods became which order.

    The second order of a period raises StaleAggregate at the end, whoever asks for it; so does the second subscription
    of a line of an order.
    """

    async def get(self, subscription_id: SubscriptionId) -> Subscription:
        """Raises SubscriptionNotFound."""

    async def find_by_provider_ref(self, provider: str, provider_ref: str) -> Subscription | None: ...

    async def of_order(self, order_id: OrderId) -> list[SubscriptionId]:
        """Those that began with lines of this order."""

    async def due(self, now: datetime, limit: int) -> list[SubscriptionId]:
        """Those for which something has to be done by now, the longest due first."""

    async def renewals(self, subscription_id: SubscriptionId) -> list[Renewal]:
        """The latest 100 periods that became orders, the earliest of them first."""

    def save(self, subscription: Subscription) -> None: ...

    def renew(self, renewal: Renewal) -> None:
        """Keeps that this period became this order."""

    async def offers(self, variant_ids: Sequence[VariantId]) -> dict[VariantId, Offer]:
        """What is known of these variants right now; nothing for one that is gone."""
