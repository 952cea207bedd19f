"""Stock in tables: levels that only movements change, under the rule against overselling."""

from collections.abc import Iterable
from functools import cache
from typing import Any

from attrs import define, evolve
from sqlalchemy import bindparam, case, select, update

from shop.adapters.sql.database import Row, Write
from shop.adapters.sql.gathering import ADDED, BELOW, Gathered, Rank, Root
from shop.adapters.sql.schema import locations, reservations, stock_levels, stock_movements
from shop.adapters.sql.statements import Statement, any_of, insert_into
from shop.application.ports.unit_of_work import StaleAggregate
from shop.domain.inventory import (
    Location,
    LocationNotFound,
    Reservation,
    ReservationState,
    StockLevel,
    StockMovement,
)
from shop.domain.kernel.identifiers import LocationId, OrderId, ReservationId, VariantId

Key = tuple[VariantId, LocationId]

_LOCATION = Root.of(locations, fixed=["created_at"])
_GET_LOCATION = Statement(select(locations).where(locations.c.id == bindparam("location_id")))
_LOCATIONS = Statement(select(locations).order_by(locations.c.priority, locations.c.id))
_LEVELS = Statement(
    select(*stock_levels.columns)
    .select_from(stock_levels.join(locations, locations.c.id == stock_levels.c.location_id))
    .where(any_of(stock_levels.c.variant_id, "variants"))
    .order_by(locations.c.priority, locations.c.id, stock_levels.c.variant_id)
)
_OPEN_LEVEL = insert_into(stock_levels)
_ADD_MOVEMENT = insert_into(stock_movements)
_HOLD = insert_into(reservations)
_RESERVATIONS = Statement(
    select(reservations).where(reservations.c.order_id == bindparam("of_order")).order_by(reservations.c.id)
)
_EXPIRES = reservations.c.expires_at.type
_SETTLE = Statement(
    update(reservations)
    .values(state=bindparam("new_state"), expires_at=bindparam("new_expires_at"))
    .where(reservations.c.id == bindparam("this_id"), reservations.c.state == bindparam("read_state"))
    .where(reservations.c.expires_at.is_not_distinct_from(bindparam("read_expires_at", type_=_EXPIRES)))
)


@cache
def level_change(*, worsens: bool, versioned: bool, limited: bool) -> Statement:
    """The statement that changes a level: `StockLevel.after` as a condition, and what else must hold.

    A change that `worsens` takes from what is available; `limited` sets the backorder limit as well.
    """
    level = stock_levels.c
    on_hand, reserved = level.on_hand + bindparam("on_hand_by"), level.reserved + bindparam("reserved_by")
    limit = bindparam("limit", type_=level.backorder_limit.type) if limited else level.backorder_limit
    values: dict[str, Any] = {"on_hand": on_hand, "reserved": reserved, "version": level.version + 1}
    if limited:
        promised = reserved - on_hand
        values["backorder_limit"] = limit
        values["backorder_ceiling"] = case((promised > limit, promised), else_=limit)
    conditions = [on_hand >= 0, reserved >= 0]
    if worsens:
        conditions.append(on_hand + limit - reserved >= 0)
    if versioned:
        conditions.append(level.version == bindparam("read_version"))
    here = (level.variant_id == bindparam("of_variant"), level.location_id == bindparam("at_location"))
    return Statement(update(stock_levels).values(values).where(*here, *conditions))


@define
class _Change:
    """All that one transaction does to one level."""

    on_hand: int = 0
    reserved: int = 0
    worsens: bool = False
    expected_version: int | None = None
    limit: int | None = None

    def expect(self, version: int) -> None:
        if self.expected_version not in (None, version):
            raise StaleAggregate
        self.expected_version = version


