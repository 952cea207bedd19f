"""What is stored: dictionaries with the indexes that make finding quick, and a journal that takes changes back."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TypeVar

from attrs import Factory, define, field, frozen

from shop.application.ports.answers import Answer
from shop.application.ports.audit import AuditEntry, Link
from shop.application.ports.outbox import DeliveryState
from shop.application.ports.repositories import StoreSettings
from shop.domain.carts import Cart
from shop.domain.catalog import Category, Product
from shop.domain.identity import (
    AccountRequest,
    ApiKey,
    DataExport,
    Invitation,
    OneTimeToken,
    Role,
    Session,
    SignInAttempt,
    SigningKey,
    User,
)
from shop.domain.inventory import Location, MovementKind, Reservation, StockLevel, StockMovement
from shop.domain.kernel.aggregates import Event
from shop.domain.kernel.identifiers import (
    AccountRequestId,
    ApiKeyId,
    AuditEntryId,
    CartId,
    CategoryId,
    DisputeId,
    EventId,
    ExportId,
    Identifier,
    InboxId,
    InvitationId,
    LocationId,
    OneTimeTokenId,
    OrderId,
    PaymentId,
    PaymentSessionId,
    PlanId,
    ProductId,
    RefundId,
    RequestId,
    ReservationId,
    RoleId,
    SessionId,
    SigningKeyId,
    SubscriptionId,
    UserId,
    VariantId,
    WalletId,
)
from shop.domain.ledger import EntryKind, LedgerEntry
from shop.domain.orders import Order
from shop.domain.payments import Dispute, InboxItem, Payment, PaymentSession, Refund, Wallet
from shop.domain.pricing.taxes import TaxTable
from shop.domain.store import Store
from shop.domain.subscriptions import Plan, Renewal, Subscription

K = TypeVar("K")
V = TypeVar("V")

LevelKey = tuple[VariantId, LocationId]
CauseKey = tuple[VariantId, LocationId, MovementKind, Identifier]
BookedKey = tuple[str, str, EntryKind]
AnswerKey = tuple[str, str, str]
FIRST_ORDER_NUMBER = 1001


@define(kw_only=True)
class StoredDelivery:
    """How far an event has come to one subscriber. A lease is a due time that its holder was given."""

    event_id: EventId
    subject: Identifier
    subscriber: str
    due_at: datetime
    state: DeliveryState = DeliveryState.PENDING
    attempts: int = 0
    forgiven: int = 0
    """Of the attempts: those from before people revived it."""
    problem: str = ""
    done_at: datetime | None = None

    @property
    def key(self) -> tuple[EventId, str]:
        return self.event_id, self.subscriber


@frozen(kw_only=True)
class StoredEvent:
    """An event with the request that caused it. `number` counts events in the order in which they were written."""

    number: int
    id: EventId
    event: Event
    request_id: RequestId
    caused_by: EventId | None
    deliveries: tuple[StoredDelivery, ...]


@define
class Tables:
    """All that one storage holds. Aggregates in here are never given out, only copies of them."""

    products: dict[ProductId, Product] = Factory(dict)
    product_by_slug: dict[str, ProductId] = Factory(dict)
    product_by_sku: dict[str, ProductId] = Factory(dict)
    product_by_variant: dict[VariantId, ProductId] = Factory(dict)
    product_words: dict[ProductId, str] = Factory(dict)
    categories: dict[CategoryId, Category] = Factory(dict)
    category_by_slug: dict[str, CategoryId] = Factory(dict)
    locations: dict[LocationId, Location] = Factory(dict)
    levels: dict[LevelKey, StockLevel] = Factory(dict)
    level_keys_by_variant: dict[VariantId, tuple[LevelKey, ...]] = Factory(dict)
    movements: list[StockMovement] = Factory(list)
    movement_causes: dict[CauseKey, None] = Factory(dict)
    reservations: dict[ReservationId, Reservation] = Factory(dict)
    reservations_by_order: dict[OrderId, tuple[ReservationId, ...]] = Factory(dict)
    carts: dict[CartId, Cart] = Factory(dict)
    orders: dict[OrderId, Order] = Factory(dict)
    order_by_cart: dict[CartId, OrderId] = Factory(dict)
    next_order_number: int = FIRST_ORDER_NUMBER
    payment_sessions: dict[PaymentSessionId, PaymentSession] = Factory(dict)
    payments: dict[PaymentId, Payment] = Factory(dict)
    payments_by_order: dict[OrderId, tuple[PaymentId, ...]] = Factory(dict)
    payment_by_ref: dict[tuple[str, str], PaymentId] = Factory(dict)
    refunds: dict[RefundId, Refund] = Factory(dict)
    refunds_by_payment: dict[PaymentId, tuple[RefundId, ...]] = Factory(dict)
    refund_by_ref: dict[tuple[str, str], RefundId] = Factory(dict)
    disputes: dict[DisputeId, Dispute] = Factory(dict)
    disputes_by_payment: dict[PaymentId, tuple[DisputeId, ...]] = Factory(dict)
    dispute_by_ref: dict[tuple[str, str], DisputeId] = Factory(dict)
    wallets: dict[WalletId, Wallet] = Factory(dict)
    entries_by_order: dict[OrderId | None, tuple[LedgerEntry, ...]] = Factory(dict)
    booked_for: dict[tuple[str, str], tuple[OrderId | None, ...]] = Factory(dict)
    booked: dict[BookedKey, None] = Factory(dict)
    plans: dict[PlanId, Plan] = Factory(dict)
    subscriptions: dict[SubscriptionId, Subscription] = Factory(dict)
    subscription_by_ref: dict[tuple[str, str], SubscriptionId] = Factory(dict)
    subscriptions_by_order: dict[OrderId, tuple[SubscriptionId, ...]] = Factory(dict)
    renewals: dict[SubscriptionId, tuple[Renewal, ...]] = Factory(dict)
    inbox: dict[InboxId, InboxItem] = Factory(dict)
    inbox_by_ref: dict[tuple[str, str], InboxId] = Factory(dict)
    inbox_by_object: dict[tuple[str, str], tuple[InboxId, ...]] = Factory(dict)
    api_keys: dict[ApiKeyId, ApiKey] = Factory(dict)
    users: dict[UserId, User] = Factory(dict)
    roles: dict[RoleId, Role] = Factory(dict)
    sessions: dict[SessionId, Session] = Factory(dict)
    one_time_tokens: dict[OneTimeTokenId, OneTimeToken] = Factory(dict)
    sign_in_attempts: list[SignInAttempt] = Factory(list)
    account_requests: dict[AccountRequestId, AccountRequest] = Factory(dict)
    invitations: dict[InvitationId, Invitation] = Factory(dict)
    exports: dict[ExportId, DataExport] = Factory(dict)
    signing_keys: dict[SigningKeyId, SigningKey] = Factory(dict)
    settings: StoreSettings = field(factory=lambda: StoreSettings(store=Store(), taxes=TaxTable(), shipping_methods=()))
    audit_entries: dict[AuditEntryId, AuditEntry] = Factory(dict)
    audit_chain: list[Link] = Factory(list)
    audit_places: dict[AuditEntryId, int] = Factory(dict)
    answers: dict[AnswerKey, tuple[Answer, datetime]] = Factory(dict)
    clock_offset: timedelta = timedelta(0)
    events: dict[EventId, StoredEvent] = Factory(dict)
    next_event_number: int = 1
    open_deliveries: dict[tuple[EventId, str], StoredDelivery] = Factory(dict)


class Journal:
    """Changes tables, and remembers how to take every change back: what makes a commit all or nothing."""

    def __init__(self) -> None:
        self._undo: list[Callable[[], object]] = []

    @contextmanager
    def all_or_nothing(self) -> Iterator[None]:
        """Takes everything back when the block raises."""
        try:
            yield
        except BaseException:
            while self._undo:
                self._undo.pop()()
            raise

    def put(self, table: dict[K, V], key: K, value: V) -> None:
        if key in table:
            before = table[key]
            self._undo.append(lambda: table.__setitem__(key, before))
        else:
            self._undo.append(lambda: table.pop(key))
        table[key] = value

    def drop(self, table: dict[K, V], key: K) -> None:
        if key in table:
            before = table.pop(key)
            self._undo.append(lambda: table.__setitem__(key, before))

    def append(self, table: list[V], value: V) -> None:
        self._undo.append(table.pop)
        table.append(value)

    def add(self, table: dict[K, tuple[V, ...]], key: K, value: V) -> None:
        """One more at the end of what this key holds."""
        self.put(table, key, (*table.get(key, ()), value))

    def assign(self, tables: Tables, name: str, value: object) -> None:
        before = getattr(tables, name)
        self._undo.append(lambda: setattr(tables, name, before))
        setattr(tables, name, value)
