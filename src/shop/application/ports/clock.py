"""Time and new ids: the only places where either comes from."""

from datetime import datetime
from typing import Protocol, TypeVar

from shop.domain.kernel.identifiers import Identifier

I = TypeVar("I", bound=Identifier)  # noqa: E741


class Clock(Protocol):
    """Tells the time of the shop."""

    def now(self) -> datetime:
        """Now: aware, UTC, to the microsecond."""


class Ids(Protocol):
    """Makes ids that nobody has used."""

    def new(self, kind: type[I]) -> I:
        """A new id of this kind; ids made later sort later (UUIDv7)."""
