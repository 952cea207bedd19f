"""What every cache and every rate limiter promises, as tests: subclass `CacheContract` or `RateLimiterContract`.

    class TestMyCache(CacheContract):
        @asynccontextmanager
        async def open(self):
            ...
            yield CacheUnderTest(cache=..., wait=asyncio.sleep)

pytest is all that is needed. Each test runs in an event loop of its own, on an empty cache opened for it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import ClassVar

import pytest
from attrs import frozen

from shop.adapters.contracts.stories import alone
from shop.application.ports.cache import Cache, CountersAway, RateLimit, RateLimiter

Wait = Callable[[float], Awaitable[None]]
A_DAY = 86_400


@frozen(kw_only=True)
class CacheUnderTest:
    """A cache, and what lets so many seconds pass for it."""

    cache: Cache
    wait: Wait


@frozen(kw_only=True)
class LimiterUnderTest:
    """A limiter, what lets so many seconds pass for it, and what takes its counters away, if anything can."""

    limiter: RateLimiter
    wait: Wait
    take_away: Callable[[], None] | None = None


class CacheContract:
    """The promises of `shop.application.ports.cache.Cache`."""

    leaves_out: ClassVar[Mapping[str, str]] = {}

    def open(self) -> AbstractAsyncContextManager[CacheUnderTest]:
        """An empty cache that nobody else uses, closed at the end."""
        raise NotImplementedError

    def open_subject(self) -> AbstractAsyncContextManager[CacheUnderTest]:
        return self.open()

    @alone
    async def test_it_remembers_bytes_by_key(self, subject: CacheUnderTest) -> None:
        cache = subject.cache
        assert await cache.get("k") is None
        await cache.put("k", bytes(range(256)), ttl_seconds=60)
        await cache.put("empty", b"", ttl_seconds=60, tags=("t",))
        assert await cache.get("k") == bytes(range(256))
        assert await cache.get("empty") == b""
        assert await cache.get("K") is None

    @alone
    async def test_the_last_put_counts(self, subject: CacheUnderTest) -> None:
        cache = subject.cache
        await cache.put("k", b"1", ttl_seconds=60, tags=("old",))
        await cache.put("k", b"2", ttl_seconds=60, tags=("new",))
        assert await cache.get("k") == b"2"
        await cache.drop("old")
        assert await cache.get("k") == b"2"
        await cache.drop("new")
        assert await cache.get("k") is None

    @alone
    async def test_it_forgets_when_the_time_is_over(self, subject: CacheUnderTest) -> None:
        cache = subject.cache
        await cache.put("short", b"1", ttl_seconds=1)
        await cache.put("long", b"2", ttl_seconds=60)
        assert await cache.get("short") == b"1"
        await subject.wait(1.1)
        assert await cache.get("short") is None
        assert await cache.get("long") == b"2"

    @alone
    async def test_dropping_a_tag_forgets_whatever_carries_it(self, subject: CacheUnderTest) -> None:
        cache = subject.cache
        await cache.put("both", b"1", ttl_seconds=60, tags=("catalog", "store"))
        await cache.put("one", b"2", ttl_seconds=60, tags=("catalog",))
        await cache.put("other", b"3", ttl_seconds=60, tags=("store",))
        await cache.put("none", b"4", ttl_seconds=60)
        await cache.drop("catalog")
        assert [await cache.get(key) for key in ("both", "one", "other", "none")] == [None, None, b"3", b"4"]
        await cache.drop("store", "unknown")
        assert [await cache.get(key) for key in ("other", "none")] == [None, b"4"]
        await cache.drop()
        assert await cache.get("none") == b"4"

    @alone
    async def test_what_was_dropped_can_be_remembered_anew(self, subject: CacheUnderTest) -> None:
        cache = subject.cache
        await cache.put("k", b"old", ttl_seconds=60, tags=("t",))
        await cache.drop("t")
        assert await cache.get("k") is None
        await cache.put("k", b"new", ttl_seconds=60, tags=("t",))
        assert await cache.get("k") == b"new"

    @alone
    async def test_what_was_read_before_a_drop_is_not_kept_after_it(self, subject: CacheUnderTest) -> None:
        """A reader misses and reads old rows; they change and the tag is dropped; then the old answer arrives."""
        cache = subject.cache
        assert await cache.get("k") is None
        await cache.drop("t")
        await cache.put("k", b"old", ttl_seconds=60, tags=("t",))
        assert await cache.get("k") is None
        await cache.put("k", b"new", ttl_seconds=60, tags=("t",))
        assert await cache.get("k") == b"new"


class RateLimiterContract:
    """The promises of `shop.application.ports.cache.RateLimiter`."""

    leaves_out: ClassVar[Mapping[str, str]] = {}

    def open(self) -> AbstractAsyncContextManager[LimiterUnderTest]:
        """A limiter that has counted nothing and that nobody else uses, closed at the end."""
        raise NotImplementedError

    def open_subject(self) -> AbstractAsyncContextManager[LimiterUnderTest]:
        return self.open()

    @alone
    async def test_so_many_pass_and_no_more(self, subject: LimiterUnderTest) -> None:
        limit = RateLimit(3, 60)
        verdicts = [await subject.limiter.hit("k", limit) for _ in range(5)]
        assert [(v.allowed, v.remaining) for v in verdicts] == [
            (True, 2),
            (True, 1),
            (True, 0),
            (False, 0),
            (False, 0),
        ]
        assert all(1 <= verdict.reset_seconds <= 60 for verdict in verdicts)

    @alone
    async def test_each_key_is_counted_by_itself(self, subject: LimiterUnderTest) -> None:
        limit = RateLimit(1, 60)
        assert (await subject.limiter.hit("one", limit)).allowed
        assert (await subject.limiter.hit("two", limit)).allowed
        assert not (await subject.limiter.hit("one", limit)).allowed

    @alone
    async def test_after_the_window_the_count_begins_anew(self, subject: LimiterUnderTest) -> None:
        limit = RateLimit(1, 1)
        verdicts = [await subject.limiter.hit("k", limit) for _ in range(3)]
        assert all(verdict.reset_seconds == 1 for verdict in verdicts)
        await subject.wait(1.1)
        assert (await subject.limiter.hit("k", limit)).allowed

    @alone
    async def test_one_name_under_two_limits_is_counted_twice(self, subject: LimiterUnderTest) -> None:
        assert (await subject.limiter.hit("k", RateLimit(1, A_DAY))).remaining == 0
        assert (await subject.limiter.hit("k", RateLimit(9, 2 * A_DAY))).remaining == 8

    @alone
    async def test_of_many_at_once_exactly_as_many_pass_as_may(self, subject: LimiterUnderTest) -> None:
        limit = RateLimit(25, A_DAY)
        for key in ("one", "two"):
            verdicts = []
            for _ in range(5):  # not more at once than a busy machine answers in time: who is not answered passes
                verdicts += await asyncio.gather(*(subject.limiter.hit(key, limit) for _ in range(40)))
            assert sum(verdict.allowed for verdict in verdicts) == limit.quota
            assert sorted(v.remaining for v in verdicts if v.allowed) == list(range(limit.quota))

    @alone
    async def test_without_counters_the_catalogue_is_open_and_sign_in_is_closed(
        self, subject: LimiterUnderTest
    ) -> None:
        limit = RateLimit(2, A_DAY)
        assert (await subject.limiter.hit("k", limit, when_away="closed")).allowed
        if subject.take_away is None:
            return
        subject.take_away()
        for _ in range(limit.quota + 1):
            assert (await subject.limiter.hit("k", limit, when_away="open")).allowed
            assert (await subject.limiter.hit("k", limit)).allowed
            with pytest.raises(CountersAway):
                await subject.limiter.hit("k", limit, when_away="closed")
