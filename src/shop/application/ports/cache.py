"""Speed that the shop can do without: remembered answers, and counters that keep the greedy at bay."""

from typing import Protocol

from attrs import frozen


class Cache(Protocol):
    """Remembers bytes for a while. It may forget at any time, and when it is away every `get` is a miss."""

    async def get(self, key: str) -> bytes | None:
        """What was put there, if it is still known. Never raises for a cache that is away."""

    async def put(self, key: str, value: bytes, *, ttl_seconds: float, tags: tuple[str, ...] = ()) -> None:
        """Remembers for at most so long, until one of the tags is dropped. Never raises for one that is away.

        What was missed by `get` before one of its tags was dropped is not kept: it may have been read before.
        """

    async def drop(self, *tags: str) -> None:
        """Forgets whatever carries one of the tags: here at once, in other processes within two seconds."""

    async def close(self) -> None:
        """Lets go of connections."""


@frozen
class RateLimit:
    """So many requests in so many seconds."""

    quota: int
    window_seconds: int


@frozen
class RateVerdict:
    """Whether this one is within the limit, how many are left, and after how many seconds the window begins anew."""

    allowed: bool
    remaining: int
    reset_seconds: int


class RateLimiter(Protocol):
    """Counts. When its counters are away it lets everybody through: slower is no reason to close the shop."""

    async def hit(self, key: str, limit: RateLimit) -> RateVerdict:
        """Counts one more under this key."""

    async def close(self) -> None:
        """Lets go of connections."""
