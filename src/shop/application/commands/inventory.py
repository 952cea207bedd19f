"""Changing what is on hand, always by a movement that says why."""

from collections.abc import Callable
from typing import ClassVar

from attrs import frozen

from shop.application.messages import Command, Context, VersionDiffers
from shop.application.ports.clock import Ids
from shop.application.ports.unit_of_work import UnitOfWork
from shop.application.storeroom import Storeroom
from shop.domain.catalog import VariantNotFound
from shop.domain.inventory import QUANTITY_MAX, Location, MovementKind
from shop.domain.kernel.errors import Flaw, Invalid
from shop.domain.kernel.identifiers import LocationId, MovementId, VariantId
from shop.domain.kernel.texts import storable

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
    if not command.delta or abs(command.delta) > QUANTITY_MAX:
        raise Invalid(
            f"A change is of 1 to {QUANTITY_MAX} units, either way.",
            flaws=(Flaw("/delta", "delta_out_of_range", f"Not 0, at most {QUANTITY_MAX}"),),
        )
    async with uow(context) as tx:
        storeroom = Storeroom(tx, context, ids)
        movement_id = await _change(command, command.kind, lambda _: command.delta, storeroom)
    assert movement_id is not None, "a change that is not 0 moves something"
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
    if not 0 <= command.counted <= QUANTITY_MAX:
        raise Invalid(f"What is counted is 0 to {QUANTITY_MAX}.")
    async with uow(context) as tx:
        storeroom = Storeroom(tx, context, ids)
        return await _change(command, MovementKind.COUNTED, lambda on_hand: command.counted - on_hand, storeroom)


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


async def _change(
    command: AdjustStock | CountStock, kind: MovementKind, delta_of: Callable[[int], int], storeroom: Storeroom
) -> MovementId | None:
    """Moves the level by what `delta_of` makes of the units on hand; None, and no movement, for no difference."""
    reason, tx = command.reason, storeroom.tx
    if not 1 <= len(reason.strip()) <= len(reason) <= REASON_LENGTH_MAX or not storable(reason):
        raise Invalid("Say why.", flaws=(Flaw("/reason", "length", f"1 to {REASON_LENGTH_MAX} characters"),))
    product = await tx.products.find_by_variant(command.variant_id)
    if product is None:
        raise VariantNotFound(f"There is no variant {command.variant_id}.")
    location = await storeroom.location(command.location_id)
    level = (await storeroom.levels(location, [command.variant_id])).get(command.variant_id)
    expected = command.expected_version if isinstance(command, CountStock) else None
    if expected not in (None, level.version if level else 0):
        raise VersionDiffers(f"The level is at version {level.version if level else 0}, not {expected}.")
    delta = delta_of(level.on_hand if level else 0)
    if not delta:
        return None
    variant = product.variant(command.variant_id)
    movement_id = storeroom.change(
        variant, location, level, delta, kind, reason, expect_unmoved=kind is MovementKind.COUNTED
    )
    tx.answer(movement_id)
    return movement_id
