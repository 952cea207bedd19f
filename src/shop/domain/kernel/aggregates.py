"""What an aggregate and an event are."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

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
    """Things that change together and are saved together. `version` counts the saves; 0 is never saved.

    `audited` names the fields and properties whose changes the audit log tells, `audited_silently` those of which it
    tells only that they changed (secrets). Neither may name what says who a person is: the log is never rewritten.
    """

    audited: ClassVar[tuple[str, ...]] = ()
    audited_silently: ClassVar[tuple[str, ...]] = ()

    version: int = 0
    _events: list[Event] = field(factory=list, init=False, repr=False)
    _stored: tuple[Any, ...] = field(default=(), init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        if self.version and self.audited:
            self.remember_stored()

    def remember_stored(self) -> None:
        """What it is now is what is stored: later changes are told apart from here."""
        self._stored = tuple([getattr(self, name) for name in (*self.audited, *self.audited_silently)])

    def changes(self) -> list[tuple[str, Any, Any]]:
        """Each audited field that is not as stored, with its value before and after; of a mapping only what differs.
        A new one had nothing before, and tells of what is not empty."""
        names = (*self.audited, *self.audited_silently)
        now = [getattr(self, name) for name in names]
        if not self._stored:
            return [(name, None, value) for name, value in zip(names, now, strict=True) if value]
        compared = zip(names, self._stored, now, strict=True)
        return [(name, *_apart(before, after)) for name, before, after in compared if before != after]

    def _record(self, event: Event) -> None:
        self._events.append(event)

    def take_events(self) -> list[Event]:
        """The events since the last call: storage writes them beside the aggregate."""
        if not self._events:
            return []
        events, self._events = self._events, []
        return events


def _apart(before: Any, after: Any) -> tuple[Any, Any]:
    """Both, without what two mappings have in common."""
    if not (isinstance(before, Mapping) and isinstance(after, Mapping)):
        return before, after
    common = {key for key in before.keys() & after.keys() if before[key] == after[key]}
    old, new = ({key: part[key] for key in part if key not in common} for part in (before, after))
    return old, new
