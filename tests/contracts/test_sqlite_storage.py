"""SQLite keeps every promise of a storage."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from shop.adapters.contracts.storage import StorageContract
from shop.adapters.sql import migrating
from shop.adapters.sql.addresses import open_database
from shop.adapters.sql.storage import SqlStorage
from shop.adapters.system import SystemClock
from shop.application.ports.clock import Ids
from shop.application.ports.storage import Storage, SubscribersByType


@pytest.fixture(scope="module")
def empty_shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file with all tables, to be copied."""
    path = tmp_path_factory.mktemp("sqlite") / "empty.db"
    asyncio.run(migrating.upgrade(f"sqlite:///{path}"))
    return path


class TestSqliteStorage(StorageContract):
    """One file."""

    file: Path

    @pytest.fixture(autouse=True)
    def copy(self, empty_shop: Path, tmp_path: Path) -> None:
        self.file = tmp_path / "shop.db"
        shutil.copyfile(empty_shop, self.file)

    @asynccontextmanager
    async def open(self, ids: Ids, subscribers: SubscribersByType) -> AsyncIterator[Storage]:
        database = open_database(f"sqlite:///{self.file}")
        storage = SqlStorage(database, clock=SystemClock(), ids=ids, subscribers=subscribers)
        await storage.open()
        try:
            yield storage
        finally:
            await storage.close()
