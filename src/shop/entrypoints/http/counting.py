"""Counting requests against the limit of their class, and telling the caller how many are left (draft-11 fields)."""

from collections.abc import Mapping

from shop.application.limits import DEFAULT, RateLimited, RateLimits, when_away
from shop.application.ports.cache import RateLimit, RateLimiter
from shop.entrypoints.http.answers import Header

ADDRESS, KEY = "ip", "key"


class Counting:
    """By address before anything else, since whoever makes keys up would have a fresh limit with each; then by key."""

    def __init__(self, limiter: RateLimiter, limits: RateLimits) -> None:
        self._limiter = limiter
        self._by_class: Mapping[str, RateLimit] = limits.by_class
        self._told = {
            (name, by): _told(name if by == ADDRESS else f"{name}-{by}", limit)
            for name, limit in limits.by_class.items()
            for by in (ADDRESS, KEY)
        }

    @property
    def everything(self) -> bool:
        """Whether all requests are counted."""
        return DEFAULT in self._by_class

    async def count(self, limit_class: str, by: str, who: str, headers: list[Header]) -> None:
        """One more of this class by `who`; adds to the headers of the answer. Raises RateLimited, CountersAway."""
        limit = self._by_class.get(limit_class)
        if limit is None:
            return
        verdict = await self._limiter.hit(f"{limit_class}:{by}:{who}", limit, when_away=when_away(limit_class))
        policy, left = self._told[limit_class, by]
        headers.append(policy)
        headers.append((b"ratelimit", left % (verdict.remaining, verdict.reset_seconds)))
        if not verdict.allowed:
            raise RateLimited(limit, verdict.reset_seconds)


def _told(name: str, limit: RateLimit) -> tuple[Header, bytes]:
    """The header that tells the policy, and the form of the one that tells what is left."""
    quoted = f'"{name}"'.encode()
    policy = b"%s;q=%d;w=%d" % (quoted, limit.quota, limit.window_seconds)
    return (b"ratelimit-policy", policy), quoted + b";r=%d;t=%d"
