"""Questions answered from storage, straight to views."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from attrs import frozen

from shop.application.ports.analytics import AnalyticsReader
from shop.application.ports.paging import Page, PageRequest
from shop.application.ports.people import PeopleReader
from shop.application.ports.reconciliation import ReconciliationReader
from shop.application.ports.repositories import CartWithOffers, StoreSettings
from shop.application.ports.views import (
    AdminOrderView,
    ApiKeyView,
    AvailabilityView,
    CategoryView,
    DisputeView,
    InboxItemView,
    LocationView,
    MyPaymentView,
    OrderView,
    PaymentView,
    PlanView,
    ProductView,
    RefundView,
    StockLevelView,
    StockMovementView,
    SubscriptionView,
)
from shop.domain.catalog import ProductStatus
from shop.domain.identity import ApiKey, UserStatus
from shop.domain.inventory import MovementKind
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
from shop.domain.orders import FulfilmentStatus, OrderStatus, PaymentStatus
from shop.domain.payments import AttemptStatus, DisputeStatus, InboxState, Payment, PaymentSession, RefundStatus
from shop.domain.subscriptions import SubscriptionStatus


@frozen(kw_only=True)
class TimeRange:
    """From `gte` or `gt` up to `lte` or `lt`, each of them optional."""

    gte: datetime | None = None
    gt: datetime | None = None
    lte: datetime | None = None
    lt: datetime | None = None


@frozen(kw_only=True)
class ProductFilter:
    """Which products. Every part narrows; each of `words` begins a word of title, vendor, tags, SKUs or description.

    `category` is an id or a slug, and means its whole branch; an unknown one holds nothing. `metadata` values must
    all be equal, as must tag, vendor and SKU (of any variant). No statuses and no ids mean any;
    but words without any letter or digit find nothing.
    """

    statuses: frozenset[ProductStatus] = frozenset({ProductStatus.ACTIVE})
    words: str = ""
    category: str = ""
    tag: str = ""
    vendor: str = ""
    sku: str = ""
    ids: tuple[ProductId, ...] = ()
    created_at: TimeRange = TimeRange()
    metadata: Mapping[str, str] = {}


@frozen(kw_only=True)
class OrderFilter:
    """Which orders. Empty sets mean any."""

    statuses: frozenset[OrderStatus] = frozenset()
    payment_statuses: frozenset[PaymentStatus] = frozenset()
    fulfilment_statuses: frozenset[FulfilmentStatus] = frozenset()
    email: str = ""
    number: str = ""
    owner_id: UserId | None = None
    placed_at: TimeRange = TimeRange()
    metadata: Mapping[str, str] = {}


@frozen(kw_only=True)
class PaymentFilter:
    """Which payments. Empty means any. `failure_code` is that of the last decline, whatever came after it."""

    statuses: frozenset[AttemptStatus] = frozenset()
    provider: str = ""
    order_id: OrderId | None = None
    failure_code: str = ""
    created_at: TimeRange = TimeRange()
    authorization_expires_at: TimeRange = TimeRange()


@frozen(kw_only=True)
class RefundFilter:
    """Which refunds. Empty means any."""

    statuses: frozenset[RefundStatus] = frozenset()
    payment_id: PaymentId | None = None
    order_id: OrderId | None = None
    created_at: TimeRange = TimeRange()


@frozen(kw_only=True)
class DisputeFilter:
    """Which disputes. Empty means any; one without a due date is due at no time."""

    statuses: frozenset[DisputeStatus] = frozenset()
    payment_id: PaymentId | None = None
    order_id: OrderId | None = None
    due_at: TimeRange = TimeRange()


@frozen(kw_only=True)
class InboxFilter:
    """Which messages of providers. Empty means any."""

    states: frozenset[InboxState] = frozenset()
    event_ref: str = ""
    event_type: str = ""
    object_ref: str = ""
    received_at: TimeRange = TimeRange()


@frozen(kw_only=True)
class SessionWithPayment:
    """A payment session, whose cart it is for, that cart's order and its payment, if there are any: an order that costs
    nothing has none."""

    session: PaymentSession
    owner_id: UserId | None
    order_id: OrderId | None = None
    payment: Payment | None = None


@frozen(kw_only=True)
class OrderWithOwner:
    """An order view, and whose it is: the use case compares before it shows."""

    view: OrderView
    owner_id: UserId | None


@frozen(kw_only=True)
class PaymentWithOwner:
    """A payment for its buyer, and whose order it pays: the use case compares before it shows."""

    view: MyPaymentView
    owner_id: UserId | None


class CatalogReader(Protocol):
    """Answers about products and categories."""

    async def products(
        self, which: ProductFilter, page: PageRequest, *, currency: str, expand: frozenset[str] = frozenset()
    ) -> Page[ProductView]:
        """Sort keys: created_at, updated_at, title, price; own order: the newest first. Expand: variants, categories.
        `price` is the lowest price in the shop's first currency. One statement, and one for each expansion."""

    async def product(
        self,
        id_or_slug: ProductId | str,
        *,
        currency: str,
        statuses: frozenset[ProductStatus],
        expand: frozenset[str] = frozenset(),
    ) -> ProductView:
        """Raises ProductNotFound, also for a product in another status."""

    async def availability(self, product_id: ProductId, *, low_below: int = 5) -> AvailabilityView:
        """Of the live variants of an active product. Raises ProductNotFound.

        `low_stock` is when fewer than `low_below` are on hand and not promised, `backorder` when none are but some
        may still be sold.
        """

    async def categories(self, parent: CategoryId | None = None) -> list[CategoryView]:
        """The tree (or the branch below `parent`), children inside their parents, by position and then name."""

    async def category(self, id_or_slug: CategoryId | str, *, expand: frozenset[str] = frozenset()) -> CategoryView:
        """Expand: ancestors, children. Raises CategoryNotFound."""


