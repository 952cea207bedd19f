"""Stock as staff see it, from memory."""

from collections.abc import Iterable, Sequence

from shop.adapters.memory.inventory import preferred
from shop.adapters.memory.paging import Listing, microseconds
from shop.adapters.memory.tables import Tables
from shop.application.ports.paging import Page, PageRequest
from shop.application.ports.views import LocationView, StockLevelView, StockMovementView
from shop.domain.inventory import MovementKind, StockLevel, StockMovement
from shop.domain.kernel.identifiers import LocationId, VariantId

_LEVELS: Listing[StockLevel] = Listing(
    own=((lambda level: level.variant_id.uuid.hex, False),),
    id=lambda level: level.location_id.uuid.hex,
    ids_descend=False,
)
_MOVEMENTS: Listing[StockMovement] = Listing(
    own=((lambda movement: microseconds(movement.at), True),), id=lambda movement: movement.id.uuid.hex
)


class MemoryInventoryReader:
    """Answers about stock."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def levels(
        self,
        page: PageRequest,
        *,
        variant_ids: Sequence[VariantId] = (),
        location_id: LocationId | None = None,
        sku: str = "",
        below: int | None = None,
    ) -> Page[StockLevelView]:
        tables = self._tables
        levels: Iterable[StockLevel] = tables.levels.values()
        if variant_ids:
            keys = [k for v in dict.fromkeys(variant_ids) for k in tables.level_keys_by_variant.get(v, ())]
            levels = [tables.levels[key] for key in keys]
        chosen = [
            level
            for level in levels
            if (location_id is None or level.location_id == location_id)
            and (not sku or self._names(level.variant_id)[0] == sku)
            and (below is None or level.available < below)
        ]
        return _LEVELS.page(chosen, page, self._view)

    async def movements(
        self,
        page: PageRequest,
        *,
        variant_id: VariantId | None = None,
        location_id: LocationId | None = None,
        kind: MovementKind | None = None,
    ) -> Page[StockMovementView]:
        chosen = [
            movement
            for movement in self._tables.movements
            if (variant_id is None or movement.variant_id == variant_id)
            and (location_id is None or movement.location_id == location_id)
            and (kind is None or movement.kind is kind)
        ]
        return _MOVEMENTS.page(chosen, page, _movement_view)

    async def locations(self) -> list[LocationView]:
        return [
            LocationView(
                id=location.id,
                name=location.name,
                country=location.country,
                priority=location.priority,
                created_at=location.created_at,
            )
            for location in preferred(self._tables)
        ]

    def _view(self, level: StockLevel) -> StockLevelView:
        product_id = self._tables.product_by_variant[level.variant_id]
        sku, title = self._names(level.variant_id)
        return StockLevelView(
            variant_id=level.variant_id,
            product_id=product_id,
            sku=sku,
            title=title,
            location_id=level.location_id,
            location_name=self._tables.locations[level.location_id].name,
            on_hand=level.on_hand,
            reserved=level.reserved,
            available=level.available,
            backorder_limit=level.backorder_limit,
            version=level.version,
        )

    def _names(self, variant_id: VariantId) -> tuple[str, str]:
        product = self._tables.products[self._tables.product_by_variant[variant_id]]
        return product.variant(variant_id).sku, product.title


def _movement_view(movement: StockMovement) -> StockMovementView:
    return StockMovementView(
        id=movement.id,
        variant_id=movement.variant_id,
        location_id=movement.location_id,
        on_hand=movement.on_hand,
        reserved=movement.reserved,
        kind=movement.kind,
        source_id=str(movement.source),
        reason=movement.reason,
        at=movement.at,
    )
