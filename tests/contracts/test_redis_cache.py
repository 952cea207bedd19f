"""Redis keeps every promise of a cache and of a rate limiter."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import pytest
from redis.asyncio import Redis

from shop.adapters.contracts.cache import CacheContract, CacheUnderTest, LimiterUnderTest, RateLimiterContract
from shop.adapters.redis.cache import RedisCache
from shop.adapters.redis.connection import RedisConnection
from shop.adapters.redis.limits import RedisRateLimiter
from shop.adapters.system import SystemClock

T = TypeVar("T")
PATIENCE = 10.0
"""For a Redis that shares a busy machine with all other tests."""
pytestmark = pytest.mark.integration


class Unplugged(RedisConnection):
    """A connection that a test can cut."""

    cut = False

    def unplug(self) -> None:
        self.cut = True

    async def run(self, command: Callable[[Redis], Awaitable[T]]) -> T | None:
        return None if self.cut else await super().run(command)


class TestRedisCache(CacheContract):
    """One process of several."""

    url: str

    @pytest.fixture(autouse=True)
    def empty(self, redis_url: str) -> None:
        self.url = redis_url

    @asynccontextmanager
    async def open(self) -> AsyncIterator[CacheUnderTest]:
        cache = RedisCache(RedisConnection(self.url, patience=PATIENCE))
        try:
            yield CacheUnderTest(cache=cache, wait=asyncio.sleep)
        finally:
            await cache.close()


class TestRedisRateLimiter(RateLimiterContract):
    """One process of several."""

    url: str

    @pytest.fixture(autouse=True)
    def empty(self, redis_url: str) -> None:
        self.url = redis_url

    @asynccontextmanager
    async def open(self) -> AsyncIterator[LimiterUnderTest]:
        connection = Unplugged(self.url, patience=PATIENCE)
        limiter = RedisRateLimiter(connection, SystemClock())
        try:
            yield LimiterUnderTest(limiter=limiter, wait=asyncio.sleep, take_away=connection.unplug)
        finally:
            await limiter.close()
