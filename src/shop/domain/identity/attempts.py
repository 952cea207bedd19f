"""Attempts at signing in, and how long the next one has to wait.

Whoever guesses is slowed down more and more; whoever owns the account is not locked out by somebody else's guesses:
what counts against a network are the failures from there, and failures everywhere count only against networks from
which the account was never opened. The second step is counted apart, and over all such networks together: whoever
guesses there knows the password, and has a million codes to try.
"""

from collections.abc import Sequence, Set
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
NETWORKS_MAX = 200
KNOWN_FOR = timedelta(days=30)
"""So long a network from which the account was opened is known, and so long attempts are kept: as long as a session
lasts that nobody goes on with. It is no matter of the failures of a day: they would make it forgotten."""
GUESSES_TOLD = 5
"""Wrong codes on one day after which its owner is told that somebody knows the password."""


class SignInTooOften(Conflict):
    """Too many wrong passwords or codes. Raised for accounts that do not exist as well."""

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


def pause_before(attempts: Sequence[SignInAttempt], known: Set[str], source: str, now: datetime) -> timedelta:
    """How long an attempt from this network has to wait now. `attempts` of one account, the newest first.

    `known` are the networks from which the account was opened before. After four failures in a row from one network:
    1, 2, 4 … seconds after the last, 15 minutes at most.
    """
    here = [attempt for attempt in attempts if attempt.source == source]
    pause = _pause(_failures(here), here, now)
    if source not in known and _failures(attempts) >= ELSEWHERE_MAX:
        pause = max(pause, attempts[0].at + PAUSE_MAX - now)
    return max(pause, timedelta(0))


def pause_before_second_step(
    attempts: Sequence[SignInAttempt], known: Set[str], source: str, now: datetime
) -> timedelta:
    """How long a code of the second step from this network has to wait now, as for `pause_before`.

    All networks that are not known are one: addresses are cheap, and a new sign-in begins no new count.
    """
    if source in known:
        counted = [attempt for attempt in attempts if attempt.source == source]
    else:
        counted = [attempt for attempt in attempts if attempt.source not in known]
    return max(_pause(_failures(counted), counted, now), timedelta(0))


def worth_telling(attempts: Sequence[SignInAttempt], now: datetime) -> bool:
    """Whether one more wrong code now is the one of which its owner hears: once on a day at most."""
    today = [attempt for attempt in attempts if not attempt.succeeded and attempt.at.date() == now.date()]
    return len(today) == GUESSES_TOLD - 1


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
