"""Passwords at rest: slow hashes, made away from the event loop.

- A password is never cut: two that differ anywhere differ for the shop.
- Whatever hash a shop of ours ever made is still verified, and said to be outdated where a better one is made today.
- However many sign in at once, the loop goes on: so many are worked on as there are cores, a few wait, for a moment.
"""

from typing import Protocol

from attrs import frozen

from shop.domain.kernel.errors import Unavailable

PASSWORD_BYTES_MAX = 1024


class PasswordsBusy(Unavailable):
    """More people are signing in than the machine can check passwords for."""

    code = "passwords_busy"
    title = "Too many are signing in at this moment"
    default_hint = "Try again in a few seconds."


@frozen
class PasswordVerdict:
    """Whether it is the password, and whether its hash is older than what is made today: then hash it again now."""

    matches: bool
    outdated: bool


class Passwords(Protocol):
    """Hashes passwords so that a thief of the hashes has years of work. Not inside a transaction: it takes long."""

    async def hash(self, password: str) -> str:
        """What is kept of a password, different each time. Raises PasswordsBusy; Invalid beyond 1024 bytes of UTF-8,
        before any work is done."""

    async def verify(self, password: str, hashed: str) -> PasswordVerdict:
        """Whether this is the password that the hash was made of.

        An empty or unreadable hash costs the same work and never matches, so that time does not tell who has an
        account. Raises PasswordsBusy. A password beyond 1024 bytes never matches.
        """

    async def close(self) -> None:
        """Lets go of threads."""
