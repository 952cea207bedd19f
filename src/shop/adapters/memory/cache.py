"""A cache in this process: exact, bounded, and forgotten with it."""

from collections import OrderedDict
from datetime import datetime, timedelta

from attrs import frozen

from shop.application.ports.cache import Cache
from shop.application.ports.clock import Clock
from shop.application.ports.options import Options

ENTRIES_MAX = 10_000


@frozen
class _Entry:
    value: bytes
    until: datetime
    tags: tuple[str, ...]


class MemoryCache:
    """Remembers at most so many entries; of more, those not asked for the longest go first."""

    def __init__(self, clock: Clock, entries_max: int = ENTRIES_MAX) -> None:
        self._clock = clock
        self._entries_max = entries_max
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._keys_by_tag: dict[str, set[str]] = {}

    async def get(self, key: str) -> bytes | None:
        entry = self._entries.get(key)
        if entry is None:
            return None
        if self._clock.now() >= entry.until:
            self._remove(key)
            return None
        self._entries.move_to_end(key)
        return entry.value

    async def put(self, key: str, value: bytes, *, ttl_seconds: float, tags: tuple[str, ...] = ()) -> None:
        self._remove(key)
        self._entries[key] = _Entry(value, self._clock.now() + timedelta(seconds=ttl_seconds), tags)
        for tag in tags:
            self._keys_by_tag.setdefault(tag, set()).add(key)
        while len(self._entries) > self._entries_max:
            self._remove(next(iter(self._entries)))

    async def drop(self, *tags: str) -> None:
        for tag in tags:
            for key in list(self._keys_by_tag.get(tag, ())):
                self._remove(key)

    async def close(self) -> None:
        self._entries.clear()
        self._keys_by_tag.clear()

    def _remove(self, key: str) -> None:
        entry = self._entries.pop(key, None)
        for tag in entry.tags if entry is not None else ():
            keys = self._keys_by_tag.get(tag, set())
            keys.discard(key)
            if not keys:
                self._keys_by_tag.pop(tag, None)


def open_memory_cache(options: Options) -> Cache:
    """A cache for a shop of one process."""
    return MemoryCache(options.clock)
