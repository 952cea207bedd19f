"""Storage: unit of work, readers, outbox and answers, as one thing that fits together."""

from typing import Protocol

from shop.application.ports.answers import Answers
from shop.application.ports.audit import AuditTrail
from shop.application.ports.clock import ClockOffsets
from shop.application.ports.outbox import Outbox
from shop.application.ports.readers import Readers
from shop.application.ports.unit_of_work import UnitOfWork

SubscribersByType = dict[str, tuple[str, ...]]
"""Who wants to hear of which type of event: storage writes a delivery for each beside the event."""


class Storage(Protocol):
    """Keeps everything the shop must not forget.

    A 2xx is given only for what survives a kill. Everything it raises for reasons of its own (connection lost,
    disk full) is Unavailable.
    """

    uow: UnitOfWork
    readers: Readers
    outbox: Outbox
    answers: Answers
    audit: AuditTrail
    clock: ClockOffsets

    async def open(self) -> None:
        """Connects; to be called in the loop that will use it."""

    async def close(self) -> None:
        """Lets go of connections."""

    async def check(self) -> None:
        """Raises Unavailable when it cannot be reached, or its schema is not the one this version needs."""
