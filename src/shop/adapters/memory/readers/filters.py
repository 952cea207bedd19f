"""What the lists have in common: ranges of time and metadata that must be equal."""

from collections.abc import Mapping
from datetime import datetime

from shop.application.ports.readers import TimeRange


def within(moment: datetime, times: TimeRange) -> bool:
    """Whether the moment lies in the range."""
    return (
        (times.gte is None or moment >= times.gte)
        and (times.gt is None or moment > times.gt)
        and (times.lte is None or moment <= times.lte)
        and (times.lt is None or moment < times.lt)
    )


def has_metadata(metadata: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    """Whether all wanted values are there and equal."""
    return all(metadata.get(key) == value for key, value in wanted.items())
