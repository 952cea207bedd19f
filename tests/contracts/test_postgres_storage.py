"""PostgreSQL keeps every promise of a storage."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from shop.adapters.contracts.storage import StorageContract
from shop.adapters.sql import migrating
from shop.adapters.sql.addresses import open_database
from shop.adapters.sql.storage import SqlStorage
from shop.adapters.system import SystemClock
from shop.application.ports.clock import Ids
from shop.application.ports.storage import Storage, SubscribersByType
from tests.servers import Databases

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def empty_shop(postgres: Databases) -> Iterator[str]:
    """A database with all tables, to be copied."""
    with postgres.database() as url:
        asyncio.run(migrating.upgrade(url))
        yield url


class TestPostgresStorage(StorageContract):
    """One database."""

    url: str

    @pytest.fixture(autouse=True)
    def copy(self, postgres: Databases, empty_shop: str) -> Iterator[None]:
        with postgres.database(template=empty_shop) as self.url:
            yield

    @asynccontextmanager
    async def open(self, ids: Ids, subscribers: SubscribersByType) -> AsyncIterator[Storage]:
        database = open_database(self.url)
        storage = SqlStorage(database, clock=SystemClock(), ids=ids, subscribers=subscribers)
        await storage.open()
        try:
            yield storage
        finally:
            await storage.close()
