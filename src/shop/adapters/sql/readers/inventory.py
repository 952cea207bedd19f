"""Questions about stock, answered from tables."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from attrs import frozen
from sqlalchemy import ColumnElement, Integer, bindparam, func, select

from shop.adapters.sql.database import Database, Row
from shop.adapters.sql.readers.paging import (
    IdKey,
    Key,
    Kind,
    Listing,
    Window,
    page_of,
    storable,
    total_of,
    walk,
    window,
)
from shop.adapters.sql.schema import locations, products, stock_levels, stock_movements, variants
from shop.adapters.sql.schema.columns import word
from shop.adapters.sql.statements import Statement, any_of
from shop.application.ports.paging import Page, PageRequest
from shop.application.ports.views import LocationView, StockLevelView, StockMovementView
from shop.domain.inventory import MovementKind
from shop.domain.kernel.identifiers import Identifier, LocationId, MovementId, ProductId, VariantId

_LEVELS = Listing(
    ids=(IdKey("variant_id", stock_levels.c.variant_id), IdKey("location_id", stock_levels.c.location_id)),
    ids_descend=False,
)
_MOVEMENTS = Listing(
    own=((Key("at", stock_movements.c.at, Kind.MOMENT), True),), ids=(IdKey("id", stock_movements.c.id),)
)
_LEVEL_COLUMNS: tuple[ColumnElement[Any], ...] = (
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
)
_NAMED = (
    variants.c.id == stock_levels.c.variant_id,
    products.c.id == variants.c.product_id,
    locations.c.id == stock_levels.c.location_id,
)
_AVAILABLE = stock_levels.c.on_hand + stock_levels.c.backorder_limit - stock_levels.c.reserved
_LOCATIONS = Statement(select(locations).order_by(locations.c.priority, locations.c.id))


@frozen
class _Levels:
    """Which filters a question about levels has."""

    variants: bool
    location: bool
    sku: bool
    below: bool

    def conditions(self) -> list[ColumnElement[bool]]:
        conditions: list[ColumnElement[bool]] = [*_NAMED]
        if self.variants:
            conditions.append(any_of(stock_levels.c.variant_id, "variant_ids"))
        if self.location:
            conditions.append(stock_levels.c.location_id == bindparam("location_id"))
        if self.sku:
            conditions.append(variants.c.sku == bindparam("sku", type_=word()))
        if self.below:
            conditions.append(bindparam("below", type_=Integer()) > _AVAILABLE)
        return conditions


@frozen
class _Movements:
    """Which filters a question about movements has."""

    variant: bool
    location: bool
    kind: bool

    def conditions(self) -> list[ColumnElement[bool]]:
        conditions: list[ColumnElement[bool]] = []
        if self.variant:
            conditions.append(stock_movements.c.variant_id == bindparam("variant_id"))
        if self.location:
            conditions.append(stock_movements.c.location_id == bindparam("location_id"))
        if self.kind:
            conditions.append(stock_movements.c.kind == bindparam("kind", type_=word()))
        return conditions


@lru_cache(maxsize=200)
def _page(asked: _Levels | _Movements, shape: Window) -> Statement:
    columns = _LEVEL_COLUMNS if isinstance(asked, _Levels) else tuple(stock_movements.columns)
    return Statement(walk(shape, columns, asked.conditions()))


@lru_cache(maxsize=50)
def _total(asked: _Levels | _Movements) -> Statement:
    table = stock_levels if isinstance(asked, _Levels) else stock_movements
    return Statement(select(func.count()).select_from(table).where(*asked.conditions()))


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
        shape, mark = window(_LEVELS, page)
        if not storable(sku):
            return Page(data=[], total=0 if page.total else None)
        asked = _Levels(bool(variant_ids), location_id is not None, bool(sku), below is not None)
        values: dict[str, Any] = {}
        if variant_ids:
            values["variant_ids"] = [variant_id.uuid for variant_id in variant_ids]
        if location_id is not None:
            values["location_id"] = location_id.uuid
        if sku:
            values["sku"] = sku
        if below is not None:
            values["below"] = max(min(below, 2**31 - 1), -(2**31))
        rows = await self._database.fetch(_page(asked, shape), **values, **mark)
        found = page_of(rows, page, shape.order)
        total = await total_of(page, self._database, _total(asked), **values)
        data = [_level(row) for row in found.rows]
        return Page(data=data, next=found.next, previous=found.previous, total=total)

    async def movements(
        self,
        page: PageRequest,
        *,
        variant_id: VariantId | None = None,
        location_id: LocationId | None = None,
        kind: MovementKind | None = None,
    ) -> Page[StockMovementView]:
        shape, mark = window(_MOVEMENTS, page)
        asked = _Movements(variant_id is not None, location_id is not None, kind is not None)
        values: dict[str, Any] = {}
        if variant_id is not None:
            values["variant_id"] = variant_id.uuid
        if location_id is not None:
            values["location_id"] = location_id.uuid
        if kind is not None:
            values["kind"] = kind
        rows = await self._database.fetch(_page(asked, shape), **values, **mark)
        found = page_of(rows, page, shape.order)
        total = await total_of(page, self._database, _total(asked), **values)
        data = [_movement(row) for row in found.rows]
        return Page(data=data, next=found.next, previous=found.previous, total=total)

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
