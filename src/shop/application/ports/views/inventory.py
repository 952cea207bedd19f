"""Stock as staff see it."""

from datetime import datetime
from typing import ClassVar

from attrs import frozen

from shop.domain.inventory import MovementKind
from shop.domain.kernel.identifiers import LocationId, MovementId, ProductId, VariantId


@frozen(kw_only=True, slots=False)
class LocationView:
    """A place that holds stock, as staff see it."""

    object: ClassVar[str] = "location"
    id: LocationId
    name: str
    country: str
    priority: int
    created_at: datetime


@frozen(kw_only=True, slots=False)
class StockLevelView:
    """How many of a variant are at a location. `available` is on hand + backorder limit − reserved."""

    object: ClassVar[str] = "stock_level"
    variant_id: VariantId
    product_id: ProductId
    sku: str
    title: str
    location_id: LocationId
    location_name: str
    on_hand: int
    reserved: int
    available: int
    backorder_limit: int
    version: int


@frozen(kw_only=True, slots=False)
class StockMovementView:
    """One change of a level with its cause; `source_id` is the order, key or import behind it."""

    object: ClassVar[str] = "stock_movement"
    id: MovementId
    variant_id: VariantId
    location_id: LocationId
    on_hand: int
    reserved: int
    kind: MovementKind
    source_id: str
    reason: str
    at: datetime
