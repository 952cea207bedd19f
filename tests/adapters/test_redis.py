"""What only Redis can get wrong: being away, being shared, and forgetting exactly what was dropped."""

import asyncio
import time

import pytest

from shop.adapters.redis.cache import NEAR_SECONDS, RedisCache
from shop.adapters.redis.connection import CONNECTIONS_MAX, RedisConnection
from shop.adapters.redis.limits import RedisRateLimiter
from shop.adapters.system import SystemClock
from shop.application.ports.cache import CountersAway, RateLimit
from tests.servers import redis_server

NOBODY = "redis://127.0.0.1:1/0"
pytestmark = pytest.mark.integration


def patient(url: str) -> RedisConnection:
    """Waits for a Redis that shares a busy machine with all other tests."""
    return RedisConnection(url, patience=10)


async def test_an_answer_of_one_process_is_known_to_another(redis_url: str) -> None:
    one, other = RedisCache(patient(redis_url)), RedisCache(patient(redis_url))
    try:
        await one.put("list", b"answer", ttl_seconds=60, tags=("catalog",))
        assert await other.get("list") == b"answer"
    finally:
        await one.close()
        await other.close()


async def test_what_one_process_drops_the_other_forgets_within_two_seconds(redis_url: str) -> None:
    one, other = RedisCache(patient(redis_url)), RedisCache(patient(redis_url))
    try:
        await one.put("list", b"old", ttl_seconds=60, tags=("catalog",))
        assert await other.get("list") == b"old"
        started = time.monotonic()
        await one.drop("catalog")
        assert await one.get("list") is None
        while await other.get("list") is not None:
            assert time.monotonic() - started <= NEAR_SECONDS + 0.5
            await asyncio.sleep(0.01)
    finally:
        await one.close()
        await other.close()


async def test_an_answer_worked_out_before_a_drop_is_not_kept_after_it(redis_url: str) -> None:
    """A reader misses, reads old rows, somebody changes them and drops the tag, and only then the answer arrives."""
    cache, other = RedisCache(patient(redis_url)), RedisCache(patient(redis_url))
    try:
        assert await cache.get("list") is None
        await other.drop("catalog")
        await cache.put("list", b"old", ttl_seconds=60, tags=("catalog",))
        assert await other.get("list") is None
    finally:
        await cache.close()
        await other.close()


async def test_other_tags_stay(redis_url: str) -> None:
    cache, other = RedisCache(patient(redis_url)), RedisCache(patient(redis_url))
    try:
        await cache.put("store", b"kept", ttl_seconds=60, tags=("store",))
        await cache.drop("catalog")
        assert await other.get("store") == b"kept"
    finally:
        await cache.close()
        await other.close()


async def test_without_redis_nothing_raises_and_the_near_memory_remains() -> None:
    cache = RedisCache(RedisConnection(NOBODY))
    try:
        assert await cache.get("list") is None
        await cache.put("list", b"answer", ttl_seconds=60, tags=("catalog",))
        assert await cache.get("list") == b"answer"
        await cache.drop("catalog")
        assert await cache.get("list") is None
    finally:
        await cache.close()


async def test_a_redis_that_is_away_is_not_asked_again_at_once() -> None:
    limiter = RedisRateLimiter(RedisConnection(NOBODY), SystemClock())
    try:
        await limiter.hit("caller", RateLimit(5, 60))
        started = time.perf_counter()
        for _ in range(200):
            assert (await limiter.hit("caller", RateLimit(5, 60))).allowed
        assert time.perf_counter() - started < 0.25
    finally:
        await limiter.close()


async def test_s72_a_redis_that_is_away_opens_the_catalogue_and_closes_sign_in() -> None:
    limiter = RedisRateLimiter(RedisConnection(NOBODY), SystemClock())
    try:
        assert (await limiter.hit("caller", RateLimit(5, 60))).allowed
        for _ in range(3):
            with pytest.raises(CountersAway):
                await limiter.hit("caller", RateLimit(5, 60), when_away="closed")
    finally:
        await limiter.close()


async def test_s72_more_callers_than_connections_are_counted_one_by_one(redis_url: str) -> None:
    """To be out of connections is not to be without Redis: nobody slips through, and nobody is shut out."""
    limiter = RedisRateLimiter(patient(redis_url), SystemClock())
    callers, limit = range(2 * CONNECTIONS_MAX), RateLimit(CONNECTIONS_MAX, 86_400)
    try:
        verdicts = await asyncio.gather(*(limiter.hit("caller", limit, when_away="closed") for _ in callers))
        assert sum(verdict.allowed for verdict in verdicts) == limit.quota
    finally:
        await limiter.close()


async def test_what_was_read_before_a_drop_is_not_kept_in_the_process_either(redis_url: str) -> None:
    """The word of the drop is heard before the old answer is put."""
    cache = RedisCache(patient(redis_url))
    try:
        for number in range(20):
            key, tag = f"key-{number}", f"tag-{number}"
            assert await cache.get(key) is None
            await cache.drop(tag)
            await asyncio.sleep(0.01)
            await cache.put(key, b"old", ttl_seconds=60, tags=(tag,))
            assert await cache.get(key) is None
    finally:
        await cache.close()


async def test_redis_may_die_and_come_back() -> None:
    with redis_server() as server:
        cache = RedisCache(RedisConnection(server.url))
        limiter = RedisRateLimiter(RedisConnection(server.url), SystemClock())
        try:
            await cache.put("list", b"answer", ttl_seconds=60)
            server.crash()
            assert (await limiter.hit("caller", RateLimit(1, 60))).allowed
            await cache.put("list", b"meanwhile", ttl_seconds=60)
            server.start()
            await asyncio.sleep(1.1)
            await cache.put("list", b"again", ttl_seconds=60)
            other = RedisCache(RedisConnection(server.url))
            assert await other.get("list") == b"again"
            await other.close()
        finally:
            await cache.close()
            await limiter.close()


async def test_a_limit_is_one_for_all_processes(redis_url: str) -> None:
    one, other = (
        RedisRateLimiter(patient(redis_url), SystemClock()),
        RedisRateLimiter(patient(redis_url), SystemClock()),
    )
    limit = RateLimit(10, 60)
    try:
        verdicts = await asyncio.gather(*(limiter.hit("caller", limit) for limiter in [one, other] * 10))
        assert sum(verdict.allowed for verdict in verdicts) == 10
        assert not (await one.hit("caller", limit)).allowed
        assert (await one.hit("somebody else", limit)).remaining == 9
    finally:
        await one.close()
        await other.close()


async def test_a_window_ends(redis_url: str) -> None:
    limiter = RedisRateLimiter(patient(redis_url), SystemClock())
    limit = RateLimit(1, 3)  # long enough for a machine that stands still for a moment
    try:
        assert (await limiter.hit("caller", limit)).allowed
        second = await limiter.hit("caller", limit)
        assert (second.allowed, second.remaining) == (False, 0)
        assert 0 < second.reset_seconds <= 3
        await asyncio.sleep(3.05)
        assert (await limiter.hit("caller", limit)).allowed
    finally:
        await limiter.close()
