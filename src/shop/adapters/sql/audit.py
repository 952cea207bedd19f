"""The audit log in tables."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from attrs import frozen
from sqlalchemy import ColumnElement, bindparam, exists, func, literal_column, select

from shop.adapters.sql.database import Database, Row, Write
from shop.adapters.sql.gathering import Rank
from shop.adapters.sql.readers.paging import IdKey, Key, Kind, Listing, Window, between, page_of, storable, window
from shop.adapters.sql.schema import Json, audit_chain, audit_entries
from shop.adapters.sql.schema.columns import word
from shop.adapters.sql.statements import POSTGRES, Statement, insert_into
from shop.application.ports.audit import AuditEntry, AuditFilter, Change, Link
from shop.application.ports.paging import Page, PageRequest
from shop.application.ports.views import AuditChangeView, AuditEntryView
from shop.domain.kernel.identifiers import AuditEntryId, RequestId

_NOTE = insert_into(audit_entries)
_SEAL = insert_into(audit_chain)
_AT = Key("at", audit_entries.c.at, Kind.MOMENT)
_LATEST_FIRST = Listing(own=((_AT, True),), ids=(IdKey("id", audit_entries.c.id),))
_SEALED = exists().where(audit_chain.c.entry_id == audit_entries.c.id)
_TIP = Statement(
    select(audit_chain, audit_entries.c.at)
    .join_from(audit_chain, audit_entries, audit_entries.c.id == audit_chain.c.entry_id, isouter=True)
    .order_by(audit_chain.c.position.desc())
    .limit(1)
)
_POSITION = (
    select(audit_chain.c.position).where(audit_chain.c.entry_id == audit_entries.c.id).scalar_subquery().label("place")
)


@lru_cache(maxsize=10)
def _unsealed(since: bool, limit: int) -> Statement:
    conditions = [~_SEALED, *between(audit_entries.c.at, since, False)]
    in_order = (audit_entries.c.at, audit_entries.c.id)
    return Statement(select(audit_entries).where(*conditions).order_by(*in_order).limit(limit))


@lru_cache(maxsize=10)
def _links(limit: int) -> Statement:
    return Statement(
        select(audit_chain, *audit_entries.columns)
        .join_from(audit_chain, audit_entries, audit_entries.c.id == audit_chain.c.entry_id, isouter=True)
        .where(audit_chain.c.position > bindparam("behind"))
        .order_by(audit_chain.c.position)
        .limit(limit)
    )


@frozen
class _Narrowing:
    """Which filters a question has."""

    actor: bool
    subject: bool
    action: bool
    since: bool
    until: bool


@lru_cache(maxsize=200)
def _log(dialect: str, narrowing: _Narrowing, shape: Window) -> Statement:
    conditions = [*shape.restrict(), *_conditions(dialect, narrowing)]
    found = select(*audit_entries.columns, _POSITION).where(*conditions)
    return Statement(found.order_by(*shape.clauses()).limit(shape.size))


@lru_cache(maxsize=100)
def _total(dialect: str, narrowing: _Narrowing) -> Statement:
    conditions = _conditions(dialect, narrowing)
    return Statement(select(func.count()).select_from(audit_entries).where(*conditions))


def _conditions(dialect: str, narrowing: _Narrowing) -> list[ColumnElement[bool]]:
    conditions = between(audit_entries.c.at, narrowing.since, narrowing.until)
    if narrowing.actor:
        actor = audit_entries.c.actor_id
        # Said once more as the index of those who are somebody says it.
        conditions += [actor == bindparam("actor", type_=word()), actor != literal_column("''")]
    if narrowing.action:
        conditions.append(audit_entries.c.action == bindparam("action", type_=word()))
    if narrowing.subject:
        conditions.append(_tells_of(dialect))
    return conditions


def _tells_of(dialect: str) -> ColumnElement[bool]:
    if dialect == POSTGRES:
        subjects = audit_entries.c.subjects
        return subjects.op("@>", is_comparison=True)(bindparam("subject", type_=Json()))
    told = func.json_each(audit_entries.c.subjects).table_valued("value", name="told")
    return exists().select_from(told).where(told.c.value == bindparam("subject", type_=word()))


class SqlAuditTrail:
    """Entries and their chain."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def note(self, entry: AuditEntry) -> None:
        await self._database.write([entry_write(entry)])

    async def unsealed(self, since: datetime | None, limit: int) -> list[AuditEntry]:
        values = {} if since is None else {"since": since}
        return [_entry(row) for row in await self._database.fetch(_unsealed(since is not None, limit), **values)]

    async def tip(self) -> tuple[Link, datetime | None] | None:
        row = await self._database.fetch_one(_TIP)
        if row is None:
            return None
        return _link(row), row["at"]

    async def seal(self, links: Sequence[Link]) -> None:
        rows = [{"position": link.position, "entry_id": link.entry_id.uuid, "hash": link.hash} for link in links]
        await self._database.write([Write(_SEAL, rows, Rank.AUDIT)])

    async def links(self, after: int, limit: int) -> list[tuple[Link, AuditEntry | None]]:
        rows = await self._database.fetch(_links(limit), behind=after)
        return [(_link(row), _entry(row) if row["id"] is not None else None) for row in rows]

    async def log(self, page: PageRequest, narrowed: AuditFilter) -> Page[AuditEntryView]:
        shape, mark = window(_LATEST_FIRST, page)
        if not all(map(storable, (narrowed.actor, narrowed.subject, narrowed.action))):
            return Page(data=[], total=0 if page.total else None)
        narrowing, values = self._narrowing(narrowed)
        dialect = self._database.dialect
        rows = await self._database.fetch(_log(dialect, narrowing, shape), **mark, **values)
        found = page_of(rows, page, shape.order)
        total = None
        if page.total:
            counted = await self._database.fetch_one(_total(dialect, narrowing), **values)
            assert counted is not None
            total = counted[0]
        data = [_view(row) for row in found.rows]
        return Page(data=data, next=found.next, previous=found.previous, total=total)

    def _narrowing(self, narrowed: AuditFilter) -> tuple[_Narrowing, dict[str, Any]]:
        subject: Any = narrowed.subject
        if subject and self._database.dialect == POSTGRES:
            subject = [subject]
        given = {
            "actor": narrowed.actor,
            "subject": subject,
            "action": narrowed.action,
            "since": narrowed.since,
            "until": narrowed.until,
        }
        values = {name: value for name, value in given.items() if value}
        return _Narrowing(**{name: name in values for name in given}), values


