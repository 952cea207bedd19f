"""Counters in Redis: one limit for all processes of the shop together."""

from collections.abc import Awaitable
from typing import cast

from redis.asyncio import Redis

from shop.adapters.redis.connection import RedisConnection
from shop.application.ports.cache import RateLimit, RateVerdict
from shop.application.ports.options import Options

# Counting and starting the window are one step, so no counter is ever left without an end.
_HIT = """
local count = redis.call('INCR', KEYS[1])
if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return {count, redis.call('PTTL', KEYS[1])}
"""


class RedisRateLimiter:
    """Fixed windows. With Redis away everybody passes."""

    def __init__(self, connection: RedisConnection) -> None:
        self._redis = connection

    async def hit(self, key: str, limit: RateLimit) -> RateVerdict:
        async def count(redis: Redis) -> list[int]:
            name = f"hexshop:limit:{key}"
            return await cast(Awaitable[list[int]], redis.eval(_HIT, 1, name, str(limit.window_seconds * 1000)))

        counted = await self._redis.run(count)
        if counted is None:
            return RateVerdict(allowed=True, remaining=limit.quota, reset_seconds=limit.window_seconds)
        hits, milliseconds = counted
        return RateVerdict(
            allowed=hits <= limit.quota,
            remaining=max(limit.quota - hits, 0),
            reset_seconds=max(1, -(-milliseconds // 1000)),
        )

    async def close(self) -> None:
        await self._redis.close()


def open_redis_limiter(options: Options) -> RedisRateLimiter:
    """Reads SHOP_REDIS_URL."""
    return RedisRateLimiter(RedisConnection(options.get("SHOP_REDIS_URL")))
