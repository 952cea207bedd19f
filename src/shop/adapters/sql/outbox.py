"""The outbox: deliveries are leased to workers, the oldest open one of each subscriber and subject first."""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, bindparam, delete, exists, func, literal_column, null, select, update

from shop.adapters.sql.database import Database, Row
from shop.adapters.sql.readers.paging import IdKey, Key, Kind, Listing, Window, page_of, storable, window
from shop.adapters.sql.schema import deliveries, events
from shop.adapters.sql.statements import Statement, any_of
from shop.adapters.wire import decode
from shop.application.ports.outbox import Delivery, DeliveryState
from shop.application.ports.paging import Page, PageRequest
from shop.application.ports.views import DeliveryView, EventView
from shop.domain.kernel.identifiers import EventId, RequestId

_PENDING, _SET_ASIDE = DeliveryState.PENDING.value, DeliveryState.SET_ASIDE.value
PROBLEM_LENGTH_MAX = 2000


@lru_cache(maxsize=20)
def _claim(most: int) -> Statement:
    """The limit stands in the statement: of one that is a parameter the planner thinks it is a tenth of the queue."""
    earlier = deliveries.alias("earlier")
    overtakes = (
        exists()
        .where(earlier.c.state == _PENDING)
        .where(earlier.c.subscriber == deliveries.c.subscriber, earlier.c.subject == deliveries.c.subject)
        .where(earlier.c.seq < deliveries.c.seq)
    )
    heads = (
        select(deliveries.c.seq)
        .where(deliveries.c.state == _PENDING, deliveries.c.due_at <= bindparam("now"), ~overtakes)
        .order_by(deliveries.c.seq)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    # One look at the heads, whatever the planner thinks of the update.
    chosen = heads.cte("heads").prefix_with("MATERIALIZED", dialect="postgresql")
    event = (events.c.id == deliveries.c.event_id,)
    return Statement(
        update(deliveries)
        .values(due_at=bindparam("lease_until"), attempts=deliveries.c.attempts + 1)
        .where(deliveries.c.seq.in_(select(chosen.c.seq)))
        .returning(
            deliveries.c.seq,
            deliveries.c.event_id,
            deliveries.c.subscriber,
            deliveries.c.attempts,
            deliveries.c.forgiven,
            select(events.c.type).where(*event).scalar_subquery().label("type"),
            select(events.c.schema).where(*event).scalar_subquery().label("schema"),
            select(events.c.data).where(*event).scalar_subquery().label("data"),
            select(events.c.request_id).where(*event).scalar_subquery().label("request_id"),
        )
    )


def _settled(**values: Any) -> Statement:
    """Changes a delivery that the caller still holds: nobody has claimed it again since."""
    return Statement(
        update(deliveries)
        .values(**values)
        .where(
            deliveries.c.event_id == bindparam("of_event"),
            deliveries.c.subscriber == bindparam("to_subscriber"),
            deliveries.c.attempts == bindparam("token"),
            deliveries.c.state == _PENDING,
        )
        .returning(deliveries.c.seq)
    )


_DONE = _settled(state=literal_column("'done'"), settled_at=bindparam("now"), problem=literal_column("''"))
_RETRY = _settled(due_at=bindparam("at"), problem=bindparam("what"))
_ASIDE = _settled(
    state=literal_column("'set_aside'"),
    settled_at=bindparam("now"),
    due_at=bindparam("now"),
    problem=bindparam("what"),
)
_REVIVE_ALL = (
    update(deliveries)
    .values(
        state=literal_column("'pending'"), forgiven=deliveries.c.attempts, settled_at=null(), due_at=bindparam("now")
    )
    .where(deliveries.c.state == _SET_ASIDE)
    .returning(deliveries.c.seq)
)
_REVIVE = Statement(_REVIVE_ALL)
_REVIVE_ONE = Statement(_REVIVE_ALL.where(deliveries.c.event_id == bindparam("of_event")))
_BACKLOG = Statement(
    select(deliveries.c.state, func.count().label("how_many"))
    .where(deliveries.c.state.in_([_PENDING, _SET_ASIDE]))
    .group_by(deliveries.c.state)
)
_KEPT = exists().where(
    deliveries.c.event_id == events.c.id,
    (deliveries.c.state != DeliveryState.DONE.value) | (deliveries.c.settled_at >= bindparam("before")),
)
_FORGET = Statement(
    delete(events)
    .where(
        events.c.seq.in_(
            select(events.c.seq)
            .where(events.c.at < bindparam("before"), ~_KEPT)
            .order_by(events.c.seq)
            .limit(bindparam("most"))
        )
    )
    .returning(events.c.seq)
)
_NUMBER = Key("seq", events.c.seq, Kind.NUMBER)
_LATEST_FIRST = Listing(own=((_NUMBER, True),), ids=(IdKey("id", events.c.id),))
_DELIVERIES = Statement(select(deliveries).where(any_of(deliveries.c.event_id, "of_events")).order_by(deliveries.c.seq))


class SqlOutbox:
    """What has happened and who must still hear of it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(self, now: datetime, lease_until: datetime, limit: int) -> list[Delivery]:
        rows = await self._database.change(_claim(limit), now=now, lease_until=lease_until)
        return [_delivery(row) for row in sorted(rows, key=lambda row: row["seq"])]

    async def done(self, delivery: Delivery, now: datetime) -> bool:
        return await self._settle(_DONE, delivery, now=now)

    async def retry(self, delivery: Delivery, at: datetime, problem: str) -> bool:
        return await self._settle(_RETRY, delivery, at=at, what=_storable(problem))

    async def set_aside(self, delivery: Delivery, now: datetime, problem: str) -> bool:
        return await self._settle(_ASIDE, delivery, now=now, what=_storable(problem))

    async def revive(self, event_id: EventId | None, now: datetime) -> int:
        if event_id is None:
            return len(await self._database.change(_REVIVE, now=now))
        return len(await self._database.change(_REVIVE_ONE, now=now, of_event=event_id.uuid))

    async def events(
        self, page: PageRequest, *, types: Sequence[str] = (), only_set_aside: bool = False
    ) -> Page[EventView]:
        shape, mark = window(_LATEST_FIRST, page)
        values: dict[str, Any] = {"of_types": [one for one in types if storable(one)]} if types else {}
        rows = await self._database.fetch(_events(shape, bool(types), only_set_aside), **mark, **values)
        found = page_of(rows, page, shape.order)
        total = None
        if page.total:
            counted = await self._database.fetch_one(_count(bool(types), only_set_aside), **values)
            assert counted is not None
            total = counted[0]
        data = await self._views(found.rows)
        return Page(data=data, next=found.next, previous=found.previous, total=total)

    async def backlog(self) -> dict[DeliveryState, int]:
        counts = {DeliveryState.PENDING: 0, DeliveryState.SET_ASIDE: 0}
        for state, how_many in await self._database.fetch(_BACKLOG):
            counts[DeliveryState(state)] = how_many
        return counts

    async def forget(self, before: datetime, limit: int) -> int:
        return len(await self._database.change(_FORGET, before=before, most=limit))

    async def _settle(self, statement: Statement, delivery: Delivery, **values: Any) -> bool:
        rows = await self._database.change(
            statement,
            of_event=delivery.event_id.uuid,
            to_subscriber=delivery.subscriber,
            token=delivery.claim,
            **values,
        )
        return bool(rows)

    async def _views(self, rows: Sequence[Row]) -> list[EventView]:
        if not rows:
            return []
        by_event: dict[UUID, list[DeliveryView]] = {row["id"]: [] for row in rows}
        for row in await self._database.fetch(_DELIVERIES, of_events=list(by_event)):
            by_event[row["event_id"]].append(_delivery_view(row))
        return [_event_view(row, by_event[row["id"]]) for row in rows]


@lru_cache(maxsize=100)
def _events(shape: Window, of_types: bool, only_set_aside: bool) -> Statement:
    conditions = [*shape.restrict(), *_conditions(of_types, only_set_aside)]
    return Statement(select(events).where(*conditions).order_by(*shape.clauses()).limit(shape.size))


@lru_cache(maxsize=10)
def _count(of_types: bool, only_set_aside: bool) -> Statement:
    return Statement(select(func.count()).select_from(events).where(*_conditions(of_types, only_set_aside)))


def _conditions(of_types: bool, only_set_aside: bool) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if of_types:
        conditions.append(any_of(events.c.type, "of_types"))
    if only_set_aside:
        set_aside = select(deliveries.c.event_id).where(deliveries.c.state == _SET_ASIDE)
        conditions.append(events.c.id.in_(set_aside))
    return conditions


def _storable(problem: str) -> str:
    """What went wrong may hold anything; databases do not."""
    return problem[:PROBLEM_LENGTH_MAX].replace("\x00", "�").encode(errors="replace").decode()


def _delivery(row: Row) -> Delivery:
    return Delivery(
        event_id=EventId(row["event_id"]),
        event=decode(row["type"], row["schema"], row["data"]),
        subscriber=row["subscriber"],
        claim=row["attempts"],
        attempt=row["attempts"] - row["forgiven"],
        request_id=RequestId(row["request_id"]),
    )


def _event_view(row: Row, delivered: list[DeliveryView]) -> EventView:
    return EventView(
        id=EventId(row["id"]),
        type=row["type"],
        subject_id=row["subject"],
        at=row["at"],
        request_id=str(RequestId(row["request_id"])),
        data=row["data"],
        deliveries=delivered,
    )


def _delivery_view(row: Row) -> DeliveryView:
    return DeliveryView(
        subscriber=row["subscriber"],
        state=row["state"],
        attempts=row["attempts"],
        due_at=row["due_at"],
        problem=row["problem"],
    )
