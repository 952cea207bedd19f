"""SQLite keeps every promise of a storage."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from shop.adapters.contracts.storage import StorageContract
from shop.adapters.sql.addresses import open_database
from shop.adapters.sql.storage import SqlStorage
from shop.adapters.system import SystemClock
from shop.application.ports.clock import Ids
from shop.application.ports.storage import Storage, SubscribersByType


class TestSqliteStorage(StorageContract):
    """One file."""

    url: str

    @pytest.fixture(autouse=True)
    def copy(self, sqlite_shop: str) -> None:
        self.url = sqlite_shop

    @asynccontextmanager
    async def open(self, ids: Ids, subscribers: SubscribersByType) -> AsyncIterator[Storage]:
        database = open_database(self.url)
        storage = SqlStorage(database, clock=SystemClock(), ids=ids, subscribers=subscribers)
        await storage.open()
        try:
            yield storage
        finally:
            await storage.close()
