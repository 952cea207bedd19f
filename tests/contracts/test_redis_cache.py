"""Redis keeps every promise of a cache and of a rate limiter."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from shop.adapters.contracts.cache import CacheContract, CacheUnderTest, LimiterUnderTest, RateLimiterContract
from shop.adapters.redis.cache import RedisCache
from shop.adapters.redis.connection import RedisConnection
from shop.adapters.redis.limits import RedisRateLimiter

pytestmark = pytest.mark.integration


class TestRedisCache(CacheContract):
    """One process of several."""

    url: str

    @pytest.fixture(autouse=True)
    def empty(self, redis_url: str) -> None:
        self.url = redis_url

    @asynccontextmanager
    async def open(self) -> AsyncIterator[CacheUnderTest]:
        cache = RedisCache(RedisConnection(self.url))
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
        limiter = RedisRateLimiter(RedisConnection(self.url))
        try:
            yield LimiterUnderTest(limiter=limiter, wait=asyncio.sleep)
        finally:
            await limiter.close()