class CartReader(Protocol):
    """Answers about carts."""

    async def with_offers(self, cart_id: CartId) -> CartWithOffers:
        """The cart with what is known of its variants, in one go. Raises CartNotFound."""

    async def overdue(self, now: datetime, limit: int) -> list[CartId]:
        """Open carts that have expired, the oldest first."""


class OrderReader(Protocol):
    """Answers about orders."""

    async def order(self, order_id: OrderId) -> OrderWithOwner:
        """With its payment. Raises OrderNotFound."""

    async def of_owner(self, owner_id: UserId, page: PageRequest) -> Page[OrderView]:
        """One customer's orders, the newest first."""

    async def all(
        self, which: OrderFilter, page: PageRequest, *, expand: frozenset[str] = frozenset()
    ) -> Page[AdminOrderView]:
        """Sort keys: placed_at, total, number; own order: the newest first. Expand: lines, payments."""

    async def one(self, order_id: OrderId) -> AdminOrderView:
        """With lines and payments. Raises OrderNotFound."""


class PaymentReader(Protocol):
    """Answers about payments."""

    async def all(self, which: PaymentFilter, page: PageRequest) -> Page[PaymentView]:
        """Sort keys: created_at, amount; own order: the newest first."""

    async def one(self, payment_id: PaymentId) -> PaymentView:
        """With the latest 100 messages of the provider about it, the latest first. Raises PaymentNotFound."""

    async def of_owner(self, owner_id: UserId, page: PageRequest) -> Page[MyPaymentView]:
        """The payments of one customer's orders with their refunds, the latest order first."""

    async def for_buyer(self, payment_id: PaymentId) -> PaymentWithOwner:
        """With its refunds. Raises PaymentNotFound."""

    async def session(self, session_id: PaymentSessionId) -> SessionWithPayment:
        """A session, and the payment of its cart's order, if there is one. Raises PaymentSessionNotFound.

        After a decline another session of the same cart pays for the same order: each tells of the one payment.
        """

    async def refunds(self, which: RefundFilter, page: PageRequest) -> Page[RefundView]:
        """Sort keys: created_at, amount; own order: the newest first."""

    async def refund(self, refund_id: RefundId) -> RefundView:
        """Raises RefundNotFound."""

    async def disputes(self, which: DisputeFilter, page: PageRequest) -> Page[DisputeView]:
        """Sort keys: created_at, amount; own order: the newest first."""

    async def dispute(self, dispute_id: DisputeId) -> DisputeView:
        """Raises DisputeNotFound."""

    async def messages(self, which: InboxFilter, page: PageRequest) -> Page[InboxItemView]:
        """What providers told us. Sort keys: received_at; own order: the latest first."""

    async def message(self, inbox_id: InboxId) -> InboxItemView:
        """Raises NotFound."""


class InventoryReader(Protocol):
    """Answers about stock."""

    async def levels(
        self,
        page: PageRequest,
        *,
        variant_ids: Sequence[VariantId] = (),
        location_id: LocationId | None = None,
        sku: str = "",
        below: int | None = None,
    ) -> Page[StockLevelView]:
        """In order of variant and location. `below`: only where fewer are available."""

    async def movements(
        self,
        page: PageRequest,
        *,
        variant_id: VariantId | None = None,
        location_id: LocationId | None = None,
        kind: MovementKind | None = None,
    ) -> Page[StockMovementView]:
        """The latest first."""

    async def locations(self) -> list[LocationView]:
        """All, in order of preference."""


@frozen(kw_only=True)
class KeyAccess:
    """A key with what its maker is and may do at this moment: all that is needed to let a request pass.

    `maker_scopes` are those of all their roles together. Of a key that nobody made, neither says anything.
    """

    key: ApiKey
    maker: UserStatus | None = None
    maker_scopes: frozenset[str] = frozenset()


class ApiKeyReader(Protocol):
    """Answers about secret keys."""

    async def find(self, fingerprint: bytes) -> KeyAccess | None:
        """Found by its new or its old secret, whether or not they still open it."""

    async def used(self, key_id: ApiKeyId, at: datetime) -> None:
        """Notes that the key opened something at this moment, if it is later than what is noted. No new version."""

    async def all(self) -> list[ApiKeyView]:
        """All keys, the newest first (a shop has few)."""


class StoreReader(Protocol):
    """Answers about the shop itself."""

    async def settings(self) -> StoreSettings:
        """The settings; at most two seconds old."""


@frozen(kw_only=True)
class SubscriptionFilter:
    """Which subscriptions. Empty means any."""

    statuses: frozenset[SubscriptionStatus] = frozenset()
    owner_id: UserId | None = None
    plan_id: PlanId | None = None


class SubscriptionReader(Protocol):
    """Answers about plans and subscriptions."""

    async def plans(self, page: PageRequest, *, archived: bool = False) -> Page[PlanView]:
        """The newest first; with `archived` also those that are not offered any more."""

    async def plan(self, plan_id: PlanId) -> PlanView:
        """Raises PlanNotFound."""

    async def all(self, which: SubscriptionFilter, page: PageRequest) -> Page[SubscriptionView]:
        """The newest first."""

    async def one(self, subscription_id: SubscriptionId) -> SubscriptionView:
        """Raises SubscriptionNotFound."""


class Readers(Protocol):
    """All readers of one storage."""

    catalog: CatalogReader
    carts: CartReader
    orders: OrderReader
    payments: PaymentReader
    inventory: InventoryReader
    api_keys: ApiKeyReader
    store: StoreReader
    people: PeopleReader
    subscriptions: SubscriptionReader
    reconciliation: ReconciliationReader
    analytics: AnalyticsReader
