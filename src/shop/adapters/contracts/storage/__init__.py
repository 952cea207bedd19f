"""What every storage promises, as tests: subclass `StorageContract` and say how to open yours.

    class TestMyStorage(StorageContract):
        @asynccontextmanager
        async def open(self, ids, subscribers):
            ...
            yield storage

pytest is all that is needed. Each test runs in an event loop of its own, on an empty storage opened for it.
"""

from shop.adapters.contracts.storage.analytics import AnalyticsPromises
from shop.adapters.contracts.storage.audit import AuditPromises
from shop.adapters.contracts.storage.captures import CapturePromises
from shop.adapters.contracts.storage.catalog import CatalogPromises
from shop.adapters.contracts.storage.disputes import DisputePromises
from shop.adapters.contracts.storage.lists import ListPromises
from shop.adapters.contracts.storage.messages import MessagePromises
from shop.adapters.contracts.storage.money import BookPromises, PaymentPromises, RefundPromises
from shop.adapters.contracts.storage.outbox import OutboxPromises
from shop.adapters.contracts.storage.own_payments import OwnPaymentPromises
from shop.adapters.contracts.storage.people import PeoplePromises
from shop.adapters.contracts.storage.people_meeting import PeopleMeetingPromises
from shop.adapters.contracts.storage.people_shown import PeopleShownPromises
from shop.adapters.contracts.storage.reconciliation import ReconciliationPromises
from shop.adapters.contracts.storage.running import AnswerPromises, ClockPromises, SettingsPromises
from shop.adapters.contracts.storage.sales import CartPromises, OrderPromises
from shop.adapters.contracts.storage.shelves import ShelfPromises
from shop.adapters.contracts.storage.stock import StockPromises
from shop.adapters.contracts.storage.subscriptions import SubscriptionPromises
from shop.adapters.contracts.storage.transactions import TransactionPromises
from shop.adapters.contracts.storage.wallets import WalletPromises

__all__ = ["StorageContract"]


class StorageContract(
    TransactionPromises,
    CatalogPromises,
    ShelfPromises,
    StockPromises,
    CartPromises,
    OrderPromises,
    PaymentPromises,
    CapturePromises,
    OwnPaymentPromises,
    RefundPromises,
    DisputePromises,
    BookPromises,
    MessagePromises,
    ReconciliationPromises,
    AnalyticsPromises,
    SubscriptionPromises,
    WalletPromises,
    OutboxPromises,
    AuditPromises,
    AnswerPromises,
    SettingsPromises,
    PeoplePromises,
    PeopleMeetingPromises,
    PeopleShownPromises,
    ClockPromises,
    ListPromises,
):
    """The promises of `shop.application.ports.storage.Storage`."""
