"""Attempts at signing in, and how long the next one has to wait.

Whoever guesses is slowed down more and more; whoever owns the account is not locked out by somebody else's guesses:
what counts against a network are the failures from there, and failures everywhere count only against networks from
which the account was never opened.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from attrs import frozen

from shop.domain.kernel.errors import Conflict
from shop.domain.kernel.identifiers import SignInAttemptId

FREE_FAILURES = 4
PAUSE_MAX = timedelta(minutes=15)
ELSEWHERE_MAX = 100
"""Failures in a row from anywhere after which strange networks wait (NIST SP 800-63B asks for at most 100)."""
LOOKED_AT = timedelta(days=1)
LOOKED_AT_MAX = 200


class SignInTooOften(Conflict):
    """Too many wrong passwords. Raised for accounts that do not exist as well."""

    code = "rate_limited"
    title = "Too many attempts"

    def __init__(self, seconds: int) -> None:
        super().__init__("Too many attempts at signing in.", hint=f"Wait {seconds} seconds.")
        self.retry_after = seconds


@frozen(kw_only=True)
class SignInAttempt:
    """One attempt. `account` is an HMAC of the address that was named, whether or not somebody has it."""

    id: SignInAttemptId
    account: bytes
    source: str
    at: datetime
    succeeded: bool


def pause_before(attempts: Sequence[SignInAttempt], source: str, now: datetime) -> timedelta:
    """How long an attempt from this network has to wait now. `attempts` of one account, the newest first.

    After four failures in a row from one network: 1, 2, 4 … seconds after the last, 15 minutes at most.
    """
    here = [attempt for attempt in attempts if attempt.source == source]
    pause = _pause(_failures(here), here, now)
    known = any(attempt.succeeded for attempt in here)
    if not known and _failures(attempts) >= ELSEWHERE_MAX:
        pause = max(pause, attempts[0].at + PAUSE_MAX - now)
    return max(pause, timedelta(0))


def _failures(attempts: Sequence[SignInAttempt]) -> int:
    """How many failed since the last that succeeded."""
    for number, attempt in enumerate(attempts):
        if attempt.succeeded:
            return number
    return len(attempts)


def _pause(failures: int, attempts: Sequence[SignInAttempt], now: datetime) -> timedelta:
    if failures < FREE_FAILURES:
        return timedelta(0)
    doubled = timedelta(seconds=2 ** min(failures - FREE_FAILURES, 20))
    return attempts[0].at + min(doubled, PAUSE_MAX) - now
