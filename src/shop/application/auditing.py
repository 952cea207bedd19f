"""What the audit log says of a transaction, and the arithmetic of its chain.

Storages call a `Witness` from wherever they take something to be written, so no use case has to remember the log.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any

from attrs import define, field, fields, frozen, has

from shop.application.messages import Context
from shop.application.ports.audit import AuditEntry, AuditTrail, Change, Link
from shop.application.ports.clock import Ids
from shop.application.ports.repositories import StoreSettings
from shop.domain.inventory import StockLevel, StockMovement
from shop.domain.kernel.aggregates import Aggregate
from shop.domain.kernel.identifiers import AuditEntryId, Identifier, LocationId
from shop.domain.kernel.money import Money
from shop.domain.ledger import LedgerEntry

SILENT = "…"
"""What stands for a value that the log does not tell."""
LATE = timedelta(hours=1)
"""How much later than its time an entry may still be written: far longer than any transaction lasts."""
GENESIS = bytes(32)
BATCH = 500
_PLAIN = frozenset({bool, int, str})
SETTINGS = "settings"


class Witness:
    """Sees everything that one transaction is about to write, and makes one entry of it."""

    def __init__(self) -> None:
        self._seen: dict[object, list[Change]] = {}

    def saves(self, key: object, aggregate: Aggregate) -> None:
        """Saved again, only the last state counts."""
        if not aggregate.audited:
            return
        subject = str(aggregate.id)  # type: ignore[attr-defined]  # whatever is audited has an id
        silent = aggregate.audited_silently
        self._seen[key] = [
            Change(subject=subject, field=name, before=_told(name, silent, before), after=_told(name, silent, after))
            for name, before, after in aggregate.changes()
        ]

    def discards(self, key: object) -> None:
        self._seen.pop(key, None)

    def removes(self, aggregate: Aggregate) -> None:
        """It will be there no more: what it was is what is told."""
        names = (*aggregate.audited, *aggregate.audited_silently)
        silent = aggregate.audited_silently
        was = {name: _told(name, silent, getattr(aggregate, name)) for name in names}
        self._sees(str(aggregate.id), "removed", was, None)  # type: ignore[attr-defined]  # whatever is audited has an id

    def moves(self, movement: StockMovement) -> None:
        """Levels change by so many, whatever they are at that moment: the log tells by how many."""
        moved = {
            "location_id": str(movement.location_id),
            "on_hand": movement.on_hand,
            "reserved": movement.reserved,
            "kind": movement.kind.value,
            "movement_id": str(movement.id),
        }
        self._sees(str(movement.variant_id), "stock", None, moved)

    def opens(self, level: StockLevel) -> None:
        opened = {"location_id": str(level.location_id), "backorder_limit": level.backorder_limit}
        self._sees(str(level.variant_id), "level", None, opened)

    def limits(self, level: StockLevel, limit: int) -> None:
        place: LocationId = level.location_id
        self._sees(str(level.variant_id), f"backorder_limit at {place}", level.backorder_limit, limit)

    def books(self, entry: LedgerEntry) -> None:
        booked = {
            "entry_id": str(entry.id),
            "kind": entry.kind.value,
            "payment_id": str(entry.payment_id) if entry.payment_id else None,
            "postings": [[p.account, p.amount.minor, p.amount.currency] for p in entry.postings],
        }
        self._sees(str(entry.order_id or entry.id), "books", None, booked)

    def configures(self, before: StoreSettings, after: StoreSettings) -> None:
        """Of the shop's settings, the parts that differ."""
        self._seen[SETTINGS] = [
            Change(subject=SETTINGS, field=name, before=plain(old), after=plain(new))
            for name, old, new in _settings_apart(before, after)
        ]

    def entry(self, ids: Ids, context: Context) -> AuditEntry | None:
        """What there is to tell, if anything."""
        changes = tuple([change for seen in self._seen.values() for change in seen])
        return entry_of(ids, context, changes) if changes else None

    def _sees(self, subject: str, name: str, before: Any, after: Any) -> None:
        self._seen[object()] = [Change(subject=subject, field=name, before=before, after=after)]


def entry_of(ids: Ids, context: Context, changes: Iterable[Change], *, action: str = "") -> AuditEntry:
    """An entry of the changes that are made in these circumstances."""
    actor = context.actor
    return AuditEntry(
        id=ids.new(AuditEntryId),
        at=context.now,
        actor_kind=actor.kind,
        actor_id="" if actor.id is None else str(actor.id),
        source=context.source,
        request_id=context.request_id,
        action=action or context.action,
        changes=tuple(changes),
    )


def _settings_apart(before: StoreSettings, after: StoreSettings) -> Iterable[tuple[str, Any, Any]]:
    for part in ("store", "taxes"):
        old, new = getattr(before, part), getattr(after, part)
        for attribute in fields(type(new)):
            was, becomes = getattr(old, attribute.name), getattr(new, attribute.name)
            if was != becomes:
                yield f"{part}.{attribute.name}", was, becomes
    if before.shipping_methods != after.shipping_methods:
        yield "shipping_methods", before.shipping_methods, after.shipping_methods


