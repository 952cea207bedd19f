"""Memory keeps every promise of a cache and of a rate limiter, and its bounds."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from shop.adapters.contracts.cache import CacheContract, CacheUnderTest, LimiterUnderTest, RateLimiterContract
from shop.adapters.contracts.payments.subject import MovableClock
from shop.adapters.memory.cache import MemoryCache
from shop.adapters.memory.limits import MemoryRateLimiter
from shop.application.ports.cache import RateLimit


class WaitingClock(MovableClock):
    """A clock that a test moves by waiting."""

    async def wait(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


class TestMemoryCache(CacheContract):
    """Dictionaries with a clock."""

    @asynccontextmanager
    async def open(self) -> AsyncIterator[CacheUnderTest]:
        clock = WaitingClock()
        cache = MemoryCache(clock)
        yield CacheUnderTest(cache=cache, wait=clock.wait)
        await cache.close()


class TestMemoryRateLimiter(RateLimiterContract):
    """A dictionary with a clock."""

    @asynccontextmanager
    async def open(self) -> AsyncIterator[LimiterUnderTest]:
        clock = WaitingClock()
        limiter = MemoryRateLimiter(clock)
        yield LimiterUnderTest(limiter=limiter, wait=clock.wait)
        await limiter.close()


async def test_of_too_many_entries_the_least_asked_for_goes() -> None:
    cache = MemoryCache(MovableClock(), entries_max=2)
    for key in ("a", "b"):
        await cache.put(key, key.encode(), ttl_seconds=60, tags=("t",))
    assert await cache.get("a") == b"a"
    await cache.put("c", b"c", ttl_seconds=60)
    assert [await cache.get(key) for key in ("a", "b", "c")] == [b"a", None, b"c"]


async def test_forgotten_drops_count_as_drops() -> None:
    """With more tags dropped than it remembers, an old answer is rather thrown away than kept."""
    cache = MemoryCache(MovableClock(), entries_max=2)
    assert await cache.get("k") is None
    for number in range(5):
        await cache.drop("t" if number == 0 else f"other-{number}")
    await cache.put("k", b"old", ttl_seconds=60, tags=("t",))
    assert await cache.get("k") is None


async def test_a_flood_of_names_is_bounded() -> None:
    clock = WaitingClock()
    limiter = MemoryRateLimiter(clock, counters_max=3)
    limit = RateLimit(1, 60)
    for number in range(10):
        assert (await limiter.hit(f"flood-{number}", limit)).allowed
    assert not (await limiter.hit("flood-9", limit)).allowed
    assert (await limiter.hit("flood-0", limit)).allowed
    await clock.wait(60)
    assert (await limiter.hit("flood-9", limit)).allowed
