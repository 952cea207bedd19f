"""Questions answered from PostgreSQL or SQLite, one module per capability: rows become views, no aggregate between."""

from shop.adapters.sql.database import Database
from shop.adapters.sql.readers.analytics import SqlAnalyticsReader
from shop.adapters.sql.readers.carts import SqlCartReader
from shop.adapters.sql.readers.catalog import SqlCatalogReader
from shop.adapters.sql.readers.identity import SqlApiKeyReader
from shop.adapters.sql.readers.inventory import SqlInventoryReader
from shop.adapters.sql.readers.orders import SqlOrderReader
from shop.adapters.sql.readers.payments import SqlPaymentReader
from shop.adapters.sql.readers.people import SqlPeopleReader
from shop.adapters.sql.readers.reconciliation import SqlReconciliationReader
from shop.adapters.sql.readers.store import SqlStoreReader
from shop.adapters.sql.readers.subscriptions import SqlSubscriptionReader
from shop.application.ports.analytics import AnalyticsReader
from shop.application.ports.people import PeopleReader
from shop.application.ports.readers import (
    ApiKeyReader,
    CartReader,
    CatalogReader,
    InventoryReader,
    OrderReader,
    PaymentReader,
    StoreReader,
    SubscriptionReader,
)
from shop.application.ports.reconciliation import ReconciliationReader


class SqlReaders:
    """All questions that a database answers."""

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

    def __init__(self, database: Database, settings: SqlStoreReader) -> None:
        self.catalog = SqlCatalogReader(database)
        self.carts = SqlCartReader(database)
        self.orders = SqlOrderReader(database)
        self.payments = SqlPaymentReader(database)
        self.inventory = SqlInventoryReader(database)
        self.api_keys = SqlApiKeyReader(database)
        self.store = settings
        self.people = SqlPeopleReader(database)
        self.subscriptions = SqlSubscriptionReader(database)
        self.reconciliation = SqlReconciliationReader(database)
        self.analytics = SqlAnalyticsReader(database)
