"""Databases for journeys: a new one with all tables for each test, copied from one that was migrated once."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from shop.adapters.sql import migrating
from tests.journeys.branches import Branches, open_branches
from tests.servers import Databases


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "shop.db"
    asyncio.run(migrating.upgrade(f"sqlite:///{path}"))
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres: Databases) -> Iterator[str]:
    with postgres.database() as url:
        asyncio.run(migrating.upgrade(url))
        yield url


@pytest.fixture
def sqlite_shop(sqlite_template: Path, tmp_path: Path) -> str:
    """The URL of a SQLite file with all tables."""
    shutil.copy(sqlite_template, tmp_path / "shop.db")
    return f"sqlite:///{tmp_path / 'shop.db'}"


@pytest.fixture
def postgres_shop(postgres: Databases, postgres_template: str) -> Iterator[str]:
    """The URL of a PostgreSQL database with all tables."""
    with postgres.database(template=postgres_template) as url:
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.integration)])
def shop_url(request: pytest.FixtureRequest) -> str:
    """Each test with this runs on both databases."""
    url: str = request.getfixturevalue("sqlite_shop" if request.param == "sqlite" else "postgres_shop")
    return url


@pytest.fixture
async def branches(shop_url: str) -> AsyncIterator[Branches]:
    """Four branches of a shop on either database."""
    async with open_branches(shop_url) as opened:
        yield opened
