"""The machine's clock, and ids that nobody has used."""

import os
import struct
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from shop.application.ports.clock import Clock
from shop.domain.kernel.identifiers import Identifier, uuid_of

I = TypeVar("I", bound=Identifier)  # noqa: E741

_HIGH, _LOW, _STEP = (1 << 12) - 1, (1 << 62) - 1, (1 << 32) - 1
_NUMBERS = struct.Struct("512Q")
_VERSION_AND_VARIANT = 0x7 << 76 | 0b10 << 62


class SystemClock:
    """The time of this machine."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class OffsetClock:
    """Another clock's time and an offset: what a shop that is not in production tells the time by."""

    def __init__(self, real: Clock) -> None:
        self._real = real
        self._offset = timedelta(0)

    @property
    def offset(self) -> timedelta:
        return self._offset

    def now(self) -> datetime:
        return self._real.now() + self._offset

    def move(self, offset: timedelta) -> None:
        self._offset = offset


class SystemIds:
    """UUIDv7 (RFC 9562): milliseconds, then 74 random bits. In one process each id is above the one before.

    When ids come faster than milliseconds, or the clock goes back, the next is the last one plus a random step.
    """

    def __init__(self) -> None:
        self._millisecond = self._head = self._low = 0
        self._lock = threading.Lock()

    def new(self, kind: type[I]) -> I:
        with self._lock:
            now = time.time_ns() // 1_000_000
            if now > self._millisecond:
                self._begin(now)
            else:
                self._low += 1 + (_random() & _STEP)
                if self._low > _LOW:
                    self._begin(self._millisecond + 1)
            number = self._head | self._low
        return kind(uuid_of(number))

    def _begin(self, millisecond: int) -> None:
        self._millisecond = millisecond
        self._head = millisecond << 80 | (_random() & _HIGH) << 64 | _VERSION_AND_VARIANT
        self._low = _random() & _LOW


def _random() -> int:
    """64 random bits. The system is asked for many at once."""
    try:
        return _drawn.pop()
    except IndexError:
        _drawn.extend(_NUMBERS.unpack(os.urandom(_NUMBERS.size)))
        return _drawn.pop()


_drawn: list[int] = []
# A process does not use what its parent was given.
os.register_at_fork(after_in_child=_drawn.clear)
