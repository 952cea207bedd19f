"""The stretches of time that questions are about."""

from datetime import UTC, datetime, timedelta

from attrs import frozen

from shop.domain.kernel.errors import Invalid

WINDOW = timedelta(days=30)
WINDOW_MAX = timedelta(days=400)
EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
"""No shop sold anything before, or will after; and there is room for what is added and taken away on the way."""
_SLICE = timedelta(hours=6)
"""So much is compared at a time: what has to be remembered is bounded by it."""
_OVERLAP = timedelta(hours=2)


@frozen
class Window:
    """From a moment up to but not including another."""

    since: datetime
    until: datetime

    def slices(self) -> list["Window"]:
        cuts = [self.since]
        while cuts[-1] + _SLICE < self.until:
            cuts.append(cuts[-1] + _SLICE)
        return [Window(a, b) for a, b in zip(cuts, [*cuts[1:], self.until], strict=True)]

    def wider(self) -> "Window":
        return Window(self.since - _OVERLAP, self.until + _OVERLAP)


def window_of(since: datetime | None, until: datetime | None, now: datetime, usual: timedelta = WINDOW) -> Window:
    """The window that is asked about: up to now if left out, and so long as usual.

    Raises Invalid for one that is empty, longer than WINDOW_MAX, or of a time in which nobody sells anything.
    """
    end = until or now
    if not EARLIEST <= end <= LATEST or (since is not None and since < EARLIEST):
        raise Invalid(f"The window lies between the years {EARLIEST.year} and {LATEST.year}.")
    begin = since or end - usual
    if not begin < end or end - begin > WINDOW_MAX:
        raise Invalid(f"The window begins before it ends, and is at most {WINDOW_MAX.days} days long.")
    return Window(begin, end)
