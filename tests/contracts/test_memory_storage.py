"""Memory keeps every promise of a storage."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shop.adapters.contracts.storage import StorageContract
from shop.adapters.memory.storage import MemoryStorage
from shop.application.ports.clock import Ids
from shop.application.ports.storage import Storage, SubscribersByType


class TestMemoryStorage(StorageContract):
    """Dictionaries."""

    @asynccontextmanager
    async def open(self, ids: Ids, subscribers: SubscribersByType) -> AsyncIterator[Storage]:
        storage = MemoryStorage(ids, subscribers)
        await storage.open()
        yield storage
        await storage.close()
