"""Stock of the whole shop, for staff."""

from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from shop.application.commands.inventory import REASON_LENGTH_MAX, AdjustStock, CreateLocation
from shop.application.ports.paging import PageRequest
from shop.application.ports.views import LocationView, StockLevelView, StockMovementView
from shop.application.queries.inventory import GetLocations, GetStockLevels, GetStockMovements
from shop.domain.inventory import QUANTITY_MAX, MovementKind
from shop.domain.kernel.identifiers import LocationId, VariantId
from shop.entrypoints.http.answers import Answer
from shop.entrypoints.http.bodies import Body, IdText
from shop.entrypoints.http.bodies import identifier as id_in_body
from shop.entrypoints.http.calls import Call
from shop.entrypoints.http.endpoints import Endpoints, Keys, Shows, Who
from shop.entrypoints.http.parameters import (
    choice,
    fields,
    identifier,
    identifiers,
    number,
    page_request,
    paging,
    text,
)
from shop.entrypoints.representation import schema_name

endpoints = Endpoints("admin inventory")
READ, WRITE = "inventory:read", "inventory:write"


class AdjustmentKind(StrEnum):
    """Why people change a level."""

    ADJUSTED = "adjusted"
    RECEIVED = "received"
    RETURNED = "returned"


class Adjustment(Body):
    """A signed change of what is on hand, with its reason."""

    variant_id: IdText
    delta: Annotated[int, Meta(ge=-QUANTITY_MAX, le=QUANTITY_MAX, description="Not 0")]
    reason: Annotated[str, Meta(min_length=1, max_length=REASON_LENGTH_MAX)]
    location_id: IdText | None = None
    kind: AdjustmentKind = AdjustmentKind.ADJUSTED


class NewLocation(Body):
    """A place that holds stock. Orders take from the lowest priority number first."""

    name: Annotated[str, Meta(min_length=1, max_length=200)]
    country: Annotated[str, Meta(pattern="^([A-Z]{2})?$")] = ""
    priority: Annotated[int, Meta(ge=0, le=10**6)] = 0


@endpoints.get(
    "/api/admin/inventory",
    "inventory_level_list",
    Who.STAFF,
    "Stock levels",
    scope=READ,
    query=(
        identifiers("variant_id", VariantId, "Of these variants."),
        identifier("location_id", LocationId, "At this location."),
        text("sku", "Of this SKU."),
        number("below", "Only where fewer are available.", -(10**9), 10**9),
        fields(StockLevelView),
        *paging(),
    ),
    shows=Shows(view=StockLevelView, many=True),
)
async def inventory_level_list(call: Call) -> Answer:
    """On hand, reserved and available for each variant and location."""
    query = call.query
    asked = GetStockLevels(
        page=page_request(query),
        variant_ids=query.get("variant_id", ()),
        location_id=query.get("location_id"),
        sku=query.get("sku", ""),
        below=query.get("below"),
    )
    return call.page(await call.ask(asked))


@endpoints.post(
    "/api/admin/inventory/adjustments",
    "inventory_adjust",
    Who.STAFF,
    "Change what is on hand",
    scope=WRITE,
    body=Adjustment,
    example={
        "variant_id": "var_01jd8zc5w0e7ktmj9c2q8k4h1n",
        "delta": 12,
        "reason": "delivery 4711",
        "kind": "received",
    },
    status=201,
    keys=Keys.REQUIRED,
    shows=Shows(
        schema={
            "type": "object",
            "properties": {
                "object": {"const": "stock_adjustment"},
                "movement_id": {"type": "string"},
                "levels": {
                    "type": "array",
                    "items": {"$ref": f"#/components/schemas/{schema_name(StockLevelView)}"},
                },
            },
            "required": ["object", "movement_id", "levels"],
        }
    ),
    problems=("not_found", "insufficient_stock", "conflict"),
)
async def inventory_adjust(call: Call) -> Answer:
    """Adds to or takes from what is on hand, and answers with the variant's levels as they are then."""
    body: Adjustment = call.body
    variant_id = id_in_body(VariantId, body.variant_id, "/variant_id")
    location_id = None if body.location_id is None else id_in_body(LocationId, body.location_id, "/location_id")
    command = AdjustStock(
        variant_id=variant_id,
        delta=body.delta,
        reason=body.reason,
        location_id=location_id,
        kind=MovementKind(body.kind),
    )
    movement_id = await call.execute(command)
    levels = await call.ask(GetStockLevels(variant_ids=(variant_id,), page=PageRequest(limit=100)))
    plain = {
        "object": "stock_adjustment",
        "movement_id": str(movement_id),
        "levels": call.representation.plains(levels.data),
    }
    return call.plain(plain)


@endpoints.get(
    "/api/admin/inventory/movements",
    "inventory_movement_list",
    Who.STAFF,
    "Every change of stock",
    scope=READ,
    query=(
        identifier("variant_id", VariantId, "Of this variant."),
        identifier("location_id", LocationId, "At this location."),
        choice("kind", MovementKind, "Of this kind."),
        fields(StockMovementView),
        *paging(),
    ),
    shows=Shows(view=StockMovementView, many=True),
)
async def inventory_movement_list(call: Call) -> Answer:
    """The latest first, each with its cause."""
    query = call.query
    asked = GetStockMovements(
        page=page_request(query),
        variant_id=query.get("variant_id"),
        location_id=query.get("location_id"),
        kind=query.get("kind"),
    )
    return call.page(await call.ask(asked))


@endpoints.get(
    "/api/admin/inventory/locations",
    "location_list",
    Who.STAFF,
    "Places that hold stock",
    scope=READ,
    tier=2,
    shows=Shows(view=LocationView, many=True),
)
async def location_list(call: Call) -> Answer:
    """In order of preference."""
    return call.whole(await call.ask(GetLocations()))


@endpoints.post(
    "/api/admin/inventory/locations",
    "location_create",
    Who.STAFF,
    "Add a place that holds stock",
    scope=WRITE,
    tier=2,
    body=NewLocation,
    example={"name": "Store Berlin", "country": "DE", "priority": 1},
    status=201,
    shows=Shows(view=LocationView),
)
async def location_create(call: Call) -> Answer:
    """Adds a location and answers with it."""
    body: NewLocation = call.body
    location_id = await call.execute(CreateLocation(name=body.name, country=body.country, priority=body.priority))
    location = next(each for each in await call.ask(GetLocations()) if each.id == location_id)
    return call.one(location)
