"""Each test of these runs on SQLite and on PostgreSQL, on a database of its own."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from shop.adapters.sql.database import Database
from shop.adapters.sql.unit_of_work import SqlUnitOfWork
from tests.adapters.sql.things import migrated, opened, unit_of_work
from tests.servers import Databases


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.integration)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a new database with all tables."""
    postgres: Databases | None = None
    if request.param == "postgresql":
        postgres = request.getfixturevalue("postgres")
    with migrated(request.param, tmp_path, postgres) as url:
        yield url


@pytest.fixture
def postgres_shop_url(postgres: Databases, tmp_path: Path) -> Iterator[str]:
    """The URL of a new PostgreSQL database with all tables."""
    with migrated("postgresql", tmp_path, postgres) as url:
        yield url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = opened(database_url)
    await database.open()
    yield database
    await database.close()


@pytest.fixture
def uow(database: Database) -> SqlUnitOfWork:
    return unit_of_work(database)
