"""What a change in the middle of a period costs: what is left of the old is given back, what is left of the new paid.

Everything is exact to the minor unit: what was used and what is left of an amount always add up to it.
"""

from datetime import datetime, timedelta

from attrs import frozen

from shop.domain.kernel.money import Money
from shop.domain.subscriptions.periods import Period

_MICROSECOND = timedelta(microseconds=1)


@frozen(kw_only=True)
class Proration:
    """What a change comes to. `credit` is given back for the old, `charge` taken for the new; `net` is what is left."""

    credit: Money
    charge: Money

    @property
    def net(self) -> Money:
        """What the next bill is higher by; below zero, lower."""
        return self.charge - self.credit


def left_of(amount: Money, period: Period, at: datetime) -> Money:
    """The part of a period's price that falls on what is left of the period."""
    moment = min(max(at, period.start), period.end)
    used, left = (moment - period.start) // _MICROSECOND, (period.end - moment) // _MICROSECOND
    return amount.split([used, left])[1]


def prorate(old: Money, new: Money, period: Period, at: datetime) -> Proration:
    """For a change from one price to another at this moment of the period, both of them of a whole period."""
    return Proration(credit=left_of(old, period, at), charge=left_of(new, period, at))


def spread(amount: Money, units: int) -> list[tuple[int, Money]]:
    """The amount as so many units at a price each, on two lines at most, that add up to exactly the amount."""
    shares = amount.split([1] * units)
    prices = dict.fromkeys(shares)
    return [(shares.count(price), price) for price in prices]
