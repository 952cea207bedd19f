"""Changing what is on hand: the one way in which products, people and imports do it."""

from attrs import define, field

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


@define
class Storeroom:
    """The stock as one transaction sees and changes it.

    What may be sold of a variant beyond what is on hand is a limit of the variant: of its levels only the one that is
    preferred has it, or each location would sell as many again.
    """

    tx: Transaction
    context: Context
    ids: Ids
    _levels: dict[VariantId, list[StockLevel]] = field(factory=dict, init=False)
    """What was read, in the order of preference."""

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
        self._levels |= {variant_id: [] for variant_id in variants}
        for level in levels:
            self._levels[level.variant_id].append(level)
        return {level.variant_id: level for level in levels if level.location_id == location.id}

    async def relimit(self, variant: Variant) -> bool:
        """Lets as many be sold beyond what is on hand as the variant says. False where it has no level yet."""
        if variant.id not in self._levels:
            self._levels[variant.id] = await self.tx.stock.levels([variant.id])
        for place, level in enumerate(self._levels[variant.id]):
            limit = 0 if place else variant.backorder_limit
            if level.backorder_limit != limit:
                self.tx.stock.set_backorder_limit(level, limit)
        return bool(self._levels[variant.id])

    def open(self, variant: Variant, location: Location, on_hand: int, source: Identifier, reason: str) -> None:
        """The first units of a variant at the location, or none yet."""
        level = StockLevel(
            variant_id=variant.id,
            location_id=location.id,
            on_hand=on_hand,
            backorder_limit=self._limit(variant),
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
        here = level or StockLevel(variant_id=variant.id, location_id=location.id, backorder_limit=self._limit(variant))
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

    def _limit(self, variant: Variant) -> int:
        """Of a level that is opened: the first one has it."""
        return 0 if self._levels.get(variant.id) else variant.backorder_limit

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
