"""The shop's clock, as those see it who try the shop out."""

from datetime import datetime
from typing import ClassVar

from attrs import frozen

from shop.application.ports.views.events import EventView


@frozen(kw_only=True, slots=False)
class ClockView:
    """What time it is for the shop, and how far that is ahead of the real time."""

    object: ClassVar[str] = "clock"
    now: datetime
    offset_seconds: int


@frozen(kw_only=True, slots=False)
class AdvancedClockView(ClockView):
    """The clock after it was moved ahead, and what happened on the way, in order."""

    events: list[EventView]
