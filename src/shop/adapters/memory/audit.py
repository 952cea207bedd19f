"""The audit log in memory."""

from collections.abc import Sequence
from datetime import datetime

from shop.adapters.memory.paging import Listing, microseconds
from shop.adapters.memory.tables import Journal, Tables
from shop.application.ports.audit import AuditEntry, AuditFilter, Link
from shop.application.ports.paging import Page, PageRequest
from shop.application.ports.unit_of_work import StaleAggregate
from shop.application.ports.views import AuditChangeView, AuditEntryView

_LATEST_FIRST: Listing[AuditEntry] = Listing(
    own=((lambda entry: microseconds(entry.at), True),), id=lambda entry: entry.id.uuid.hex
)


class MemoryAuditTrail:
    """Entries and their chain."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def note(self, entry: AuditEntry) -> None:
        self._tables.audit_entries[entry.id] = entry

    async def unsealed(self, since: datetime | None, limit: int) -> list[AuditEntry]:
        sealed = self._tables.audit_places
        entries = self._tables.audit_entries.values()
        waiting = [e for e in entries if e.id not in sealed and (since is None or e.at >= since)]
        return sorted(waiting, key=lambda entry: (entry.at, entry.id))[:limit]

    async def tip(self) -> tuple[Link, datetime | None] | None:
        if not self._tables.audit_chain:
            return None
        link = self._tables.audit_chain[-1]
        entry = self._tables.audit_entries.get(link.entry_id)
        return link, entry.at if entry is not None else None

    async def seal(self, links: Sequence[Link]) -> None:
        journal, tables = Journal(), self._tables
        with journal.all_or_nothing():
            for link in links:
                if link.position != len(tables.audit_chain) + 1 or link.entry_id in tables.audit_places:
                    raise StaleAggregate("Somebody else has sealed this.")
                journal.append(tables.audit_chain, link)
                journal.put(tables.audit_places, link.entry_id, link.position)

    async def links(self, after: int, limit: int) -> list[tuple[Link, AuditEntry | None]]:
        links = self._tables.audit_chain[after : after + limit]
        return [(link, self._tables.audit_entries.get(link.entry_id)) for link in links]

    async def log(self, page: PageRequest, narrowed: AuditFilter) -> Page[AuditEntryView]:
        chosen = [entry for entry in self._tables.audit_entries.values() if _fits(entry, narrowed)]
        return _LATEST_FIRST.page(chosen, page, self._view)

    def _view(self, entry: AuditEntry) -> AuditEntryView:
        return AuditEntryView(
            id=entry.id,
            at=entry.at,
            actor=entry.actor_kind,
            actor_id=entry.actor_id or None,
            source=entry.source,
            request_id=str(entry.request_id),
            action=entry.action,
            changes=[
                AuditChangeView(subject_id=c.subject, field=c.field, before=c.before, after=c.after)
                for c in entry.changes
            ],
            position=self._tables.audit_places.get(entry.id),
        )


def _fits(entry: AuditEntry, narrowed: AuditFilter) -> bool:
    return (
        (not narrowed.actor or entry.actor_id == narrowed.actor)
        and (not narrowed.action or entry.action == narrowed.action)
        and (not narrowed.subject or narrowed.subject in entry.subjects)
        and (narrowed.since is None or entry.at >= narrowed.since)
        and (narrowed.until is None or entry.at < narrowed.until)
    )
