"""Changing what is on hand, always by a movement that says why."""

from typing import ClassVar

from attrs import frozen

from shop.application.messages import Command, Context, VersionDiffers
from shop.application.ports.clock import Ids
from shop.application.ports.unit_of_work import Transaction, UnitOfWork
from shop.domain.catalog import VariantNotFound
from shop.domain.inventory import (
    InsufficientStock,
    InventoryAdjusted,
    Location,
    LocationNotFound,
    MovementKind,
    StockLevel,
    StockMovement,
)
from shop.domain.kernel.errors import Flaw, Invalid
from shop.domain.kernel.identifiers import LocationId, MovementId, VariantId

REASON_LENGTH_MAX = 500


@frozen(kw_only=True)
class AdjustStock(Command[MovementId]):
    """Adds to or takes from what is on hand, with a reason. No location means the preferred one."""

    requires: ClassVar = "inventory:write"
    variant_id: VariantId
    delta: int
    reason: str
    location_id: LocationId | None = None
    kind: MovementKind = MovementKind.ADJUSTED


async def adjust_stock(command: AdjustStock, context: Context, *, uow: UnitOfWork, ids: Ids) -> MovementId:
    if command.kind not in (MovementKind.ADJUSTED, MovementKind.RECEIVED, MovementKind.RETURNED):
        raise Invalid(f"People adjust, receive or return; “{command.kind}” is the shop's own doing.")
    async with uow(context) as tx:
        movement_id = await _change(
            tx,
            command.variant_id,
            command.location_id,
            command.delta,
            command.kind,
            command.reason,
            context,
            ids,
        )
        tx.answer(movement_id)
    return movement_id


@frozen(kw_only=True)
class CountStock(Command[MovementId | None]):
    """Sets what was counted to be on hand, as a movement of the difference. None when it was right already.

    With `expected_version` only if nothing moved since it was read.
    """

    requires: ClassVar = "inventory:write"
    variant_id: VariantId
    counted: int
    reason: str
    location_id: LocationId | None = None
    expected_version: int | None = None


async def count_stock(command: CountStock, context: Context, *, uow: UnitOfWork, ids: Ids) -> MovementId | None:
    if command.counted < 0:
        raise Invalid("What is counted is at least 0.")
    async with uow(context) as tx:
        location = await _location(tx, command.location_id)
        level = await _level(tx, command.variant_id, location)
        if command.expected_version not in (None, level.version if level else 0):
            raise VersionDiffers(f"The level is at version {level.version if level else 0}.")
        delta = command.counted - (level.on_hand if level else 0)
        if not delta:
            return None
        movement_id = await _change(
            tx, command.variant_id, location.id, delta, MovementKind.COUNTED, command.reason, context, ids
        )
        tx.answer(movement_id)
    return movement_id


@frozen(kw_only=True)
class CreateLocation(Command[LocationId]):
    """Adds a place that holds stock. Orders take from the lowest priority number first."""

    requires: ClassVar = "inventory:write"
    name: str
    country: str = ""
    priority: int = 0


async def create_location(command: CreateLocation, context: Context, *, uow: UnitOfWork, ids: Ids) -> LocationId:
    async with uow(context) as tx:
        location = Location(
            id=ids.new(LocationId),
            name=command.name,
            country=command.country,
            priority=command.priority,
            created_at=context.now,
        )
        tx.stock.save_location(location)
        tx.answer(location.id)
    return location.id


async def _location(tx: Transaction, location_id: LocationId | None) -> Location:
    if location_id is not None:
        return await tx.stock.location(location_id)
    locations = await tx.stock.locations()
    if not locations:
        raise LocationNotFound("The shop has no location yet.")
    return locations[0]


async def _level(tx: Transaction, variant_id: VariantId, location: Location) -> StockLevel | None:
    levels = await tx.stock.levels([variant_id])
    return next((level for level in levels if level.location_id == location.id), None)


async def _change(
    tx: Transaction,
    variant_id: VariantId,
    location_id: LocationId | None,
    delta: int,
    kind: MovementKind,
    reason: str,
    context: Context,
    ids: Ids,
) -> MovementId:
    if not delta:
        raise Invalid("Nothing would change.", flaws=(Flaw("/delta", "delta_zero", "Not 0"),))
    if not 1 <= len(reason.strip()) <= len(reason) <= REASON_LENGTH_MAX or "\x00" in reason:
        raise Invalid("Say why.", flaws=(Flaw("/reason", "length", f"1 to {REASON_LENGTH_MAX} characters"),))
    if await tx.products.find_by_variant(variant_id) is None:
        raise VariantNotFound(f"There is no variant {variant_id}.")
    location = await _location(tx, location_id)
    level = await _level(tx, variant_id, location)
    movement_id = ids.new(MovementId)
    movement = StockMovement(
        id=movement_id,
        variant_id=variant_id,
        location_id=location.id,
        on_hand=delta,
        kind=kind,
        source=movement_id,
        reason=reason,
        at=context.now,
    )
    after = (level or StockLevel(variant_id=variant_id, location_id=location.id)).after(delta, 0)
    if after is None:
        raise InsufficientStock({variant_id: max(level.available, 0) if level else 0})
    if level is None:
        tx.stock.open_level(after, movement)
    else:
        tx.stock.move(movement, expected_version=level.version if kind is MovementKind.COUNTED else None)
    tx.publish(
        InventoryAdjusted(at=context.now, variant_id=variant_id, location_id=location.id, delta=delta, reason=reason)
    )
    return movement_id
