"""What every test may ask for: servers that start on first use and stop with the session."""

import os
from collections.abc import Iterator
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
