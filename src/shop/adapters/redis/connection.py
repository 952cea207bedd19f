"""A connection to Redis that is quick to give up: when Redis is away the shop goes on without it."""

import logging
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

T = TypeVar("T")
TIMEOUT_SECONDS = 0.25
AWAY_SECONDS = 1.0
CONNECTIONS_MAX, FREE_WITHIN_SECONDS = 50, 2.0
_log = logging.getLogger("shop.redis")


class RedisConnection:
    """Runs commands, or says that there is nobody to run them.

    After a failure nothing is tried for a second, so that a Redis that hangs costs one request its quarter of a
    second, and not all of them. The client is made with the first command, inside the loop that uses it. `patience`
    is in seconds.
    """

    def __init__(self, url: str, *, patience: float = TIMEOUT_SECONDS) -> None:
        self._url = url
        self._patience = patience
        self._client: Redis | None = None
        self._away_until = 0.0

    @property
    def client(self) -> "Redis":
        if self._client is None:
            # One that waits for a free connection: to have too many callers at once is not to have no Redis.
            pool = BlockingConnectionPool.from_url(
                self._url,
                socket_timeout=self._patience,
                socket_connect_timeout=self._patience,
                retry=Retry(NoBackoff(), 0),
                max_connections=CONNECTIONS_MAX,
                timeout=FREE_WITHIN_SECONDS,
            )
            self._client = Redis.from_pool(pool)
        return self._client

    async def run(self, command: Callable[["Redis"], Awaitable[T]]) -> T | None:
        """What the command gives; None when Redis is away."""
        if time.monotonic() < self._away_until:
            return None
        try:
            return await command(self.client)
        except (RedisError, OSError, TimeoutError) as problem:
            _log.warning("Redis is away: %s", problem)
            self._away_until = time.monotonic() + AWAY_SECONDS
            return None

    async def close(self) -> None:
        if self._client is not None:
            client, self._client = self._client, None
            await client.aclose()
