"""The outbox: every event, and to whom it still has to be taken.

Events are written with their cause, one delivery per subscriber beside them. Workers claim deliveries, carry them
out, and say how it went. At least once: a reaction checks whether its effect is there already.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from attrs import frozen

from shop.application.ports.paging import Page, PageRequest
from shop.application.ports.views import EventView
from shop.domain.kernel.aggregates import Event
from shop.domain.kernel.identifiers import EventId, RequestId


class DeliveryState(StrEnum):
    PENDING = "pending"
    DONE = "done"
    SET_ASIDE = "set_aside"


@frozen(kw_only=True)
class Delivery:
    """One event on its way to one subscriber.

    `claim` counts how often it was given out, from 1, and is the fencing token; `attempt` counts the same from 1
    again since people revived it.
    """

    event_id: EventId
    event: Event
    subscriber: str
    claim: int
    attempt: int
    request_id: RequestId


class Outbox(Protocol):
    """What has happened and who must still hear of it."""

    async def claim(self, now: datetime, lease_until: datetime, limit: int) -> list[Delivery]:
        """Deliveries that are due, now leased to the caller.

        Per subscriber and subject only the oldest open one is given, so nothing overtakes; one that was set aside
        does not hold back the next. A lease that ran out is claimed again. Two callers never get the same one.
        """

    async def done(self, delivery: Delivery, now: datetime) -> bool:
        """It was carried out. False when the lease was lost meanwhile: then nothing is noted."""

    async def retry(self, delivery: Delivery, at: datetime, problem: str) -> bool:
        """It failed; it is due again `at`. False when the lease was lost."""

    async def set_aside(self, delivery: Delivery, now: datetime, problem: str) -> bool:
        """It failed for good and waits for people. False when the lease was lost."""

    async def revive(self, event_id: EventId | None, now: datetime) -> int:
        """Makes what was set aside due again, with all its attempts: of one event, or all. Returns how many."""

    async def events(
        self, page: PageRequest, *, types: Sequence[str] = (), only_set_aside: bool = False
    ) -> Page[EventView]:
        """What has happened, the latest first, with the state of each delivery."""

    async def backlog(self) -> dict[DeliveryState, int]:
        """How many deliveries are open and set aside."""

    async def forget(self, before: datetime, limit: int) -> int:
        """Drops events of which every delivery was done before then, the oldest first. Returns how many.

        An event for which nobody was waiting counts as done when it happened.
        """