def entry_write(entry: AuditEntry) -> Write:
    """What writes an entry, alone or with what it tells of."""
    row = {
        "id": entry.id.uuid,
        "at": entry.at,
        "actor_kind": entry.actor_kind,
        "actor_id": entry.actor_id,
        "source": entry.source,
        "request_id": entry.request_id.uuid,
        "action": entry.action,
        "subjects": entry.subjects,
        "changes": [[change.subject, change.field, change.before, change.after] for change in entry.changes],
    }
    return Write(_NOTE, [row], Rank.AUDIT)


def _link(row: Row) -> Link:
    return Link(position=row["position"], entry_id=AuditEntryId(row["entry_id"]), hash=bytes(row["hash"]))


def _entry(row: Row) -> AuditEntry:
    return AuditEntry(
        id=AuditEntryId(row["id"]),
        at=row["at"],
        actor_kind=row["actor_kind"],
        actor_id=row["actor_id"],
        source=row["source"],
        request_id=RequestId(row["request_id"]),
        action=row["action"],
        changes=tuple(_changes(row["changes"])),
    )


def _changes(document: Iterable[Sequence[Any]]) -> Iterable[Change]:
    return [Change(subject=s, field=f, before=before, after=after) for s, f, before, after in document]


def _view(row: Row) -> AuditEntryView:
    return AuditEntryView(
        id=AuditEntryId(row["id"]),
        at=row["at"],
        actor=row["actor_kind"],
        actor_id=row["actor_id"] or None,
        source=row["source"],
        request_id=str(RequestId(row["request_id"])),
        action=row["action"],
        changes=[AuditChangeView(subject_id=s, field=f, before=b, after=a) for s, f, b, a in row["changes"]],
        position=row["place"],
    )
