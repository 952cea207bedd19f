"""Counters in Redis: one limit for all processes of the shop together."""

from typing import Any

from limits.aio.storage import RedisStorage

from shop.adapters.redis.connection import RedisConnection
from shop.application.ports.cache import CountersAway, RateLimit, RateVerdict, WhenAway
from shop.application.ports.clock import Clock
from shop.application.ports.options import Options

PREFIX = "hexshop:limit"


class RedisRateLimiter:
    """Fixed windows, counted by the library `limits` in one atomic step.

    The number of the window is part of the counter's name, so that nobody has to be asked when it ends: one way to
    Redis and back for each request, and a counter that outlives its window means nothing.
    """

    def __init__(self, connection: RedisConnection, clock: Clock) -> None:
        self._redis = connection
        self._clock = clock
        self._counters: RedisStorage | None = None

    async def hit(self, key: str, limit: RateLimit, *, when_away: WhenAway = "open") -> RateVerdict:
        seconds = limit.window_seconds
        now = self._clock.now().timestamp()
        window = int(now // seconds)
        count = await self._redis.run(lambda _: self._storage.incr(f"{key}:{seconds}:{window}", seconds))
        if count is None:
            if when_away == "closed":
                raise CountersAway
            return RateVerdict(allowed=True, remaining=limit.quota, reset_seconds=seconds)
        return RateVerdict(
            allowed=count <= limit.quota,
            remaining=max(limit.quota - count, 0),
            reset_seconds=max(1, -int(-((window + 1) * seconds - now) // 1)),
        )

    @property
    def _storage(self) -> RedisStorage:
        if self._counters is None:
            # Our own pool, with its bounds on time. The library's types do not know that it may be given.
            pool: Any = self._redis.client.connection_pool
            self._counters = RedisStorage("redis://", implementation="redispy", key_prefix=PREFIX, connection_pool=pool)
        return self._counters

    async def close(self) -> None:
        self._counters = None
        await self._redis.close()


def open_redis_limiter(options: Options) -> RedisRateLimiter:
    """Reads SHOP_REDIS_URL."""
    return RedisRateLimiter(RedisConnection(options.get("SHOP_REDIS_URL")), options.clock)
