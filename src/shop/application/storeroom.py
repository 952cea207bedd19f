"""Changing what is on hand: the one way in which products, people and imports do it."""

from attrs import frozen

from shop.application.messages import Context
from shop.application.ports.clock import Ids
from shop.application.ports.unit_of_work import Transaction
from shop.domain.catalog import Variant
from shop.domain.inventory import (
    QUANTITY_MAX,
    InsufficientStock,
    InventoryAdjusted,
    Location,
    MovementKind,
    StockLevel,
    StockMovement,
)
from shop.domain.kernel.errors import Flaw, Invalid
from shop.domain.kernel.identifiers import Identifier, LocationId, MovementId, VariantId


@frozen
class Storeroom:
    """The stock as one transaction sees and changes it."""

    tx: Transaction
    context: Context
    ids: Ids

    async def location(self, location_id: LocationId | None = None) -> Location:
        """This location, or the preferred one; a shop without any is given one. Raises LocationNotFound."""
        if location_id is not None:
            return await self.tx.stock.location(location_id)
        locations = await self.tx.stock.locations()
        if locations:
            return locations[0]
        location = Location(id=self.ids.new(LocationId), name="Main", created_at=self.context.now)
        self.tx.stock.save_location(location)
        return location

    async def levels(self, location: Location, variants: list[VariantId]) -> dict[VariantId, StockLevel]:
        """What there is of these variants at the location; nothing for a variant that was never there."""
        levels = await self.tx.stock.levels(variants)
        return {level.variant_id: level for level in levels if level.location_id == location.id}

    def open(self, variant: Variant, location: Location, on_hand: int, source: Identifier, reason: str) -> None:
        """The first units of a variant at the location, or none yet."""
        level = StockLevel(
            variant_id=variant.id,
            location_id=location.id,
            on_hand=on_hand,
            backorder_limit=variant.backorder_limit,
        )
        movement = self._movement(level, on_hand, MovementKind.RECEIVED, reason, source) if on_hand else None
        self.tx.stock.open_level(level, movement)

    def change(
        self,
        variant: Variant,
        location: Location,
        level: StockLevel | None,
        delta: int,
        kind: MovementKind,
        reason: str,
        *,
        expect_unmoved: bool = False,
    ) -> MovementId:
        """Adds to or takes from a level, opening it if need be. With `expect_unmoved` only if nobody else moved it.

        Raises InsufficientStock when less would be left than is promised, Invalid when it would be more than fits.
        """
        here = level or StockLevel(
            variant_id=variant.id, location_id=location.id, backorder_limit=variant.backorder_limit
        )
        after = here.after(delta, 0)
        if after is None:
            left = max(here.available, 0)
            short = InsufficientStock({variant.id: left}, {variant.id: variant.sku or str(variant.id)})
            short.flaws = (Flaw("/delta", "exceeds_available", f"At most {left} can be taken", {"available": left}),)
            short.hint = "What is promised to buyers stays: call their orders off first, or take less."
            raise short
        if after.on_hand > QUANTITY_MAX:
            raise Invalid(f"A location holds at most {QUANTITY_MAX} units of a variant, not {after.on_hand}.")
        movement = self._movement(here, delta, kind, reason)
        self.tx.publish(
            InventoryAdjusted(
                at=self.context.now,
                variant_id=variant.id,
                location_id=location.id,
                delta=delta,
                reason=reason,
            )
        )
        if level is None:
            self.tx.stock.open_level(after, movement)
        else:
            self.tx.stock.move(movement, expected_version=level.version if expect_unmoved else None)
        return movement.id

    def _movement(
        self, level: StockLevel, delta: int, kind: MovementKind, reason: str, source: Identifier | None = None
    ) -> StockMovement:
        movement_id = self.ids.new(MovementId)
        return StockMovement(
            id=movement_id,
            variant_id=level.variant_id,
            location_id=level.location_id,
            on_hand=delta,
            kind=kind,
            source=source or movement_id,
            reason=reason,
            at=self.context.now,
        )
