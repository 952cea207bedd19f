"""Storage in memory: unit of work, readers, outbox and answers over the same tables."""

from shop.adapters.memory.answers import MemoryAnswers
from shop.adapters.memory.audit import MemoryAuditTrail
from shop.adapters.memory.carts import MemoryCartReader
from shop.adapters.memory.clock import MemoryClockOffsets
from shop.adapters.memory.identity import MemoryApiKeyReader
from shop.adapters.memory.outbox import EventWriter, MemoryOutbox
from shop.adapters.memory.readers.analytics import MemoryAnalyticsReader
from shop.adapters.memory.readers.catalog import MemoryCatalogReader
from shop.adapters.memory.readers.inventory import MemoryInventoryReader
from shop.adapters.memory.readers.orders import MemoryOrderReader
from shop.adapters.memory.readers.payments import MemoryPaymentReader
from shop.adapters.memory.readers.people import MemoryPeopleReader
from shop.adapters.memory.readers.reconciliation import MemoryReconciliationReader
from shop.adapters.memory.store import MemoryStoreReader
from shop.adapters.memory.subscriptions import MemorySubscriptionReader
from shop.adapters.memory.tables import Tables
from shop.adapters.memory.unit_of_work import MemoryUnitOfWork
from shop.application.ports.analytics import AnalyticsReader
from shop.application.ports.answers import Answers
from shop.application.ports.audit import AuditTrail
from shop.application.ports.clock import ClockOffsets, Ids
from shop.application.ports.options import Options
from shop.application.ports.outbox import Outbox
from shop.application.ports.people import PeopleReader
from shop.application.ports.readers import (
    ApiKeyReader,
    CartReader,
    CatalogReader,
    InventoryReader,
    OrderReader,
    PaymentReader,
    Readers,
    StoreReader,
    SubscriptionReader,
)
from shop.application.ports.reconciliation import ReconciliationReader
from shop.application.ports.storage import Storage, SubscribersByType
from shop.application.ports.unit_of_work import UnitOfWork


class MemoryReaders:
    """All readers over the same tables."""

    def __init__(self, tables: Tables) -> None:
        self.catalog: CatalogReader = MemoryCatalogReader(tables)
        self.carts: CartReader = MemoryCartReader(tables)
        self.orders: OrderReader = MemoryOrderReader(tables)
        self.payments: PaymentReader = MemoryPaymentReader(tables)
        self.inventory: InventoryReader = MemoryInventoryReader(tables)
        self.api_keys: ApiKeyReader = MemoryApiKeyReader(tables)
        self.store: StoreReader = MemoryStoreReader(tables)
        self.people: PeopleReader = MemoryPeopleReader(tables)
        self.subscriptions: SubscriptionReader = MemorySubscriptionReader(tables)
        self.reconciliation: ReconciliationReader = MemoryReconciliationReader(tables)
        self.analytics: AnalyticsReader = MemoryAnalyticsReader(tables)


class MemoryStorage:
    """Keeps everything until this process ends. Within one event loop, every commit is a single step."""

    def __init__(self, ids: Ids, subscribers: SubscribersByType | None = None) -> None:
        tables = Tables()
        self.uow: UnitOfWork = MemoryUnitOfWork(tables, EventWriter(tables, ids, subscribers or {}))
        self.readers: Readers = MemoryReaders(tables)
        self.outbox: Outbox = MemoryOutbox(tables)
        self.answers: Answers = MemoryAnswers(tables)
        self.audit: AuditTrail = MemoryAuditTrail(tables)
        self.clock: ClockOffsets = MemoryClockOffsets(tables)

    async def open(self) -> None:
        """There is nothing to connect to."""

    async def close(self) -> None:
        """What is stored stays for as long as somebody holds the storage."""

    async def check(self) -> None:
        """Memory can always be reached."""


def open_memory_storage(options: Options) -> Storage:
    """Storage that needs nothing and keeps nothing beyond this process."""
    return MemoryStorage(options.ids, options.subscribers)
