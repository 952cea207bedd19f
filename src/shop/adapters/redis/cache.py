"""A cache in Redis with a small one in front of it in the process.

Dropping a tag is exact, even against an answer that was being worked out meanwhile: every drop raises one counter,
a tag remembers the count of its last drop, and an answer the count at the moment it was missed. An answer is good
while none of its tags was dropped after that. The cache in front forgets on Redis's message, and after two seconds
whether one came or not.
"""

import asyncio
import contextlib
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable
from typing import cast

import msgspec
from attrs import frozen
from redis.asyncio import Redis
from redis.exceptions import RedisError

from shop.adapters.redis.connection import RedisConnection
from shop.application.ports.options import Options

NEAR_SECONDS = 2.0
NEAR_ENTRIES_MAX = 10_000
MISSES_MAX = 10_000
_PREFIX = "hexshop:"
_DROPS = f"{_PREFIX}drops"
_CHANNEL = f"{_PREFIX}dropped"
_log = logging.getLogger("shop.redis")

# KEYS: the counter, then the tags. Tells the tags' names on the channel.
_DROP = """
local count = redis.call('INCR', KEYS[1])
for i = 2, #KEYS do
  redis.call('SET', KEYS[i], count)
  redis.call('PUBLISH', ARGV[1], ARGV[i])
end
return count
"""


class _Envelope(msgspec.Struct, array_like=True):
    """An answer as Redis keeps it."""

    drops: int
    tags: tuple[str, ...]
    value: bytes


@frozen
class _Near:
    value: bytes
    tags: tuple[str, ...]
    until: float


@frozen
class _Miss:
    """How many drops there had been, by Redis's counter and by ours, when an answer was looked for in vain."""

    drops: int
    seen: int


class RedisCache:
    """Shared by all processes of the shop; with Redis away each has two seconds of memory of its own."""

    def __init__(self, connection: RedisConnection) -> None:
        self._redis = connection
        self._near: OrderedDict[str, _Near] = OrderedDict()
        self._misses: OrderedDict[str, _Miss] = OrderedDict()
        self._drops_seen = 0
        self._last_drop: OrderedDict[str, int] = OrderedDict()
        """Which of the drops that this process has seen was the last of each tag."""
        self._listener: asyncio.Task[None] | None = None
        self._closed = False

    async def get(self, key: str) -> bytes | None:
        near = self._near.get(key)
        if near is not None and near.until > time.monotonic():
            return near.value
        self._listen()
        seen = self._drops_seen
        found = await self._redis.run(lambda redis: self._fetch(redis, key))
        if found is None:
            return None
        drops, envelope = found
        if envelope is None:
            self._remember_miss(key, _Miss(drops, seen))
            return None
        self._keep_near(key, envelope.value, envelope.tags, NEAR_SECONDS)
        return envelope.value

    async def put(self, key: str, value: bytes, *, ttl_seconds: float, tags: tuple[str, ...] = ()) -> None:
        miss = self._misses.pop(key, None)
        if miss is None or not self._dropped_since(miss, tags):
            self._keep_near(key, value, tags, min(ttl_seconds, NEAR_SECONDS))

        async def keep(redis: Redis) -> bool:
            counted = miss.drops if miss is not None else int(await redis.get(_DROPS) or 0)
            body = msgspec.msgpack.encode(_Envelope(counted, tags, value))
            await redis.set(f"{_PREFIX}answer:{key}", body, px=max(1, int(ttl_seconds * 1000)))
            return True

        await self._redis.run(keep)

    async def drop(self, *tags: str) -> None:
        self._forget_near(set(tags))

        async def tell(redis: Redis) -> bool:
            keys = [_DROPS, *(f"{_PREFIX}tag:{tag}" for tag in tags)]
            await cast(Awaitable[object], redis.eval(_DROP, len(keys), *keys, _CHANNEL, *tags))
            return True

        await self._redis.run(tell)

    async def close(self) -> None:
        self._closed = True
        if self._listener is not None:
            self._listener.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._listener
            self._listener = None
        await self._redis.close()

    async def _fetch(self, redis: Redis, key: str) -> tuple[int, _Envelope | None]:
        drops, body = await redis.mget(_DROPS, f"{_PREFIX}answer:{key}")
        counted = int(drops or 0)
        if body is None:
            return counted, None
        envelope = msgspec.msgpack.decode(cast(bytes, body), type=_Envelope)
        if envelope.tags:
            dropped = await redis.mget([f"{_PREFIX}tag:{tag}" for tag in envelope.tags])
            if any(int(count or 0) > envelope.drops for count in dropped):
                return counted, None
        return counted, envelope

    def _remember_miss(self, key: str, miss: _Miss) -> None:
        self._misses[key] = miss
        if len(self._misses) > MISSES_MAX:
            self._misses.popitem(last=False)

    def _dropped_since(self, miss: _Miss, tags: tuple[str, ...]) -> bool:
        """Whether what was read after this miss may be older than a drop."""
        return any(self._last_drop.get(tag, 0) > miss.seen for tag in tags)

    def _keep_near(self, key: str, value: bytes, tags: tuple[str, ...], seconds: float) -> None:
        self._near[key] = _Near(value, tags, time.monotonic() + seconds)
        if len(self._near) > NEAR_ENTRIES_MAX:
            self._near.popitem(last=False)

    def _forget_near(self, tags: set[str]) -> None:
        self._drops_seen += 1
        for tag in tags:
            self._last_drop[tag] = self._drops_seen
            self._last_drop.move_to_end(tag)
        while len(self._last_drop) > MISSES_MAX:
            self._last_drop.popitem(last=False)
        for key in [key for key, near in self._near.items() if not tags.isdisjoint(near.tags)]:
            del self._near[key]

    def _listen(self) -> None:
        if self._listener is None or self._listener.done():
            self._listener = asyncio.create_task(self._hear_of_drops(), name="hexshop-cache-drops")

    async def _hear_of_drops(self) -> None:
        """Forgets what other processes dropped. Ends when Redis goes away; the next miss starts it again."""
        try:
            async with self._redis.client.pubsub() as channel:
                await channel.subscribe(_CHANNEL)
                while not self._closed:  # the client may swallow a cancellation while it waits
                    message = await channel.get_message(ignore_subscribe_messages=True, timeout=NEAR_SECONDS)
                    if message is not None:
                        self._forget_near({message["data"].decode()})
        except (RedisError, OSError, TimeoutError) as problem:
            _log.info("No news of dropped answers: %s", problem)


def open_redis_cache(options: Options) -> RedisCache:
    """Reads SHOP_REDIS_URL."""
    return RedisCache(RedisConnection(options.get("SHOP_REDIS_URL")))
