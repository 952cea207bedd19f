"""What an aggregate and an event are."""

from datetime import datetime
from typing import ClassVar

from attrs import define, field, frozen

from shop.domain.kernel.identifiers import Identifier


@frozen(kw_only=True)
class Event:
    """A fact in the past tense, written in the same transaction as its cause.

    `type` is the name on the wire (`order.created`), `schema` the version of its shape: a consumer may meet an
    older one for as long as undelivered events are kept.
    """

    type: ClassVar[str]
    schema: ClassVar[int] = 1
    at: datetime

    @property
    def subject(self) -> Identifier:
        """What it happened to: the events of one subject are delivered in the order they happened."""
        raise NotImplementedError


@define(eq=False, kw_only=True)
class Aggregate:
    """Things that change together and are saved together. `version` counts the saves; 0 is never saved."""

    version: int = 0
    _events: list[Event] = field(factory=list, init=False, repr=False)

    def _record(self, event: Event) -> None:
        self._events.append(event)

    def take_events(self) -> list[Event]:
        """The events since the last call: storage writes them beside the aggregate."""
        events, self._events = self._events, []
        return events
