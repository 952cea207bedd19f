"""Time and new ids: the only places where either comes from."""

from datetime import datetime, timedelta
from typing import Protocol, TypeVar, runtime_checkable

from shop.domain.kernel.identifiers import Identifier

I = TypeVar("I", bound=Identifier)  # noqa: E741


class Clock(Protocol):
    """Tells the time of the shop."""

    def now(self) -> datetime:
        """Now: aware, UTC, to the microsecond."""


@runtime_checkable
class MovableClock(Protocol):
    """A clock that may be ahead of the real time, for trying out what happens in a month. Never in production."""

    @property
    def offset(self) -> timedelta:
        """How far it is ahead."""

    def now(self) -> datetime:
        """The real time and the offset."""

    def move(self, offset: timedelta) -> None:
        """From now on it is that far ahead."""


class ClockOffsets(Protocol):
    """Where storage keeps how far the shop's clock is ahead, so that all processes of a shop agree."""

    async def read(self) -> timedelta:
        """Zero where nobody ever moved it."""

    async def write(self, offset: timedelta) -> None:
        """All processes follow within two seconds."""


class Ids(Protocol):
    """Makes ids that nobody has used."""

    def new(self, kind: type[I]) -> I:
        """A new id of this kind; ids made later sort later (UUIDv7)."""
