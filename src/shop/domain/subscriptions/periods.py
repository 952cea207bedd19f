"""When a subscription is due: periods by the rules of the calendar, as pure functions of where they begin."""

import calendar
from datetime import datetime, timedelta
from enum import StrEnum

from attrs import frozen

from shop.domain.kernel.errors import Flaw, Invalid
from shop.domain.kernel.identifiers import OrderId, SubscriptionId

_COUNT_MAX = {"day": 366, "week": 52, "month": 36, "year": 3}
_MONTHS_OF_YEAR = 12


class IntervalUnit(StrEnum):
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


@frozen
class Interval:
    """How long a period is, such as two weeks or one month."""

    unit: IntervalUnit
    count: int = 1

    def __attrs_post_init__(self) -> None:
        most = _COUNT_MAX[self.unit]
        if not 1 <= self.count <= most:
            raise Invalid(
                f"An interval is 1 to {most} {self.unit}s long.",
                flaws=(Flaw("/interval_count", "interval_out_of_range", f"1 to {most}", {"max": most}),),
            )

    def boundary(self, anchor: datetime, number: int) -> datetime:
        """The beginning of period `number`, counted from the anchor: the same day of the month and time of day.

        Where the month has no such day it is the month's last, and the day comes back in the next month that has it:
        31 January, 28 February, 31 March.
        """
        steps = number * self.count
        if self.unit is IntervalUnit.DAY:
            return anchor + timedelta(days=steps)
        if self.unit is IntervalUnit.WEEK:
            return anchor + timedelta(weeks=steps)
        months = steps if self.unit is IntervalUnit.MONTH else steps * _MONTHS_OF_YEAR
        year, month = divmod(anchor.year * _MONTHS_OF_YEAR + anchor.month - 1 + months, _MONTHS_OF_YEAR)
        last = calendar.monthrange(year, month + 1)[1]
        return anchor.replace(year=year, month=month + 1, day=min(anchor.day, last))

    def period(self, anchor: datetime, number: int) -> "Period":
        """The period of this number: it ends where the next begins."""
        return Period(number, self.boundary(anchor, number), self.boundary(anchor, number + 1))

    def period_at(self, anchor: datetime, moment: datetime) -> "Period":
        """The period in which the moment lies; the first one for what lies before all of them."""
        longest = {IntervalUnit.DAY: 1, IntervalUnit.WEEK: 7, IntervalUnit.MONTH: 31, IntervalUnit.YEAR: 366}
        # Never too far, since no period is longer than this; from there it is a few steps.
        number = max((moment - anchor) // timedelta(days=longest[self.unit] * self.count), 0)
        while self.boundary(anchor, number + 1) <= moment:
            number += 1
        return self.period(anchor, number)

    def __str__(self) -> str:
        return f"every {self.unit}" if self.count == 1 else f"every {self.count} {self.unit}s"


@frozen
class Period:
    """From its start, which belongs to it, to its end, which does not."""

    number: int
    start: datetime
    end: datetime


@frozen(kw_only=True)
class Renewal:
    """One period of a subscription and the order that it became: one for each period, and never two."""

    subscription_id: SubscriptionId
    period_start: datetime
    period_end: datetime
    order_id: OrderId
