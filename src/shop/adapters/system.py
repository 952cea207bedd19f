"""The machine's clock, and ids that nobody has used."""

import os
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from uuid import UUID

from shop.application.ports.clock import Clock
from shop.domain.kernel.identifiers import Identifier, uuid_of

I = TypeVar("I", bound=Identifier)  # noqa: E741

_RANDOM_BITS = 74
_STEP_BITS = 32
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
        self._last = 0
        self._lock = threading.Lock()

    def new(self, kind: type[I]) -> I:
        randomness = int.from_bytes(os.urandom(10), "big")
        fresh = (time.time_ns() // 1_000_000) << _RANDOM_BITS | randomness >> 80 - _RANDOM_BITS
        with self._lock:
            if fresh <= self._last:
                fresh = self._last + 1 + (randomness & (1 << _STEP_BITS) - 1)
            self._last = fresh
        return kind(_uuid7(fresh))


def _uuid7(number: int) -> UUID:
    """122 bits (48 of milliseconds, 12 and 62 random) with version 7 and variant 10 in their places."""
    high, low = number >> 62 & 0xFFF, number & (1 << 62) - 1
    return uuid_of((number >> _RANDOM_BITS) << 80 | high << 64 | low | _VERSION_AND_VARIANT)
