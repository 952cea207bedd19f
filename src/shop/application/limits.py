"""How much of what in how much time: classes of requests, each with a limit of its own.

The HTTP door counts by address and by key; a use case counts by account, for many addresses may try one account.
"""

from collections.abc import Mapping

from attrs import field, frozen

from shop.application.ports.cache import RateLimit, RateLimiter, RateVerdict, WhenAway
from shop.application.ports.identity import Secrets
from shop.domain.kernel.email import email_key
from shop.domain.kernel.errors import Conflict

DEFAULT = "default"  # everything
WRITE = "write"  # what changes something
SIGN_IN = "sign-in"  # passwords, second factors, refresh tokens
REGISTER = "register"  # new accounts
RECOVERY = "recovery"  # whatever sends mail to somebody: reset links, magic links, invitations
CODES = "codes"  # what could be guessed: coupons, balances of gift cards
# Closed while nobody can count: without counters these could be tried for ever.
GUARDED = frozenset({SIGN_IN, REGISTER, RECOVERY, CODES})

USUAL: Mapping[str, RateLimit] = {
    DEFAULT: RateLimit(600, 60),
    WRITE: RateLimit(300, 60),
    SIGN_IN: RateLimit(5, 60),
    REGISTER: RateLimit(3, 60),
    RECOVERY: RateLimit(3, 60),
    CODES: RateLimit(5, 60),
}
CLASSES = tuple(USUAL)


class RateLimited(Conflict):
    """More than the limit of its class allows."""

    code = "rate_limited"
    title = "Too many requests"

    def __init__(self, limit: RateLimit, wait_seconds: int) -> None:
        self.retry_after = max(wait_seconds, 1)
        super().__init__(
            f"At most {limit.quota} requests in {limit.window_seconds} seconds.",
            hint=f"Wait {self.retry_after} seconds.",
        )


@frozen
class RateLimits:
    """The limit of each class; a class that is not there is not counted."""

    by_class: Mapping[str, RateLimit] = field(factory=lambda: dict(USUAL))

    def of(self, limit_class: str) -> RateLimit | None:
        return self.by_class.get(limit_class)

    async def count(self, limiter: RateLimiter, limit_class: str, who: str) -> RateVerdict | None:
        """Counts one request of this class by `who`; None where the class has no limit.

        Raises RateLimited when it is one too many, CountersAway when a guarded class cannot be counted.
        """
        limit = self.by_class.get(limit_class)
        if limit is None:
            return None
        verdict = await limiter.hit(f"{limit_class}:{who}", limit, when_away=when_away(limit_class))
        if not verdict.allowed:
            raise RateLimited(limit, verdict.reset_seconds)
        return verdict


@frozen
class AccountLimits:
    """Counts by account what mails somebody: asked for from many addresses, it still fills one mailbox.

    Counted is the address that was named, whether or not somebody has it, before anybody looks: so nothing is told.
    """

    limiter: RateLimiter
    limits: RateLimits
    secrets: Secrets

    async def allows(self, limit_class: str, what: str, email: str) -> bool:
        """Counts one more of this kind for this account: whether it is within the limit. Raises CountersAway."""
        account = self.secrets.derive("mail-account", email_key(email)).hex()
        try:
            await self.limits.count(self.limiter, limit_class, f"account:{what}:{account}")
        except RateLimited:
            return False
        return True


def when_away(limit_class: str) -> WhenAway:
    """Whether a class is open or closed while nobody can count."""
    return "closed" if limit_class in GUARDED else "open"
