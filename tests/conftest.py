"""What every test may ask for: servers that start on first use and stop with the session."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
import redis
from hypothesis import HealthCheck, settings

from tests.scale import rounds
from tests.servers import Databases, postgres_server, redis_server

pytest.register_assert_rewrite("shop.adapters.contracts", "tests.shops", "tests.invariants")

# A busy machine is no bug: examples may be slow, and `make prove` tries many more of them.
settings.register_profile(
    "shop",
    deadline=None,
    max_examples=rounds(100, in_full=5_000),
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
)
settings.load_profile("shop")


TRACED = frozenset({"domain", "application", "adapters", "contracts", "entrypoints"})
"""Folders whose tests show what is covered. Journeys, the simulation and what has a long form run the same code over
and over: with coverage they take twice the time and show hardly a line more."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        folder = item.path.relative_to(here).parts[0]
        if folder in TRACED and item.get_closest_marker("prove") is None:
            item.add_marker("traced")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Databases]:
    """A PostgreSQL to make databases in: SHOP_TEST_DATABASE_URL's, else one of our own per test process."""
    if url := os.environ.get("SHOP_TEST_DATABASE_URL"):
        yield Databases(url)
    else:
        with postgres_server(durable=False) as server:
            yield server


@pytest.fixture
def postgres_url(postgres: Databases) -> Iterator[str]:
    """The URL of an empty database that only this test uses."""
    with postgres.database() as url:
        yield url


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with all tables, to be copied: to migrate anew for each test took a tenth of all their time."""
    path = tmp_path_factory.mktemp("template") / "shop.db"
    _migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres: Databases) -> Iterator[str]:
    """The URL of a PostgreSQL database with all tables, to be copied."""
    with postgres.database() as url:
        _migrate(url)
        yield url


def _migrate(url: str) -> None:
    # Not at the top: in test processes this file is read before coverage looks, and so would be what it imports.
    from shop.adapters.sql import migrating

    asyncio.run(migrating.upgrade(url))


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


@pytest.fixture(scope="session")
def databases_for_shops(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Where small shops are kept that SHOP_TEST_STORAGE wants in a database."""
    from tests import storages

    if storages.KIND == "sqlite":
        folder = tmp_path_factory.mktemp("shops")
        with storages.sqlite_files(request.getfixturevalue("sqlite_template"), folder):
            yield
    else:
        server, template = request.getfixturevalue("postgres"), request.getfixturevalue("postgres_template")
        with storages.postgres_databases(server, template):
            yield


@pytest.fixture(autouse=os.environ.get("SHOP_TEST_STORAGE", "memory") != "memory")
async def shops_of_this_test(databases_for_shops: None) -> AsyncIterator[None]:
    from tests import storages

    async with storages.taken_away():
        yield


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.integration)])
def shop_url(request: pytest.FixtureRequest) -> str:
    """Each test with this runs on both databases."""
    url: str = request.getfixturevalue("sqlite_shop" if request.param == "sqlite" else "postgres_shop")
    return url


@pytest.fixture(scope="session")
def redis_of_this_process(worker_id: str) -> Iterator[str]:
    """A Redis for this test process: a numbered database of SHOP_TEST_REDIS_URL's, else one of our own."""
    if url := os.environ.get("SHOP_TEST_REDIS_URL"):
        number = 0 if worker_id == "master" else 1 + int(worker_id.removeprefix("gw"))
        yield urlunsplit(urlsplit(url)._replace(path=f"/{number}"))
    else:
        with redis_server() as server:
            yield server.url


@pytest.fixture
def redis_url(redis_of_this_process: str) -> str:
    """The URL of a Redis that is empty when the test begins."""
    with redis.Redis.from_url(redis_of_this_process, socket_timeout=10) as client:
        client.flushdb()
    return redis_of_this_process
