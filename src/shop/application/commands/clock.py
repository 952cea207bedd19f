"""Moving the shop's clock ahead, to see today what happens in a month. Never in production."""

import re
from datetime import datetime, timedelta
from typing import ClassVar

from attrs import frozen

from shop.application.messages import Command, Context
from shop.application.ports.clock import ClockOffsets, MovableClock
from shop.domain.kernel.errors import Conflict, Invalid

AHEAD_MAX = timedelta(days=3660)
"""Ten years: what is further ahead is a slip of the pen."""
_LONGEST = timedelta(days=36_525)
"""A hundred years: so far from today there is still a date, before and after."""
_SHORT = re.compile(r"(?P<count>[0-9]{1,6})(?P<unit>[wdhm])")
_ISO = re.compile(
    r"P(?:(?P<weeks>[0-9]{1,6})W)?(?:(?P<days>[0-9]{1,6})D)?"
    r"(?:T(?:(?P<hours>[0-9]{1,6})H)?(?:(?P<minutes>[0-9]{1,6})M)?(?:(?P<seconds>[0-9]{1,6})S)?)?"
)
_UNITS = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes"}


class ClockNotMovable(Conflict):
    """The shop tells the real time, as it does in production."""

    code = "clock_not_movable"
    title = "The shop's clock cannot be moved"
    default_hint = "Only a shop with SHOP_ENV=demo or development has a clock that can be moved."


class DurationMalformed(Invalid):
    title = "Not a length of time"


def read_duration(text: str) -> timedelta:
    """`30d`, `2w`, `12h`, `90m`, or as ISO 8601 has it: `P30D`, `PT12H`. Raises DurationMalformed."""
    short, iso = _SHORT.fullmatch(text), _ISO.fullmatch(text)
    if short:
        parts = {_UNITS[short["unit"]]: int(short["count"])}
    else:
        parts = {name: int(value) for name, value in (iso.groupdict() if iso else {}).items() if value}
    if not parts:
        raise DurationMalformed(f"“{text[:40]}” is no length of time such as 30d, 12h, P30D or PT12H.")
    if timedelta(**parts) > _LONGEST:
        raise DurationMalformed(f"“{text[:40]}” is longer than a hundred years.")
    return timedelta(**parts)


@frozen(kw_only=True)
class MoveClock(Command[None]):
    """Puts the shop's clock to a moment that has not come yet; None puts it back to the real time."""

    requires: ClassVar = "settings:write"
    to: datetime | None


async def move_clock(
    command: MoveClock, context: Context, *, clock: MovableClock | None, offsets: ClockOffsets
) -> None:
    if clock is None:
        raise ClockNotMovable
    if command.to is None:
        offset = timedelta(0)
    else:
        now = clock.now()
        if command.to < now:
            raise Invalid(f"The clock only moves ahead, and it is {now.isoformat(timespec='seconds')} already.")
        offset = clock.offset + (command.to - now)
        if offset > AHEAD_MAX:
            raise Invalid(f"The clock is at most {AHEAD_MAX.days} days ahead.")
    await offsets.write(offset)
    clock.move(offset)
