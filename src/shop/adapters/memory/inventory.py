"""Stock in memory: locations, levels, movements and reservations, under the rule against overselling."""

from collections.abc import Iterable

from attrs import evolve

from shop.adapters.memory.copies import copied
from shop.adapters.memory.tables import Journal, LevelKey, Tables
from shop.adapters.memory.writes import Rank, Writes, check_version
from shop.application.ports.unit_of_work import StaleAggregate
from shop.domain.inventory import Location, LocationNotFound, Reservation, StockLevel, StockMovement
from shop.domain.kernel.identifiers import LocationId, OrderId, VariantId


class MemoryStockRepository:
    """Levels change by movements only, each checked when the transaction ends."""

    def __init__(self, tables: Tables, writes: Writes) -> None:
        self._tables = tables
        self._writes = writes

    async def location(self, location_id: LocationId) -> Location:
        try:
            return copied(self._tables.locations[location_id])
        except KeyError:
            raise LocationNotFound(f"There is no location {location_id}.") from None

    async def locations(self) -> list[Location]:
        return [copied(location) for location in preferred(self._tables)]

    def save_location(self, location: Location) -> None:
        self._writes.save(Rank.STOCK, location, location.id, self._put_location)

    async def levels(self, variant_ids: Iterable[VariantId]) -> list[StockLevel]:
        return levels_of(self._tables, variant_ids)

    def open_level(self, level: StockLevel, movement: StockMovement | None) -> None:
        self._writes.witness.opens(level)
        if movement is not None:
            self._writes.witness.moves(movement)
        self._writes.add(Rank.STOCK, lambda journal: self._open(level, movement, journal))

    def set_backorder_limit(self, level: StockLevel, limit: int) -> None:
        self._writes.witness.limits(level, limit)
        self._writes.add(Rank.STOCK, lambda journal: self._limit(level, limit, journal))

    def move(self, movement: StockMovement, *, expected_version: int | None = None) -> None:
        self._writes.witness.moves(movement)
        self._writes.add(Rank.STOCK, lambda journal: self._move(movement, expected_version, journal))

    def hold(self, reservation: Reservation) -> None:
        self._writes.add(Rank.STOCK, lambda journal: self._hold(reservation, journal))

    async def reservations(self, order_id: OrderId) -> list[Reservation]:
        ids = self._tables.reservations_by_order.get(order_id, ())
        return [self._tables.reservations[reservation_id] for reservation_id in ids]

    def settle(self, before: Reservation, after: Reservation) -> None:
        self._writes.add(Rank.STOCK, lambda journal: self._settle(before, after, journal))

    def _put_location(self, location: Location, journal: Journal) -> None:
        check_version(location, self._tables.locations.get(location.id))
        journal.put(self._tables.locations, location.id, location)

    def _open(self, level: StockLevel, movement: StockMovement | None, journal: Journal) -> None:
        key = (level.variant_id, level.location_id)
        if key in self._tables.levels:
            raise StaleAggregate("This variant is counted at this location already.")
        if level.location_id not in self._tables.locations:
            raise StaleAggregate("The location is gone.")
        journal.put(self._tables.levels, key, evolve(level, version=1))
        journal.add(self._tables.level_keys_by_variant, level.variant_id, key)
        if movement is not None:
            self._note(movement, journal)

    def _limit(self, level: StockLevel, limit: int, journal: Journal) -> None:
        stored = self._level((level.variant_id, level.location_id), level.version)
        changed = evolve(stored, backorder_limit=limit, version=stored.version + 1)
        journal.put(self._tables.levels, (level.variant_id, level.location_id), changed)

    def _move(self, movement: StockMovement, expected_version: int | None, journal: Journal) -> None:
        key = (movement.variant_id, movement.location_id)
        stored = self._level(key, expected_version)
        moved = stored.after(movement.on_hand, movement.reserved)
        if moved is None:
            raise StaleAggregate("The stock no longer suffices.")
        self._note(movement, journal)
        journal.put(self._tables.levels, key, evolve(moved, version=stored.version + 1))

    def _note(self, movement: StockMovement, journal: Journal) -> None:
        cause = (movement.variant_id, movement.location_id, movement.kind, movement.source)
        if cause in self._tables.movement_causes:
            raise StaleAggregate("This movement was made already.")
        journal.put(self._tables.movement_causes, cause, None)
        journal.append(self._tables.movements, movement)

    def _level(self, key: LevelKey, expected_version: int | None) -> StockLevel:
        stored = self._tables.levels.get(key)
        if stored is None or expected_version not in (None, stored.version):
            raise StaleAggregate("The level has changed since it was read.")
        return stored

    def _hold(self, reservation: Reservation, journal: Journal) -> None:
        if reservation.id in self._tables.reservations:
            raise StaleAggregate("This reservation exists already.")
        journal.put(self._tables.reservations, reservation.id, reservation)
        journal.add(self._tables.reservations_by_order, reservation.order_id, reservation.id)

    def _settle(self, before: Reservation, after: Reservation, journal: Journal) -> None:
        if self._tables.reservations.get(before.id) != before:
            raise StaleAggregate("The reservation has moved on since it was read.")
        journal.put(self._tables.reservations, before.id, after)


def preferred(tables: Tables) -> list[Location]:
    """The stored locations in order of preference: priority, then id."""
    return sorted(tables.locations.values(), key=lambda location: (location.priority, location.id))


def levels_of(tables: Tables, variant_ids: Iterable[VariantId]) -> list[StockLevel]:
    """The levels of these variants, in order of preference of their locations."""
    keys = [key for v in dict.fromkeys(variant_ids) for key in tables.level_keys_by_variant.get(v, ())]

    def preference(key: LevelKey) -> tuple[int, LocationId, VariantId]:
        return tables.locations[key[1]].priority, key[1], key[0]

    return [tables.levels[key] for key in sorted(keys, key=preference)]
