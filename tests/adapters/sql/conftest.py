"""Each test of these runs on SQLite and on PostgreSQL, on a database of its own."""

from collections.abc import AsyncIterator

import pytest

from shop.adapters.sql.database import Database
from shop.adapters.sql.unit_of_work import SqlUnitOfWork
from tests.adapters.sql.things import opened, unit_of_work


@pytest.fixture
async def database(shop_url: str) -> AsyncIterator[Database]:
    database = opened(shop_url)
    await database.open()
    yield database
    await database.close()


@pytest.fixture
def uow(database: Database) -> SqlUnitOfWork:
    return unit_of_work(database)