class SqlStockRepository:
    """Locations, levels, movements and reservations. Each level is written once, whatever befalls it."""

    def __init__(self, gathered: Gathered) -> None:
        self._gathered = gathered
        self._opened: dict[Key, StockLevel] = {}
        self._changes: dict[Key, _Change] = {}
        gathered.at_the_end(self._level_writes)

    async def location(self, location_id: LocationId) -> Location:
        row = await self._gathered.database.fetch_one(_GET_LOCATION, location_id=location_id.uuid)
        if row is None:
            raise LocationNotFound(f"There is no location {location_id}.")
        return location_of(row)

    async def locations(self) -> list[Location]:
        return [location_of(row) for row in await self._gathered.database.fetch(_LOCATIONS)]

    def save_location(self, location: Location) -> None:
        row = {
            "id": location.id.uuid,
            "name": location.name,
            "country": location.country,
            "priority": location.priority,
            "created_at": location.created_at,
        }
        write = _LOCATION.write(Rank.SETTINGS, row, location.version)
        self._gathered.save(Rank.SETTINGS, location.id.uuid, location, [write])

    async def levels(self, variant_ids: Iterable[VariantId]) -> list[StockLevel]:
        wanted = [variant_id.uuid for variant_id in variant_ids]
        if not wanted:
            return []
        return [level_of(row) for row in await self._gathered.database.fetch(_LEVELS, variants=wanted)]

    def open_level(self, level: StockLevel, movement: StockMovement | None) -> None:
        self._opened[level.variant_id, level.location_id] = level
        self._gathered.witness.opens(level)
        if movement is not None:
            self._gathered.witness.moves(movement)
            self._gathered.add(_movement_write(movement))

    def set_backorder_limit(self, level: StockLevel, limit: int) -> None:
        change = self._change((level.variant_id, level.location_id))
        change.limit = limit
        self._gathered.witness.limits(level, limit)
        change.expect(level.version)

    def move(self, movement: StockMovement, *, expected_version: int | None = None) -> None:
        change = self._change((movement.variant_id, movement.location_id))
        change.on_hand += movement.on_hand
        change.reserved += movement.reserved
        change.worsens = change.worsens or movement.reserved > 0 or movement.on_hand < 0
        if expected_version is not None:
            change.expect(expected_version)
        self._gathered.witness.moves(movement)
        self._gathered.add(_movement_write(movement))

    def hold(self, reservation: Reservation) -> None:
        row = {
            "id": reservation.id.uuid,
            "order_id": reservation.order_id.uuid,
            "variant_id": reservation.variant_id.uuid,
            "location_id": reservation.location_id.uuid,
            "quantity": reservation.quantity,
            "state": reservation.state,
            "expires_at": reservation.expires_at,
        }
        self._gathered.add(Write(_HOLD, [row], Rank.STOCK + ADDED))

    async def reservations(self, order_id: OrderId) -> list[Reservation]:
        rows = await self._gathered.database.fetch(_RESERVATIONS, of_order=order_id.uuid)
        return [_reservation_of(row) for row in rows]

    def settle(self, before: Reservation, after: Reservation) -> None:
        row = {
            "this_id": before.id.uuid,
            "read_state": before.state,
            "read_expires_at": before.expires_at,
            "new_state": after.state,
            "new_expires_at": after.expires_at,
        }
        self._gathered.add(Write(_SETTLE, [row], Rank.STOCK + ADDED, expect=1))

    def _change(self, key: Key) -> _Change:
        return self._changes.setdefault(key, _Change())

    def _level_writes(self) -> Iterable[Write]:
        """New levels first, because movements point at them; changed ones last of all, sorted by variant and place."""
        opened = dict(self._opened)
        for place, key in enumerate(sorted(self._changes)):
            change = self._changes[key]
            if key in opened:
                opened[key] = _changed(opened[key], change)
            else:
                yield _change_write(key, change, place)
        if opened:
            yield Write(_OPEN_LEVEL, [_level_row(opened[key]) for key in sorted(opened)], Rank.STOCK)


def _changed(level: StockLevel, change: _Change) -> StockLevel:
    limit = level.backorder_limit if change.limit is None else change.limit
    after = evolve(level, backorder_limit=limit).after(change.on_hand, change.reserved)
    if after is None:
        raise StaleAggregate
    return after


def _change_write(key: Key, change: _Change, place: int) -> Write:
    row = {
        "of_variant": key[0].uuid,
        "at_location": key[1].uuid,
        "on_hand_by": change.on_hand,
        "reserved_by": change.reserved,
        "read_version": change.expected_version,
        "limit": change.limit,
    }
    statement = level_change(
        worsens=change.worsens,
        versioned=change.expected_version is not None,
        limited=change.limit is not None,
    )
    return Write(statement, [row], Rank.STOCK + BELOW + place, expect=1)


def _movement_write(movement: StockMovement) -> Write:
    row = {
        "id": movement.id.uuid,
        "variant_id": movement.variant_id.uuid,
        "location_id": movement.location_id.uuid,
        "on_hand": movement.on_hand,
        "reserved": movement.reserved,
        "kind": movement.kind,
        "source_kind": movement.source.prefix,
        "source_id": movement.source.uuid,
        "reason": movement.reason,
        "at": movement.at,
    }
    return Write(_ADD_MOVEMENT, [row], Rank.STOCK + ADDED)


def _level_row(level: StockLevel) -> dict[str, Any]:
    return {
        "variant_id": level.variant_id.uuid,
        "location_id": level.location_id.uuid,
        "on_hand": level.on_hand,
        "reserved": level.reserved,
        "backorder_limit": level.backorder_limit,
        "backorder_ceiling": level.backorder_limit,
        "version": 1,
    }


def location_of(row: Row) -> Location:
    """The location in a row of its table."""
    return Location(
        id=LocationId(row["id"]),
        name=row["name"],
        country=row["country"],
        priority=row["priority"],
        created_at=row["created_at"],
        version=row["version"],
    )


def level_of(row: Row) -> StockLevel:
    """The level in a row of its table."""
    return StockLevel(
        variant_id=VariantId(row["variant_id"]),
        location_id=LocationId(row["location_id"]),
        on_hand=row["on_hand"],
        reserved=row["reserved"],
        backorder_limit=row["backorder_limit"],
        version=row["version"],
    )


def _reservation_of(row: Row) -> Reservation:
    return Reservation(
        id=ReservationId(row["id"]),
        order_id=OrderId(row["order_id"]),
        variant_id=VariantId(row["variant_id"]),
        location_id=LocationId(row["location_id"]),
        quantity=row["quantity"],
        state=ReservationState(row["state"]),
        expires_at=row["expires_at"],
    )
