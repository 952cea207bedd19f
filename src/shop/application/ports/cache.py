"""Speed that the shop can do without: remembered answers, and counters that keep the greedy at bay."""

from typing import Literal, Protocol

from attrs import frozen

from shop.domain.kernel.errors import Unavailable


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


WhenAway = Literal["open", "closed"]
"""What happens while the counters are away: everybody passes, or nobody does."""


class CountersAway(Unavailable):
    """What nobody counts is not let through here: it is what guessers would do without end."""

    code = "counters_unavailable"
    title = "Not while nobody can count"
    default_hint = "Try again in a moment."


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
    """Counts, one by one: of requests at the same moment exactly as many pass as the limit says.

    - Windows begin at whole multiples of their length.
    - While the counters are away the catalogue stays open, and what guessers would try stays closed.
    """

    async def hit(self, key: str, limit: RateLimit, *, when_away: WhenAway = "open") -> RateVerdict:
        """Counts one more under this key. Raises CountersAway where it is to be closed while nobody can count."""

    async def close(self) -> None:
        """Lets go of connections."""
