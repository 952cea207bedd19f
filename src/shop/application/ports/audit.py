"""The audit log: what was changed or refused, by whom, when and from where. It is added to, and never rewritten.

An entry is written in the same step as what it tells of, so that neither is ever without the other. Nobody waits
for anybody there: entries have no order among themselves until a worker seals them, one after the other, into a
chain. Each link's hash covers the link before it and the whole entry, so that an entry which is changed, taken out
or put elsewhere later does not fit any more (`shop.application.auditing` says how it is computed).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from attrs import frozen

from shop.application.ports.paging import Page, PageRequest
from shop.application.ports.views import AuditEntryView
from shop.domain.kernel.identifiers import AuditEntryId, RequestId


@frozen(kw_only=True)
class Change:
    """One field of one thing, before and after, as plain values. `subject` is the thing's id."""

    subject: str
    field: str
    before: Any
    after: Any


@frozen(kw_only=True)
class AuditEntry:
    """What one transaction changed, or what was refused. It holds ids and values, and nothing of a person."""

    id: AuditEntryId
    at: datetime
    actor_kind: str
    actor_id: str
    source: str
    request_id: RequestId
    action: str
    changes: tuple[Change, ...]

    @property
    def subjects(self) -> list[str]:
        """The ids of all it tells of, each once."""
        return sorted({change.subject for change in self.changes})


@frozen(kw_only=True)
class Link:
    """One place in the chain. Positions count from 1 and have no gaps."""

    position: int
    entry_id: AuditEntryId
    hash: bytes


@frozen(kw_only=True)
class AuditFilter:
    """Which entries: every part that is given narrows. `since` counts, `until` does not."""

    actor: str = ""
    subject: str = ""
    action: str = ""
    since: datetime | None = None
    until: datetime | None = None


class AuditTrail(Protocol):
    """Holds entries and their chain. Entries of changes are written by the unit of work, not here."""

    async def note(self, entry: AuditEntry) -> None:
        """Writes an entry that belongs to no transaction, such as a refusal."""

    async def unsealed(self, since: datetime | None, limit: int) -> list[AuditEntry]:
        """Entries without a link, the oldest first; of those since a moment only, if one is given."""

    async def tip(self) -> tuple[Link, datetime | None] | None:
        """The last link, and when what it seals happened (None where that entry is gone). None before the first."""

    async def seal(self, links: Sequence[Link]) -> None:
        """Appends links. Raises StaleAggregate when somebody else has sealed one of these places or entries."""

    async def links(self, after: int, limit: int) -> list[tuple[Link, AuditEntry | None]]:
        """The links behind a position, in their order, each with its entry; None where the entry is gone."""

    async def log(self, page: PageRequest, narrowed: AuditFilter) -> Page[AuditEntryView]:
        """Entries, the latest first."""
