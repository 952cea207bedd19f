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
    """Remembers at most so many entries; of more, those not asked for the longest go first.

    Drops are counted: a miss remembers the count, and what comes of it is not kept once a tag of it was dropped.
    """

    def __init__(self, clock: Clock, entries_max: int = ENTRIES_MAX) -> None:
        self._clock = clock
        self._entries_max = entries_max
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._keys_by_tag: dict[str, set[str]] = {}
        self._drops = 0
        self._forgotten_drops = 0
        self._dropped: OrderedDict[str, int] = OrderedDict()
        self._missed: OrderedDict[str, int] = OrderedDict()

    async def get(self, key: str) -> bytes | None:
        entry = self._entries.get(key)
        if entry is None or self._clock.now() >= entry.until:
            self._remove(key)
            self._note_miss(key)
            return None
        self._entries.move_to_end(key)
        return entry.value

    async def put(self, key: str, value: bytes, *, ttl_seconds: float, tags: tuple[str, ...] = ()) -> None:
        self._remove(key)
        if self._outdated(key, tags):
            return
        self._entries[key] = _Entry(value, self._clock.now() + timedelta(seconds=ttl_seconds), tags)
        for tag in tags:
            self._keys_by_tag.setdefault(tag, set()).add(key)
        while len(self._entries) > self._entries_max:
            self._remove(next(iter(self._entries)))

    async def drop(self, *tags: str) -> None:
        self._drops += 1
        for tag in tags:
            for key in list(self._keys_by_tag.get(tag, ())):
                self._remove(key)
            self._dropped[tag] = self._drops
            self._dropped.move_to_end(tag)
        while len(self._dropped) > self._entries_max:
            _, self._forgotten_drops = self._dropped.popitem(last=False)

    async def close(self) -> None:
        self._entries.clear()
        self._keys_by_tag.clear()
        self._dropped.clear()
        self._missed.clear()

    def _note_miss(self, key: str) -> None:
        self._missed[key] = self._drops
        self._missed.move_to_end(key)
        while len(self._missed) > self._entries_max:
            self._missed.popitem(last=False)

    def _outdated(self, key: str, tags: tuple[str, ...]) -> bool:
        """Whether a tag was dropped since the key was missed, or may have been."""
        missed_at = self._missed.pop(key, self._drops)
        return missed_at < max((self._dropped.get(tag, self._forgotten_drops) for tag in tags), default=0)

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
