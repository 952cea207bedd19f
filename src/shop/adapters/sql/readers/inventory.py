"""Questions about stock, answered from tables."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Integer, bindparam, select

from shop.adapters.sql.database import Database, Row
from shop.adapters.sql.readers.filtered import Filtered
from shop.adapters.sql.readers.paging import (
    IdKey,
    Key,
    Kind,
    Listing,
    storable,
)
from shop.adapters.sql.schema import locations, products, stock_levels, stock_movements, variants
from shop.adapters.sql.schema.columns import word
from shop.adapters.sql.statements import Statement, any_of
from shop.application.ports.paging import Page, PageRequest
from shop.application.ports.views import LocationView, StockLevelView, StockMovementView
from shop.domain.inventory import MovementKind
from shop.domain.kernel.identifiers import Identifier, LocationId, MovementId, ProductId, VariantId

_AVAILABLE = stock_levels.c.on_hand + stock_levels.c.backorder_limit - stock_levels.c.reserved
_LEVELS = Filtered(
    listing=Listing(
        ids=(IdKey("variant_id", stock_levels.c.variant_id), IdKey("location_id", stock_levels.c.location_id)),
        ids_descend=False,
    ),
    table=stock_levels,
    columns=(
        stock_levels.c.variant_id,
        stock_levels.c.location_id,
        stock_levels.c.on_hand,
        stock_levels.c.reserved,
        stock_levels.c.backorder_limit,
        stock_levels.c.version,
        variants.c.product_id,
        variants.c.sku,
        products.c.title,
        locations.c.name.label("location_name"),
    ),
    joined=(
        variants.c.id == stock_levels.c.variant_id,
        products.c.id == variants.c.product_id,
        locations.c.id == stock_levels.c.location_id,
    ),
    conditions={
        "variant_ids": any_of(stock_levels.c.variant_id, "variant_ids"),
        "location_id": stock_levels.c.location_id == bindparam("location_id"),
        "sku": variants.c.sku == bindparam("sku", type_=word()),
        "below": bindparam("below", type_=Integer()) > _AVAILABLE,
    },
)
_MOVEMENTS = Filtered(
    listing=Listing(
        own=((Key("at", stock_movements.c.at, Kind.MOMENT), True),), ids=(IdKey("id", stock_movements.c.id),)
    ),
    table=stock_movements,
    columns=tuple(stock_movements.columns),
    conditions={
        "variant_id": stock_movements.c.variant_id == bindparam("variant_id"),
        "location_id": stock_movements.c.location_id == bindparam("location_id"),
        "kind": stock_movements.c.kind == bindparam("kind", type_=word()),
    },
)
_LOCATIONS = Statement(select(locations).order_by(locations.c.priority, locations.c.id))


class SqlInventoryReader:
    """Answers about stock."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def levels(
        self,
        page: PageRequest,
        *,
        variant_ids: Sequence[VariantId] = (),
        location_id: LocationId | None = None,
        sku: str = "",
        below: int | None = None,
    ) -> Page[StockLevelView]:
        if not storable(sku):
            return Page(data=[], total=0 if page.total else None)
        values: dict[str, Any] = {}
        if variant_ids:
            values["variant_ids"] = [variant_id.uuid for variant_id in variant_ids]
        if location_id is not None:
            values["location_id"] = location_id.uuid
        if sku:
            values["sku"] = sku
        if below is not None:
            values["below"] = max(min(below, 2**31 - 1), -(2**31))
        return await _LEVELS.page(self._database, page, values, _level)

    async def movements(
        self,
        page: PageRequest,
        *,
        variant_id: VariantId | None = None,
        location_id: LocationId | None = None,
        kind: MovementKind | None = None,
    ) -> Page[StockMovementView]:
        values: dict[str, Any] = {}
        if variant_id is not None:
            values["variant_id"] = variant_id.uuid
        if location_id is not None:
            values["location_id"] = location_id.uuid
        if kind is not None:
            values["kind"] = kind
        return await _MOVEMENTS.page(self._database, page, values, _movement)

    async def locations(self) -> list[LocationView]:
        return [
            LocationView(
                id=LocationId(row["id"]),
                name=row["name"],
                country=row["country"],
                priority=row["priority"],
                created_at=row["created_at"],
            )
            for row in await self._database.fetch(_LOCATIONS)
        ]


def _level(row: Row) -> StockLevelView:
    variant, location, on_hand, reserved, limit, version, product, sku, title, location_name = row
    return StockLevelView(
        variant_id=VariantId(variant),
        product_id=ProductId(product),
        sku=sku or "",
        title=title,
        location_id=LocationId(location),
        location_name=location_name,
        on_hand=on_hand,
        reserved=reserved,
        available=on_hand + limit - reserved,
        backorder_limit=limit,
        version=version,
    )


def _movement(row: Row) -> StockMovementView:
    return StockMovementView(
        id=MovementId(row["id"]),
        variant_id=VariantId(row["variant_id"]),
        location_id=LocationId(row["location_id"]),
        on_hand=row["on_hand"],
        reserved=row["reserved"],
        kind=MovementKind(row["kind"]),
        source_id=str(Identifier.kinds[row["source_kind"]](row["source_id"])),
        reason=row["reason"],
        at=row["at"],
    )
