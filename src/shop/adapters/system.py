"""The machine's clock, and ids that nobody has used."""

import os
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from shop.application.ports.clock import Clock
from shop.domain.kernel.identifiers import Identifier, uuid_of

I = TypeVar("I", bound=Identifier)  # noqa: E741

_RANDOM_BITS = 74
_RANDOM_BYTES = 4_000
_STEP, _LOW, _LAST = (1 << 32) - 1, (1 << 62) - 1, (1 << _RANDOM_BITS) - 1
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
        self._millisecond = self._last = 0
        self._lock = threading.Lock()
        self._random, self._used, self._process = b"", 0, 0

    def new(self, kind: type[I]) -> I:
        with self._lock:
            now = time.time_ns() // 1_000_000
            if now > self._millisecond:
                self._millisecond, last = now, self._bits() >> 80 - _RANDOM_BITS
            else:
                last = self._last + 1 + (self._bits() & _STEP)
                if last > _LAST:
                    self._millisecond, last = self._millisecond + 1, last & _LAST
            self._last = last
            number = self._millisecond << 80 | last >> 62 << 64 | last & _LOW | _VERSION_AND_VARIANT
        return kind(uuid_of(number))

    def _bits(self) -> int:
        """80 random bits. The system is asked for many at once; a process does not use what its parent was given."""
        begin = self._used
        if begin == len(self._random) or self._process != os.getpid():
            self._random, self._process, begin = os.urandom(_RANDOM_BYTES), os.getpid(), 0
        self._used = begin + 10
        return int.from_bytes(self._random[begin : self._used], "big")
