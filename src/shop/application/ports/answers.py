"""Answers already given, by idempotency key: written with their cause, read before a command runs again."""

from datetime import datetime
from typing import Protocol

from attrs import frozen


@frozen(kw_only=True)
class Answer:
    """What a command came to: the id of the thing it made (as text), and the fingerprint of what was asked."""

    fingerprint: bytes
    result: str


class Answers(Protocol):
    """Remembers answers per principal, route and key for seven days."""

    async def find(self, principal: str, route: str, key: str) -> Answer | None:
        """The answer that was given under this key, if it is still remembered."""

    async def forget(self, before: datetime, limit: int) -> int:
        """Drops answers given before then. Returns how many."""
