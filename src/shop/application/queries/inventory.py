"""What staff see of stock."""

from typing import ClassVar

from attrs import frozen

from shop.application.messages import Context, Query
from shop.application.ports.paging import Page, PageRequest
from shop.application.ports.readers import InventoryReader
from shop.application.ports.views import LocationView, StockLevelView, StockMovementView
from shop.domain.inventory import MovementKind
from shop.domain.kernel.identifiers import LocationId, VariantId

INVENTORY_READ = "inventory:read"


@frozen(kw_only=True)
class GetStockLevels(Query[Page[StockLevelView]]):
    """Levels per variant and location. `below`: only where fewer are available."""

    requires: ClassVar = INVENTORY_READ
    page: PageRequest = PageRequest()
    variant_ids: tuple[VariantId, ...] = ()
    location_id: LocationId | None = None
    sku: str = ""
    below: int | None = None


async def get_stock_levels(
    query: GetStockLevels, context: Context, *, inventory: InventoryReader
) -> Page[StockLevelView]:
    return await inventory.levels(
        query.page,
        variant_ids=query.variant_ids,
        location_id=query.location_id,
        sku=query.sku,
        below=query.below,
    )


@frozen(kw_only=True)
class GetStockMovements(Query[Page[StockMovementView]]):
    """Every change of a level, the latest first."""

    requires: ClassVar = INVENTORY_READ
    page: PageRequest = PageRequest()
    variant_id: VariantId | None = None
    location_id: LocationId | None = None
    kind: MovementKind | None = None


async def get_stock_movements(
    query: GetStockMovements, context: Context, *, inventory: InventoryReader
) -> Page[StockMovementView]:
    return await inventory.movements(
        query.page, variant_id=query.variant_id, location_id=query.location_id, kind=query.kind
    )


@frozen(kw_only=True)
class GetLocations(Query[list[LocationView]]):
    """The places that hold stock, in order of preference."""

    requires: ClassVar = INVENTORY_READ


async def get_locations(query: GetLocations, context: Context, *, inventory: InventoryReader) -> list[LocationView]:
    return await inventory.locations()
