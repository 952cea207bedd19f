"""What time it is for the shop."""

from datetime import timedelta
from typing import ClassVar

from attrs import frozen

from shop.application.messages import Context, Query
from shop.application.ports.clock import Clock, MovableClock
from shop.application.ports.views import ClockView

_SECOND = timedelta(seconds=1)


@frozen(kw_only=True)
class GetClock(Query[ClockView]):
    """What time it is for the shop, and how far that is ahead of the real time."""

    requires: ClassVar = "settings:read"


async def get_clock(query: GetClock, context: Context, *, clock: Clock) -> ClockView:
    ahead = clock.offset // _SECOND if isinstance(clock, MovableClock) else 0
    return ClockView(now=clock.now(), offset_seconds=ahead)
