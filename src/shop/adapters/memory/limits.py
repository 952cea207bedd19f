"""Counters in this process that keep the greedy at bay."""

import math

from shop.application.ports.cache import RateLimit, RateLimiter, RateVerdict, WhenAway
from shop.application.ports.clock import Clock
from shop.application.ports.options import Options

COUNTERS_MAX = 100_000


class MemoryRateLimiter:
    """Counts in a dictionary, which is never away. Windows that are over are swept out when it is full.

    Not with the library that counts in Redis: its counters in memory look at every other one while they count one
    (at 20,000 callers 1.4 ms a request), grow without bound, and know no clock but the machine's.
    """

    def __init__(self, clock: Clock, counters_max: int = COUNTERS_MAX) -> None:
        self._clock = clock
        self._counters_max = counters_max
        self._counts: dict[tuple[str, int], tuple[int, int]] = {}

    async def hit(self, key: str, limit: RateLimit, *, when_away: WhenAway = "open") -> RateVerdict:
        now = self._clock.now().timestamp()
        ends_at = (math.floor(now / limit.window_seconds) + 1) * limit.window_seconds
        counted_until, count = self._counts.get((key, limit.window_seconds), (ends_at, 0))
        count = count + 1 if counted_until == ends_at else 1
        if (key, limit.window_seconds) not in self._counts:
            self._make_room(now)
        self._counts[key, limit.window_seconds] = (ends_at, count)
        return RateVerdict(
            allowed=count <= limit.quota,
            remaining=max(limit.quota - count, 0),
            reset_seconds=max(math.ceil(ends_at - now), 1),
        )

    async def close(self) -> None:
        self._counts.clear()

    def _make_room(self, now: float) -> None:
        if len(self._counts) < self._counters_max:
            return
        self._counts = {key: (ends, count) for key, (ends, count) in self._counts.items() if ends > now}
        while len(self._counts) >= self._counters_max:  # an attack with many names: the oldest are let go
            del self._counts[next(iter(self._counts))]


def open_memory_limiter(options: Options) -> RateLimiter:
    """Counters for a shop of one process."""
    return MemoryRateLimiter(options.clock)