def _told(name: str, silent: tuple[str, ...], value: Any) -> Any:
    if value is None:
        return None
    return SILENT if name in silent else plain(value)


def plain(value: Any) -> Any:
    """The value as JSON knows it, the same however often it is asked. Raises TypeError for what has no such form."""
    if value is None or type(value) in _PLAIN:
        return value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, bool | int | str):
        return value
    if isinstance(value, Identifier | Decimal):
        return str(value)
    if isinstance(value, Money):
        return {"amount": value.minor, "currency": value.currency}
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, frozenset):
        return sorted(plain(part) for part in value)
    if isinstance(value, tuple | list):
        return [plain(part) for part in value]
    if isinstance(value, Mapping):
        return {str(key): plain(part) for key, part in value.items()}
    if has(type(value)):
        return {attribute.name: plain(getattr(value, attribute.name)) for attribute in fields(type(value))}
    raise TypeError(f"The audit log holds plain values; not {type(value).__name__}.")


def canonical(entry: AuditEntry) -> bytes:
    """The whole entry as bytes, the same from every storage: what its hash covers."""
    told = [
        str(entry.id),
        plain(entry.at),
        entry.actor_kind,
        entry.actor_id,
        entry.source,
        str(entry.request_id),
        entry.action,
        [[change.subject, change.field, change.before, change.after] for change in entry.changes],
    ]
    return json.dumps(told, sort_keys=True, separators=(",", ":")).encode()


def link_of(previous: bytes, position: int, entry: AuditEntry) -> Link:
    """The link that seals this entry behind the one with the hash `previous`."""
    digest = hashlib.sha256(previous + position.to_bytes(8) + canonical(entry)).digest()
    return Link(position=position, entry_id=entry.id, hash=digest)


async def seal_some(trail: AuditTrail, *, everything: bool = False) -> int:
    """Seals a batch of what is not sealed yet, the oldest first: how many. Raises StaleAggregate.

    It looks back a while behind the newest entry that is sealed, not at what came after it: an entry that was begun
    earlier may be written later. `everything` looks at the whole log.
    """
    tip = await trail.tip()
    previous, position, since = GENESIS, 0, None
    if tip is not None:
        link, at = tip
        previous, position = link.hash, link.position
        since = None if everything or at is None else at - LATE
    links: list[Link] = []
    for entry in await trail.unsealed(since, BATCH):
        links.append(link_of(previous, position + 1, entry))
        previous, position = links[-1].hash, links[-1].position
    if links:
        await trail.seal(links)
    return len(links)


@frozen
class Flaw:
    """A place in the chain that is not as it was sealed."""

    position: int
    detail: str


@define
class Verification:
    """How far the chain has been looked at, and what does not fit."""

    sealed: int = 0
    tip: bytes = GENESIS
    unsealed: int = 0
    overdue: int = 0
    flaws: list[Flaw] = field(factory=list)

    @property
    def fine(self) -> bool:
        return not self.flaws


FLAWS_MAX = 100


def nobody_looks(sealed: int) -> None:
    """Progress that nobody wants to see."""


async def verify(
    trail: AuditTrail,
    now: datetime,
    *,
    anchor: Link | None = None,
    progress: Callable[[int], None] = nobody_looks,
) -> Verification:
    """Walks along the whole chain, and says what in it is not as it was sealed.

    `anchor` is a link that was noted elsewhere: it must still be there. Whoever may rewrite the whole database could
    make a chain that fits by itself, and none that fits a link which they cannot reach.
    """
    found = Verification()
    while batch := await trail.links(found.sealed, BATCH):
        for link, entry in batch:
            _look_at(link, entry, found)
            if anchor is not None and link.position == anchor.position and link.hash != anchor.hash:
                _add(found, Flaw(link.position, "it is not the link that was noted elsewhere"))
        progress(found.sealed)
    if anchor is not None and found.sealed < anchor.position:
        _add(found, Flaw(found.sealed + 1, f"the chain ends before the link {anchor.position} noted elsewhere"))
    waiting = await trail.unsealed(None, BATCH)
    found.unsealed = len(waiting)
    found.overdue = sum(entry.at < now - LATE for entry in waiting)
    return found


def _look_at(link: Link, entry: AuditEntry | None, found: Verification) -> None:
    expected = found.sealed + 1
    if link.position != expected:
        _add(found, Flaw(expected, f"the links {expected} to {link.position - 1} are gone"))
    if entry is None:
        _add(found, Flaw(link.position, f"its entry {link.entry_id} is gone"))
    elif link_of(found.tip, link.position, entry).hash != link.hash:
        _add(found, Flaw(link.position, f"its entry {link.entry_id}, or the link before it, is not what was sealed"))
    found.sealed, found.tip = link.position, link.hash


def _add(found: Verification, flaw: Flaw) -> None:
    if len(found.flaws) < FLAWS_MAX:
        found.flaws.append(flaw)
